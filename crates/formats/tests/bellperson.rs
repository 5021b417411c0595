//! bellperson's parameters: what is read, and that damaged files are refused with a typed error and without a panic.
#![allow(clippy::unwrap_used)]

mod support;

use forebay_formats::{
    BellpersonVk, FormatError, FormatErrorKind, KeyDefect, Load, ParamsFile, Validation, ZkeyFile,
};
use forebay_msm::{AffinePoint, Bls12_381, Curve};
use group::{Group, prime::PrimeCurveAffine};
use support::{Params, bytes, pool, zcash};

type G1 = <Bls12_381 as Curve>::G1Affine;
type G2 = <Bls12_381 as Curve>::G2Affine;

fn validated(file: &[u8], level: Validation) -> Result<(), FormatError> {
    thread_local!(static POOL: rayon::ThreadPool = pool());
    let file = ParamsFile::from_slice("c.params", file)?;
    POOL.with(|pool| file.validate(level, pool))?;
    file.vkey().map(drop)
}

#[track_caller]
fn refused(file: &[u8], level: Validation, expected: &str) -> FormatError {
    let error = validated(file, level).expect_err(expected);
    let message = error.to_string();
    assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    assert!(!message.contains('\n') && message.starts_with("c.params: "), "{message:?}");
    error
}

/// (x, y) on the curve and outside of the subgroup.
fn outside<A: AffinePoint>() -> A {
    // Few points of the curve are in the subgroup: take the first x that has a point, by trying compressed encodings.
    let repr = (1u8..=255).find_map(|i| {
        let mut repr = <A as group::GroupEncoding>::Repr::default();
        let bytes = repr.as_mut();
        let last = bytes.len() - 1;
        bytes[0] = 0x80;
        bytes[last] = i;
        let point: Option<A> = A::from_bytes_unchecked(&repr).into();
        point.filter(|p| p.is_on_curve() && !p.is_in_subgroup())
    });
    repr.unwrap()
}

#[test]
fn reads_counts_points_and_the_verification_key() {
    let params = Params::fixture();
    let file = params.bytes();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.params");
    std::fs::write(&path, &file).unwrap();
    let read = ParamsFile::open(&path, Load::Auto).unwrap();
    let counts = read.counts();
    let lengths = params.parts.each_ref().map(Vec::len);
    assert_eq!(
        [counts.inputs, (1 << counts.domain_log2) - 1, counts.aux, counts.a, counts.b, counts.b],
        lengths
    );
    assert!(counts.b < counts.variables(), "the fixture has variables that are not in B");
    for level in Validation::ALL {
        read.validate(level, &pool()).unwrap();
    }
    let zkey = bytes("bls12-381", "multiplier.zkey");
    let zkey = ZkeyFile::<Bls12_381>::from_slice("k", &zkey).unwrap();
    assert_eq!(*read.points(), zkey.header().points());
    assert_eq!(read.vkey().unwrap(), zkey.vkey().unwrap());

    let end = params.counts_at()[1];
    std::fs::write(&path, &file[..end]).unwrap();
    let vk = BellpersonVk::read(&path).unwrap();
    assert_eq!((vk.verifying_key(), vk.points()), (&zkey.vkey().unwrap(), read.points()));
    for len in 0..end {
        BellpersonVk::from_slice("v", &file[..len]).unwrap_err();
    }
    let error = BellpersonVk::from_slice("v", &file[..end + 1]).unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::Trailing(1)), "{error}");
}

#[test]
fn every_prefix_and_trailing_bytes_are_refused() {
    let file = Params::fixture().bytes();
    for len in 0..file.len() {
        let error = ParamsFile::from_slice("c.params", &file[..len]).unwrap_err();
        assert!(error.section().is_some() && error.offset().is_some(), "{len}: {error}");
        assert!(matches!(error.kind(), FormatErrorKind::Truncated { .. }), "{len}: {error}");
    }
    let longer = [&file[..], &[0]].concat();
    let error = refused(&longer, Validation::Structure, "1 unexpected bytes at the end");
    assert_eq!(error.offset(), Some(file.len() as u64));
}

#[test]
fn no_count_and_no_bit_makes_a_reader_panic() {
    let params = Params::fixture();
    let file = params.bytes();
    let names = ["IC", "h", "l", "a", "b_g1", "b_g2"];
    for (at, name) in params.counts_at().into_iter().zip(names) {
        for count in [u32::MAX, 1 << 31, 1 << 24, 1000] {
            let mut bad = file.clone();
            bad[at..at + 4].copy_from_slice(&count.to_be_bytes());
            let error = refused(&bad, Validation::Structure, "truncated");
            assert_eq!(error.section().unwrap().name, name);
        }
        for count in 0..20u32 {
            let mut bad = file.clone();
            bad[at..at + 4].copy_from_slice(&count.to_be_bytes());
            if bad != file {
                ParamsFile::from_slice("c.params", &bad).unwrap_err();
            }
        }
    }
    let last = file.len() - 1;
    for byte in (0..file.len()).step_by(7).chain([last]) {
        let mut bad = file.clone();
        bad[byte] ^= 1 << (byte % 8);
        assert!(validated(&bad, Validation::OnCurve).is_err(), "byte {byte}");
    }
}

#[test]
fn counts_must_fit_together() {
    let with = |change: fn(&mut Params)| {
        let mut params = Params::fixture();
        change(&mut params);
        params.bytes()
    };
    let level = Validation::Structure;
    refused(&with(|p| p.parts[0].clear()), level, "section 2 (IC), offset 864: points in IC: 0 where 1");
    refused(&with(|p| drop(p.parts[1].pop())), level, "is not a power of two");
    refused(&with(|p| p.parts[3].truncate(1)), level, "section 5 (a)");
    refused(&with(|p| p.parts[3] = vec![p.parts[3][0].clone(); 40]), level, "more than variables");
    refused(&with(|p| p.parts[4] = vec![p.parts[4][0].clone(); 40]), level, "section 6 (b_g1)");
    refused(&with(|p| drop(p.parts[5].pop())), level, "points in b_g2");
}

#[test]
fn every_point_is_checked() {
    let params = Params::fixture();
    for part in 0..6 {
        let last = params.parts[part].len() - 1;
        let with = |point: Vec<u8>| {
            let mut params = params.clone();
            params.parts[part][last] = point;
            params.bytes()
        };
        let good = params.parts[part][last].clone();
        let flagged = |flag: u8| {
            let mut point = good.clone();
            point[0] |= flag;
            with(point)
        };
        let offset = params.counts_at()[part] + 4 + last * good.len();
        let check = |file: Vec<u8>, level: Validation, expected: &str| {
            let error = refused(&file, level, expected);
            let place = (error.section().unwrap().id, error.offset());
            assert_eq!(place, (part as u32 + 2, Some(offset as u64)), "{error}");
        };
        check(flagged(0x80), Validation::Canonical, "is flagged as compressed");
        check(flagged(0x20), Validation::Canonical, "has a sign");
        check(flagged(0x40), Validation::Canonical, "is the point at infinity");
        check(with(vec![0; good.len()]), Validation::Canonical, "is all zeros");
        // x or y plus q, or just all ones below the flags.
        let mut high = good.clone();
        high[0] = 0x1f;
        check(with(high), Validation::Canonical, "coordinates below the modulus");
        let mut modulus = good.clone();
        let q: Vec<u8> = Bls12_381::BASE_MODULUS_LE.iter().rev().copied().collect();
        let y = good.len() / 2;
        modulus[y..y + 48].copy_from_slice(&q);
        check(with(modulus), Validation::Canonical, "coordinates below the modulus");
        let mut off = good.clone();
        off[good.len() - 1] ^= 1;
        check(with(off), Validation::OnCurve, "on the curve");
        let bad = if part == 5 { zcash(&outside::<G2>()) } else { zcash(&outside::<G1>()) };
        check(with(bad.clone()), Validation::Subgroup, "in the subgroup");
        // IC is part of the verification key and always checked in full.
        if part > 0 {
            validated(&with(bad), Validation::OnCurve).unwrap();
        }
    }
}

#[test]
fn unsound_keys_are_refused() {
    let params = Params::fixture();
    let with = |at: usize, point: Vec<u8>| {
        let mut params = params.clone();
        params.points[at..at + point.len()].copy_from_slice(&point);
        params.bytes()
    };
    let two = <Bls12_381 as Curve>::G1::generator() + G1::generator();
    let two = group::Curve::to_affine(&two);
    let defect = |file: Vec<u8>, expected: KeyDefect| {
        let error = validated(&file, Validation::Structure).unwrap_err();
        assert!(matches!(error.kind(), FormatErrorKind::Key(d) if *d == expected), "{error}");
    };
    let delta2 = params.points[672..864].to_vec();
    defect(with(384, delta2), KeyDefect::GammaIsDelta);
    defect(with(96, zcash(&two)), KeyDefect::Mismatch("beta"));
    defect(with(576, zcash(&two)), KeyDefect::Mismatch("delta"));
    let mut infinity = vec![0; 96];
    infinity[0] = 0x40;
    refused(&with(0, infinity), Validation::Structure, "offset 0: alpha1 is the point at infinity");
    refused(&with(0, zcash(&outside::<G1>())), Validation::Structure, "alpha1 fails the check");
    // Zeros without the flag are no point.
    refused(&with(0, vec![0; 96]), Validation::Structure, "alpha1");
}
