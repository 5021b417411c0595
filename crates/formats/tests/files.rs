//! Paths that are no proper files, outputs that fail half-way, secrets, and memory.
#![allow(clippy::unwrap_used)]

mod support;

use forebay_formats::{
    AnyZkey, FormatError, FormatErrorKind, G1Section, Load, Proof, PublicSignals, R1csFile, R1csWriter,
    VerifyingKey, WtnsFile, ZkeyFile, ZkeyWriter,
    atomic::{self, Access, AtomicFile},
    data::{Data, MAP_THRESHOLD},
    detect, write_wtns,
};
use forebay_msm::{Bn254, Curve, SecretVec};
use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};
use support::{bytes, fixture, pool};

type Fr = <Bn254 as Curve>::Fr;

/// What each reader says of a path.
fn all_readers(path: &Path) -> Vec<FormatError> {
    vec![
        R1csFile::open(path, Load::Auto).unwrap_err(),
        R1csFile::open(path, Load::Read).unwrap_err(),
        WtnsFile::open(path).unwrap_err(),
        AnyZkey::open(path, Load::Auto).unwrap_err(),
        ZkeyFile::<Bn254>::open(path, Load::Auto).unwrap_err(),
        VerifyingKey::<Bn254>::read(path).unwrap_err(),
        Proof::<Bn254>::read(path).unwrap_err(),
        PublicSignals::<Bn254>::read(path).unwrap_err(),
        detect(path).unwrap_err(),
    ]
}

#[test]
fn only_regular_files_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let empty = dir.path().join("empty");
    fs::write(&empty, b"").unwrap();
    for (path, what) in [
        (fifo.as_path(), "a FIFO, not a regular file"),
        (dir.path(), "a directory, not a regular file"),
        (Path::new("/dev/zero"), "a device, not a regular file"),
        (&empty, "the file is empty"),
        (&dir.path().join("absent"), "No such file"),
    ] {
        for error in all_readers(path) {
            let message = error.to_string();
            assert!(message.starts_with(&format!("{}: {what}", path.display())), "{message}");
        }
    }
}

#[test]
fn a_large_file_is_mapped_and_a_small_one_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    for (len, mapped) in [(MAP_THRESHOLD - 1, false), (MAP_THRESHOLD, true)] {
        let contents: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        fs::write(&path, &contents).unwrap();
        for (load, mapped) in [(Load::Auto, mapped), (Load::Read, false)] {
            let data = Data::open(&path, load).unwrap();
            assert_eq!((data.is_mapped(), data[..] == contents), (mapped, true));
        }
    }
    // JSON that no honest tool writes is not read at all.
    fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let error = Proof::<Bn254>::read(&path).unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::TooLarge { .. }), "{error}");
}

/// The names in a directory.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn outputs_are_whole_or_absent() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    let mut file = AtomicFile::create(&path, Access::Private).unwrap();
    file.write_all(&[7; 1 << 20]).unwrap();
    assert!(!path.exists());
    drop(file);
    assert_eq!(names(dir.path()), [""; 0], "nothing is left of an abandoned file");

    atomic::write(&path, Access::Private, b"first").unwrap();
    assert_eq!(mode(&path), 0o600);
    let file = AtomicFile::create(&path, Access::Public).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first");
    drop(file);
    assert_eq!(fs::read(&path).unwrap(), b"first", "an abandoned file leaves the old one");
    atomic::write(&path, Access::Public, b"second").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    assert_eq!(mode(&path) & 0o600, 0o600);

    let link = dir.path().join("link");
    symlink(&path, &link).unwrap();
    atomic::write(&link, Access::Public, b"third").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"third");
    assert_eq!(names(dir.path()), ["link", "out"]);

    for (bad, what) in [(Path::new("/dev/null"), "a device"), (dir.path(), "a directory")] {
        let error = atomic::write(bad, Access::Public, b"").unwrap_err();
        assert!(matches!(error.kind(), FormatErrorKind::NotAFile(w) if *w == what), "{error}");
    }
    let absent = dir.path().join("absent/out");
    let error = atomic::write(&absent, Access::Public, b"").unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::Io(_)) && error.file() == absent.display().to_string());
}

#[test]
fn writers_refuse_what_contradicts_the_header() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let misuse = |result: Result<(), FormatError>| {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), FormatErrorKind::Misuse(_)), "{error}");
    };
    let r1cs = bytes("bn254", "multiplier.r1cs");
    let header = *R1csFile::from_slice("r", &r1cs).unwrap().header();
    let one = [(0, Fr::from(1))];
    let out_of_range = [(header.n_wires, Fr::from(1))];
    misuse(R1csWriter::create(&path, &header).unwrap().row::<Fr>([&one, &out_of_range, &[]]));
    misuse(R1csWriter::create(&path, &header).unwrap().finish());
    let mut writer = R1csWriter::create(&path, &header).unwrap();
    for _ in 0..header.n_constraints {
        writer.row::<Fr>([&one, &one, &one]).unwrap();
    }
    misuse(writer.row::<Fr>([&one, &one, &one]));
    drop(writer);
    let mut bad = header;
    bad.n_prv_in = u32::MAX;
    assert!(R1csWriter::create(&path, &bad).is_err());

    let file = bytes("bn254", "multiplier.zkey");
    let key = ZkeyFile::<Bn254>::from_slice("k", &file).unwrap();
    let writer = || ZkeyWriter::create(&path, key.header()).unwrap();
    let mut ic = Vec::new();
    key.ic().copy_into(&mut ic);
    misuse(writer().finish(&[0; 64]));
    misuse(writer().g1(G1Section::Ic, [&ic[1..]]));
    misuse(writer().g1(G1Section::Ic, [&ic, &ic]));
    let mut w = writer();
    w.g1(G1Section::Ic, [&ic]).unwrap();
    misuse(w.g1(G1Section::Ic, [&ic]));
    for (row, wire) in [(8, 0), (0, 8)] {
        let mut c = key.coefficients().iter().next().unwrap().unwrap();
        (c.row, c.wire) = (row, wire);
        misuse(writer().coefficients([c]));
    }
    let mut bad = key.header().clone();
    bad.domain_size = 7;
    assert!(ZkeyWriter::create(&path, &bad).is_err());
    drop(w);
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn witnesses_show_nothing_and_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.wtns");
    let canary = 7301383742345234523u64;
    let witness = SecretVec::from(vec![Fr::from(1), Fr::from(canary)]);
    write_wtns::<Bn254>(&path, &witness).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let file = WtnsFile::open(&path).unwrap();
    let hex = format!("{canary:x}");
    let shown = format!("{file:?}");
    assert!(!shown.contains(&canary.to_string()) && !shown.to_lowercase().contains(&hex), "{shown}");
    // A value that is not reduced: its place is told, the value is not.
    let mut bad = fs::read(&path).unwrap();
    let at = bad.len() - 1;
    bad[at] = 0xff;
    let error = WtnsFile::from_slice("w", &bad).unwrap().witness::<Bn254>(&pool()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "w: section 2 (values), offset 108: value is not below the field's modulus"
    );
    assert!(
        WtnsFile::open(&fixture("bls12-381", "multiplier.wtns")).unwrap().witness::<Bn254>(&pool()).is_err()
    );
}
