//! With the real clients: circom2 compiles, node computes witnesses, snarkjs sets up, proves and verifies, and both sides
//! accept what the other makes.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{fail, fixture, succeed};
use forebay_msm::CurveId;
use forebay_testkit::{
    Circuit, Optimize, TempDir, circom_compile, circom_compile_with, node_witness, snarkjs_prove,
    snarkjs_setup, snarkjs_verify,
};
use std::{fs, path::Path};

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Replaces the first public signal by one more.
fn alter_first_signal(public: &Path, altered: &Path) {
    let mut signals: Vec<String> = serde_json::from_slice(&fs::read(public).unwrap()).unwrap();
    let last = signals[0].pop().unwrap();
    signals[0].push(if last == '0' { '1' } else { '0' });
    fs::write(altered, serde_json::to_vec(&signals).unwrap()).unwrap();
}

/// Our development key: we prove from node's witness and from the wasm, snarkjs accepts both; snarkjs proves, we accept.
fn both_ways(circuit: &Circuit, input: &str) {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let wtns = text(&node_witness(&circuit.wasm, input, at));
    let (r1cs, wasm) = (text(&circuit.r1cs), text(&circuit.wasm));
    succeed(at, &["setup", &r1cs, "-o", "dev.zkey", "--vkey", "vkey.json"]);
    fs::write(at.join("in.json"), input).unwrap();

    succeed(at, &["prove", "dev.zkey", &wtns, "--r1cs", &r1cs]);
    let (vkey, public, proof) = (at.join("vkey.json"), at.join("public.json"), at.join("proof.json"));
    assert!(snarkjs_verify(&vkey, &public, &proof));
    alter_first_signal(&public, &at.join("altered.json"));
    assert!(!snarkjs_verify(&vkey, &at.join("altered.json"), &proof));
    fail(at, 5, &["verify", "vkey.json", "altered.json", "proof.json"]);

    succeed(
        at,
        &["prove", "dev.zkey", "--wasm", &wasm, "--input", "in.json", "-o", "w.json", "-p", "w.public.json"],
    );
    assert!(snarkjs_verify(&vkey, &public, &at.join("w.json")), "the same public signals");

    let theirs = snarkjs_prove(&at.join("dev.zkey"), Path::new(&wtns), at);
    succeed(at, &["verify", "vkey.json", &text(&theirs.public), &text(&theirs.proof)]);
}

/// A key that snarkjs set up: we prove, both accept.
fn on_a_key_of_snarkjs(circuit: &Circuit, input: &str, power: u32) {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let wtns = text(&node_witness(&circuit.wasm, input, at));
    let keys = snarkjs_setup(&circuit.r1cs, circuit.curve, power);
    succeed(at, &["inspect", &text(&keys.zkey)]);
    succeed(at, &["prove", &text(&keys.zkey), &wtns, "--r1cs", &text(&circuit.r1cs)]);
    assert!(snarkjs_verify(&keys.vkey, &at.join("public.json"), &at.join("proof.json")));
    succeed(at, &["export", "vkey", &text(&keys.zkey), "-o", "ours.json"]);
    assert!(snarkjs_verify(&at.join("ours.json"), &at.join("public.json"), &at.join("proof.json")));
    // The same circuit compiled differently is another circuit.
    let other = circom_compile("multiplier", circuit.curve);
    if other.r1cs != circuit.r1cs {
        fail(at, 3, &["prove", &text(&keys.zkey), &wtns, "--r1cs", &text(&other.r1cs)]);
    }
}

/// 64 bytes as circom's sha256 takes them: 512 bits, most significant first.
fn sha256_input() -> String {
    let bits: Vec<String> = (0..512).map(|i| ((i * 7 + i / 3) % 2).to_string()).collect();
    serde_json::json!({ "in": bits }).to_string()
}

/// The demo's own circuit and one of its members.
fn membership_input(curve: CurveId) -> String {
    let path = format!("{}/assets/{}/inputs/member-3.json", env!("CARGO_MANIFEST_DIR"), curve.name());
    fs::read_to_string(path).unwrap()
}

#[test]
fn sha256_on_bls12_381() {
    both_ways(&circom_compile("sha256_64bytes", CurveId::Bls12_381), &sha256_input());
}

#[test]
fn sha256_on_bn254() {
    both_ways(&circom_compile("sha256_64bytes", CurveId::Bn254), &sha256_input());
}

#[test]
fn poseidon_merkle_on_bls12_381() {
    let curve = CurveId::Bls12_381;
    both_ways(&circom_compile("membership", curve), &membership_input(curve));
}

#[test]
fn poseidon_merkle_on_bn254() {
    let curve = CurveId::Bn254;
    both_ways(&circom_compile("membership", curve), &membership_input(curve));
}

#[test]
fn keys_that_snarkjs_set_up_on_bls12_381() {
    let curve = CurveId::Bls12_381;
    let circuit = circom_compile_with("poseidon", curve, Optimize::Full);
    on_a_key_of_snarkjs(&circuit, r#"{"inputs": ["1", "2"]}"#, 8);
}

#[test]
fn keys_that_snarkjs_set_up_on_bn254() {
    let curve = CurveId::Bn254;
    let circuit = circom_compile_with("poseidon", curve, Optimize::Full);
    on_a_key_of_snarkjs(&circuit, r#"{"inputs": ["1", "2"]}"#, 8);
    on_a_key_of_snarkjs(&circom_compile("multiplier", curve), r#"{"a": 3, "b": 11}"#, 3);
}

#[test]
fn a_witness_generator_that_refuses_its_input() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let circuit = circom_compile("multiplier", CurveId::Bn254);
    let key = text(&fixture("bn254", "multiplier.zkey"));
    let wasm = text(&circuit.wasm);
    for input in [r#"{"a": 3}"#, r#"{"a": 3, "b": "x"}"#, r#"{"a": 3, "b": 4, "z": 5}"#, "{", "[]"] {
        fs::write(at.join("in.json"), input).unwrap();
        fail(at, 4, &["prove", &key, "--wasm", &wasm, "--input", "in.json"]);
    }
    // No wasm at all, and one of another field.
    fs::write(at.join("in.json"), r#"{"a": 3, "b": 11}"#).unwrap();
    let message = fail(at, 3, &["prove", &key, "--wasm", &key, "--input", "in.json"]);
    assert!(message.contains("WebAssembly"), "{message}");
    let other = text(&circom_compile("multiplier", CurveId::Bls12_381).wasm);
    fail(at, 3, &["prove", &key, "--wasm", &other, "--input", "in.json"]);
}
