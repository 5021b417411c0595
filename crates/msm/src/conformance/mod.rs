//! What every [`Backend`] must do, as functions that a test calls for each backend and curve.
//!
//! The references are naive and use nothing of the kernels: double-and-add of the curve's own crate, Horner's rule,
//! polynomial long division. Every function panics with the case's name when a result differs.

mod msm;
mod ntt;
mod quotient;

pub use msm::{msm_lengths, msm_points, msm_scalars, msm_unaligned};
pub use ntt::{ntt_against_horner, ntt_generators, ntt_rejects, ntt_relations};
pub use quotient::{quotient_coefficients, quotient_odd_coset, quotient_rejects};

use crate::{backend::Backend, curve::Curve};
use ff::Field;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// Every check of the suite.
///
/// # Panics
/// If the backend fails one.
pub fn run_all<C: Curve>(backend: &dyn Backend<C>) {
    run_msm::<C>(backend);
    run_ntt::<C>(backend);
    run_quotient::<C>(backend);
}

/// The checks of multi-scalar multiplication.
///
/// # Panics
/// If the backend fails one.
pub fn run_msm<C: Curve>(backend: &dyn Backend<C>) {
    msm_lengths::<C>(backend);
    msm_scalars::<C>(backend);
    msm_points::<C>(backend);
    msm_unaligned::<C>(backend);
}

/// The checks of the transforms.
///
/// # Panics
/// If the backend fails one.
pub fn run_ntt<C: Curve>(backend: &dyn Backend<C>) {
    ntt_against_horner::<C>(backend);
    ntt_relations::<C>(backend);
    ntt_generators::<C>(backend);
    ntt_rejects::<C>(backend);
}

/// The checks of the quotient.
///
/// # Panics
/// If the backend fails one.
pub fn run_quotient<C: Curve>(backend: &dyn Backend<C>) {
    quotient_odd_coset::<C>(backend);
    quotient_coefficients::<C>(backend);
    quotient_rejects::<C>(backend);
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn random_scalars<F: Field>(n: usize, seed: u64) -> Vec<F> {
    let mut rng = rng(seed);
    (0..n).map(|_| F::random(&mut rng)).collect()
}

/// Σ c_j·x^j.
fn horner<F: Field>(coefficients: &[F], x: F) -> F {
    coefficients.iter().rev().fold(F::ZERO, |acc, c| acc * x + c)
}

/// base^exponent by repeated multiplication: slow and plain.
fn power<F: Field>(base: F, exponent: usize) -> F {
    (0..exponent).fold(F::ONE, |acc, _| acc * base)
}
