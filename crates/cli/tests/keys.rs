//! Proving keys of every kind: converted, proved with, verified with, inspected, and refused when damaged.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{fail, files, fixture, forebay, run, succeed};
use forebay_formats::{KeyPoints, Load, ParamsPoints, R1csFile};
use forebay_msm::{Bases, Bls12_381, Bn254};
use forebay_prover::{
    Cancel,
    circuit::R1csSource,
    setup::{Convention, InMemoryKey, development_key},
};
use forebay_reference::ark::{ArkCurve, ArkKey};
use rand_core::OsRng;
use std::{fs, path::Path};

/// A folder with the multiplier's r1cs, witness and snarkjs key, and with an arkworks key of it.
fn keys<C: ArkCurve>() -> (tempfile::TempDir, InMemoryKey<C>) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for name in ["multiplier.r1cs", "multiplier.wtns", "multiplier.zkey"] {
        fs::copy(fixture(C::ID.name(), name), at.join(name)).unwrap();
    }
    let file = R1csFile::open(&at.join("multiplier.r1cs"), Load::Read).unwrap();
    let source = R1csSource::new::<C>(&file).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let convention = Convention::power_basis::<C>();
    let made = development_key::<C>(&source, convention, OsRng, &pool, &Cancel::default()).unwrap();
    fs::write(at.join("multiplier.ark"), ArkKey::<C>::new(&made, &source).key_bytes()).unwrap();
    (folder, made)
}

/// bellperson's files of a key.
fn write_params(at: &Path, key: &InMemoryKey<Bls12_381>) {
    let points = KeyPoints {
        alpha1: key.vkey.alpha1,
        beta1: key.beta1,
        beta2: key.vkey.beta2,
        gamma2: key.vkey.gamma2,
        delta1: key.delta1,
        delta2: key.vkey.delta2,
    };
    let params = ParamsPoints {
        points: &points,
        ic: Bases::from_slice(&key.vkey.ic),
        h: Bases::from_slice(&key.h),
        l: Bases::from_slice(&key.l),
        a: Bases::from_slice(&key.a),
        b1: Bases::from_slice(&key.b1),
        b2: Bases::from_slice(&key.b2),
    };
    params.write_params(&at.join("multiplier.params")).unwrap();
    params.write_vk(&at.join("original.vk")).unwrap();
}

/// Proves with a key, and verifies with each of several.
fn proves(at: &Path, key: &str, verifiers: &[&str]) {
    let r1cs = ["--r1cs", "multiplier.r1cs"];
    let proved = succeed(at, &[&["prove", key, "multiplier.wtns"][..], &r1cs].concat());
    assert_eq!(proved["verified"], true);
    for verifier in verifiers {
        let said = succeed(at, &["verify", verifier, "public.json", "proof.json"]);
        assert_eq!(said["valid"], true, "{verifier}");
    }
}

fn of_snarkjs_and_arkworks<C: ArkCurve>() {
    let (folder, _) = keys::<C>();
    let at = folder.path();
    for (key, kind) in [("multiplier.zkey", "zkey"), ("multiplier.ark", "arkworks")] {
        let made = succeed(at, &["convert", key, "-o", "native.fbk", "--vkey", "native.json", "--force"]);
        assert_eq!(
            (&made["curve"], &made["checked"]),
            (&C::ID.name().into(), &"in the subgroup of order r".into())
        );
        assert!(made["kind"].as_str().unwrap().contains(kind), "{made}");
        assert_eq!(made["bytes"], fs::metadata(at.join("native.fbk")).unwrap().len());
        proves(at, "native.fbk", &["native.fbk", "native.json", key]);
        // The key as it is serves as well; the second time an arkworks key's conversion is remembered.
        proves(at, key, &["native.fbk"]);
        proves(at, key, &["native.fbk"]);

        let seen = succeed(at, &["inspect", "native.fbk"]);
        assert_eq!(
            (&seen["kind"], &seen["facts"]["digest_blake3"]),
            (&"native proving key (fbk)".into(), &made["digest"])
        );
        let source = succeed(at, &["inspect", key]);
        assert_eq!((&source["kind"], &source["facts"]["curve"]), (&made["kind"], &C::ID.name().into()));
        for fact in ["variables", "public_signals", "domain"] {
            assert_eq!(seen["facts"][fact], source["facts"][fact], "{fact}");
        }
        succeed(at, &["export", "vkey", "native.fbk", "-o", "exported.json"]);
        assert_eq!(fs::read(at.join("exported.json")).unwrap(), fs::read(at.join("native.json")).unwrap());
    }
    let without = ["prove", "multiplier.ark", "multiplier.wtns", "--r1cs", "multiplier.r1cs", "--no-cache"];
    succeed(at, &without);
    // The r1cs is where the matrices come from.
    let message = fail(at, 2, &["prove", "native.fbk", "multiplier.wtns"]);
    assert!(message.contains("--r1cs"), "{message}");
    // Points in snarkjs's basis and in the power basis are told apart by what the file says, not by its name.
    let sweep = [
        "sweep",
        "native.fbk",
        "multiplier.wtns",
        "--r1cs",
        "multiplier.r1cs",
        "--partitions",
        "2",
        "--point",
        "2x2",
    ];
    assert!(succeed(at, &sweep)["s_per_proof"].as_f64().unwrap() > 0.0);
}

#[test]
fn of_snarkjs_and_arkworks_on_both_curves() {
    of_snarkjs_and_arkworks::<Bls12_381>();
    of_snarkjs_and_arkworks::<Bn254>();
}

#[test]
fn of_bellperson() {
    let (folder, made) = keys::<Bls12_381>();
    let at = folder.path();
    write_params(at, &made);
    succeed(at, &["compile", "multiplier.r1cs"]);
    // Which variables have points: from the r1cs, or from the compiled circuit.
    for circuit in ["multiplier.r1cs", "multiplier.pce"] {
        let args = ["convert", "multiplier.params", "--circuit", circuit, "--vkey", "native.vk", "--force"];
        let told = succeed(at, &args);
        assert_eq!(
            (&told["kind"], &told["output"]),
            (&"bellperson parameters".into(), &"multiplier.fbk".into())
        );
        assert_eq!(fs::read(at.join("native.vk")).unwrap(), fs::read(at.join("original.vk")).unwrap());
        proves(at, "multiplier.fbk", &["multiplier.fbk", "native.vk", "multiplier.params"]);
    }
    for (file, kind) in
        [("multiplier.params", "bellperson parameters"), ("native.vk", "bellperson verification key")]
    {
        let seen = succeed(at, &["inspect", file]);
        assert_eq!((&seen["kind"], &seen["facts"]["curve"]), (&kind.into(), &"bls12-381".into()));
        assert_eq!(seen["facts"]["public_signals"], 2);
    }
    let message = fail(at, 2, &["convert", "multiplier.params", "-o", "other.fbk"]);
    assert!(message.contains("--circuit"), "{message}");
    let message =
        fail(at, 3, &["prove", "multiplier.params", "multiplier.wtns", "--r1cs", "multiplier.r1cs"]);
    assert!(message.contains("forebay convert"), "{message}");
    // A circuit with other variables, on another curve, or none at all.
    let other = fixture("bn254", "multiplier.r1cs").display().to_string();
    for circuit in [other.as_str(), "multiplier.wtns", "multiplier.params"] {
        fail(at, 3, &["convert", "multiplier.params", "-o", "other.fbk", "--circuit", circuit]);
    }
    assert!(!at.join("other.fbk").exists());
}

#[test]
fn nothing_is_replaced_unasked() {
    let (folder, _) = keys::<Bn254>();
    let at = folder.path();
    for (args, complaint) in [
        (&["-o", "multiplier.zkey", "--force"][..], "is the key itself"),
        (&["-o", "multiplier.wtns"], "--force"),
        (&["-o", "new.fbk", "--vkey", "multiplier.wtns"], "--force"),
        (&["-o", "new.fbk", "--vkey", "new.vk"], "bls12-381"),
        (&["-o", "absent/new.fbk"], "absent"),
    ] {
        let before = files(at);
        let status = if complaint == "absent" { 6 } else { 2 };
        let message = fail(at, status, &[&["convert", "multiplier.zkey"][..], args].concat());
        assert!(message.contains(complaint), "{message}");
        assert_eq!(files(at), before);
    }
    succeed(at, &["convert", "multiplier.zkey"]);
    let message = fail(at, 2, &["convert", "multiplier.zkey"]);
    assert!(message.contains("multiplier.fbk") && message.contains("--force"), "{message}");
    let message = fail(at, 2, &["convert", "multiplier.fbk", "-o", "again.fbk"]);
    assert!(message.contains("already"), "{message}");
    // An uncontributed key is no better as a native one.
    let forgeable = fixture("bn254", "uncontributed.zkey").display().to_string();
    let message = fail(at, 3, &["convert", &forgeable, "-o", "again.fbk"]);
    assert!(message.contains("gamma"), "{message}");
    fail(at, 3, &["convert", "multiplier.wtns", "-o", "again.fbk"]);
    assert!(!at.join("again.fbk").exists());
}

#[test]
fn damaged_keys_are_refused_with_section_and_offset() {
    let (folder, made) = keys::<Bls12_381>();
    let at = folder.path();
    write_params(at, &made);
    succeed(at, &["convert", "multiplier.zkey", "-o", "native.fbk"]);
    for name in ["multiplier.zkey", "multiplier.ark", "multiplier.params", "native.fbk"] {
        let whole = fs::read(at.join(name)).unwrap();
        let commands: [&[&str]; 4] = [
            &["convert", name, "-o", "out.fbk", "--circuit", "multiplier.r1cs"],
            &["inspect", name],
            &["verify", name, "public.json", "proof.json"],
            &["prove", name, "multiplier.wtns", "--r1cs", "multiplier.r1cs"],
        ];
        for keep in [0, 3, 100, whole.len() / 2, whole.len() - 1] {
            fs::write(at.join(name), &whole[..keep]).unwrap();
            for args in commands {
                let message = fail(at, 3, args);
                assert!(message.contains(name), "{message}");
                assert!(keep < 4 || message.contains("offset"), "{args:?} of {keep} bytes: {message}");
            }
        }
        // A coordinate of a point: somewhere in the middle, or in the last section of a native key, whose middle is a gap. `verify`
        // reads the verifying part alone.
        let mut bad = whole.clone();
        bad[if name == "native.fbk" { whole.len() - 10 } else { whole.len() / 2 }] ^= 1;
        fs::write(at.join(name), &bad).unwrap();
        for args in commands.into_iter().take(2) {
            let message = if name == "native.fbk" && args[0] == "convert" {
                fail(at, 2, args)
            } else {
                let message = fail(at, 3, args);
                assert!(message.contains("section") && message.contains("offset"), "{message}");
                message
            };
            assert!(message.contains(name), "{message}");
        }
        fs::write(at.join(name), &whole).unwrap();
        assert!(!at.join("out.fbk").exists());
    }
    // A key of one curve is none of the other, whatever it is called.
    let output = run(at, &["inspect", "multiplier.ark"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("bls12-381"));
    assert_eq!(forebay(at).args(["convert", "absent.ark"]).output().unwrap().status.code(), Some(6));
}
