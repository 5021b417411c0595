//! The one place of this crate that chooses instructions, and the kernels on AVX-512 with IFMA52.
//!
//! Eight combinations of one pattern are computed at once, one in each 64-bit lane, in limbs of 52 bits. [`Kernels`] is
//! what a caller asks for, [`Path`] what was chosen. `Path::Lanes` holds an [`Ifma`], which exists only where the CPU has
//! the instructions. Safe entry points take it; everything below them is compiled for
//! `avx512f,avx512dq,avx512vl,avx512bw,avx512ifma` and inlined. The portable path runs everywhere else, and for the
//! combinations that lanes do not serve.

#[cfg(target_arch = "x86_64")]
pub(crate) mod group;
#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
pub(crate) mod rows;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

use forebay_msm::field::mont4;
use forebay_msm::{Kernels, KernelsUnavailable, ScalarField};

type Limbs = [u64; 4];

/// A witness that the CPU has AVX-512 F, DQ, VL, BW and IFMA.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ifma(());

impl Ifma {
    /// `Some` where the CPU (and the operating system) has all of them. The standard library caches the answer.
    pub(crate) fn detect() -> Option<Ifma> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512ifma")
        {
            return Some(Ifma(()));
        }
        None
    }
}

/// The kernels that were chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path {
    /// Those that run on any target.
    Portable,
    /// Eight lanes of 52-bit limbs.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // no kernels there ask for the witness
    Lanes(Ifma),
}

/// The path for this CPU.
pub(crate) fn choose(kernels: Kernels) -> Result<Path, KernelsUnavailable> {
    match (kernels, Ifma::detect()) {
        (Kernels::Portable, _) | (Kernels::Auto, None) => Ok(Path::Portable),
        (Kernels::Auto | Kernels::Ifma, Some(ifma)) => Ok(Path::Lanes(ifma)),
        (Kernels::Ifma, None) => Err(KernelsUnavailable(kernels)),
    }
}

/// cᵢ = aᵢ·bᵢ, as far as all three reach.
pub(crate) fn multiply<F: ScalarField>(path: Path, a: &[Limbs], b: &[Limbs], c: &mut [Limbs]) {
    let done = match path {
        #[cfg(target_arch = "x86_64")]
        Path::Lanes(ifma) => rows::multiply::<F>(ifma, a, b, c),
        _ => 0,
    };
    for ((a, b), c) in a.iter().zip(b).zip(c).skip(done) {
        *c = mont4::mul::<F>(a, b);
    }
}

/// The lowest i with aᵢ·bᵢ ≠ cᵢ, as far as all three reach.
pub(crate) fn first_unsatisfied<F: ScalarField>(
    path: Path,
    a: &[Limbs],
    b: &[Limbs],
    c: &[Limbs],
) -> Option<usize> {
    let done = match path {
        #[cfg(target_arch = "x86_64")]
        Path::Lanes(ifma) => rows::satisfied::<F>(ifma, a, b, c),
        _ => 0,
    };
    let mut rows = a.iter().zip(b).zip(c).enumerate().skip(done);
    rows.find(|(_, ((a, b), c))| mont4::mul::<F>(a, b) != **c).map(|(i, _)| i)
}
