//! Witnesses against those that circom's own calculator made in node, and every way an input can be wrong.
#![allow(clippy::unwrap_used)]

use forebay_msm::{Bls12_381, Bn254, Curve, CurveId, ScalarField};
use forebay_witness::{CircuitError, Inputs, RunOptions, WitnessError, WitnessGenerator};
use std::sync::{Arc, Mutex, OnceLock};

type Bn = <Bn254 as Curve>::Fr;
type Bls = <Bls12_381 as Curve>::Fr;

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn bn254() -> &'static WitnessGenerator {
    static GENERATOR: OnceLock<WitnessGenerator> = OnceLock::new();
    GENERATOR.get_or_init(|| WitnessGenerator::from_bytes(&fixture("shapes.bn254.wasm")).unwrap())
}

fn inputs(json: &str) -> Inputs {
    Inputs::from_json(json.as_bytes()).unwrap()
}

/// The fixture's input with one text replaced.
fn edited(from: &str, to: &str) -> Inputs {
    let json = String::from_utf8(fixture("shapes.bn254.json")).unwrap();
    assert!(json.contains(from), "{from}");
    inputs(&json.replacen(from, to, 1))
}

fn refused(inputs: &Inputs) -> WitnessError {
    bn254().calculate::<Bn>(inputs, RunOptions::default()).err().expect("a refusal")
}

/// The values of a wtns file of node's: the last section.
fn wtns_values<F: ScalarField>(file: &[u8], len: usize) -> Vec<F> {
    let values = &file[file.len() - 32 * len..];
    values.chunks_exact(32).map(|c| F::from_canonical_le_bytes(c.try_into().unwrap()).unwrap()).collect()
}

fn matches_node<C: Curve>() {
    let name = C::ID.name();
    let generator = WitnessGenerator::from_bytes(&fixture(&format!("shapes.{name}.wasm"))).unwrap();
    assert_eq!(generator.curve(), Some(C::ID));
    assert_eq!(generator.circom_version(), [2, 2, 3]);
    assert_eq!(generator.input_len(), 17);
    let wtns = fixture(&format!("shapes.{name}.wtns"));
    assert_eq!(wtns.len(), 76 + 32 * generator.witness_len());
    let inputs = Inputs::from_json(&fixture(&format!("shapes.{name}.json"))).unwrap();
    let witness = generator.calculate::<C::Fr>(&inputs, RunOptions::default()).unwrap();
    assert_eq!(witness.to_vec(), wtns_values::<C::Fr>(&wtns, generator.witness_len()));
}

#[test]
fn witnesses_equal_those_of_node() {
    matches_node::<Bn254>();
    matches_node::<Bls12_381>();
}

#[test]
fn one_generator_serves_many_threads_and_inputs() {
    let first = bn254().calculate::<Bn>(&edited("x", "x"), RunOptions::default()).unwrap().to_vec();
    std::thread::scope(|scope| {
        for i in 0..8u64 {
            let first = &first;
            scope.spawn(move || {
                let inputs = edited("9007199254740991", &i.to_string());
                let witness = bn254().calculate::<Bn>(&inputs, RunOptions::default()).unwrap();
                let change = Bn::from(100) * (Bn::from(9007199254740991) - Bn::from(i));
                assert_eq!(witness[1], first[1] - change, "the output `sum` depends on point.x");
            });
        }
    });
}

#[test]
fn wrong_inputs_are_named() {
    let error = refused(&edited("\"scalar\"", "\"scaler\""));
    assert_eq!(error.to_string(), r#"the circuit has no input signal "scaler""#);
    let error = refused(&edited("\"0b11\"", "\"0b11\", 4"));
    assert_eq!(error.to_string(), r#"input signal "matrix" has 6 value(s), but 7 are given"#);
    let error = refused(&edited("9007199254740991", "[]"));
    assert_eq!(error.to_string(), r#"input signal "point.x" has 1 value(s), but 0 are given"#);
    let error = refused(&inputs(r#"{"scalar": 1}"#));
    assert!(matches!(error, WitnessError::MissingInputs { found: 1, wanted: 17 }), "{error}");
    let error = refused(&inputs("{}"));
    assert!(matches!(error, WitnessError::MissingInputs { found: 0, wanted: 17 }), "{error}");
    let error = refused(&edited("\"scalar\"", "\"\\u001b[2J\""));
    assert_eq!(error.to_string(), r#"the circuit has no input signal "?[2J""#);
}

#[test]
fn a_circuit_that_refuses_says_where_and_never_what() {
    let error = refused(&edited("\"-7\"", "\"5\""));
    let WitnessError::Circuit(assertion) = &error else { panic!("{error}") };
    assert!(assertion.is_assert());
    assert_eq!(
        error.to_string(),
        "the circuit refused the input: an assertion or constraint does not hold: Shapes_1 line 26"
    );

    // A canary: a constraint deep inside fails on it.
    let error = refused(&edited("\"-7\"", "\"313373133731337\""));
    let WitnessError::Circuit(CircuitError { code: 4, trace }) = &error else { panic!("{error}") };
    assert_eq!(trace[..], ["Checked_0 line 14", "Shapes_1 line 42"]);
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("31337") && !shown.contains("11d028"), "{shown}");
}

#[test]
fn logs_reach_the_sink_and_nothing_else() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let log = Box::new(move |line: &str| sink.lock().unwrap().push(line.to_owned()));
    bn254()
        .calculate::<Bn>(&edited("\"-7\"", "\"-7\""), RunOptions { log: Some(log), ..Default::default() })
        .unwrap();
    let prime_minus_7 = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593effffffa";
    let two_to_200 = format!("0x{:0>64}", format!("1{}", "0".repeat(50)));
    assert_eq!(*lines.lock().unwrap(), [format!("scalar {prime_minus_7}"), two_to_200]);
}

#[test]
fn another_field_is_refused() {
    let error = bn254().calculate::<Bls>(&inputs("{}"), RunOptions::default()).err().unwrap();
    let want = "the circuit was compiled for bn254, but the witness is wanted over bls12-381";
    assert_eq!(error.to_string(), want);
    assert_eq!(bn254().curve(), Some(CurveId::Bn254));
}

#[test]
fn a_memory_limit_below_the_circuits_need_is_an_error() {
    let options = RunOptions { memory_limit: 1 << 16, ..Default::default() };
    let error = bn254().calculate::<Bn>(&edited("x", "x"), options).err().unwrap();
    assert!(matches!(error, WitnessError::MemoryLimit { limit: 65536, .. }), "{error}");
}

#[test]
fn a_truncated_module_is_invalid_at_every_length() {
    let wasm = fixture("shapes.bn254.wasm");
    let mut lengths: Vec<usize> = (0..64).collect();
    lengths.extend((64..wasm.len()).step_by(501));
    for len in lengths {
        match WitnessGenerator::from_bytes(&wasm[..len]) {
            Ok(_) => panic!("{len} bytes of the module were taken"),
            Err(WitnessError::InvalidModule { .. } | WitnessError::NotCircom { .. }) => {}
            Err(e) => panic!("{len}: {e}"),
        }
    }
}
