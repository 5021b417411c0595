//! BLS12-381 over `blstrs`, which is `blst` behind the ff/group/pairing traits.

use super::{AffinePoint, Curve, CurveId, le_bytes_less_than};
use blst::{blst_fp, blst_fp_from_lendian, blst_fp2, blst_lendian_from_fp, blst_p1_affine, blst_p2_affine};
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective};

/// The curve BLS12-381.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bls12_381;

/// q = 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab
const BASE_MODULUS_LE: [u8; 48] = [
    0xab, 0xaa, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xb9, 0xff, 0xff, 0x53, 0xb1, 0xfe, 0xff, 0xab, 0x1e, 0x24,
    0xf6, 0xb0, 0xf6, 0xa0, 0xd2, 0x30, 0x67, 0xbf, 0x12, 0x85, 0xf3, 0x84, 0x4b, 0x77, 0x64, 0xd7, 0xac,
    0x4b, 0x43, 0xb6, 0xa7, 0x1b, 0x4b, 0x9a, 0xe6, 0x7f, 0x39, 0xea, 0x11, 0x01, 0x1a,
];

impl Curve for Bls12_381 {
    const ID: CurveId = CurveId::Bls12_381;
    const BASE_MODULUS_LE: &'static [u8] = &BASE_MODULUS_LE;
    type Fr = blstrs::Scalar;
    type G1 = G1Projective;
    type G1Affine = G1Affine;
    type G2 = G2Projective;
    type G2Affine = G2Affine;
    type Engine = blstrs::Bls12;
}

const _: () = assert!(size_of::<G1Affine>() == 96 && size_of::<blst_p1_affine>() == 96);
const _: () = assert!(size_of::<G2Affine>() == 192 && size_of::<blst_p2_affine>() == 192);

fn write_fp(v: &blst_fp, out: &mut [u8]) {
    assert_eq!(out.len(), 48, "output length");
    // SAFETY: both pointers are valid, and `out` has the 48 bytes that blst writes.
    unsafe { blst_lendian_from_fp(out.as_mut_ptr(), v) }
}

fn read_fp(bytes: &[u8]) -> Option<blst_fp> {
    if bytes.len() != 48 || !le_bytes_less_than(bytes, &BASE_MODULUS_LE) {
        return None;
    }
    let mut v = blst_fp::default();
    // SAFETY: both pointers are valid, and `bytes` has the 48 bytes that blst reads.
    unsafe { blst_fp_from_lendian(&mut v, bytes.as_ptr()) };
    Some(v)
}

fn all_reduced(bytes: &[u8]) -> bool {
    bytes.len().is_multiple_of(48) && bytes.chunks_exact(48).all(|c| le_bytes_less_than(c, &BASE_MODULUS_LE))
}

// SAFETY: `G1Affine` is `repr(transparent)` over `blst_p1_affine`, a `repr(C)` pair of `[u64; 6]` in Montgomery form
// with R = 2^384; blst's infinity is all zeros. The size is asserted above.
unsafe impl AffinePoint for G1Affine {
    const COEFFICIENTS: usize = 1;
    const COEFFICIENT_BYTES: usize = 48;

    fn is_on_curve(&self) -> bool {
        G1Affine::is_on_curve(self).into()
    }

    fn is_in_subgroup(&self) -> bool {
        self.is_torsion_free().into()
    }

    fn write_canonical(&self, out: &mut [u8]) {
        assert_eq!(out.len(), Self::BYTES, "output length");
        let (x, y) = out.split_at_mut(48);
        write_fp(&self.as_ref().x, x);
        write_fp(&self.as_ref().y, y);
    }

    fn read_canonical(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::BYTES).then_some(())?;
        let raw = blst_p1_affine { x: read_fp(&bytes[..48])?, y: read_fp(&bytes[48..])? };
        // SAFETY: `blst_p1_affine` is two arrays of limbs: 96 initialised bytes without padding.
        let bytes: [u8; 96] = unsafe { core::mem::transmute(raw) };
        Self::from_raw_bytes(&bytes)
    }

    fn coefficients_are_reduced(bytes: &[u8]) -> bool {
        all_reduced(bytes)
    }
}

// SAFETY: as for G1: `repr(transparent)` over `blst_p2_affine`, whose coordinates are `blst_fp2 { fp: [c0, c1] }`.
unsafe impl AffinePoint for G2Affine {
    const COEFFICIENTS: usize = 2;
    const COEFFICIENT_BYTES: usize = 48;

    fn is_on_curve(&self) -> bool {
        G2Affine::is_on_curve(self).into()
    }

    fn is_in_subgroup(&self) -> bool {
        self.is_torsion_free().into()
    }

    fn write_canonical(&self, out: &mut [u8]) {
        assert_eq!(out.len(), Self::BYTES, "output length");
        let point = self.as_ref();
        let coefficients = point.x.fp.iter().chain(&point.y.fp);
        for (v, out) in coefficients.zip(out.chunks_exact_mut(48)) {
            write_fp(v, out);
        }
    }

    fn read_canonical(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::BYTES).then_some(())?;
        let coordinate = |b: &[u8]| Some(blst_fp2 { fp: [read_fp(&b[..48])?, read_fp(&b[48..])?] });
        let raw = blst_p2_affine { x: coordinate(&bytes[..96])?, y: coordinate(&bytes[96..])? };
        // SAFETY: `blst_p2_affine` is four arrays of limbs: 192 initialised bytes without padding.
        let bytes: [u8; 192] = unsafe { core::mem::transmute(raw) };
        Self::from_raw_bytes(&bytes)
    }

    fn coefficients_are_reduced(bytes: &[u8]) -> bool {
        all_reduced(bytes)
    }
}
