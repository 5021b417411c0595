//! Bad input and faults: one clear line, a distinct status, nothing half written, nothing of a witness.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{fail, files, fixture, forebay, succeed};
use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A folder with the multiplier's files on BN254.
fn multiplier() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in
        ["multiplier.r1cs", "multiplier.wtns", "multiplier.zkey", "vkey.json", "proof.json", "public.json"]
    {
        fs::copy(fixture("bn254", name), folder.path().join(name)).unwrap();
    }
    folder
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn files_that_do_not_belong_together() {
    let folder = multiplier();
    let at = folder.path();
    let before = files(at);
    let other = |name| text(&fixture("bls12-381", name));
    let out = ["-o", "p.json", "-p", "q.json"];
    let prove =
        |args: &[&str]| [&["prove"], args, &out].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();

    let message = fail(at, 3, &prove(&["multiplier.zkey", &other("multiplier.wtns")]));
    assert!(message.contains("multiplier.wtns") && message.contains("bls12-381"), "{message}");
    let message =
        fail(at, 3, &prove(&["multiplier.zkey", "multiplier.wtns", "--r1cs", &other("multiplier.r1cs")]));
    assert!(message.contains("multiplier.r1cs"), "{message}");
    // A key without a contribution has γ = δ: forgeable.
    let message = fail(at, 3, &prove(&[&text(&fixture("bn254", "uncontributed.zkey")), "multiplier.wtns"]));
    assert!(message.contains("gamma") || message.contains("γ"), "{message}");
    // Files given in each other's places.
    fail(at, 3, &prove(&["multiplier.wtns", "multiplier.zkey"]));
    fail(at, 3, &["verify", "vkey.json", "proof.json", "public.json"]);
    fail(at, 3, &["inspect", "cache/.."]);
    assert_eq!(files(at), before, "nothing was written");
}

#[test]
fn truncated_and_corrupt_files_name_section_and_offset() {
    let folder = multiplier();
    let at = folder.path();
    for (name, args) in [
        ("multiplier.zkey", ["prove", "multiplier.zkey", "multiplier.wtns"].as_slice()),
        ("multiplier.wtns", &["prove", "multiplier.zkey", "multiplier.wtns"]),
        ("multiplier.r1cs", &["prove", "multiplier.zkey", "multiplier.wtns", "--r1cs", "multiplier.r1cs"]),
        ("multiplier.r1cs", &["setup", "multiplier.r1cs"]),
        ("multiplier.r1cs", &["compile", "multiplier.r1cs"]),
        ("vkey.json", &["verify", "vkey.json", "public.json", "proof.json"]),
        ("proof.json", &["verify", "vkey.json", "public.json", "proof.json"]),
        ("public.json", &["verify", "vkey.json", "public.json", "proof.json"]),
    ] {
        let whole = fs::read(at.join(name)).unwrap();
        let before = files(at);
        for keep in [0, 3, whole.len() / 2, whole.len() - 1] {
            fs::write(at.join(name), &whole[..keep]).unwrap();
            let message = fail(at, 3, args);
            assert!(message.contains(name), "{message}");
        }
        fs::write(at.join(name), &whole).unwrap();
        assert_eq!(files(at), before, "nothing was written");
    }
    // A point of the key moved off its curve, in the last section of points.
    change(&at.join("multiplier.zkey"), |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let message = fail(at, 3, &["inspect", "multiplier.zkey"]);
    assert!(message.contains("section") && message.contains("offset"), "{message}");
    fail(at, 3, &["prove", "multiplier.zkey", "multiplier.wtns"]);
}

#[test]
fn a_witness_that_does_not_satisfy_is_refused() {
    let folder = multiplier();
    let at = folder.path();
    // The last value of the witness, least significant byte.
    change(&at.join("multiplier.wtns"), |bytes| {
        let last = bytes.len() - 32;
        bytes[last] ^= 1;
    });
    let with = fail(at, 4, &["prove", "multiplier.zkey", "multiplier.wtns", "--r1cs", "multiplier.r1cs"]);
    assert!(with.contains("constraint"), "{with}");
    let without =
        fail(at, 4, &["prove", "multiplier.zkey", "multiplier.wtns", "-o", "p.json", "-p", "q.json"]);
    assert!(without.contains("r1cs"), "says what to give to learn more: {without}");
    assert!(!files(at).contains(&"p.json".to_owned()));
}

#[test]
fn a_proof_or_signal_that_was_changed_is_invalid() {
    let folder = multiplier();
    let at = folder.path();
    succeed(at, &["verify", "vkey.json", "public.json", "proof.json"]);
    let message = {
        let public: Vec<String> = serde_json::from_slice(&fs::read(at.join("public.json")).unwrap()).unwrap();
        let mut changed = public.clone();
        changed[0] = "12345".into();
        fs::write(at.join("public.json"), serde_json::to_vec(&changed).unwrap()).unwrap();
        fail(at, 5, &["verify", "vkey.json", "public.json", "proof.json"])
    };
    assert!(message.contains("INVALID"), "{message}");
    fs::write(at.join("public.json"), "[]").unwrap();
    fail(at, 3, &["verify", "vkey.json", "public.json", "proof.json"]);
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = multiplier();
    let at = folder.path();
    let before = files(at);
    // A folder where nobody, not even root, can create files; one that is not there; a folder in a file's place.
    for (target, status) in [("/proc/forebay-proof.json", 6), ("absent/proof.json", 6), ("cache", 3)] {
        for outputs in [["-o", target, "-p", "q.json"], ["-o", "p.json", "-p", target]] {
            let args = [["prove", "multiplier.zkey", "multiplier.wtns"].as_slice(), &outputs].concat();
            let message = fail(at, status, &args);
            assert!(message.contains(target), "{message}");
            assert_eq!(files(at), before, "neither without the other");
        }
    }
    fail(at, 6, &["prove", "absent.zkey", "multiplier.wtns"]);
    fail(at, 6, &["setup", "absent.r1cs"]);
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = multiplier();
    let at = folder.path();
    let before = files(at);
    // Files may not grow past 1 kB; the signal that would end the process is ignored, so that writing fails.
    let program = env!("CARGO_BIN_EXE_forebay");
    let script = format!("trap '' XFSZ; ulimit -f 1; exec {program} --no-cache setup multiplier.r1cs");
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(at).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("multiplier.INSECURE-DEV.zkey"), "{stderr}");
    assert_eq!(files(at), before, "neither a key nor a temporary file");
}

/// A chain of squarings long enough to be interrupted, as an r1cs file.
fn long_circuit(path: &Path) {
    use ff::Field;
    use forebay_formats::{R1csHeader, R1csWriter};
    use forebay_msm::{Bn254, Curve, CurveId};
    let n = 1u32 << 17;
    let header = R1csHeader {
        curve: CurveId::Bn254,
        n_wires: n + 2,
        n_pub_out: 1,
        n_pub_in: 0,
        n_prv_in: 1,
        n_labels: u64::from(n) + 2,
        n_constraints: n,
    };
    let one = <Bn254 as Curve>::Fr::ONE;
    let mut out = R1csWriter::create(path, &header).unwrap();
    for i in 0..n {
        let next = if i + 1 == n { 1 } else { i + 3 };
        out.row([&[(i + 2, one)], &[(i + 2, one)], &[(next, one)]]).unwrap();
    }
    out.finish().unwrap();
}

#[test]
fn ctrl_c_ends_the_work_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    long_circuit(&at.join("long.r1cs"));
    let before = files(at);
    let child = forebay(at).args(["setup", "long.r1cs"]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let start = Instant::now();
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "after {:?}", start.elapsed());
    assert_eq!(String::from_utf8(output.stderr).unwrap().trim_end().lines().count(), 1);
    assert_eq!(files(at), before, "neither a key nor a temporary file");
}

#[test]
fn nothing_of_a_witness_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let demo = forebay(at).args(["demo", "--curve", "bn254"]).output().unwrap();
    assert!(demo.status.success());
    let base = at.join("forebay-demo/bn254");
    let input: serde_json::Value =
        serde_json::from_slice(&fs::read(base.join("member-1.input.json")).unwrap()).unwrap();
    let canaries = private_values(&input);
    assert!(canaries.len() > 10);
    let prove = |input: &str| {
        let mut command = forebay(at);
        command.env("FOREBAY_LOG", "forebay=trace").env("RUST_BACKTRACE", "1");
        command.arg("prove").arg(base.join("membership.INSECURE-DEV.zkey"));
        command.arg("--wasm").arg(base.join("membership.wasm")).args(["--input", input]);
        let output = command.arg("--r1cs").arg(base.join("membership.r1cs")).output().unwrap();
        let words = [output.stdout, output.stderr].concat();
        let words = String::from_utf8_lossy(&words).into_owned();
        let said = canaries.iter().find(|canary| words.contains(*canary));
        assert_eq!(said, None, "a private value was printed");
        output.status.code()
    };
    assert_eq!(prove(&text(&base.join("member-1.input.json"))), Some(0));
    // Inputs that the circuit or the reader refuses: a name that does not exist, too few values, no number.
    for (name, change) in [("extra", serde_json::json!(["1"])), ("secret", serde_json::json!([]))] {
        let mut bad = input.clone();
        bad[name] = change;
        fs::write(at.join("bad.json"), bad.to_string()).unwrap();
        assert_eq!(prove("bad.json"), Some(4));
    }
    fs::write(at.join("bad.json"), input.to_string().replace('}', "")).unwrap();
    assert_eq!(prove("bad.json"), Some(4));
}

/// Every long number of the input but the public one, in decimal.
fn private_values(input: &serde_json::Value) -> Vec<String> {
    fn collect(value: &serde_json::Value, out: &mut Vec<String>) {
        match value {
            serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, out)),
            serde_json::Value::String(s) if s.len() > 9 => out.push(s.clone()),
            _ => {}
        }
    }
    let mut out = Vec::new();
    for (name, value) in input.as_object().unwrap() {
        if name != "externalNullifier" {
            collect(value, &mut out);
        }
    }
    out
}
