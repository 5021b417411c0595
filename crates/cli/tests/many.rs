//! Many proofs in flight, as a user runs them: batches, sweeps, the doctor and the simulator.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{fail, files, fixture, forebay, run, succeed};
use serde_json::Value;
use std::{fs, path::Path};

/// A batch of two jobs on two curves from the fixtures, and one whose witness belongs to another circuit.
fn batch(folder: &Path, with_bad: bool) {
    let job = |curve: &str, witnesses: &[&str], output: &str| {
        let key = fixture(curve, "multiplier.zkey");
        let paths: Vec<String> =
            witnesses.iter().map(|w| format!("'{}'", fixture(curve, w).display())).collect();
        format!(
            "[[job]]\nkey = '{}'\nwitnesses = [{}]\noutput = '{output}'\n",
            key.display(),
            paths.join(", ")
        )
    };
    let mut text = job("bn254", &["multiplier.wtns", "multiplier.wtns"], "one");
    text += &job("bls12-381", &["multiplier.wtns"], "two");
    if with_bad {
        text += &job("bn254", &["multiplier.wtns", "multiplier.zkey"], "bad");
    }
    fs::write(folder.join("batch.toml"), text).unwrap();
}

fn verifies(folder: &Path, curve: &str, output: &str, n: usize) {
    let path = |name: String| folder.join(output).join(name).display().to_string();
    let key = fixture(curve, "multiplier.zkey").display().to_string();
    for i in 0..n {
        let (public, proof) = (path(format!("public-{i}.json")), path(format!("proof-{i}.json")));
        assert_eq!(succeed(folder, &["verify", &key, &public, &proof])["valid"], true);
    }
}

#[test]
fn a_batch_is_proved_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    batch(folder, false);
    let args = ["prove", "--jobs", "batch.toml", "-c", "5", "-j", "3", "--timeline", "t.html"];
    let result = succeed(folder, &args);
    let jobs = result["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 5);
    assert!(jobs.iter().all(|job| job["verified"] == true));
    for (output, curve, n) in [
        ("one", "bn254", 2),
        ("one-1", "bn254", 2),
        ("one-2", "bn254", 2),
        ("two", "bls12-381", 1),
        ("two-1", "bls12-381", 1),
    ] {
        assert_eq!(files(&folder.join(output)).len(), 2 * n, "{output}");
        verifies(folder, curve, output, n);
    }
    assert!(fs::read_to_string(folder.join("t.html")).unwrap().contains("<svg"));
}

#[test]
fn a_bad_job_costs_the_others_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    batch(folder, true);
    let complaint = fail(folder, 3, &["prove", "--jobs", "batch.toml"]);
    assert!(complaint.contains("partition 1") && complaint.contains("multiplier.zkey"), "{complaint}");
    verifies(folder, "bn254", "one", 2);
    verifies(folder, "bls12-381", "two", 1);
    assert!(!folder.join("bad").exists(), "nothing of a failed job is written");
}

#[test]
fn nonsense_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    batch(folder, false);
    fs::write(folder.join("empty.toml"), "job = []").unwrap();
    fail(folder, 2, &["prove", "--jobs", "empty.toml"]);
    fail(folder, 6, &["prove", "--jobs", "missing.toml"]);
    for (section, complaint) in [
        ("host-budget = \"900TiB\"", "host-budget"),
        ("host-budgets = \"1GiB\"", "unknown field"),
        ("gw = 0", "gw"),
        ("gate = \"sometimes\"", "unknown variant"),
    ] {
        fs::write(folder.join("forebay.toml"), format!("[scheduler]\n{section}\n")).unwrap();
        let said = fail(folder, 2, &["prove", "--jobs", "batch.toml"]);
        assert!(said.contains(complaint), "{section}: {said}");
    }
}

#[test]
fn a_sweep_measures_the_built_in_circuit() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let args = [
        "sweep",
        "--curve",
        "bn254",
        "--partitions",
        "2",
        "--point",
        "1x1,3x2",
        "--html",
        "sweep.html",
        "--set",
        "pw=2",
    ];
    let output = forebay(folder).args(args).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for (line, c) in lines.iter().zip([1, 3]) {
        assert_eq!((&line["c"], &line["pw"]), (&c.into(), &2.into()));
        for key in ["s_per_proof", "avg_prove_s", "avg_device_s", "device_util", "peak_rss_bytes"] {
            assert!(line[key].as_f64().unwrap() > 0.0, "{key}");
        }
        // Blocks of 256 KiB and more come from those that were mapped before the measurement.
        assert_eq!((&line["mmaps_per_proof"], &line["munmaps_per_proof"]), (&0.0.into(), &0.0.into()));
        assert!(line["inflation"]["tail"].is_number());
    }
    assert!(fs::read_to_string(folder.join("sweep.html")).unwrap().contains("seconds per proof"));
    fail(folder, 2, &["sweep", "--set", "colour=blue"]);
    assert_eq!(run(folder, &["sweep", "--point", "1"]).status.code(), Some(2));
}

#[test]
fn the_doctor_writes_a_configuration_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let report = succeed(folder, &["doctor", "--write"]);
    assert!(report["bandwidth"][0]["bytes_per_second"].as_f64().unwrap() > 1e8);
    assert!(fs::read_to_string(folder.join("forebay.toml")).unwrap().contains("# "), "a reason per line");
    fail(folder, 2, &["doctor", "--write"]);
    batch(folder, false);
    assert_eq!(succeed(folder, &["prove", "--jobs", "batch.toml"])["jobs"].as_array().unwrap().len(), 2);
}

#[test]
fn the_simulator_answers() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "simulate",
        "--point",
        "20x15",
        "--gw",
        "2",
        "--pw",
        "10",
        "--set",
        "gate=park:2",
        "--set",
        "reclaim=arena",
    ];
    let result = succeed(folder.path(), &args);
    let first = &result["reports"][0];
    let s = first["s_per_proof"].as_f64().unwrap();
    assert!((25.0..45.0).contains(&s), "{first}");
    fail(folder.path(), 2, &["simulate", "--set", "gate=never"]);
}
