//! Domains of roots of unity.
//!
//! A [`Domain`] holds the twiddle factors of one size, a [`CosetTable`] the powers of one shift. Both depend on the
//! root generator, which belongs to the key and not to the field. A size is a power of
//! two up to the two-adicity of the field (2^32 on BLS12-381, 2^28 on BN254).

#[cfg(target_arch = "x86_64")]
use crate::ifma::field5::Multiplier;
use crate::{
    backend::{BackendError, Coset, DomainSpec, RootGenerator},
    field::{ScalarField, mont4},
};
#[cfg(target_arch = "x86_64")]
use std::sync::OnceLock;

/// Why a domain cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// The number of values is no power of two.
    #[error("{0} is not a power of two")]
    NotAPowerOfTwo(usize),
    /// The field has no root of unity of that order.
    #[error("2^{log_n} is above the field's largest domain, 2^{two_adicity}")]
    AboveTwoAdicity {
        /// Logarithm of the order that was asked for.
        log_n: u32,
        /// Logarithm of the largest order.
        two_adicity: u32,
    },
    /// The generator is a square (or zero), so that its powers miss the root of full order.
    #[error("{} is a square in the field: no root of unity comes from it", .0.0)]
    GeneratorIsResidue(RootGenerator),
}

impl From<DomainError> for BackendError {
    fn from(e: DomainError) -> Self {
        BackendError::bug("domain", e.to_string())
    }
}

/// The logarithm of a number of values.
///
/// # Errors
/// [`DomainError::NotAPowerOfTwo`].
pub fn log2_exact(n: usize) -> Result<u32, DomainError> {
    if n.is_power_of_two() { Ok(n.trailing_zeros()) } else { Err(DomainError::NotAPowerOfTwo(n)) }
}

/// The primitive 2^`log_n`-th root of unity g^((r−1)/2^`log_n`).
///
/// # Errors
/// [`DomainError::AboveTwoAdicity`], [`DomainError::GeneratorIsResidue`].
pub fn root_of_unity<F: ScalarField>(log_n: u32, generator: RootGenerator) -> Result<F, DomainError> {
    if log_n > F::S {
        return Err(DomainError::AboveTwoAdicity { log_n, two_adicity: F::S });
    }
    let g = F::from(generator.0);
    let mut order = F::MODULUS_LIMBS;
    order[0] -= 1; // r is odd
    // Euler's criterion. A non-residue's power has order exactly 2^S, hence its 2^(S−k)-th powers order 2^k.
    if g.pow_vartime(shift_right(order, 1)) != -F::ONE {
        return Err(DomainError::GeneratorIsResidue(generator));
    }
    Ok(g.pow_vartime(shift_right(order, log_n)))
}

fn shift_right(v: [u64; 4], by: u32) -> [u64; 4] {
    let (words, bits) = ((by / 64) as usize, by % 64);
    let word = |i: usize| v.get(i + words).copied().unwrap_or(0);
    core::array::from_fn(|i| match bits {
        0 => word(i),
        _ => (word(i) >> bits) | (word(i + 1) << (64 - bits)),
    })
}

/// The subgroup of order n = 2^k with its twiddle factors.
#[derive(Clone, Debug)]
pub struct Domain<F> {
    spec: DomainSpec,
    root: F,
    root_inverse: F,
    size_inverse: F,
    twiddles: Vec<F>,
    /// Prepared when first asked for.
    #[cfg(target_arch = "x86_64")]
    multipliers: OnceLock<Box<[Multiplier]>>,
}

impl<F: ScalarField> Domain<F> {
    /// Computes the root and the twiddle factors: n/2 multiplications, n/2 elements of memory.
    ///
    /// # Errors
    /// [`DomainError::AboveTwoAdicity`], [`DomainError::GeneratorIsResidue`].
    pub fn new(spec: DomainSpec) -> Result<Self, DomainError> {
        Ok(Self::with_root(spec, root_of_unity(spec.log_n, spec.generator)?))
    }

    /// `root` has order exactly 2^`spec.log_n`.
    pub(crate) fn with_root(spec: DomainSpec, root: F) -> Self {
        let log_half = spec.log_n.saturating_sub(1);
        // T[2^s + k] = T[k]·ω^(n / 2^(s+2)), which puts ω^j at the bit-reversed position of j.
        let mut steps = Vec::with_capacity(log_half as usize);
        let mut power = root;
        for _ in 0..log_half {
            steps.push(power);
            power = power.square();
        }
        let mut twiddles = Vec::with_capacity(1 << log_half);
        twiddles.push(F::ONE);
        for step in steps.iter().rev() {
            for k in 0..twiddles.len() {
                twiddles.push(product(&twiddles[k], step));
            }
        }
        let root_inverse = root.pow_vartime([(spec.size() - 1) as u64]);
        let size_inverse = F::TWO_INV.pow_vartime([u64::from(spec.log_n)]);
        Domain {
            spec,
            root,
            root_inverse,
            size_inverse,
            twiddles,
            #[cfg(target_arch = "x86_64")]
            multipliers: OnceLock::new(),
        }
    }

    /// Size and root generator.
    pub fn spec(&self) -> DomainSpec {
        self.spec
    }

    /// The number of points.
    pub fn size(&self) -> usize {
        self.spec.size()
    }

    /// The primitive n-th root ω.
    pub fn root(&self) -> F {
        self.root
    }

    /// ω⁻¹.
    pub fn root_inverse(&self) -> F {
        self.root_inverse
    }

    /// n⁻¹.
    pub fn size_inverse(&self) -> F {
        self.size_inverse
    }

    /// ω^j for j < n/2 (one element if n = 1), at the bit-reversed position of j. The first m/2 of them are the
    /// twiddle factors of the subgroup of order m.
    pub fn twiddles(&self) -> &[F] {
        &self.twiddles
    }

    /// The first n/16 twiddle factors, at least one, prepared for the kernels on eight lanes.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn multipliers(&self) -> &[Multiplier] {
        self.multipliers.get_or_init(|| {
            self.twiddles[..self.count_of_multipliers()].iter().map(Multiplier::new).collect()
        })
    }

    #[cfg(target_arch = "x86_64")]
    fn count_of_multipliers(&self) -> usize {
        (self.size() / 16).max(1)
    }

    /// Of all tables, those included that are yet to be prepared.
    pub(crate) fn bytes(&self) -> usize {
        let twiddles = self.twiddles.len() * size_of::<F>();
        #[cfg(target_arch = "x86_64")]
        let twiddles = twiddles + self.count_of_multipliers() * size_of::<Multiplier>();
        twiddles
    }
}

#[inline(always)]
fn product<F: ScalarField>(a: &F, b: &F) -> F {
    F::from_limbs_unchecked(mont4::mul::<F>(a.limbs(), b.limbs()))
}

/// The powers c·s^j for j < n as products of one entry each of two tables of about √n elements.
#[derive(Clone, Debug)]
pub struct Powers<F> {
    low: Vec<F>,
    high: Vec<F>,
}

impl<F: ScalarField> Powers<F> {
    /// c·s^j at position j.
    fn natural(s: F, c: F, log_n: u32) -> Self {
        let log_low = log_n / 2;
        let high_step = s.pow_vartime([1u64 << log_low]);
        Powers { low: run(s, F::ONE, 1 << log_low), high: run(high_step, c, 1 << (log_n - log_low)) }
    }

    /// c·s^j at the bit-reversed position of j.
    fn bit_reversed(s: F, c: F, log_n: u32) -> Self {
        // j = reverse(high part of the position) + 2^log_high · reverse(low part).
        let (log_low, log_high) = (log_n / 2, log_n - log_n / 2);
        let mut low = run(s.pow_vartime([1u64 << log_high]), F::ONE, 1 << log_low);
        let mut high = run(s, c, 1 << log_high);
        crate::ntt::bit_reverse(&mut low);
        crate::ntt::bit_reverse(&mut high);
        Powers { low, high }
    }

    /// The factors of positions i·`low.len()` and following.
    pub(crate) fn low(&self) -> &[F] {
        &self.low
    }

    /// The factor that the i-th run of `low.len()` positions shares.
    pub(crate) fn high(&self) -> &[F] {
        &self.high
    }

    /// s and c, of powers at natural positions of a domain of at least four points.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn base_and_factor(&self) -> (F, F) {
        (self.low[1], self.high[0])
    }

    fn bytes(&self) -> usize {
        (self.low.len() + self.high.len()) * size_of::<F>()
    }
}

/// c, c·s, c·s², …
fn run<F: ScalarField>(s: F, c: F, len: usize) -> Vec<F> {
    core::iter::successors(Some(c), |v| Some(product(v, &s))).take(len).collect()
}

/// The powers of the shift s of one coset of one domain of size n.
#[derive(Clone, Debug)]
pub struct CosetTable<F> {
    shift: F,
    vanishing: F,
    /// s^j.
    pub(crate) forward: Powers<F>,
    /// s^−j / n.
    pub(crate) inverse: Powers<F>,
    /// s^(n−j) / n at the bit-reversed position of j; position 0 (where the factor is 1/n) excepted.
    pub(crate) mirrored: Powers<F>,
    /// s^−j / (n·(s^n − 1)).
    pub(crate) quotient: Powers<F>,
}

impl<F: ScalarField> CosetTable<F> {
    /// About 8·√n multiplications and elements.
    ///
    /// # Errors
    /// [`DomainError::AboveTwoAdicity`] (the odd roots need a root of order 2n), [`DomainError::GeneratorIsResidue`].
    pub fn new(spec: DomainSpec, coset: Coset) -> Result<Self, DomainError> {
        let shift = Self::shift_of(spec, coset)?;
        Ok(Self::with_shift(spec, shift))
    }

    /// The shift of a coset of a domain that exists.
    pub(crate) fn shift_of(spec: DomainSpec, coset: Coset) -> Result<F, DomainError> {
        root_of_unity::<F>(spec.log_n, spec.generator)?;
        match coset {
            Coset::Generator => Ok(F::from(spec.generator.0)),
            Coset::OddRoots => root_of_unity(spec.log_n + 1, spec.generator),
        }
    }

    pub(crate) fn with_shift(spec: DomainSpec, shift: F) -> Self {
        // A shift is a power of a non-residue, hence not zero; s^n − 1 is not zero outside the domain.
        let inverse = inverse_by_fermat(shift);
        let size_inverse = F::TWO_INV.pow_vartime([u64::from(spec.log_n)]);
        let shift_to_n = shift.pow_vartime([spec.size() as u64]);
        let vanishing = shift_to_n - F::ONE;
        let scale = size_inverse * inverse_by_fermat(vanishing);
        CosetTable {
            shift,
            vanishing,
            quotient: Powers::natural(inverse, scale, spec.log_n),
            forward: Powers::natural(shift, F::ONE, spec.log_n),
            inverse: Powers::natural(inverse, size_inverse, spec.log_n),
            mirrored: Powers::bit_reversed(inverse, shift_to_n * size_inverse, spec.log_n),
        }
    }

    /// The shift s.
    pub fn shift(&self) -> F {
        self.shift
    }

    /// s^n − 1: the value of the domain's vanishing polynomial on the whole coset. −2 on the odd roots.
    pub fn vanishing(&self) -> F {
        self.vanishing
    }

    pub(crate) fn bytes(&self) -> usize {
        let tables = [&self.forward, &self.inverse, &self.mirrored, &self.quotient];
        tables.iter().map(|t| t.bytes()).sum()
    }
}

/// v⁻¹ = v^(r−2).
fn inverse_by_fermat<F: ScalarField>(v: F) -> F {
    let mut exponent = F::MODULUS_LIMBS;
    exponent[0] -= 2; // no carry: the lowest limb of either modulus is far above 2
    v.pow_vartime(exponent)
}
