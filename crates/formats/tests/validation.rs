//! Keys that must be refused, at the level that refuses them and not below, and the memory of validated keys.
#![allow(clippy::unwrap_used)]

mod support;

use forebay_formats::{
    Digest, FormatErrorKind, KeyDefect, Load, Outcome, PointName, ValidatedStore, Validation, ZkeyFile,
    validate::{EXACT_BELOW, Method, find_outside_subgroup},
};
use forebay_msm::{AffinePoint, Bases, Bls12_381, Bn254, Curve};
use group::{Curve as _, Group, prime::PrimeCurveAffine};
use std::{fs, os::unix::fs::PermissionsExt};
use support::{bytes, fixture, pool, section};

type G1<C> = <C as Curve>::G1Affine;
type G2<C> = <C as Curve>::G2Affine;

/// A point on the curve and outside of the subgroup: x counts up until the curve equation has a solution.
/// (Decompression without a check gives one at once.)
fn outside_g1() -> G1<Bls12_381> {
    (1u8..)
        .find_map(|x| {
            let mut compressed = [0; 48];
            compressed[0] = 0x80;
            compressed[47] = x;
            blstrs::G1Affine::from_compressed_unchecked(&compressed).into_option()
        })
        .filter(|p| AffinePoint::is_on_curve(p) && !AffinePoint::is_in_subgroup(p))
        .unwrap()
}

fn outside_g2_bls() -> G2<Bls12_381> {
    (1u8..)
        .find_map(|x| {
            let mut compressed = [0; 96];
            compressed[0] = 0x80;
            compressed[95] = x;
            blstrs::G2Affine::from_compressed_unchecked(&compressed).into_option()
        })
        .filter(|p| AffinePoint::is_on_curve(p) && !AffinePoint::is_in_subgroup(p))
        .unwrap()
}

/// y² = x³ + 3/(9 + u) over Fq2.
fn outside_g2_bn() -> G2<Bn254> {
    use ff::Field;
    use halo2curves::{CurveAffine, bn256};
    (1u64..)
        .find_map(|i| {
            let x = bn256::Fq2::from(i);
            let y = (x.square() * x + bn256::G2Affine::b()).sqrt().into_option()?;
            bn256::G2Affine::from_xy(x, y).into_option()
        })
        .filter(|p| AffinePoint::is_on_curve(p) && !AffinePoint::is_in_subgroup(p))
        .unwrap()
}

fn level_that_refuses<C: Curve>(file: &[u8]) -> Option<(Validation, FormatErrorKindOf)> {
    let key = ZkeyFile::<C>::from_slice("key", file).unwrap();
    Validation::ALL.into_iter().find_map(|level| {
        let error = key.validate(level, &pool()).err()?;
        let at = (error.section().map(|s| s.id), error.offset());
        Some((level, (at, error.to_string())))
    })
}
type FormatErrorKindOf = ((Option<u32>, Option<u64>), String);

/// Overwrites point `i` of a section.
fn with_point<A: AffinePoint>(file: &[u8], id: u32, i: usize, point: &A) -> (Vec<u8>, u64) {
    with_bytes(file, id, i * A::BYTES, point.as_raw_bytes())
}

fn with_bytes(file: &[u8], id: u32, at: usize, new: &[u8]) -> (Vec<u8>, u64) {
    let mut file = file.to_vec();
    let at = section(&file, id).start + at;
    file[at..at + new.len()].copy_from_slice(new);
    (file, at as u64)
}

#[test]
fn good_keys_pass_every_level() {
    let pool = pool();
    for level in Validation::ALL {
        let path = fixture("bn254", "multiplier.zkey");
        ZkeyFile::<Bn254>::open(&path, Load::Auto).unwrap().validate(level, &pool).unwrap();
        let path = fixture("bls12-381", "multiplier.zkey");
        ZkeyFile::<Bls12_381>::open(&path, Load::Auto).unwrap().validate(level, &pool).unwrap();
    }
}

fn bad_points_are_found<C: Curve>(dir: &str, outside1: Option<G1<C>>, outside2: G2<C>) {
    let file = bytes(dir, "multiplier.zkey");
    for id in [3, 5, 6, 8, 9] {
        let last = section(&file, id).len() / G1::<C>::BYTES - 1;
        let expect = |(file, offset): (Vec<u8>, u64), level: Validation| {
            let expected = format!("point {last} fails the check \"{level}\"");
            let (found, (at, message)) = level_that_refuses::<C>(&file).unwrap();
            assert_eq!((found, at), (level, (Some(id), Some(offset))), "{message}");
            assert!(message.ends_with(&expected), "{message}");
        };
        let mut off_curve = G1::<C>::generator().as_raw_bytes().to_vec();
        off_curve[0] ^= 1;
        let at = last * G1::<C>::BYTES;
        expect(with_bytes(&file, id, at, &off_curve), Validation::OnCurve);
        expect(with_bytes(&file, id, at, &vec![0xff; G1::<C>::BYTES]), Validation::Canonical);
        // x = q, which is 0 but not reduced
        expect(with_bytes(&file, id, at, C::BASE_MODULUS_LE), Validation::Canonical);
        if let Some(outside) = outside1 {
            expect(with_point(&file, id, last, &outside), Validation::Subgroup);
        }
    }
    let (bad, offset) = with_point(&file, 7, 2, &outside2);
    let (level, (at, message)) = level_that_refuses::<C>(&bad).unwrap();
    assert_eq!((level, at), (Validation::Subgroup, (Some(7), Some(offset))));
    assert!(message.contains("section 7 (B2)") && message.contains("point 2"), "{message}");
}

#[test]
fn bad_points_are_found_where_they_are() {
    bad_points_are_found::<Bls12_381>("bls12-381", Some(outside_g1()), outside_g2_bls());
    bad_points_are_found::<Bn254>("bn254", None, outside_g2_bn());
}

fn unsound_keys_are_refused<C: Curve>(dir: &str, outside2: G2<C>) {
    let file = bytes(dir, "multiplier.zkey");
    let points = section(&file, 2).len() - 3 * G1::<C>::BYTES - 3 * G2::<C>::BYTES;
    let (g1, g2) = (G1::<C>::BYTES, G2::<C>::BYTES);
    let at = [points, points + g1, points + 2 * g1, points + 2 * g1 + g2, points + 2 * g1 + 2 * g2];
    let [alpha1, beta1, beta2, gamma2, delta1] = at;
    let delta2 = delta1 + g1;
    let kind = |new: &[u8], at: usize| {
        let (file, _) = with_bytes(&file, 2, at, new);
        let key = ZkeyFile::<C>::from_slice("key", &file).unwrap();
        let error = key.validate(Validation::Structure, &pool()).unwrap_err();
        assert_eq!(error.section().unwrap().id, 2);
        match error.kind() {
            FormatErrorKind::Key(defect) => Ok(*defect),
            FormatErrorKind::Point { point, check } => Err((*point, *check)),
            _ => panic!("{error}"),
        }
    };
    for (at, name, size) in [
        (alpha1, "alpha1", g1),
        (beta1, "beta1", g1),
        (delta1, "delta1", g1),
        (beta2, "beta2", g2),
        (gamma2, "gamma2", g2),
        (delta2, "delta2", g2),
    ] {
        assert_eq!(kind(&vec![0; size], at), Ok(KeyDefect::Identity(name)));
    }
    let delta = &file[section(&file, 2)][delta2..delta2 + g2];
    assert_eq!(kind(delta, gamma2), Ok(KeyDefect::GammaIsDelta));
    let other1 = C::G1::generator().double().to_affine();
    let other2 = C::G2::generator().double().to_affine();
    assert_eq!(kind(other1.as_raw_bytes(), beta1), Ok(KeyDefect::Mismatch("beta")));
    assert_eq!(kind(other1.as_raw_bytes(), delta1), Ok(KeyDefect::Mismatch("delta")));
    assert_eq!(kind(other2.as_raw_bytes(), beta2), Ok(KeyDefect::Mismatch("beta")));
    assert_eq!(
        kind(outside2.as_raw_bytes(), gamma2),
        Err((PointName::Named("gamma2"), Validation::Subgroup))
    );
    let mut off = G1::<C>::generator().as_raw_bytes().to_vec();
    off[0] ^= 1;
    assert_eq!(kind(&off, alpha1), Err((PointName::Named("alpha1"), Validation::OnCurve)));

    // What snarkjs sets up before anybody contributes: δ is the generator, as γ is.
    let key = ZkeyFile::<C>::open(&fixture(dir, "uncontributed.zkey"), Load::Auto).unwrap();
    let error = key.validate(Validation::Structure, &pool()).unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::Key(KeyDefect::GammaIsDelta)), "{error}");
    assert!(key.vkey().is_err());
}

#[test]
fn unsound_keys_are_refused_at_every_level() {
    unsound_keys_are_refused::<Bls12_381>("bls12-381", outside_g2_bls());
    unsound_keys_are_refused::<Bn254>("bn254", outside_g2_bn());
}

/// Multiples of the generator, with one point replaced.
fn one_bad_point_is_found<A: AffinePoint>(outside: A, n: usize) {
    let generator = A::Curve::generator();
    let mut sum = generator;
    let mut points = Vec::new();
    for _ in 0..n {
        points.push(sum.to_affine());
        sum += generator;
    }
    // Infinity and opposite points must not upset the sums.
    points[3] = A::identity();
    points[4] = -points[5];
    let find =
        |points: &[A], method| pool().install(|| find_outside_subgroup(Bases::from_slice(points), method));
    for method in [Method::Auto, Method::Exact, Method::Batch] {
        assert_eq!(find(&points, method), None);
    }
    for at in [0, n / 2, n - 1] {
        let mut bad = points.clone();
        bad[at] = outside;
        for method in [Method::Auto, Method::Exact, Method::Batch] {
            assert_eq!(find(&bad, method), Some(at));
        }
        // A second offender that cancels the first in the sum of all, but not in half of the subsets.
        bad[at] = outside;
        bad[1] = -outside;
        assert_eq!(find(&bad, Method::Batch), Some(at.min(1)));
    }
}

#[test]
fn a_batch_finds_what_single_checks_find() {
    one_bad_point_is_found(outside_g1(), 2 * EXACT_BELOW + 17);
    one_bad_point_is_found(outside_g2_bls(), EXACT_BELOW + 1);
    one_bad_point_is_found(outside_g2_bn(), EXACT_BELOW + 1);
}

#[test]
fn the_domain_must_hold_all_rows() {
    let file = bytes("bn254", "multiplier.zkey");
    // The row of the first coefficient.
    let (bad, offset) = with_bytes(&file, 4, 4 + 4, &16u32.to_le_bytes());
    let (level, (at, message)) = level_that_refuses::<Bn254>(&bad).unwrap();
    assert_eq!((level, at), (Validation::Structure, (Some(4), Some(offset))));
    assert!(message.contains("row 16 is out of range"), "{message}");
}

#[test]
fn a_validated_key_is_remembered_by_its_digest() {
    let directory = tempfile::tempdir().unwrap();
    let store_at = directory.path().join("cache/validated");
    let store = ValidatedStore::open(&store_at).unwrap();
    let (dir_mode, pool) = (|p| fs::metadata(p).unwrap().permissions().mode() & 0o777, pool());
    assert_eq!(dir_mode(&store_at), 0o700);
    let path = directory.path().join("k.zkey");
    fs::copy(fixture("bn254", "multiplier.zkey"), &path).unwrap();
    let key = ZkeyFile::<Bn254>::open(&path, Load::Auto).unwrap();
    let once = |level| key.validate_once(level, &pool, &store).unwrap();
    assert_eq!(once(Validation::OnCurve), Outcome::Checked);
    assert_eq!(once(Validation::OnCurve), Outcome::Remembered);
    assert_eq!(once(Validation::Structure), Outcome::Remembered);
    assert_eq!(once(Validation::Subgroup), Outcome::Checked, "a higher level is checked");
    assert_eq!(once(Validation::Subgroup), Outcome::Remembered);

    let digest = key.digest(&pool);
    let record = store_at.join(format!("{digest}.validated"));
    assert_eq!(dir_mode(&record), 0o600);
    let good = fs::read(&record).unwrap();
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1;
        fs::write(&record, &bad).unwrap();
        assert_eq!(store.lookup(&digest), None, "byte {i}");
        fs::write(&record, &good[..i]).unwrap();
        assert_eq!(store.lookup(&digest), None, "prefix {i}");
    }
    // The record of another file under this one's name.
    store.remember(&Digest([7; 32]), Validation::Subgroup).unwrap();
    fs::copy(store_at.join(format!("{}.validated", Digest([7; 32]))), &record).unwrap();
    assert_eq!(store.lookup(&digest), None);
    assert_eq!(once(Validation::Subgroup), Outcome::Checked);
    assert_eq!(store.lookup(&digest), Some(Validation::Subgroup));

    // A bad key is never remembered.
    let file = bytes("bn254", "uncontributed.zkey");
    let bad = ZkeyFile::<Bn254>::from_slice("bad", &file).unwrap();
    bad.validate_once(Validation::Structure, &pool, &store).unwrap_err();
    assert_eq!(store.lookup(&bad.digest(&pool)), None);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = ValidatedStore::open(directory.path()).unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::Unsupported(_)), "{error}");
}

#[test]
fn a_rewritten_file_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("k.zkey");
    fs::copy(fixture("bn254", "multiplier.zkey"), &path).unwrap();
    let key = ZkeyFile::<Bn254>::open(&path, Load::Auto).unwrap();
    key.check_unchanged().unwrap();
    let mut longer = fs::read(&path).unwrap();
    longer.push(0);
    fs::write(&path, longer).unwrap();
    assert!(matches!(key.check_unchanged().unwrap_err().kind(), FormatErrorKind::Changed));
}
