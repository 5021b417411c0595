//! Our Poseidon circuits against others' Poseidon: circomlib's, and values that were published.
#![allow(clippy::unwrap_used)]

use forebay_msm::CurveId;
use forebay_testkit::{
    Circuit, Optimize, TempDir, circom_compile_source, node_witness, poseidon_constants_check,
};

/// Compiles `template`, of a library file, as a whole circuit.
fn compile(name: &str, include: &str, template: &str, curve: CurveId) -> Circuit {
    let source = format!("pragma circom 2.2.3;\ninclude \"{include}\";\ncomponent main = {template};\n");
    circom_compile_source(name, &source, curve, Optimize::Full)
}

/// The first `outputs` values after the constant 1 of the witness that node computes, in big-endian hexadecimal.
fn run(circuit: &Circuit, input: &str, outputs: usize) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    let wtns = std::fs::read(node_witness(&circuit.wasm, input, dir.path())).unwrap();
    let hex = |value: &[u8]| value.iter().rev().map(|byte| format!("{byte:02x}")).collect();
    wtns[76..].chunks_exact(32).skip(1).take(outputs).map(hex).collect()
}

const OURS: &str = "poseidon/poseidon.circom";
const CIRCOMLIB: &str = "circomlib/circuits/poseidon.circom";

#[test]
fn on_bn254_it_is_the_poseidon_of_circomlib() {
    let minus_one = "21888242871839275222246405745257275088548364400416034343698204186575808495616";
    let inputs = [
        vec!["1", "2"],
        vec!["0", "0"],
        vec![minus_one, minus_one],
        vec!["1234567890123456789012345678901234567890", minus_one],
        vec!["1"],
        vec!["0"],
        vec![minus_one],
    ];
    for n in [1, 2] {
        let template = format!("Poseidon({n})");
        let ours = compile(&format!("ours{n}"), OURS, &template, CurveId::Bn254);
        let circomlib = compile(&format!("circomlib{n}"), CIRCOMLIB, &template, CurveId::Bn254);
        for values in inputs.iter().filter(|values| values.len() == n) {
            let input = format!("{{\"inputs\": {values:?}}}");
            assert_eq!(run(&ours, &input, 1), run(&circomlib, &input, 1), "{input}");
        }
    }
}

/// The permutation of (0, 1, 2).
fn permuted(curve: CurveId) -> Vec<String> {
    let circuit = compile("permutation3", OURS, "PoseidonPermutation(3)", curve);
    run(&circuit, r#"{"in": [0, 1, 2]}"#, 3)
}

/// Instances `poseidonperm_x5_254_3` and `poseidonperm_x5_255_3` in `code/test_vectors.txt` of the authors' repository,
/// <https://extgit.iaik.tugraz.at/krypto/hadeshash>.
#[test]
fn the_permutation_gives_what_its_authors_published() {
    let bn254 = [
        "115cc0f5e7d690413df64c6b9662e9cf2a3617f2743245519e19607a4417189a",
        "0fca49b798923ab0239de1c9e7a4a9a2210312b6a2f616d18b5a87f9b628ae29",
        "0e7ae82e40091e63cbd4f16a6d16310b3729d4b6e138fcf54110e2867045a30c",
    ];
    let bls12_381 = [
        "28ce19420fc246a05553ad1e8c98f5c9d67166be2c18e9e4cb4b4e317dd2a78a",
        "51f3e312c95343a896cfd8945ea82ba956c1118ce9b9859b6ea56637b4b1ddc4",
        "3b2b69139b235626a0bfb56c9527ae66a7bf486ad8c11c14d1da0c69bbe0f79a",
    ];
    assert_eq!(permuted(CurveId::Bn254), bn254);
    assert_eq!(permuted(CurveId::Bls12_381), bls12_381);
}

/// `poseidon1` of the npm package `poseidon-bls12381` 1.0.2, whose constants come from the authors' Sage script.
#[test]
fn on_bls12_381_one_element_hashes_as_published() {
    let circuit = compile("ours1", OURS, "Poseidon(1)", CurveId::Bls12_381);
    let minus_one = "52435875175126190479447740508185965837690552500527637822603658699938581184512";
    let published = [
        ("1", "49a66f6b01dbc6440d1a5f920e027b94429916f2c821a920cf6203ad3de56cea"),
        (minus_one, "11461914c9b0690ef226e8fd2b22fa59b638dd874878ec90a99e2c68f9f4553b"),
    ];
    for (input, hash) in published {
        assert_eq!(run(&circuit, &format!("{{\"inputs\": [\"{input}\"]}}"), 1), [hash]);
    }
}

#[test]
fn committed_constants_are_what_the_generator_gives() {
    poseidon_constants_check();
}
