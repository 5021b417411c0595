//! Native keys: what is written is read; damaged files are refused with a typed error and without a panic.
#![allow(clippy::unwrap_used)]

mod support;

use forebay_formats::{
    Densities, Density, FormatError, FormatErrorKind, KeyDefect, KeyPoints, Load, NativeHeader,
    NativeKeyFile, NativeKeyWriter, NativePart, Outcome, ParamsFile, ParamsPoints, ValidatedStore,
    Validation, ZkeyFile,
};
use forebay_msm::{
    AffinePoint, Bases, Bls12_381, Bn254, Curve,
    backend::{DomainSpec, QuotientBasis, RootGenerator},
};
use group::prime::PrimeCurveAffine;
use std::path::{Path, PathBuf};
use support::{Params, bytes, pool};

fn header<C: Curve>(zkey: &ZkeyFile<'_, C>) -> NativeHeader {
    let h = zkey.header();
    NativeHeader {
        num_variables: h.n_vars,
        num_public: h.n_public,
        domain: DomainSpec { log_n: h.domain_log2(), generator: RootGenerator::SNARKJS },
        basis: QuotientBasis::OddCosetLagrange,
    }
}

/// Writes the snarkjs fixture as a native key, with `points` for its own.
fn write<C: Curve>(path: &Path, zkey: &ZkeyFile<'_, C>, points: &KeyPoints<C>) -> Result<(), FormatError> {
    let mut out = NativeKeyWriter::<C>::create(path, header(zkey), points)?;
    // In another order than the file's.
    out.b2(|sink| sink.push(zkey.b2()))?;
    out.g1(NativePart::H, |sink| sink.push(zkey.h()))?;
    out.g1(NativePart::Ic, |sink| sink.push(zkey.ic()))?;
    out.g1(NativePart::A, |sink| {
        let all = zkey.a();
        (0..all.len()).try_for_each(|i| sink.push(all.slice(i..i + 1)))
    })?;
    out.g1(NativePart::B1, |sink| sink.push(zkey.b1()))?;
    out.g1(NativePart::L, |sink| sink.push(zkey.c()))?;
    out.finish()
}

fn fixture<C: Curve>(dir: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k.fbk");
    let file = bytes(dir, "multiplier.zkey");
    let zkey = ZkeyFile::<C>::from_slice("z", &file).unwrap();
    write(&path, &zkey, &zkey.header().points()).unwrap();
    std::fs::read(&path).unwrap()
}

fn validated<C: Curve>(file: &[u8], level: Validation) -> Result<(), FormatError> {
    thread_local!(static POOL: rayon::ThreadPool = pool());
    let key = NativeKeyFile::<C>::from_slice("k.fbk", file)?;
    POOL.with(|pool| key.validate(level, pool))?;
    key.vkey().map(drop)
}

#[track_caller]
fn refused<C: Curve>(file: &[u8], expected: &str) -> FormatError {
    let error = validated::<C>(file, Validation::Subgroup).expect_err(expected);
    let message = error.to_string();
    assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    assert!(!message.contains('\n') && message.starts_with("k.fbk: "), "{message:?}");
    error
}

/// Where a section starts and ends, by the file's own table.
fn section(file: &[u8], id: usize) -> std::ops::Range<usize> {
    let row = 48 + 56 * (id - 1);
    let u64_at = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
    u64_at(row + 8)..u64_at(row + 8) + u64_at(row + 16)
}

/// Overwrites bytes of the header and makes its digest right again.
fn resealed(file: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + new.len()].copy_from_slice(new);
    let digest = blake3::hash(&file[..440]);
    file[440..472].copy_from_slice(digest.as_bytes());
    file
}

/// Overwrites bytes of a section and makes all digests right again.
fn resealed_in(file: &[u8], id: usize, at: usize, new: &[u8]) -> Vec<u8> {
    let range = section(file, id);
    let mut file = file.to_vec();
    file[range.start + at..range.start + at + new.len()].copy_from_slice(new);
    let digest = blake3::hash(&file[range]);
    resealed(&file, 48 + 56 * (id - 1) + 24, digest.as_bytes())
}

fn reads_what_was_written<C: Curve>(dir: &str) {
    let file = fixture::<C>(dir);
    for level in Validation::ALL {
        validated::<C>(&file, level).unwrap();
    }
    let key = NativeKeyFile::<C>::from_slice("k", &file).unwrap();
    let zkey = bytes(dir, "multiplier.zkey");
    let zkey = ZkeyFile::<C>::from_slice("z", &zkey).unwrap();
    assert_eq!(*key.header(), header(&zkey));
    assert_eq!(*key.points(), zkey.header().points());
    assert_eq!(key.vkey().unwrap(), zkey.vkey().unwrap());
    for (ours, theirs) in [
        (key.ic(), zkey.ic()),
        (key.a(), zkey.a()),
        (key.b1(), zkey.b1()),
        (key.l(), zkey.c()),
        (key.h(), zkey.h()),
    ] {
        assert_eq!(ours.as_bytes(), theirs.as_bytes());
    }
    assert_eq!(key.b2().as_bytes(), zkey.b2().as_bytes());
    assert!((1..=7).all(|id| section(&file, id).start.is_multiple_of(4096)));
    assert_eq!(section(&file, 7).end, file.len());
    assert_eq!(forebay_formats::native::native_curve("k", &file).unwrap(), C::ID);
}

#[test]
fn what_is_written_is_read() {
    reads_what_was_written::<Bls12_381>("bls12-381");
    reads_what_was_written::<Bn254>("bn254");
}

#[test]
fn every_prefix_and_every_changed_byte_is_refused() {
    let file = fixture::<Bn254>("bn254");
    let key = |file: &[u8]| NativeKeyFile::<Bn254>::from_slice("k.fbk", file).map(drop);
    let near = (1..=7).flat_map(|id| [section(&file, id).start, section(&file, id).end]);
    let near: Vec<_> = near.flat_map(|at| at - 1..at + 2).collect();
    for len in (0..file.len()).filter(|len| *len < 500 || len % 97 == 0 || near.contains(len)) {
        key(&file[..len]).expect_err("a prefix");
    }
    let error = refused::<Bn254>(&[&file[..], &[0]].concat(), "1 unexpected bytes at the end");
    assert_eq!(error.offset(), Some(file.len() as u64));
    let error = refused::<Bn254>(&file[..file.len() - 1], "truncated: 1 bytes are needed and 0 are left");
    assert_eq!(error.offset(), Some(file.len() as u64 - 1));
    // Header, gaps and sections: no byte can change.
    for byte in 0..file.len() {
        let mut bad = file.clone();
        bad[byte] ^= 1 << (byte % 8);
        assert!(validated::<Bn254>(&bad, Validation::Structure).is_err(), "byte {byte}");
    }
}

#[test]
fn a_header_with_a_right_digest_is_checked_too() {
    let file = fixture::<Bls12_381>("bls12-381");
    let refused =
        |at: usize, new: &[u8], expected: &str| refused::<Bls12_381>(&resealed(&file, at, new), expected);
    refused(0, b"nope", "not a fbpk file");
    refused(4, &9u32.to_le_bytes(), "offset 4: version 9 is not supported (only 1)");
    refused(8, &7u32.to_le_bytes(), "offset 8: the number of the curve is of no known curve");
    refused(8, &2u32.to_le_bytes(), "the file is for bn254, not for bls12-381");
    refused(12, &3u32.to_le_bytes(), "the basis is neither 1 nor 2");
    for square in [0u64, 1, 4, u64::MAX] {
        let bad = resealed(&file, 16, &square.to_le_bytes());
        let outcome = validated::<Bls12_381>(&bad, Validation::Structure);
        assert!(outcome.is_err() || square == u64::MAX, "{square}");
    }
    for log_n in [0, 5, 31, 32, 33, 63, 64, u32::MAX] {
        validated::<Bls12_381>(&resealed(&file, 24, &u32::to_le_bytes(log_n)), Validation::Structure)
            .unwrap_err();
    }
    refused(24, &u32::MAX.to_le_bytes(), "the largest that the field allows");
    for count in [0, 1, 7, 1 << 20, u32::MAX] {
        for at in [28, 32] {
            let bad = resealed(&file, at, &u32::to_le_bytes(count));
            if bad != file {
                validated::<Bls12_381>(&bad, Validation::Structure).unwrap_err();
            }
        }
    }
    refused(32, &u32::MAX.to_le_bytes(), "more public variables than variables");
    refused(36, &6u32.to_le_bytes(), "sections: 6 where 7 follows");
    refused(40, &[1], "its reserved bytes are not zero");
    for id in 1..=7usize {
        let row = 48 + 56 * (id - 1);
        refused(row, &9u32.to_le_bytes(), "the table's sections are not in order");
        for bad in [0, 64, u64::MAX, 1 << 63] {
            let error = refused(row + 8, &bad.to_le_bytes(), "offset: ");
            assert_eq!(error.section().unwrap().id as usize, id);
            refused(row + 16, &bad.to_le_bytes(), "bytes where the header asks for");
        }
        let error = refused(row + 24, &[0; 32], "the section does not match its digest");
        assert_eq!(error.offset(), Some(section(&file, id).start as u64));
    }
}

fn points_are_checked<C: Curve>(dir: &str) {
    let file = fixture::<C>(dir);
    for id in 2..=7usize {
        let size = if id == 5 { C::G2Affine::BYTES } else { C::G1Affine::BYTES };
        let range = section(&file, id);
        // A point that is not infinity.
        let at = (range.len() / size - 2..range.len() / size).rev().map(|i| i * size);
        let at = at.chain([size, 0]).find(|at| file[range.start + at] != 0).unwrap();
        let bad = resealed_in(&file, id, at + size - 1, &[0xff]);
        let error = refused::<C>(&bad, "coordinates below the modulus");
        assert_eq!(
            (error.section().unwrap().id as usize, error.offset()),
            (id, Some((range.start + at) as u64))
        );
        assert!(id == 2 || validated::<C>(&bad, Validation::Structure).is_ok());
        let bad = resealed_in(&file, id, at, &[file[range.start + at] ^ 1]);
        let error = refused::<C>(&bad, "on the curve");
        assert_eq!(
            (error.section().unwrap().id as usize, error.offset()),
            (id, Some((range.start + at) as u64))
        );
    }
}

#[test]
fn every_point_is_checked() {
    points_are_checked::<Bls12_381>("bls12-381");
    points_are_checked::<Bn254>("bn254");
}

#[test]
fn unsound_and_foreign_points_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k.fbk");
    let file = bytes("bls12-381", "multiplier.zkey");
    let zkey = ZkeyFile::<Bls12_381>::from_slice("z", &file).unwrap();
    let check = |change: fn(&mut KeyPoints<Bls12_381>), expected: KeyDefect| {
        let mut points = zkey.header().points();
        change(&mut points);
        write(&path, &zkey, &points).unwrap();
        let error =
            validated::<Bls12_381>(&std::fs::read(&path).unwrap(), Validation::Structure).unwrap_err();
        assert!(matches!(error.kind(), FormatErrorKind::Key(d) if *d == expected), "{error}");
    };
    check(|p| p.delta2 = p.gamma2, KeyDefect::GammaIsDelta);
    check(|p| p.beta1 = p.alpha1, KeyDefect::Mismatch("beta"));
    check(|p| p.delta1 = p.alpha1, KeyDefect::Mismatch("delta"));
    check(|p| p.alpha1 = PrimeCurveAffine::identity(), KeyDefect::Identity("alpha1"));
    // On the curve, and of another order than r.
    let outside = (1u8..=255).find_map(|i| {
        let mut x = [0; 48];
        (x[0], x[47]) = (0x80, i);
        let p: Option<blstrs::G1Affine> = blstrs::G1Affine::from_compressed_unchecked(&x).into();
        p.filter(|p| AffinePoint::is_on_curve(p) && !p.is_in_subgroup())
    });
    let good = fixture::<Bls12_381>("bls12-381");
    for id in [3, 4, 6, 7] {
        let bad = resealed_in(&good, id, 96, outside.unwrap().as_raw_bytes());
        let error = refused::<Bls12_381>(&bad, "point 1 fails the check \"in the subgroup");
        assert_eq!(error.section().unwrap().id, id as u32);
        validated::<Bls12_381>(&bad, Validation::OnCurve).unwrap();
    }
}

#[test]
fn writers_refuse_what_contradicts_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k.fbk");
    let file = bytes("bn254", "multiplier.zkey");
    let zkey = ZkeyFile::<Bn254>::from_slice("z", &file).unwrap();
    let new = || NativeKeyWriter::<Bn254>::create(&path, header(&zkey), &zkey.header().points()).unwrap();
    let misuse = |result: Result<(), FormatError>| {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), FormatErrorKind::Misuse(_)), "{error}");
    };
    misuse(new().finish());
    misuse(new().g1(NativePart::A, |sink| sink.push(zkey.ic())));
    misuse(new().g1(NativePart::Ic, |sink| sink.push(zkey.a())));
    let mut out = new();
    out.g1(NativePart::A, |sink| sink.push(zkey.a())).unwrap();
    misuse(out.g1(NativePart::A, |sink| sink.push(zkey.a())));
    drop(out);
    let mut bad = header(&zkey);
    bad.num_public = bad.num_variables;
    assert!(NativeKeyWriter::<Bn254>::create(&path, bad, &zkey.header().points()).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

/// The densities of the fixture, from the infinities of its zkey.
fn densities(zkey: &ZkeyFile<'_, Bls12_381>) -> Densities {
    let dense = |points: Bases<'_, blstrs::G1Affine>| {
        Density::from_fn(points.len(), |i| !bool::from(points.get(i).is_identity()))
    };
    Densities { a: dense(zkey.a()), b: dense(zkey.b1()) }
}

fn converted(folder: &Path) -> PathBuf {
    let path = folder.join("k.fbk");
    let file = bytes("bls12-381", "multiplier.zkey");
    let zkey = ZkeyFile::<Bls12_381>::from_slice("z", &file).unwrap();
    let params = Params::fixture().bytes();
    let params = ParamsFile::from_slice("p", &params).unwrap();
    params.write_native(&path, &densities(&zkey), Validation::Subgroup, &pool()).unwrap();
    let key = NativeKeyFile::<Bls12_381>::open(&path, Load::Auto).unwrap();
    assert_eq!(key.a().as_bytes(), zkey.a().as_bytes());
    assert_eq!(key.b1().as_bytes(), zkey.b1().as_bytes());
    assert_eq!(key.b2().as_bytes(), zkey.b2().as_bytes());
    assert_eq!(key.l().as_bytes(), zkey.c().as_bytes());
    path
}

#[test]
fn parameters_are_converted_and_infinities_put_back() {
    let folder = tempfile::tempdir().unwrap();
    converted(folder.path());
    // Densities that are not the key's: nothing is written.
    let file = bytes("bls12-381", "multiplier.zkey");
    let zkey = ZkeyFile::<Bls12_381>::from_slice("z", &file).unwrap();
    let params = Params::fixture().bytes();
    let params = ParamsFile::from_slice("p", &params).unwrap();
    let good = densities(&zkey);
    let n = good.a.variables();
    // As many variables, but not the inputs.
    let last = Density::from_fn(n, |i| i >= n - good.a.count());
    assert!(last != good.a);
    for (a, b) in [
        (Density::none(n), good.b.clone()),
        (good.a.clone(), Density::from_fn(n, |_| true)),
        (Density::none(n + 1), good.b.clone()),
        (good.a.clone(), Density::none(n - 1)),
        (last, good.b.clone()),
    ] {
        let path = folder.path().join("bad.fbk");
        let result = params.write_native(&path, &Densities { a, b }, Validation::Canonical, &pool());
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), FormatErrorKind::Count { .. }), "{error}");
        assert!(!path.exists());
    }
}

#[test]
fn a_native_key_becomes_the_parameters_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let key = NativeKeyFile::<Bls12_381>::open(&converted(folder.path()), Load::Auto).unwrap();
    let (params, vk) = (folder.path().join("k.params"), folder.path().join("k.vk"));
    let points = |a| ParamsPoints {
        points: key.points(),
        ic: key.ic(),
        h: key.h(),
        l: key.l(),
        a,
        b1: key.b1(),
        b2: key.b2(),
    };
    points(key.a()).write_params(&params).unwrap();
    points(key.a()).write_vk(&vk).unwrap();
    let expected = Params::fixture().bytes();
    let written = std::fs::read(&params).unwrap();
    assert!(written == expected, "{} and {} bytes", written.len(), expected.len());
    let vk = std::fs::read(&vk).unwrap();
    assert_eq!(vk, expected[..vk.len()]);
    let digest = ParamsFile::from_slice("p", &expected).unwrap().verifying_digest();
    assert_eq!(digest.0, *blake3::hash(&vk).as_bytes());
    // Infinity has no encoding, so it can only be left out where that is understood.
    let infinity = [blstrs::G1Affine::identity()];
    let bad = ParamsPoints { l: Bases::from_slice(&infinity), ..points(key.a()) };
    let error = bad.write_params(&folder.path().join("bad")).unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::Unsupported(_)) && !folder.path().join("bad").exists());
}

#[test]
fn a_settled_file_is_checked_once_and_a_changed_one_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = converted(folder.path());
    let store = ValidatedStore::open(&folder.path().join("store")).unwrap();
    let once = |level| {
        let key = NativeKeyFile::<Bls12_381>::open(&path, Load::Auto).unwrap();
        key.validate_once(level, &pool(), &store)
    };
    let settle = || std::thread::sleep(std::time::Duration::from_millis(2100));
    // Just written: it could change again within the clock's step.
    assert_eq!(once(Validation::OnCurve).unwrap(), Outcome::Checked);
    settle();
    assert_eq!(once(Validation::OnCurve).unwrap(), Outcome::Checked);
    assert_eq!(once(Validation::OnCurve).unwrap(), Outcome::Remembered);
    assert_eq!(once(Validation::Subgroup).unwrap(), Outcome::Checked, "a higher level");
    assert_eq!(once(Validation::OnCurve).unwrap(), Outcome::Remembered, "a lower one");
    // Damaged in place, with the old modification time put back.
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let mut damaged = std::fs::read(&path).unwrap();
    let at = section(&damaged, 7).start;
    damaged[at] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    settle();
    let error = once(Validation::Structure).unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::Digest("section")), "{error}");
    // Bytes have no identity.
    let bytes = fixture::<Bls12_381>("bls12-381");
    let key = NativeKeyFile::<Bls12_381>::from_slice("k", &bytes).unwrap();
    for _ in 0..2 {
        assert_eq!(key.validate_once(Validation::Structure, &pool(), &store).unwrap(), Outcome::Checked);
    }
}
