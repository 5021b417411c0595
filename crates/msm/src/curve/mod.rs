//! Curves as types.
//!
//! A [`Curve`] ties together the groups, the fields and the pairing of one pairing-friendly curve, all of them the
//! types of a published crate (`blstrs`, `halo2curves`) with the `ff`/`group`/`pairing` traits. [`AffinePoint`] adds
//! the one thing those traits lack and a memory-mapped key needs: a fixed layout in memory.

mod bls12_381;
mod bn254;

pub use bls12_381::Bls12_381;
pub use bn254::Bn254;

use crate::{field::ScalarField, ntt::TransformField};
use core::fmt;
use group::prime::PrimeCurveAffine;
use pairing::MultiMillerLoop;

/// Names a curve at run time: in file headers, cache keys and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CurveId {
    /// BLS12-381 (255-bit scalar field, 381-bit base field).
    Bls12_381,
    /// BN254, the alt_bn128 of Ethereum, called `bn128` by circom and snarkjs.
    Bn254,
}

impl CurveId {
    /// Every curve that Forebay knows.
    pub const ALL: [CurveId; 2] = [CurveId::Bls12_381, CurveId::Bn254];

    /// The name in lower case, as the command line and file names use it.
    pub const fn name(self) -> &'static str {
        match self {
            CurveId::Bls12_381 => "bls12-381",
            CurveId::Bn254 => "bn254",
        }
    }

    /// The name that snarkjs writes into its JSON files.
    pub const fn snarkjs_name(self) -> &'static str {
        match self {
            CurveId::Bls12_381 => "bls12381",
            CurveId::Bn254 => "bn128",
        }
    }

    /// The modulus of the scalar field, canonical little-endian.
    pub fn scalar_modulus_le(self) -> [u8; 32] {
        fn bytes<C: Curve>() -> [u8; 32] {
            crate::field::limbs_to_le_bytes(&<C::Fr as ScalarField>::MODULUS_LIMBS)
        }
        match self {
            CurveId::Bls12_381 => bytes::<Bls12_381>(),
            CurveId::Bn254 => bytes::<Bn254>(),
        }
    }

    /// The modulus of the base field, canonical little-endian (48 or 32 bytes).
    pub const fn base_modulus_le(self) -> &'static [u8] {
        match self {
            CurveId::Bls12_381 => Bls12_381::BASE_MODULUS_LE,
            CurveId::Bn254 => Bn254::BASE_MODULUS_LE,
        }
    }
}

impl fmt::Display for CurveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One pairing-friendly curve: its groups, fields and pairing.
pub trait Curve: Copy + Clone + Default + fmt::Debug + Send + Sync + 'static {
    /// The run-time name.
    const ID: CurveId;
    /// The modulus of the base field, canonical little-endian.
    const BASE_MODULUS_LE: &'static [u8];
    /// Modulus of the base field's extension under G2: `u² = -1` on both curves.
    const G2_COEFFICIENTS: usize = 2;

    /// The scalar field.
    type Fr: TransformField;
    /// G1 in projective form.
    type G1: group::Curve<AffineRepr = Self::G1Affine, Scalar = Self::Fr>
        + group::prime::PrimeCurve<Affine = Self::G1Affine>;
    /// G1 in affine form.
    type G1Affine: AffinePoint<Curve = Self::G1, Scalar = Self::Fr>;
    /// G2 in projective form.
    type G2: group::Curve<AffineRepr = Self::G2Affine, Scalar = Self::Fr>
        + group::prime::PrimeCurve<Affine = Self::G2Affine>;
    /// G2 in affine form.
    type G2Affine: AffinePoint<Curve = Self::G2, Scalar = Self::Fr>;
    /// The pairing.
    type Engine: MultiMillerLoop<
            Fr = Self::Fr,
            G1 = Self::G1,
            G1Affine = Self::G1Affine,
            G2 = Self::G2,
            G2Affine = Self::G2Affine,
        >;
}

/// An affine point with a fixed memory layout.
///
/// The bytes of a point are its coordinates x then y, without padding; each coordinate is its base-field coefficients
/// (one in G1; c0, c1 in G2), each as little-endian 64-bit limbs in Montgomery form with R = 2^(64·limbs). The point at
/// infinity is all zeros. This is the layout of `blst_p1_affine`/`blst_p2_affine`, of `halo2curves::bn256` and of the
/// point sections of a snarkjs zkey, which is why a key can be used from its map.
///
/// # Safety
/// An implementor promises exactly that layout, that its size is `2 * COEFFICIENTS * COEFFICIENT_BYTES`, and that every
/// bit pattern is a valid value of the type (though perhaps not a point of the curve).
pub unsafe trait AffinePoint:
    PrimeCurveAffine + Copy + Default + PartialEq + Send + Sync + 'static
{
    /// Base-field coefficients per coordinate: 1 in G1, 2 in G2.
    const COEFFICIENTS: usize;
    /// Bytes of one base-field coefficient: 48 or 32.
    const COEFFICIENT_BYTES: usize;
    /// Bytes of one point.
    const BYTES: usize = 2 * Self::COEFFICIENTS * Self::COEFFICIENT_BYTES;

    /// Whether the point satisfies the curve equation. Infinity does.
    fn is_on_curve(&self) -> bool;

    /// Whether the point lies in the subgroup of prime order r. Meaningful for points on the curve. Infinity does.
    fn is_in_subgroup(&self) -> bool;

    /// Writes the coefficients x.c0, (x.c1), y.c0, (y.c1) as canonical little-endian integers; `out` has
    /// [`Self::BYTES`] bytes. Infinity is all zeros.
    ///
    /// # Panics
    /// If `out` has another length.
    fn write_canonical(&self, out: &mut [u8]);

    /// Reads what [`Self::write_canonical`] writes. `None` if the length is wrong or a coefficient is not below the
    /// modulus. Neither the curve equation nor the subgroup is checked.
    fn read_canonical(bytes: &[u8]) -> Option<Self>;

    /// The point as its bytes in memory.
    fn as_raw_bytes(&self) -> &[u8] {
        // SAFETY: the trait's contract: no padding, size BYTES.
        unsafe { core::slice::from_raw_parts((self as *const Self).cast(), Self::BYTES) }
    }

    /// The point whose memory is `bytes`, which need not be aligned. `None` if the length is not [`Self::BYTES`].
    /// Nothing else is checked.
    fn from_raw_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::BYTES {
            return None;
        }
        // SAFETY: the length is the type's size, and by the contract every bit pattern is a value.
        Some(unsafe { bytes.as_ptr().cast::<Self>().read_unaligned() })
    }

    /// Whether each coefficient in `bytes` (Montgomery form, layout as above) is below the modulus.
    /// The length must be a multiple of [`Self::COEFFICIENT_BYTES`].
    fn coefficients_are_reduced(bytes: &[u8]) -> bool;
}

/// `a < b` for little-endian integers of equal length.
pub(crate) fn le_bytes_less_than(a: &[u8], b: &[u8]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}
