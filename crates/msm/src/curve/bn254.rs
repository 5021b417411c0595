//! BN254 over `halo2curves::bn256`.

use super::{AffinePoint, Curve, CurveId, le_bytes_less_than};
use ff::{Field, PrimeField};
use group::{Curve as _, Group, prime::PrimeCurveAffine};
use halo2curves::{
    CurveAffine,
    bn256::{Bn256, Fq, Fq2, Fr, G1, G1Affine, G2, G2Affine},
};
use std::sync::LazyLock;

/// The curve BN254 (alt_bn128; `bn128` in circom and snarkjs).
#[derive(Clone, Copy, Debug, Default)]
pub struct Bn254;

/// q = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47
const BASE_MODULUS_LE: [u8; 32] = [
    0x47, 0xfd, 0x7c, 0xd8, 0x16, 0x8c, 0x20, 0x3c, 0x8d, 0xca, 0x71, 0x68, 0x91, 0x6a, 0x81, 0x97, 0x5d,
    0x58, 0x81, 0x81, 0xb6, 0x45, 0x50, 0xb8, 0x29, 0xa0, 0x31, 0xe1, 0x72, 0x4e, 0x64, 0x30,
];

/// The curve's parameter: q and r are polynomials in it. Barreto–Naehrig, "Pairing-Friendly Elliptic Curves of Prime
/// Order", SAC 2005.
const BN_X: u64 = 4965661367192848881;

impl Curve for Bn254 {
    const ID: CurveId = CurveId::Bn254;
    const BASE_MODULUS_LE: &'static [u8] = &BASE_MODULUS_LE;
    type Fr = Fr;
    type G1 = G1;
    type G1Affine = G1Affine;
    type G2 = G2;
    type G2Affine = G2Affine;
    type Engine = Bn256;
}

// The layouts that the unsafe impls below promise, proved at compile time on a value with distinct limbs.
const _: () = {
    const X: Fq = Fq([1, 2, 3, 4]);
    const Y: Fq = Fq([5, 6, 7, 8]);
    // SAFETY: equal sizes (transmute checks), and every bit pattern is a valid `u64`.
    let raw: [u64; 8] = unsafe { core::mem::transmute(G1Affine { x: X, y: Y }) };
    let mut i = 0;
    while i < 8 {
        assert!(raw[i] == i as u64 + 1);
        i += 1;
    }
    let point = G2Affine { x: Fq2::new(X, Y), y: Fq2::new(Fq([9, 10, 11, 12]), Fq([13, 14, 15, 16])) };
    // SAFETY: as above.
    let raw: [u64; 16] = unsafe { core::mem::transmute(point) };
    let mut i = 0;
    while i < 16 {
        assert!(raw[i] == i as u64 + 1);
        i += 1;
    }
};

/// The coefficients c0, c1 of an element of Fq2; the layout is proved above (a coordinate of `G2Affine`).
fn coefficients(v: &Fq2) -> [Fq; 2] {
    // SAFETY: equal sizes, the layout is c0 then c1, and every bit pattern is a valid `Fq`.
    unsafe { core::mem::transmute::<Fq2, [Fq; 2]>(*v) }
}

fn write_fq(v: &Fq, out: &mut [u8]) {
    out.copy_from_slice(v.to_repr().as_ref());
}

fn read_fq(bytes: &[u8]) -> Option<Fq> {
    let repr: [u8; 32] = bytes.try_into().ok()?;
    Fq::from_repr(repr.into()).into_option()
}

fn all_reduced(bytes: &[u8]) -> bool {
    bytes.len().is_multiple_of(32) && bytes.chunks_exact(32).all(|c| le_bytes_less_than(c, &BASE_MODULUS_LE))
}

// SAFETY: the layout x, y as `[u64; 4]` each is proved above; the limbs are in Montgomery form with R = 2^256; the
// identity is (0, 0).
unsafe impl AffinePoint for G1Affine {
    const COEFFICIENTS: usize = 1;
    const COEFFICIENT_BYTES: usize = 32;

    fn is_on_curve(&self) -> bool {
        CurveAffine::is_on_curve(self).into()
    }

    /// The group of G1 has prime order: being on the curve is enough.
    fn is_in_subgroup(&self) -> bool {
        true
    }

    fn write_canonical(&self, out: &mut [u8]) {
        assert_eq!(out.len(), Self::BYTES, "output length");
        let (x, y) = out.split_at_mut(32);
        write_fq(&self.x, x);
        write_fq(&self.y, y);
    }

    fn read_canonical(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::BYTES).then_some(())?;
        Some(G1Affine { x: read_fq(&bytes[..32])?, y: read_fq(&bytes[32..])? })
    }

    fn coefficients_are_reduced(bytes: &[u8]) -> bool {
        all_reduced(bytes)
    }
}

// SAFETY: the layout x.c0, x.c1, y.c0, y.c1 is proved above; otherwise as for G1.
unsafe impl AffinePoint for G2Affine {
    const COEFFICIENTS: usize = 2;
    const COEFFICIENT_BYTES: usize = 32;

    fn is_on_curve(&self) -> bool {
        CurveAffine::is_on_curve(self).into()
    }

    /// `[6x²]P = ψ(P)`: Dai, Lin, Zhao, Zhou, "Fast subgroup membership testings for G1, G2 and GT on pairing-friendly
    /// curves", 2022, and El Housni, Guillevic, Piellard, "Co-factor clearing and subgroup membership testing on
    /// pairing-friendly curves", AFRICACRYPT 2022. One 127-bit scalar multiplication.
    fn is_in_subgroup(&self) -> bool {
        if bool::from(self.is_identity()) {
            return true;
        }
        let t: u128 = 6 * (BN_X as u128) * (BN_X as u128);
        let mut acc = G2::identity();
        for i in (0..128 - t.leading_zeros()).rev() {
            acc = acc.double();
            if (t >> i) & 1 == 1 {
                acc += self;
            }
        }
        acc.to_affine() == psi(self)
    }

    fn write_canonical(&self, out: &mut [u8]) {
        assert_eq!(out.len(), Self::BYTES, "output length");
        for (v, out) in [self.x, self.y].iter().zip(out.chunks_exact_mut(64)) {
            for (c, out) in coefficients(v).iter().zip(out.chunks_exact_mut(32)) {
                write_fq(c, out);
            }
        }
    }

    fn read_canonical(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::BYTES).then_some(())?;
        let coordinate = |b: &[u8]| Some(Fq2::new(read_fq(&b[..32])?, read_fq(&b[32..])?));
        Some(G2Affine { x: coordinate(&bytes[..64])?, y: coordinate(&bytes[64..])? })
    }

    fn coefficients_are_reduced(bytes: &[u8]) -> bool {
        all_reduced(bytes)
    }
}

/// The untwist-Frobenius-twist endomorphism ψ(x, y) = (x̄·ξ^((q−1)/3), ȳ·ξ^((q−1)/2)) with ξ = 9 + u.
fn psi(p: &G2Affine) -> G2Affine {
    static FROBENIUS: LazyLock<(Fq2, Fq2)> = LazyLock::new(|| {
        let xi = Fq2::new(Fq::from(9), Fq::ONE);
        let mut q_minus_1 = [0u64; 4];
        for (limb, bytes) in q_minus_1.iter_mut().zip(BASE_MODULUS_LE.chunks_exact(8)) {
            *limb = bytes.iter().rev().fold(0, |acc, b| (acc << 8) | u64::from(*b));
        }
        q_minus_1[0] -= 1;
        (xi.pow_vartime(divide(q_minus_1, 3)), xi.pow_vartime(divide(q_minus_1, 2)))
    });
    let conjugate = |v: &Fq2| {
        let [c0, c1] = coefficients(v);
        Fq2::new(c0, -c1)
    };
    G2Affine { x: conjugate(&p.x) * FROBENIUS.0, y: conjugate(&p.y) * FROBENIUS.1 }
}

fn divide(mut v: [u64; 4], by: u128) -> [u64; 4] {
    let mut remainder = 0u128;
    for limb in v.iter_mut().rev() {
        let t = (remainder << 64) | u128::from(*limb);
        *limb = (t / by) as u64;
        remainder = t % by;
    }
    v
}
