//! Points as the kernels name them, and the host's share of an MSM: the windows' sums put together.

use forebay_msm::{AffinePoint, ScalarField, field::coordinate::Coordinate, msm::MsmPoint};
use group::Group;

/// A point type for which there are kernels.
pub trait DevicePoint: MsmPoint<Scalar: ScalarField> {
    /// What its kernels' names end in.
    const GROUP: &'static str;
    /// What the names of the kernels on its scalars end in.
    const CURVE: &'static str;
}

impl DevicePoint for blstrs::G1Affine {
    const GROUP: &'static str = "bls12_381_g1";
    const CURVE: &'static str = "bls12_381";
}
impl DevicePoint for blstrs::G2Affine {
    const GROUP: &'static str = "bls12_381_g2";
    const CURVE: &'static str = "bls12_381";
}
impl DevicePoint for halo2curves::bn256::G1Affine {
    const GROUP: &'static str = "bn254_g1";
    const CURVE: &'static str = "bn254";
}
impl DevicePoint for halo2curves::bn256::G2Affine {
    const GROUP: &'static str = "bn254_g2";
    const CURVE: &'static str = "bn254";
}

/// Bytes of a point in the XYZZ form: four coordinates.
pub(super) const fn xyzz_bytes<A: AffinePoint>() -> usize {
    2 * A::BYTES
}

/// The point whose XYZZ form the kernels left in `bytes`: x = X/ZZ, y = Y/ZZZ; ZZ = 0 is infinity.
pub(super) fn from_xyzz<A: MsmPoint>(bytes: &[u8]) -> A {
    assert_eq!(bytes.len(), xyzz_bytes::<A>(), "one XYZZ point");
    const { assert!(2 * size_of::<A::Coordinate>() == A::BYTES) };
    // SAFETY: the length is that of four coordinates, which are plain limbs (`Coordinate`'s contract).
    let [x, y, zz, zzz] = unsafe { bytes.as_ptr().cast::<[A::Coordinate; 4]>().read_unaligned() };
    if zz.is_zero() {
        return A::identity();
    }
    // ZZ⁻¹ = (ZZ·ZZZ⁻¹)²: one inversion.
    let zzz_inverse = zzz.invert();
    let z_inverse = zz.mul(&zzz_inverse);
    let affine = [x.mul(&z_inverse.square()), y.mul(&zzz_inverse)];
    // SAFETY: equal sizes, as asserted; `MsmPoint` promises this layout, `AffinePoint` that any bytes are a value.
    unsafe { (&raw const affine).cast::<A>().read_unaligned() }
}

/// Σ 2^(width·s)·S_s for the XYZZ points S_s in `bytes`, by Horner's rule: `width` doublings and an addition per point.
/// The points are partial sums over secrets: none is kept.
pub(super) fn combine<A: MsmPoint>(bytes: &[u8], width: u32) -> A::Curve {
    let sums = bytes.chunks_exact(xyzz_bytes::<A>()).rev().map(from_xyzz::<A>);
    sums.fold(A::Curve::identity(), |acc, sum| (0..width).fold(acc, |acc, _| acc.double()) + sum)
}
