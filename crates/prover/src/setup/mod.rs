//! Development keys straight from constraints.
//!
//! **Not for production.** Whoever runs a setup knows (or could have kept) τ, α, β and δ, and with them forges proofs of
//! anything. A key that others are to trust comes from a ceremony (`snarkjs powersoftau`, `snarkjs zkey contribute`).
//! What this setup is for: fixtures, benchmarks and trying a circuit, in seconds instead of the minutes to hours that a
//! ceremony's preparation takes.
//!
//! γ is 1, as in every snarkjs key. The secrets are drawn from the given generator and wiped.

mod fixed_base;
mod qap;
mod zkey;

use crate::{Cancel, ProveError, ProvingKey, circuit::ConstraintSource, key::KeyShape};
use ff::Field;
use fixed_base::FixedBase;
use forebay_formats::VerifyingKey;
use forebay_msm::{
    Bases, Curve, ScalarField, SecretVec,
    backend::{DomainSpec, QuotientBasis, RootGenerator},
};
use group::{Curve as _, Group};
use qap::QapAtTau;
use rand_core::{CryptoRng, RngCore};
use rayon::ThreadPool;

pub use zkey::write_zkey;

/// A proving key in memory, made by [`development_key`] or assembled from another system's.
pub struct InMemoryKey<C: Curve> {
    /// Counts and conventions.
    pub shape: KeyShape,
    /// The verifying part.
    pub vkey: VerifyingKey<C>,
    /// β in G1.
    pub beta1: C::G1Affine,
    /// δ in G1.
    pub delta1: C::G1Affine,
    /// uᵢ(τ) in G1.
    pub a: Vec<C::G1Affine>,
    /// vᵢ(τ) in G1.
    pub b1: Vec<C::G1Affine>,
    /// vᵢ(τ) in G2.
    pub b2: Vec<C::G2Affine>,
    /// (β·uᵢ(τ) + α·vᵢ(τ) + wᵢ(τ))/δ of the private variables.
    pub l: Vec<C::G1Affine>,
    /// The quotient's points.
    pub h: Vec<C::G1Affine>,
}

impl<C: Curve> ProvingKey<C> for InMemoryKey<C> {
    fn shape(&self) -> KeyShape {
        self.shape
    }
    fn verifying_key(&self) -> &VerifyingKey<C> {
        &self.vkey
    }
    fn beta1(&self) -> C::G1Affine {
        self.beta1
    }
    fn delta1(&self) -> C::G1Affine {
        self.delta1
    }
    fn a(&self) -> Bases<'_, C::G1Affine> {
        Bases::from_slice(&self.a)
    }
    fn b1(&self) -> Bases<'_, C::G1Affine> {
        Bases::from_slice(&self.b1)
    }
    fn b2(&self) -> Bases<'_, C::G2Affine> {
        Bases::from_slice(&self.b2)
    }
    fn l(&self) -> Bases<'_, C::G1Affine> {
        Bases::from_slice(&self.l)
    }
    fn h(&self) -> Bases<'_, C::G1Affine> {
        Bases::from_slice(&self.h)
    }
}

/// The conventions of a key to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convention {
    /// Where the roots of unity come from.
    pub generator: RootGenerator,
    /// The basis of the h points.
    pub basis: QuotientBasis,
}

impl Convention {
    /// What snarkjs reads and writes.
    pub const SNARKJS: Convention =
        Convention { generator: RootGenerator::SNARKJS, basis: QuotientBasis::OddCosetLagrange };

    /// What bellperson and arkworks read and write.
    pub fn power_basis<C: Curve>() -> Convention {
        Convention { generator: RootGenerator::of_field::<C>(), basis: QuotientBasis::Coefficients }
    }
}

/// The setup's secrets; wiped on drop.
struct Toxic<F: ScalarField>(SecretVec<F>);

impl<F: ScalarField> Toxic<F> {
    fn random(mut rng: impl RngCore + CryptoRng) -> Self {
        let mut nonzero = || loop {
            let v = F::random(&mut rng);
            if !bool::from(v.is_zero()) && v != F::ONE {
                return v;
            }
        };
        Toxic(vec![nonzero(), nonzero(), nonzero(), nonzero()].into())
    }
    fn tau(&self) -> F {
        self.0[0]
    }
    fn alpha(&self) -> F {
        self.0[1]
    }
    fn beta(&self) -> F {
        self.0[2]
    }
    fn delta(&self) -> F {
        self.0[3]
    }
}

/// The domain for `rows` constraints and `num_public` public inputs: room for a row x·0 = 0 per input, the constant
/// included.
///
/// # Errors
/// [`ProveError::Setup`] if it exceeds the field's two-adicity.
pub fn domain_for<C: Curve>(
    rows: usize,
    num_public: usize,
    generator: RootGenerator,
) -> Result<DomainSpec, ProveError> {
    let used = rows.checked_add(num_public + 1).ok_or_else(|| ProveError::Setup("too many rows".into()))?;
    let log_n = used.checked_next_power_of_two().map_or(u32::MAX, usize::trailing_zeros).max(1);
    if log_n >= <C::Fr as ff::PrimeField>::S {
        return Err(ProveError::Setup(format!("{rows} constraints exceed the largest domain of {}", C::ID)));
    }
    Ok(DomainSpec { log_n, generator })
}

/// Makes a key for the constraints of `source`. Work runs on `pool`; `cancel` is honoured between the key's parts.
///
/// # Errors
/// [`ProveError::Setup`] for an impossible size, what reading the source reports, or [`ProveError::Cancelled`].
pub fn development_key<C: Curve>(
    source: &dyn ConstraintSource<C::Fr>,
    convention: Convention,
    rng: impl RngCore + CryptoRng,
    pool: &ThreadPool,
    cancel: &Cancel,
) -> Result<InMemoryKey<C>, ProveError> {
    let toxic = Toxic::<C::Fr>::random(rng);
    let counts = source.counts();
    let domain = domain_for::<C>(counts.num_constraints, counts.num_public, convention.generator)?;
    let shape = KeyShape {
        num_variables: counts.num_variables,
        num_public: counts.num_public,
        domain,
        basis: convention.basis,
    };
    let qap = QapAtTau::<C::Fr>::evaluate(source, domain, toxic.tau(), pool)?;
    let delta_inverse =
        toxic.delta().invert().into_option().ok_or_else(|| ProveError::Setup("δ = 0".into()))?;
    let k = qap.combined(toxic.alpha(), toxic.beta());
    let (public, private) = k.split_at(counts.num_public + 1);
    let l: Vec<C::Fr> = private.iter().map(|v| *v * delta_inverse).collect();
    let h = qap::h_scalars(shape, toxic.tau(), delta_inverse, pool)?;

    let largest = qap.u.len().max(h.len());
    pool.install(|| {
        let g1 = FixedBase::<C::G1>::new(C::G1::generator(), largest);
        let g2 = FixedBase::<C::G2>::new(C::G2::generator(), qap.v.len());
        let one = |s: C::Fr| (C::G1::generator() * s).to_affine();
        let two = |s: C::Fr| (C::G2::generator() * s).to_affine();
        let multiply = |scalars: &[C::Fr]| match cancel.is_cancelled() {
            true => Err(ProveError::Cancelled),
            false => Ok(g1.multiply(scalars)),
        };
        let b2 = g2.multiply(&qap.v);
        Ok(InMemoryKey {
            shape,
            vkey: VerifyingKey {
                alpha1: one(toxic.alpha()),
                beta2: two(toxic.beta()),
                gamma2: two(C::Fr::ONE),
                delta2: two(toxic.delta()),
                ic: multiply(public)?,
            },
            beta1: one(toxic.beta()),
            delta1: one(toxic.delta()),
            a: multiply(&qap.u)?,
            b1: multiply(&qap.v)?,
            b2,
            l: multiply(&l)?,
            h: multiply(&h)?,
        })
    })
}
