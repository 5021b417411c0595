//! The kernels on AVX-512 with IFMA52, where `forebay_msm::kernels` chooses them.
//!
//! Eight combinations of one pattern are computed at once, one in each 64-bit lane, in limbs of 52 bits. [`Kernels`](forebay_msm::Kernels) is
//! what a caller asks for, [`Path`] what was chosen. `Path::Ifma` holds an [`Ifma`], which exists only where the CPU has
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

use forebay_msm::ScalarField;
use forebay_msm::field::mont4;
#[cfg(target_arch = "x86_64")]
pub(crate) use forebay_msm::kernels::Ifma;
pub(crate) use forebay_msm::kernels::Path;

type Limbs = [u64; 4];

/// cᵢ = aᵢ·bᵢ, as far as all three reach.
pub(crate) fn multiply<F: ScalarField>(path: Path, a: &[Limbs], b: &[Limbs], c: &mut [Limbs]) {
    let done = match path {
        #[cfg(target_arch = "x86_64")]
        Path::Ifma(ifma) => rows::multiply::<F>(ifma, a, b, c),
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
        Path::Ifma(ifma) => rows::satisfied::<F>(ifma, a, b, c),
        _ => 0,
    };
    let mut rows = a.iter().zip(b).zip(c).enumerate().skip(done);
    rows.find(|(_, ((a, b), c))| mont4::mul::<F>(a, b) != **c).map(|(i, _)| i)
}
