//! Short tables from which the device makes, or looks up, long ones: element j is low\[j mod 2^l\]·high\[j >> l\].

use super::SCALAR;
use forebay_msm::{
    BackendError, ScalarField,
    backend::{Coset, DomainSpec},
    domain::root_of_unity,
};

const _: () = assert!(SCALAR == 32);

/// The halves of the table of twiddle factors.
pub(super) struct Factors<F> {
    pub(super) low: Vec<F>,
    pub(super) high: Vec<F>,
    pub(super) log_low: u32,
}

/// ω^j at the bit-reversed position of j, j < n/2: the product over the bits i that are set in the position of a primitive
/// 2^(i+2)-th root.
pub(super) fn twiddle_factors<F: ScalarField>(spec: DomainSpec) -> Result<Factors<F>, BackendError> {
    let bits = spec.log_n.saturating_sub(1);
    let log_low = bits.div_ceil(2);
    let mut roots = Vec::new();
    for i in 0..bits {
        roots.push(root_of_unity::<F>(i + 2, spec.generator)?);
    }
    let (low, high) = roots.split_at(log_low as usize);
    Ok(Factors { low: subset_products(low), high: subset_products(high), log_low })
}

/// The product of the elements at the bits that are set in k, for every k.
fn subset_products<F: ScalarField>(factors: &[F]) -> Vec<F> {
    let mut products = vec![F::ONE];
    for factor in factors {
        for k in 0..products.len() {
            products.push(products[k] * factor);
        }
    }
    products
}

/// Which powers: factors of position j, for a domain of n points and the shift s of a coset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PowersOf {
    /// 1/n.
    Size,
    /// s^j.
    Shift(Coset),
    /// s^−j/n.
    InverseShift(Coset),
    /// s^j/n: from the inverse transform to the coset.
    OntoCoset(Coset),
    /// s^−j/(n·(s^n − 1)): from values on the coset to the coefficients of the quotient.
    Quotient(Coset),
}

impl PowersOf {
    /// A number for a table's key.
    pub(super) fn code(self) -> u64 {
        let coset = |c: Coset| u64::from(c == Coset::OddRoots);
        match self {
            PowersOf::Size => 1,
            PowersOf::Shift(c) => 2 + coset(c),
            PowersOf::InverseShift(c) => 4 + coset(c),
            PowersOf::OntoCoset(c) => 6 + coset(c),
            PowersOf::Quotient(c) => 8 + coset(c),
        }
    }
}

/// c·s^j for j < n.
pub(super) struct Powers<F> {
    pub(super) low: Vec<F>,
    pub(super) high: Vec<F>,
}

impl<F: ScalarField> Powers<F> {
    fn new(s: F, c: F, spec: DomainSpec) -> Self {
        let log_low = spec.log_n.div_ceil(2);
        let run = |s: F, c: F, log_len: u32| -> Vec<F> {
            core::iter::successors(Some(c), |v| Some(*v * s)).take(1 << log_len).collect()
        };
        Powers {
            low: run(s, F::ONE, log_low),
            high: run(s.pow_vartime([1u64 << log_low]), c, spec.log_n - log_low),
        }
    }

    pub(super) fn of(which: PowersOf, spec: DomainSpec) -> Result<Self, BackendError> {
        let size = size_inverse(spec);
        let (s, c) = match which {
            PowersOf::Size => (F::ONE, size),
            PowersOf::Shift(coset) => (shift(spec, coset)?, F::ONE),
            PowersOf::InverseShift(coset) => (inverse(shift(spec, coset)?), size),
            PowersOf::OntoCoset(coset) => (shift(spec, coset)?, size),
            PowersOf::Quotient(coset) => {
                let s: F = shift(spec, coset)?;
                (inverse(s), size * inverse(s.pow_vartime([spec.size() as u64]) - F::ONE))
            }
        };
        Ok(Self::new(s, c, spec))
    }
}

fn shift<F: ScalarField>(spec: DomainSpec, coset: Coset) -> Result<F, BackendError> {
    match coset {
        Coset::Generator => Ok(F::from(spec.generator.0)),
        Coset::OddRoots => Ok(root_of_unity(spec.log_n + 1, spec.generator)?),
    }
}

fn size_inverse<F: ScalarField>(spec: DomainSpec) -> F {
    F::TWO_INV.pow_vartime([u64::from(spec.log_n)])
}

/// v⁻¹ = v^(r−2). A shift is a power of a non-residue, and the vanishing polynomial has no zero outside of the domain, so
/// that v is never zero.
fn inverse<F: ScalarField>(v: F) -> F {
    let mut exponent = F::MODULUS_LIMBS;
    exponent[0] = exponent[0].wrapping_sub(2);
    if F::MODULUS_LIMBS[0] < 2 {
        exponent[1] -= 1;
    }
    v.pow_vartime(exponent)
}
