//! Real circuits, compiled here by circom2: our witness equals, value by value, the one that node computes.
#![allow(clippy::unwrap_used)]

use forebay_msm::field::as_limbs;
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId, ScalarField};
use forebay_testkit::{
    Circuit, Optimize, TempDir, circom_compile, circom_compile_with, circuits_dir, node_witness,
};
use forebay_witness::{Inputs, RunOptions, WitnessError, WitnessGenerator};

/// Our witness, after comparing it with node's.
fn same_as_node<C: Curve>(circuit: &Circuit, input: &str) -> Vec<C::Fr> {
    let generator = WitnessGenerator::from_bytes(&std::fs::read(&circuit.wasm).unwrap()).unwrap();
    assert_eq!(generator.curve(), Some(C::ID));
    let inputs = Inputs::from_json(input.as_bytes()).unwrap();
    let ours = generator.calculate::<C::Fr>(&inputs, RunOptions::default()).unwrap();

    let dir = TempDir::new().unwrap();
    let wtns = std::fs::read(node_witness(&circuit.wasm, input, dir.path())).unwrap();
    let values = &wtns[76..];
    assert_eq!(values.len(), 32 * ours.len());
    for (i, (ours, node)) in ours.iter().zip(values.chunks_exact(32)).enumerate() {
        assert!(ours.to_canonical_le_bytes() == node, "value {i} differs");
    }
    ours.to_vec()
}

fn membership<C: Curve>() {
    let circuit = circom_compile_with("membership", C::ID, Optimize::Full);
    let mut roots = Vec::new();
    let mut nullifiers = Vec::new();
    for member in 1..=3 {
        let file = format!("../crates/cli/assets/{}/inputs/member-{member}.json", C::ID);
        let input = std::fs::read_to_string(circuits_dir().join(file)).unwrap();
        let witness = same_as_node::<C>(&circuit, &input);
        roots.push(as_limbs(&witness)[1]);
        nullifiers.push(as_limbs(&witness)[2]);
    }
    assert!(roots.iter().all(|root| *root == roots[0]), "the members of one tree show one root");
    nullifiers.dedup();
    assert_eq!(nullifiers.len(), 3, "each member has a nullifier of its own");
}

#[test]
fn a_leaf_beyond_the_tree_has_no_witness() {
    let circuit = circom_compile_with("membership", CurveId::Bn254, Optimize::Full);
    let generator = WitnessGenerator::from_bytes(&std::fs::read(&circuit.wasm).unwrap()).unwrap();
    let input = circuits_dir().join("../crates/cli/assets/bn254/inputs/member-1.json");
    let input = std::fs::read_to_string(input).unwrap();
    let at = |index: u32| {
        let json = input.replace("\"leafIndex\": 0", &format!("\"leafIndex\": {index}"));
        let inputs = Inputs::from_json(json.as_bytes()).unwrap();
        generator.calculate::<<Bn254 as Curve>::Fr>(&inputs, RunOptions::default())
    };
    let (first, last) = (at(0).unwrap(), at((1 << 20) - 1).unwrap());
    assert_ne!(as_limbs(&first)[1], as_limbs(&last)[1], "another place, another root");
    assert_eq!(as_limbs(&first)[2], as_limbs(&last)[2], "the nullifier does not depend on the place");
    let Err(WitnessError::Circuit(refusal)) = at(1 << 20) else { panic!("not refused") };
    assert!(refusal.is_assert());
    assert_eq!(refusal.trace.last().map(|line| line.starts_with("Membership")), Some(true));
}

#[test]
fn membership_on_both_curves() {
    membership::<Bn254>();
    membership::<Bls12_381>();
}

fn sha256<C: Curve>() {
    let circuit = circom_compile("sha256_64bytes", C::ID);
    // 64 zero bytes, and a message with both bits in it.
    let zeros = same_as_node::<C>(&circuit, &format!("{{\"in\": {:?}}}", [0; 512]));
    let bytes: Vec<u8> = zeros[1..=256]
        .chunks_exact(8)
        .map(|bits| bits.iter().fold(0, |byte, bit| 2 * byte + bit.to_canonical()[0] as u8))
        .collect();
    let digest: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // sha256sum of 64 zero bytes.
    assert_eq!(digest, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
    let bits: Vec<usize> = (0..512).map(|i| i * i / 7 % 2).collect();
    same_as_node::<C>(&circuit, &format!("{{\"in\": {bits:?}}}"));
}

#[test]
fn sha256_on_both_curves() {
    sha256::<Bn254>();
    sha256::<Bls12_381>();
}
