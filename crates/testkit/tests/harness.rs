//! The harness itself: what the real clients say about good and about altered files.
#![allow(clippy::unwrap_used)]

use forebay_msm::CurveId;
use forebay_testkit::{
    MAX_POWER, Optimize, TempDir, build_assets_check, circom_compile, circom_compile_source,
    circom_compile_with, circuits_dir, node_witness, snarkjs_prove, snarkjs_setup, snarkjs_verify,
    snarkjs_wtns_check, snarkjs_zkey_verify,
};
use std::path::Path;

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Compile, witness, ceremony, proof, verdict; and the verdicts on altered files.
fn whole_way(curve: CurveId) {
    let dir = TempDir::new().unwrap();
    let circuit = circom_compile("multiplier", curve);
    let wtns = node_witness(&circuit.wasm, r#"{"a": "3", "b": 11}"#, dir.path());
    assert!(snarkjs_wtns_check(&circuit.r1cs, &wtns));

    let keys = snarkjs_setup(&circuit.r1cs, curve, 3);
    assert!(snarkjs_zkey_verify(&circuit.r1cs, &keys.ptau, &keys.zkey));
    assert_eq!(json(&keys.vkey)["curve"], curve.snarkjs_name());

    let made = snarkjs_prove(&keys.zkey, &wtns, dir.path());
    assert_eq!(json(&made.public), serde_json::json!(["33"]));
    assert!(snarkjs_verify(&keys.vkey, &made.public, &made.proof));

    let altered = dir.path().join("altered.json");
    std::fs::write(&altered, r#"["34"]"#).unwrap();
    assert!(!snarkjs_verify(&keys.vkey, &altered, &made.proof));

    let mut wrong = std::fs::read(&wtns).unwrap();
    let last = wrong.len() - 32;
    wrong[last] ^= 1;
    let wrong_wtns = dir.path().join("wrong.wtns");
    std::fs::write(&wrong_wtns, wrong).unwrap();
    assert!(!snarkjs_wtns_check(&circuit.r1cs, &wrong_wtns));
}

#[test]
fn multiplier_goes_the_whole_way_on_bn254() {
    whole_way(CurveId::Bn254);
}

#[test]
fn multiplier_goes_the_whole_way_on_bls12_381() {
    whole_way(CurveId::Bls12_381);
}

#[test]
fn poseidon_fits_the_largest_ceremony() {
    let curve = CurveId::Bn254;
    let dir = TempDir::new().unwrap();
    let circuit = circom_compile_with("poseidon", curve, Optimize::Full);
    let wtns = node_witness(&circuit.wasm, r#"{"inputs": [1, 2]}"#, dir.path());
    let keys = snarkjs_setup(&circuit.r1cs, curve, MAX_POWER);
    let made = snarkjs_prove(&keys.zkey, &wtns, dir.path());
    // circomlib's own test vector.
    let hash = "7853200120776062878684798364095072458815029376092732009249414926327459813530";
    assert_eq!(json(&made.public), serde_json::json!([hash]));
    assert!(snarkjs_verify(&keys.vkey, &made.public, &made.proof));
}

#[test]
fn compiling_is_cached_and_repeatable() {
    let first = circom_compile("multiplier", CurveId::Bn254);
    let at = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
    let made = at(&first.r1cs);
    let threads: Vec<_> =
        (0..4).map(|_| std::thread::spawn(|| circom_compile("multiplier", CurveId::Bn254))).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().r1cs, first.r1cs);
    }
    assert_eq!(at(&first.r1cs), made);

    // Another source (a comment, unique to this run) is another entry with the same content.
    let source = std::fs::read_to_string(circuits_dir().join("multiplier.circom")).unwrap();
    let unique = format!("{source}\n// {:?}\n", TempDir::new().unwrap().path());
    let second = circom_compile_source("multiplier", &unique, CurveId::Bn254, Optimize::Default);
    assert_ne!(second.r1cs, first.r1cs);
    for (a, b) in [(&first.r1cs, &second.r1cs), (&first.wasm, &second.wasm), (&first.sym, &second.sym)] {
        assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
    }
    std::fs::remove_dir_all(second.r1cs.parent().unwrap()).unwrap();
}

#[test]
#[should_panic(expected = "does_not_parse")]
fn a_circuit_that_does_not_compile_fails_the_test_with_the_compilers_words() {
    circom_compile_source("broken", "template does_not_parse( {", CurveId::Bn254, Optimize::Default);
}

#[test]
fn committed_demo_assets_are_what_the_sources_give() {
    build_assets_check();
}
