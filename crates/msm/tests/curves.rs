//! Each curve's layout, canonical form and subgroup test, and the portable field arithmetic, against its own crate.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::{Field, PrimeField};
use forebay_msm::{
    AffinePoint, Bases, Bls12_381, Bn254, Curve, ScalarField,
    field::{as_limbs, mont4},
};
use group::{Curve as _, Group};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

fn samples<F: ScalarField>() -> Vec<F> {
    let mut rng = rng();
    let edges = [F::ZERO, F::ONE, -F::ONE, F::ONE.double(), F::TWO_INV, F::ROOT_OF_UNITY];
    edges.into_iter().chain((0..200).map(|_| F::random(&mut rng))).collect()
}

fn field_arithmetic<C: Curve>() {
    let values = samples::<C::Fr>();
    assert_eq!(*C::Fr::ONE.limbs(), C::Fr::R);
    for a in &values {
        assert_eq!(C::Fr::from_canonical(a.to_canonical()), Some(*a));
        assert_eq!(a.to_canonical_le_bytes(), a.to_repr().as_ref());
        for b in &values {
            let on_limbs = |f: fn(&[u64; 4], &[u64; 4]) -> [u64; 4]| {
                C::Fr::from_limbs_unchecked(f(a.limbs(), b.limbs()))
            };
            assert_eq!(on_limbs(mont4::mul::<C::Fr>), *a * b);
            assert_eq!(on_limbs(mont4::add::<C::Fr>), *a + b);
            assert_eq!(on_limbs(mont4::sub::<C::Fr>), *a - b);
        }
    }
    assert_eq!(as_limbs(&values).len(), values.len());
    assert_eq!(C::Fr::from_canonical(C::Fr::MODULUS_LIMBS), None);
    assert_eq!(C::Fr::from_canonical([u64::MAX; 4]), None);
}

fn points<A: AffinePoint>() {
    let mut rng = rng();
    let mut points = vec![A::identity(), A::generator(), -A::generator()];
    points.extend((0..20).map(|_| A::Curve::random(&mut rng).to_affine()));
    assert!(A::identity().as_raw_bytes().iter().all(|b| *b == 0));
    for p in &points {
        assert!(p.is_on_curve() && p.is_in_subgroup());
        assert!(A::coefficients_are_reduced(p.as_raw_bytes()));
        let mut canonical = vec![0; A::BYTES];
        p.write_canonical(&mut canonical);
        assert_eq!(A::read_canonical(&canonical), Some(*p));
        assert_eq!(A::from_raw_bytes(p.as_raw_bytes()), Some(*p));
        if !bool::from(p.is_identity()) {
            canonical[0] ^= 1;
            assert!(!A::read_canonical(&canonical).unwrap().is_on_curve());
        }
    }
    assert_eq!(A::read_canonical(&vec![0xff; A::BYTES]), None);
    assert!(!A::coefficients_are_reduced(&vec![0xff; A::BYTES]));

    // Unaligned bytes give the same points.
    let mut bytes = vec![0u8];
    points.iter().for_each(|p| bytes.extend_from_slice(p.as_raw_bytes()));
    let bases = Bases::<A>::from_bytes(&bytes[1..]).unwrap();
    assert_eq!((0..bases.len()).map(|i| bases.get(i)).collect::<Vec<_>>(), points);
    assert_eq!(Bases::from_slice(&points).as_slice(), Some(&points[..]));
    assert!(Bases::<A>::from_bytes(&bytes).is_none());
}

/// Points on the curve outside the subgroup, found by trying x = 0, 1, 2, … in the canonical form.
fn cofactor_points_are_noticed<A: AffinePoint>(sqrt: impl Fn(u64) -> Option<A>) {
    let mut found = 0;
    for p in (0..40).filter_map(sqrt) {
        assert!(p.is_on_curve());
        let r_times_p = {
            let minus_one = -A::Scalar::ONE;
            p * minus_one + p
        };
        assert_eq!(p.is_in_subgroup(), bool::from(r_times_p.is_identity()));
        found += usize::from(!p.is_in_subgroup());
    }
    assert!(found > 0, "no point outside the subgroup among the candidates");
}

#[test]
fn fields() {
    field_arithmetic::<Bls12_381>();
    field_arithmetic::<Bn254>();
}

#[test]
fn g1_points() {
    points::<<Bls12_381 as Curve>::G1Affine>();
    points::<<Bn254 as Curve>::G1Affine>();
}

#[test]
fn g2_points() {
    points::<<Bls12_381 as Curve>::G2Affine>();
    points::<<Bn254 as Curve>::G2Affine>();
}

#[test]
fn bn254_g2_subgroup() {
    use halo2curves::{CurveExt, bn256};
    let b = bn256::G2::b();
    cofactor_points_are_noticed::<bn256::G2Affine>(|i| {
        let x = bn256::Fq2::new(bn256::Fq::from(i), bn256::Fq::ONE);
        let y = (x.square() * x + b).sqrt().into_option()?;
        Some(bn256::G2Affine { x, y })
    });
}

#[test]
fn bls12_381_g1_subgroup() {
    cofactor_points_are_noticed::<blstrs::G1Affine>(|i| {
        let mut compressed = [0u8; 48];
        compressed[0] = 0x80;
        compressed[47] = i as u8;
        blstrs::G1Affine::from_compressed_unchecked(&compressed).into_option()
    });
}

#[test]
fn bls12_381_g2_subgroup() {
    cofactor_points_are_noticed::<blstrs::G2Affine>(|i| {
        let mut compressed = [0u8; 96];
        compressed[0] = 0x80;
        compressed[95] = i as u8;
        blstrs::G2Affine::from_compressed_unchecked(&compressed).into_option()
    });
}
