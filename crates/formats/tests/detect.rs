//! What a file is, where no magic tells it.
#![allow(clippy::unwrap_used)]

mod support;

use forebay_formats::{FileKind, detect, detect_bytes, explain};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use support::{ArkParts, Params};

/// A file of each kind without magic.
fn files() -> [(FileKind, Vec<u8>); 4] {
    let params = Params::fixture();
    let vk = params.bytes()[..params.counts_at()[1]].to_vec();
    [
        (FileKind::Params, params.bytes()),
        (FileKind::BellpersonVk, vk),
        (FileKind::ArkKey(CurveId::Bls12_381), ArkParts::fixture::<Bls12_381>("bls12-381").bytes()),
        (FileKind::ArkKey(CurveId::Bn254), ArkParts::fixture::<Bn254>("bn254").bytes()),
    ]
}

#[test]
fn layouts_tell_kinds() {
    for (kind, bytes) in files() {
        assert_eq!(detect_bytes(&bytes), kind);
        // Whole files alone have a layout. What is missing is told, of the kind that it comes closest to.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for len in (1..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
            let found = detect_bytes(&bytes[..len]);
            // The verifying part of parameters is a file of its own.
            assert!(
                found == FileKind::Unknown || (kind, found) == (FileKind::Params, FileKind::BellpersonVk)
            );
        }
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(detect(&path).unwrap(), FileKind::Unknown);
        let (closest, error) = explain(&path).unwrap();
        assert!(closest == kind || kind == FileKind::BellpersonVk, "{closest} where it is {kind}");
        assert!(error.section().is_some() && error.offset().is_some(), "{error}");
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(detect(&path).unwrap(), kind);
    }
}

#[test]
fn a_coordinate_may_look_like_text() {
    let mut key = ArkParts::fixture::<Bn254>("bn254").bytes();
    for start in [&b"{"[..], b"[", b"   \n", b" {}\"", b"[1,2"] {
        key[..start.len()].copy_from_slice(start);
        assert_eq!(detect_bytes(&key), FileKind::ArkKey(CurveId::Bn254));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), &key).unwrap();
        assert_eq!(detect(&folder.path().join("key")).unwrap(), FileKind::ArkKey(Bn254::ID));
    }
}
