//! The points that the CPU kernels compute with, and the kernels compiled for each.
//!
//! The kernels are generic over the field of the coordinates and cost a minute of compiler time for all four. The
//! methods of [`MsmPoint`] are not generic: they are compiled once, in this crate, whoever calls them.

use super::{Endomorphism, FixedBases, fixed};
#[cfg(target_arch = "x86_64")]
use crate::lanes::msm as lanes;
use crate::{
    backend::BackendError,
    bases::Bases,
    curve::AffinePoint,
    field::{
        coordinate::{Bn254Fq, Coordinate},
        fp381::{Fp381, Fp381Quadratic},
        quadratic::Quadratic,
    },
    kernels::Path,
};

/// A coordinate that has a field in vector lanes where the target has lanes.
pub(crate) trait Vectorised: Coordinate {
    /// The same field, eight elements at once, with IFMA.
    #[cfg(target_arch = "x86_64")]
    type Ifma: lanes::LaneField<Scalar = Self, Lanes = lanes::IfmaLanes>;
    /// The same with AVX2.
    #[cfg(target_arch = "x86_64")]
    type Avx2: lanes::LaneField<Scalar = Self, Lanes = lanes::Avx2Lanes>;
}

/// The field in lanes of IFMA that stands for a coordinate.
#[cfg(target_arch = "x86_64")]
pub(crate) type Ifma<K> = <K as Vectorised>::Ifma;
/// That of AVX2.
#[cfg(target_arch = "x86_64")]
pub(crate) type Avx2<K> = <K as Vectorised>::Avx2;

/// An affine point that the CPU kernels compute with.
///
/// All multiplications run on the pool of the calling thread and take as many scalars as bases.
/// [`CpuBackend`](crate::CpuBackend) checks that and chooses the path.
///
/// # Safety
/// An implementor promises that its memory is its coordinates x, y of type [`Self::Coordinate`].
pub unsafe trait MsmPoint: AffinePoint {
    /// The field of the coordinates, with arithmetic.
    type Coordinate: Coordinate;

    /// Σ scalars\[i\]·bases\[i\].
    fn msm(
        path: Path,
        endomorphism: Endomorphism,
        bases: Bases<'_, Self>,
        scalars: &[Self::Scalar],
    ) -> Self::Curve;

    /// The most bytes that [`Self::msm`] allocates for that many terms over that many threads.
    fn msm_scratch_bytes(path: Path, endomorphism: Endomorphism, terms: usize, threads: usize) -> usize;

    /// A table of multiples of the bases, of at most `budget` bytes.
    ///
    /// # Errors
    /// [`ErrorClass::OutOfMemory`](crate::ErrorClass::OutOfMemory) in `operation` if the budget does not hold the bases
    /// themselves or the memory is not there.
    fn prepare(
        operation: &'static str,
        bases: Bases<'_, Self>,
        budget: usize,
    ) -> Result<FixedBases<Self>, BackendError>;

    /// Σ scalars\[i\]·bases\[i\] over prepared bases.
    fn msm_fixed(path: Path, bases: &FixedBases<Self>, scalars: &[Self::Scalar]) -> Self::Curve;

    /// The most bytes that [`Self::msm_fixed`] allocates over that many threads.
    fn msm_fixed_scratch_bytes(path: Path, bases: &FixedBases<Self>, threads: usize) -> usize;
}

/// Implements [`MsmPoint`] and [`Vectorised`]; the caller vouches for the layout.
macro_rules! compiled {
    ($point:ty, $coordinate:ty, $lanes:ident) => {
        impl Vectorised for $coordinate {
            #[cfg(target_arch = "x86_64")]
            type Ifma = lanes::$lanes<lanes::IfmaLanes>;
            #[cfg(target_arch = "x86_64")]
            type Avx2 = lanes::$lanes<lanes::Avx2Lanes>;
        }

        // SAFETY: `AffinePoint` promises x then y, each the coefficients of the coordinate as limbs in Montgomery form,
        // which is the memory of `Coordinate` for this field.
        unsafe impl MsmPoint for $point {
            type Coordinate = $coordinate;

            fn msm(
                path: Path,
                endomorphism: Endomorphism,
                bases: Bases<'_, Self>,
                scalars: &[Self::Scalar],
            ) -> Self::Curve {
                super::msm(path, endomorphism, bases, scalars)
            }

            fn msm_scratch_bytes(
                path: Path,
                endomorphism: Endomorphism,
                terms: usize,
                threads: usize,
            ) -> usize {
                super::scratch_bytes::<Self>(path, endomorphism, terms, threads)
            }

            fn prepare(
                operation: &'static str,
                bases: Bases<'_, Self>,
                budget: usize,
            ) -> Result<FixedBases<Self>, BackendError> {
                fixed::prepare(operation, bases, budget)
            }

            fn msm_fixed(path: Path, bases: &FixedBases<Self>, scalars: &[Self::Scalar]) -> Self::Curve {
                fixed::msm(path, bases, scalars)
            }

            fn msm_fixed_scratch_bytes(path: Path, bases: &FixedBases<Self>, threads: usize) -> usize {
                fixed::scratch_bytes(path, bases, threads)
            }
        }
    };
}

// R = 2^384, six limbs.
compiled!(blstrs::G1Affine, Fp381, BlsG1);
compiled!(blstrs::G2Affine, Fp381Quadratic, BlsG2);
// R = 2^256, four limbs.
compiled!(halo2curves::bn256::G1Affine, Bn254Fq, BnG1);
compiled!(halo2curves::bn256::G2Affine, Quadratic<Bn254Fq>, BnG2);
