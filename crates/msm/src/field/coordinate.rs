//! The fields in which points have their coordinates, as the MSM kernels see them.
//!
//! A [`Coordinate`] is a reduced Montgomery form with exactly the memory layout of a coordinate of an
//! [`AffinePoint`](crate::AffinePoint), so that one generic kernel serves G1 and G2 of both curves.

use super::{ScalarField, mont4};
use ff::Field;
use halo2curves::bn256::Fq;

/// A coordinate of a point: an element of the base field or of its quadratic extension.
///
/// # Safety
/// An implementor promises that the type is plain limbs without padding, valid for every bit pattern, all zeros being
/// zero.
pub unsafe trait Coordinate: Copy + PartialEq + Send + Sync + core::fmt::Debug + 'static {
    /// The neutral element of addition: all limbs zero.
    const ZERO: Self;
    /// The neutral element of multiplication.
    const ONE: Self;
    /// What one multiplication costs, in units of one in the base field (squarings count the same).
    const MUL_COST: u32;

    /// a + b.
    fn add(&self, b: &Self) -> Self;
    /// a − b.
    fn sub(&self, b: &Self) -> Self;
    /// a·b.
    fn mul(&self, b: &Self) -> Self;
    /// a².
    fn square(&self) -> Self;
    /// a⁻¹; zero for zero. Variable time.
    fn invert(&self) -> Self;
    /// β with β² + β + 1 = 0 for which (x, y) ↦ (βx, y) multiplies by the λ of the curve's
    /// [`Lattice`](crate::msm) in the group with these coordinates: in G2 the square of that in G1.
    fn cube_root() -> Self;

    /// 2a.
    #[inline(always)]
    fn double(&self) -> Self {
        self.add(self)
    }

    /// −a.
    #[inline(always)]
    fn neg(&self) -> Self {
        Self::ZERO.sub(self)
    }

    /// Whether a = 0.
    #[inline(always)]
    fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

// SAFETY: `Fq` is the single field `[u64; 4]`, in Montgomery form with R = 2^256; the modulus is below 2^254.
unsafe impl ScalarField for Fq {
    const MODULUS_LIMBS: [u64; 4] =
        [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
}

/// The base field of BN254. Arithmetic of [`mont4`], which is inlined; inversion of `halo2curves` (Bernstein–Yang).
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Bn254Fq([u64; 4]);

impl PartialEq for Bn254Fq {
    /// Without the call to `memcmp` that the derived one is.
    #[inline(always)]
    fn eq(&self, b: &Self) -> bool {
        self.0.iter().zip(&b.0).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
    }
}

// SAFETY: a transparent array of limbs.
unsafe impl Coordinate for Bn254Fq {
    const ZERO: Self = Bn254Fq([0; 4]);
    const ONE: Self = Bn254Fq(Fq::R);
    const MUL_COST: u32 = 1;

    #[inline(always)]
    fn add(&self, b: &Self) -> Self {
        Bn254Fq(mont4::add::<Fq>(&self.0, &b.0))
    }

    #[inline(always)]
    fn sub(&self, b: &Self) -> Self {
        Bn254Fq(mont4::sub::<Fq>(&self.0, &b.0))
    }

    #[inline(always)]
    fn mul(&self, b: &Self) -> Self {
        Bn254Fq(mont4::mul::<Fq>(&self.0, &b.0))
    }

    #[inline(always)]
    fn square(&self) -> Self {
        self.mul(self)
    }

    fn invert(&self) -> Self {
        let inverse = Fq::from_limbs_unchecked(self.0).invert();
        inverse.into_option().map_or(Self::ZERO, |v| Bn254Fq(*v.limbs()))
    }

    fn cube_root() -> Self {
        Bn254Fq([0x7193_0c11_d782_e155, 0xa6bb_947c_ffbe_3323, 0xaa30_3344_d474_1444, 0x2c3b_3f0d_2659_4943])
    }
}
