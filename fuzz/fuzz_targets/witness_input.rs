//! An input file of anybody's: it is refused or read, never a panic; what is read can be reduced and run.
#![no_main]

use forebay_msm::{Bn254, Curve};
use forebay_witness::{Inputs, RunOptions, WitnessGenerator};
use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;
use std::sync::LazyLock;

/// A circuit whose inputs have every shape: scalars, arrays, buses.
static SHAPES: LazyLock<WitnessGenerator> = LazyLock::new(|| {
    let wasm = include_bytes!("../../crates/witness/tests/fixtures/shapes.bn254.wasm");
    WitnessGenerator::from_bytes(wasm).expect("circom's own output")
});

fuzz_target!(|json: &[u8]| {
    let Ok(inputs) = Inputs::from_json(json) else { return };
    let (mut names, mut values) = (HashSet::new(), 0);
    for (name, len) in inputs.signals() {
        assert!(names.insert(name), "a repeated name");
        values += len;
    }
    assert!(values <= json.len(), "more values than bytes");
    if let Ok(witness) = SHAPES.calculate::<<Bn254 as Curve>::Fr>(&inputs, RunOptions::default()) {
        assert_eq!(witness.len(), SHAPES.witness_len());
    }
});
