//! arkworks' proving keys: what is read, and that damaged files are refused with a typed error and without a panic. The
//! files are put together here; `crates/prover/tests/ark.rs` reads those that ark-groth16 and ark-serialize make.
#![allow(clippy::unwrap_used)]

mod support;

use forebay_formats::{
    ArkKeyFile, FormatError, FormatErrorKind, KeyDefect, Load, NativeKeyFile, Validation, ZkeyFile,
};
use forebay_msm::{
    AffinePoint, Bases, Bls12_381, Bn254, Curve, CurveId,
    backend::{QuotientBasis, RootGenerator},
};
use group::prime::PrimeCurveAffine;
use support::{ArkParts, ark_point, bytes, pool};

fn validated<C: Curve>(file: &[u8], level: Validation) -> Result<(), FormatError> {
    thread_local!(static POOL: rayon::ThreadPool = pool());
    let key = ArkKeyFile::<C>::from_slice("c.ark", file)?;
    POOL.with(|pool| key.validate(level, pool))?;
    key.vkey().map(drop)
}

#[track_caller]
fn refused<C: Curve>(file: &[u8], level: Validation, expected: &str) -> FormatError {
    let error = validated::<C>(file, level).expect_err(expected);
    let message = error.to_string();
    assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    assert!(!message.contains('\n') && message.starts_with("c.ark: "), "{message:?}");
    assert!(error.section().is_some() && error.offset().is_some(), "{message:?}");
    error
}

/// Section and offset.
fn place(error: &FormatError) -> (u32, u64) {
    (error.section().unwrap().id, error.offset().unwrap())
}

fn reads_and_converts<C: Curve>(dir: &str) {
    let parts = ArkParts::fixture::<C>(dir);
    let folder = tempfile::tempdir().unwrap();
    let (path, native) = (folder.path().join("c.ark"), folder.path().join("c.fbk"));
    std::fs::write(&path, parts.bytes()).unwrap();
    let read = ArkKeyFile::<C>::open(&path, Load::Auto).unwrap();
    let zkey = bytes(dir, "multiplier.zkey");
    let zkey = ZkeyFile::<C>::from_slice("z", &zkey).unwrap();
    let header = read.header();
    assert_eq!((header.num_variables, header.num_public), (zkey.header().n_vars, zkey.header().n_public));
    assert_eq!(header.domain.log_n, zkey.header().domain_log2());
    let generator = if C::ID == CurveId::Bn254 { 5 } else { 7 };
    assert_eq!(
        (header.domain.generator, header.basis),
        (RootGenerator(generator), QuotientBasis::Coefficients)
    );
    assert_eq!(*read.points(), zkey.header().points());
    assert_eq!(read.vkey().unwrap(), zkey.vkey().unwrap());
    for level in Validation::ALL {
        read.validate(level, &pool()).unwrap();
        read.write_native(&native, level, &pool()).unwrap();
    }
    let key = NativeKeyFile::<C>::open(&native, Load::Auto).unwrap();
    key.validate(Validation::Subgroup, &pool()).unwrap();
    assert_eq!((key.header(), key.points()), (header, read.points()));
    let infinities = |points: Bases<'_, C::G1Affine>| {
        (0..points.len()).filter(|i| bool::from(points.get(*i).is_identity())).count()
    };
    assert!(infinities(key.b1()) > 0, "the fixture has variables that are not in B");
    for (ours, theirs) in [
        (key.ic(), zkey.ic()),
        (key.a(), zkey.a()),
        (key.b1(), zkey.b1()),
        (key.l(), zkey.c()),
        (key.h(), zkey.h().slice(0..zkey.h().len() - 1)),
    ] {
        assert_eq!(ours.as_bytes(), theirs.as_bytes());
    }
    assert_eq!(key.b2().as_bytes(), zkey.b2().as_bytes());
}

#[test]
fn reads_and_converts_on_both_curves() {
    reads_and_converts::<Bls12_381>("bls12-381");
    reads_and_converts::<Bn254>("bn254");
}

fn prefixes_are_refused<C: Curve>(dir: &str) {
    let parts = ArkParts::fixture::<C>(dir);
    let (file, counts) = (parts.bytes(), parts.counts_at());
    for len in 0..file.len() {
        let error = ArkKeyFile::<C>::from_slice("c.ark", &file[..len]).unwrap_err();
        assert!(matches!(error.kind(), FormatErrorKind::Truncated { .. }), "{len}: {error}");
        // The section that is cut.
        let (ids, after_ic) = ([2, 4, 5, 6, 7, 8], counts[1] - 2 * C::G1Affine::BYTES);
        let list = counts.iter().zip(ids).rev().find(|(at, _)| len >= **at).map_or(1, |(_, id)| id);
        let expected = if list == 2 && len >= after_ic { 3 } else { list };
        assert_eq!(error.section().unwrap().id, expected, "{len}: {error}");
        assert!(error.offset().unwrap() <= len as u64);
    }
    let error = refused::<C>(&[&file[..], &[0]].concat(), Validation::Structure, "1 unexpected bytes at the");
    assert_eq!(place(&error), (8, file.len() as u64));
}

#[test]
fn every_prefix_and_trailing_bytes_are_refused() {
    prefixes_are_refused::<Bls12_381>("bls12-381");
    prefixes_are_refused::<Bn254>("bn254");
}

fn counts_are_checked<C: Curve>(dir: &str) {
    let parts = ArkParts::fixture::<C>(dir);
    let (file, counts) = (parts.bytes(), parts.counts_at());
    for (list, id) in [2u32, 4, 5, 6, 7, 8].into_iter().enumerate() {
        let at = counts[list];
        for huge in [u64::MAX, 1 << 63, 1 << 40, u64::MAX / 96 + 1, u64::MAX / 64 + 1, u32::MAX.into()] {
            let mut bad = file.clone();
            bad[at..at + 8].copy_from_slice(&huge.to_le_bytes());
            let error = refused::<C>(&bad, Validation::Structure, "truncated");
            assert_eq!(place(&error), (id, at as u64 + 8), "{error}");
        }
        // One point less, in the list alone: the counts contradict each other.
        let mut bad = parts.clone();
        bad.lists[list].pop();
        let error = validated::<C>(&bad.bytes(), Validation::Structure).unwrap_err();
        let h = matches!(error.kind(), FormatErrorKind::Key(KeyDefect::DomainNotPowerOfTwo(_)));
        assert!(h == (id == 7) && (h || matches!(error.kind(), FormatErrorKind::Count { .. })), "{error}");
        // The other numbers follow from those of gamma_abc_g1 and l_query.
        let blamed = if id == 2 || id == 8 { 4 } else { id };
        assert_eq!(error.section().unwrap().id, blamed, "{error}");
    }
    let mut bad = parts.clone();
    bad.lists[0].clear();
    refused::<C>(&bad.bytes(), Validation::Structure, "points in gamma_abc_g1: 0 where 1 follows");
    // A bit of each byte of the counts, and of every 13th of the others: an error or a key, no panic.
    let in_count = |byte: usize| counts.iter().any(|at| (*at..at + 8).contains(&byte));
    for byte in (0..file.len()).filter(|byte| in_count(*byte) || byte % 13 == 0) {
        let mut bad = file.clone();
        bad[byte] ^= 1 << (byte % 8);
        let outcome = validated::<C>(&bad, Validation::Structure);
        assert!(outcome.is_err() || !in_count(byte), "byte {byte}");
    }
}

#[test]
fn counts_are_checked_before_use() {
    counts_are_checked::<Bls12_381>("bls12-381");
    counts_are_checked::<Bn254>("bn254");
}

/// Each list's last point in every bad shape; `flag` tells the byte of the flags.
fn points_are_checked<C: Curve>(dir: &str, outside1: Option<C::G1Affine>, outside2: C::G2Affine) {
    let parts = ArkParts::fixture::<C>(dir);
    let zcash = C::ID == CurveId::Bls12_381;
    for (list, id) in [2u32, 4, 5, 6, 7, 8].into_iter().enumerate() {
        // The last point that is not infinity: all of that have more than two bytes other than zero.
        let finite = |p: &Vec<u8>| p.iter().filter(|b| **b != 0).count() > 2;
        let last = parts.lists[list].iter().rposition(finite).unwrap();
        let good = parts.lists[list][last].clone();
        let (len, half) = (good.len(), good.len() / 2);
        let offset = (parts.counts_at()[list] + 8 + last * len) as u64;
        let with = |point: Vec<u8>| {
            let mut bad = parts.clone();
            bad.lists[list][last] = point;
            bad.bytes()
        };
        let check = |point: Vec<u8>, level: Validation, expected: &str| {
            let file = with(point);
            let error = refused::<C>(&file, level, expected);
            assert_eq!(place(&error), (id, offset), "{error}");
            let folder = tempfile::tempdir().unwrap();
            let native = folder.path().join("c.fbk");
            let key = ArkKeyFile::<C>::from_slice("c.ark", &file).unwrap();
            key.write_native(&native, level, &pool()).unwrap_err();
            assert!(!native.exists());
        };
        let flagged = |clear: u8, set: u8| {
            let mut point = good.clone();
            let byte = if zcash { 0 } else { len - 1 };
            point[byte] = point[byte] & !clear | set;
            point
        };
        if zcash {
            check(flagged(0, 0x80), Validation::Canonical, "is flagged as compressed");
            check(flagged(0, 0xc0), Validation::Canonical, "is flagged as compressed");
            check(flagged(0, 0x20), Validation::Canonical, "has a sign");
            check(flagged(0, 0x60), Validation::Canonical, "has a sign");
        } else {
            check(flagged(0, 0xc0), Validation::Canonical, "is flagged both as negative and");
            // The sign says nothing.
            validated::<C>(&with(flagged(0x80, 0)), Validation::Subgroup).unwrap();
            validated::<C>(&with(flagged(0, 0x80)), Validation::Subgroup).unwrap();
        }
        let clear = if zcash { 0 } else { 0x80 };
        check(flagged(clear, 0x40), Validation::Canonical, "as the point at infinity and has coordinates");
        check(vec![0; len], Validation::Canonical, "is all zeros without the flag");
        // x or y at the modulus, and all ones.
        for coefficient in (0..len).step_by(C::G1Affine::COEFFICIENT_BYTES) {
            let mut q = C::BASE_MODULUS_LE.to_vec();
            if zcash {
                q.reverse();
            }
            let mut bad = good.clone();
            bad[coefficient..coefficient + q.len()].copy_from_slice(&q);
            check(bad, Validation::Canonical, "coordinates below the modulus");
        }
        let mut high = good.clone();
        high[if zcash { 0 } else { half - 1 }] = if zcash { 0x1f } else { 0xff };
        check(high, Validation::Canonical, "coordinates below the modulus");
        let mut off = good.clone();
        off[if zcash { len - 1 } else { 0 }] ^= 1;
        check(off, Validation::OnCurve, "on the curve");
        let outside = match id {
            6 => Some(ark_point::<C, _>(&outside2)),
            _ => outside1.map(|p| ark_point::<C, _>(&p)),
        };
        if let Some(point) = outside {
            check(point.clone(), Validation::Subgroup, "in the subgroup");
            // The points of the verification key are always checked in full.
            assert_eq!(validated::<C>(&with(point), Validation::OnCurve).is_ok(), id != 2);
        }
    }
}

fn outside_bls<A: AffinePoint>() -> A {
    let point = (1u8..=255).find_map(|i| {
        let mut repr = <A as group::GroupEncoding>::Repr::default();
        let bytes = repr.as_mut();
        let last = bytes.len() - 1;
        (bytes[0], bytes[last]) = (0x80, i);
        let point: Option<A> = A::from_bytes_unchecked(&repr).into();
        point.filter(|p| p.is_on_curve() && !p.is_in_subgroup())
    });
    point.unwrap()
}

/// y² = x³ + 3/(9 + u) over Fq2.
fn outside_bn() -> <Bn254 as Curve>::G2Affine {
    use ff::Field;
    use halo2curves::{CurveAffine, bn256};
    let point = (1u64..).find_map(|i| {
        let x = bn256::Fq2::from(i);
        let y = (x.square() * x + bn256::G2Affine::b()).sqrt().into_option()?;
        bn256::G2Affine::from_xy(x, y).into_option()
    });
    point.filter(|p| AffinePoint::is_on_curve(p) && !AffinePoint::is_in_subgroup(p)).unwrap()
}

#[test]
fn every_point_is_checked() {
    points_are_checked::<Bls12_381>("bls12-381", Some(outside_bls()), outside_bls());
    points_are_checked::<Bn254>("bn254", None, outside_bn());
}

fn unsound_keys<C: Curve>(dir: &str) {
    let parts = ArkParts::fixture::<C>(dir);
    let with = |at: usize, point: Vec<u8>| {
        let mut parts = parts.clone();
        parts.points[at] = point;
        parts.bytes()
    };
    let defect = |file: Vec<u8>, expected: KeyDefect| {
        let error = validated::<C>(&file, Validation::Structure).unwrap_err();
        assert!(matches!(error.kind(), FormatErrorKind::Key(d) if *d == expected), "{error}");
    };
    let [alpha1, beta2, _, delta2, beta1, delta1] = parts.points.clone();
    defect(with(2, delta2.clone()), KeyDefect::GammaIsDelta);
    defect(with(4, alpha1.clone()), KeyDefect::Mismatch("beta"));
    defect(with(1, delta2), KeyDefect::Mismatch("beta"));
    defect(with(5, alpha1), KeyDefect::Mismatch("delta"));
    defect(with(3, beta2), KeyDefect::Mismatch("delta"));
    // β₁ and δ₁ of other generators: each is wrong over the curve's, and they don't agree either.
    defect(
        {
            let mut parts = parts.clone();
            parts.points[4] = delta1.clone();
            parts.points[5] = beta1.clone();
            parts.bytes()
        },
        KeyDefect::Mismatch("beta"),
    );
    let beta_at = (parts.counts_at()[1] - 2 * C::G1Affine::BYTES) as u64;
    for (i, name) in ["alpha1", "beta2", "gamma2", "delta2", "beta1", "delta1"].into_iter().enumerate() {
        let len = parts.points[i].len();
        let infinity = match len == C::G1Affine::BYTES {
            true => ark_point::<C, _>(&C::G1Affine::identity()),
            false => ark_point::<C, _>(&C::G2Affine::identity()),
        };
        let error =
            refused::<C>(&with(i, infinity), Validation::Structure, &format!("{name} is the point at inf"));
        assert_eq!(place(&error), if i < 4 { (1, 0) } else { (3, beta_at) });
        refused::<C>(&with(i, vec![0; len]), Validation::Structure, &format!("{name} is all zeros"));
        refused::<C>(&with(i, vec![0xff; len]), Validation::Structure, &format!("{name} is flagged"));
        let mut off = parts.points[i].clone();
        off[if C::ID == CurveId::Bn254 { 0 } else { len - 1 }] ^= 1;
        refused::<C>(&with(i, off), Validation::Structure, &format!("{name} fails the check \"on the curve"));
    }
}

#[test]
fn unsound_keys_are_refused() {
    unsound_keys::<Bls12_381>("bls12-381");
    unsound_keys::<Bn254>("bn254");
}

/// β and δ over generators k·G1 and m·G2: what arkworks makes.
fn other_generators<C: Curve>(dir: &str) {
    use group::Curve as _;
    let mut parts = ArkParts::fixture::<C>(dir);
    let zkey = bytes(dir, "multiplier.zkey");
    let points = ZkeyFile::<C>::from_slice("z", &zkey).unwrap().header().points();
    let (k, m) = (C::Fr::from(5), C::Fr::from(11));
    parts.points[4] = ark_point::<C, _>(&(points.beta1 * k).to_affine());
    parts.points[5] = ark_point::<C, _>(&(points.delta1 * k).to_affine());
    parts.points[1] = ark_point::<C, _>(&(points.beta2 * m).to_affine());
    let error = validated::<C>(&parts.bytes(), Validation::Structure).unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::Key(KeyDefect::Mismatch(_))), "{error}");
    parts.points[3] = ark_point::<C, _>(&(points.delta2 * m).to_affine());
    validated::<C>(&parts.bytes(), Validation::Structure).unwrap();
    let file = parts.bytes();
    let key = ArkKeyFile::<C>::from_slice("c.ark", &file).unwrap();
    // Over the curve's own generators it would not do, and the stricter check says so.
    assert!(matches!(key.points().check(), Err(FormatErrorKind::Key(KeyDefect::Mismatch("beta")))));
}

#[test]
fn keys_over_other_generators_are_accepted() {
    other_generators::<Bls12_381>("bls12-381");
    other_generators::<Bn254>("bn254");
}

#[test]
fn a_key_of_the_other_curve_is_refused() {
    let bls = ArkParts::fixture::<Bls12_381>("bls12-381").bytes();
    let bn = ArkParts::fixture::<Bn254>("bn254").bytes();
    assert!(ArkKeyFile::<Bn254>::from_slice("c.ark", &bls).is_err());
    assert!(ArkKeyFile::<Bls12_381>::from_slice("c.ark", &bn).is_err());
}
