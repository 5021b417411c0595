//! What each command does on good input: a small circuit that snarkjs set up, on both curves.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{fail, files, fixture, forebay, run, succeed};
use serde_json::Value;
use std::{fs, path::Path};

const CURVES: [&str; 2] = ["bls12-381", "bn254"];

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_key_and_a_witness_of_others_make_a_proof() {
    for curve in CURVES {
        let folder = tempfile::tempdir().unwrap();
        let [zkey, wtns, vkey, r1cs] = ["multiplier.zkey", "multiplier.wtns", "vkey.json", "multiplier.r1cs"]
            .map(|name| text(&fixture(curve, name)));
        let first = succeed(folder.path(), &["prove", &zkey, &wtns]);
        assert_eq!(first["verified"], true);
        assert_eq!(first["key_checks_remembered"], false);
        assert_eq!(first["circuit"], "compiled, kept for the next time");
        let valid = succeed(folder.path(), &["verify", &vkey, "public.json", "proof.json"]);
        assert_eq!((&valid["valid"], &valid["curve"]), (&Value::Bool(true), &Value::from(curve)));
        // A zkey serves to verify as well.
        succeed(folder.path(), &["verify", &zkey, "public.json", "proof.json"]);
        // And snarkjs's own proof of the same statement.
        let [public, proof] = ["public.json", "proof.json"].map(|name| text(&fixture(curve, name)));
        succeed(folder.path(), &["verify", &vkey, &public, &proof]);
        assert_eq!(
            fs::read_to_string(folder.path().join("public.json"))
                .unwrap()
                .split_whitespace()
                .collect::<String>(),
            fs::read_to_string(public).unwrap().split_whitespace().collect::<String>()
        );

        // The second time everything is remembered, and the proof is another one.
        let before = fs::read(folder.path().join("proof.json")).unwrap();
        let second =
            succeed(folder.path(), &["prove", &zkey, &wtns, "-o", "two.json", "-p", "two.public.json"]);
        assert_eq!(second["key_checks_remembered"], true);
        assert_eq!(second["circuit"], "from the cache");
        assert_ne!(before, fs::read(folder.path().join("two.json")).unwrap(), "fresh blinding");

        // With the r1cs, with no cache, with one thread.
        let third =
            succeed(folder.path(), &["prove", &zkey, &wtns, "--r1cs", &r1cs, "--no-cache", "--threads", "1"]);
        assert_eq!(third["circuit"], "compiled, not kept");
        assert!(third["stages_s"]["check"].is_number(), "with C the witness is checked");
        succeed(folder.path(), &["verify", &vkey, "public.json", "proof.json"]);
        assert_eq!(files(folder.path()), ["proof.json", "public.json", "two.json", "two.public.json"]);
    }
}

#[test]
fn setup_compile_export_and_inspect() {
    for curve in CURVES {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::copy(fixture(curve, "multiplier.r1cs"), at.join("c.r1cs")).unwrap();
        let wtns = text(&fixture(curve, "multiplier.wtns"));
        let made = succeed(at, &["setup", "c.r1cs"]);
        assert_eq!(made["insecure"], true);
        assert_eq!(made["key"], "c.INSECURE-DEV.zkey");
        let words = run(at, &["dev-setup", "c.r1cs", "-o", "again.zkey"]);
        assert!(String::from_utf8(words.stdout).unwrap().contains("Never use it in production"));
        succeed(at, &["prove", "c.INSECURE-DEV.zkey", &wtns, "--r1cs", "c.r1cs"]);
        succeed(at, &["verify", "c.INSECURE-DEV.vkey.json", "public.json", "proof.json"]);
        // Another setup's key does not accept it.
        fail(at, 5, &["verify", "again.vkey.json", "public.json", "proof.json"]);

        succeed(at, &["export", "vkey", "c.INSECURE-DEV.zkey", "-o", "exported.json"]);
        assert_eq!(
            fs::read(at.join("exported.json")).unwrap(),
            fs::read(at.join("c.INSECURE-DEV.vkey.json")).unwrap()
        );
        let compiled = succeed(at, &["compile", "c.r1cs"]);
        assert_eq!(compiled["has_c"], true);
        assert_eq!(succeed(at, &["compile", "c.INSECURE-DEV.zkey", "-o", "k.pce"])["has_c"], false);

        for (file, kind, fact) in [
            ("c.r1cs", "r1cs constraint system", "constraints"),
            ("c.INSECURE-DEV.zkey", "zkey proving key", "domain"),
            ("c.pce", "compiled circuit", "source_digest"),
            ("exported.json", "verification key (JSON)", "public_signals"),
            ("proof.json", "proof (JSON)", "points"),
            ("public.json", "public signals (JSON)", "signals"),
        ] {
            let seen = succeed(at, &["inspect", file]);
            assert_eq!(seen["kind"], kind);
            assert!(!seen["facts"][fact].is_null(), "{file}: {seen}");
        }
        assert_eq!(succeed(at, &["inspect", &wtns])["facts"]["curve"], curve);
    }
}

#[test]
fn settings_come_from_the_file_and_the_command_line_wins() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let [zkey, wtns] = ["multiplier.zkey", "multiplier.wtns"].map(|name| text(&fixture("bn254", name)));
    fs::write(at.join("forebay.toml"), "threads = 1\nvalidation = \"structure\"\n[cache]\nenabled = false\n")
        .unwrap();
    let out = succeed(at, &["prove", &zkey, &wtns]);
    assert_eq!(out["circuit"], "compiled, not kept");
    fs::write(at.join("other.toml"), "threads = 2\n").unwrap();
    let out = succeed(at, &["prove", &zkey, &wtns, "--config", "other.toml", "--threads", "1"]);
    assert_eq!(out["circuit"], "compiled, kept for the next time");

    for (content, complaint) in [
        ("threds = 1", "unknown field `threds`"),
        ("threads = -1", "line 1"),
        ("threads = 5000", "at most 4096"),
        ("[cache]\nenabled = 3", "line 2"),
    ] {
        fs::write(at.join("bad.toml"), content).unwrap();
        let message = fail(at, 2, &["prove", &zkey, &wtns, "--config", "bad.toml"]);
        assert!(message.contains(complaint), "{message}");
    }
    fail(at, 2, &["inspect", &zkey, "--config", "absent.toml"]);
}

#[test]
fn completions_and_help() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(folder.path(), &["completions", shell]);
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains("inspect"));
    }
    let help = forebay(folder.path()).arg("--help").output().unwrap();
    assert!(String::from_utf8(help.stdout).unwrap().contains("Exit status"));
    assert_eq!(run(folder.path(), &["prove"]).status.code(), Some(2));
}

#[test]
fn the_demo_needs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let out = succeed(at, &["demo", "--output", "demo"]);
    assert_eq!(out["curves"].as_array().unwrap().len(), 2);
    for curve in CURVES {
        let demo = at.join("demo").join(curve);
        let [vkey, zkey, wasm, input] = [
            "verification_key.json",
            "membership.INSECURE-DEV.zkey",
            "membership.wasm",
            "member-2.input.json",
        ]
        .map(|name| text(&demo.join(name)));
        for member in ["member-1", "member-2", "member-3"] {
            let [public, proof] =
                ["public", "proof"].map(|what| text(&demo.join(format!("{member}.{what}.json"))));
            succeed(at, &["verify", &vkey, &public, &proof]);
        }
        // What the demo suggests to try next.
        succeed(at, &["prove", &zkey, "--wasm", &wasm, "--input", &input]);
        succeed(at, &["verify", &vkey, "public.json", "proof.json"]);
        assert_eq!(succeed(at, &["inspect", &wasm])["facts"]["curve"], curve);
    }
}
