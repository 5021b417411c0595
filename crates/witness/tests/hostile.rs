//! Modules that are no circom circuits, or that pretend to be: each gives a typed error, in bounded time and memory.
#![allow(clippy::unwrap_used)]

use forebay_msm::{Bn254, Curve};
use forebay_witness::{Inputs, RunOptions, WitnessError, WitnessGenerator};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Bn = <Bn254 as Curve>::Fr;

/// A module that obeys the ABI: two wires, one input signal of any name, the witness (1, input).
/// The shared buffer is at 0, the prime at 64, the constant 1 at 96, the input at 128.
const HONEST: &str = r#"(module
  (import "runtime" "exceptionHandler" (func $exception (param i32)))
  (import "runtime" "printErrorMessage" (func $print))
  (memory (export "memory") 1)
  (data (i32.const 64) "\01\00\00\f0\93\f5\e1\43\91\70\b9\79\48\e8\33\28\5d\58\81\81\b6\45\50\b8\29\a0\31\e1\72\4e\64\30")
  (data (i32.const 96) "\01")
  (func $copy (param $to i32) (param $from i32) (local $i i32)
    (loop $next
      (i64.store (i32.add (local.get $to) (local.get $i)) (i64.load (i32.add (local.get $from) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 32)))))
  (func (export "getVersion") (result i32) (i32.const 2))
  (func (export "getFieldNumLen32") (result i32) (i32.const 8))
  (func (export "getSharedRWMemoryStart") (result i32) (i32.const 0))
  (func (export "getWitnessSize") (result i32) (i32.const 2))
  (func (export "getInputSize") (result i32) (i32.const 1))
  (func (export "getRawPrime") (call $copy (i32.const 0) (i32.const 64)))
  (func (export "getInputSignalSize") (param i32 i32) (result i32) (i32.const 1))
  (func (export "getMessageChar") (result i32) (i32.const 65))
  (func (export "init") (param i32) (;INIT;))
  (func (export "setInputSignal") (param i32 i32 i32) (call $copy (i32.const 128) (i32.const 0)) (;RUN;))
  (func (export "getWitness") (param i32)
    (call $copy (i32.const 0) (i32.add (i32.const 96) (i32.mul (local.get 0) (i32.const 32)))) (;READ;)))"#;

/// The honest module with one text replaced.
fn module(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(HONEST.matches(from).count(), 1, "{from}");
    wat::parse_str(HONEST.replace(from, to)).unwrap()
}

fn calculate(wasm: &[u8], options: RunOptions) -> Result<Vec<Bn>, WitnessError> {
    let inputs = Inputs::from_json(br#"{"a": 31337}"#).unwrap();
    Ok(WitnessGenerator::from_bytes(wasm)?.calculate::<Bn>(&inputs, options)?.to_vec())
}

fn error_of(wasm: &[u8]) -> WitnessError {
    calculate(wasm, RunOptions::default()).expect_err("a refusal")
}

#[test]
fn the_honest_module_works() {
    let witness = calculate(&module("(;RUN;)", ""), RunOptions::default()).unwrap();
    assert_eq!(witness, [Bn::from(1), Bn::from(31337)]);
}

#[test]
fn modules_that_are_not_circoms_are_named_as_such() {
    let cases = [
        (r#"(module)"#.to_owned(), "not a circom 2 witness generator: it does not export memory"),
        (
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"#.to_owned(),
            "not a circom 2 witness generator: it wants wasi_snapshot_preview1.fd_write from its host",
        ),
        (
            r#"(module (import "env" "memory" (memory 1)))"#.to_owned(),
            "not a circom 2 witness generator: it wants env.memory from its host",
        ),
        (
            r#"(module (import "runtime" "exceptionHandler" (func (param i64))))"#.to_owned(),
            "not a circom 2 witness generator: it wants host functions of another signature",
        ),
        (
            HONEST.replace(r#"(export "getWitness")"#, ""),
            "not a circom 2 witness generator: it does not export getWitness",
        ),
        (
            HONEST.replace(r#"(func (export "init") (param i32)"#, r#"(func (export "init")"#),
            "not a circom 2 witness generator: its function init has another signature",
        ),
        (
            HONEST.replace(r#""getVersion") (result i32) (i32.const 2)"#, r#""getVersion") (result i32) (i32.const 1)"#),
            "not a circom 2 witness generator: it says that circom 1 made it",
        ),
        (
            HONEST.replace("(result i32) (i32.const 8)", "(result i32) (i32.const 2)"),
            "the circuit was compiled for a field of 64 bits, but the witness is wanted over a field of 256 bits",
        ),
        (
            HONEST.replace("\\72\\4e\\64\\30", "\\72\\4e\\64\\31"),
            "the circuit was compiled for the prime 0x31644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001, \
             but the witness is wanted over bn254",
        ),
    ];
    for (wat, want) in cases {
        assert_eq!(error_of(&wat::parse_str(&wat).unwrap()).to_string(), want);
    }
    for bytes in [&b""[..], b"\0asm", b"\x7fELF\x02\x01", &[0xff; 64]] {
        assert!(matches!(error_of(bytes), WitnessError::InvalidModule { .. }));
    }
}

#[test]
fn lies_about_sizes_and_places_are_caught_before_any_allocation() {
    let lies = [
        (
            "(result i32) (i32.const 2))\n  (func (export \"getInputSize\")",
            "(result i32) (i32.const -1))\n  (func (export \"getInputSize\")",
        ),
        (
            "(result i32) (i32.const 2))\n  (func (export \"getInputSize\")",
            "(result i32) (i32.const 0))\n  (func (export \"getInputSize\")",
        ),
        (
            "\"getSharedRWMemoryStart\") (result i32) (i32.const 0)",
            "\"getSharedRWMemoryStart\") (result i32) (i32.const 65505)",
        ),
        (
            "\"getSharedRWMemoryStart\") (result i32) (i32.const 0)",
            "\"getSharedRWMemoryStart\") (result i32) (i32.const -1)",
        ),
    ];
    for (from, to) in lies {
        let error = error_of(&module(from, to));
        assert!(matches!(error, WitnessError::NotCircom { .. }), "{error}");
    }
}

#[test]
fn an_invalid_witness_is_not_handed_out() {
    let error = error_of(&module("(data (i32.const 96) \"\\01\")", "(data (i32.const 96) \"\\02\")"));
    assert_eq!(error.to_string(), "the witness generator returned no valid witness: value 0 is not 1");
    let all_ones = "(i64.store (i32.const 152) (i64.const -1))";
    let error = error_of(&module("(;RUN;)", all_ones));
    assert_eq!(
        error.to_string(),
        "the witness generator returned no valid witness: value 1 is not below the prime"
    );
}

#[test]
fn crashes_are_traps() {
    for (crash, reason) in [
        ("unreachable", "unreachable"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "divide by zero"),
        ("(drop (i32.load (i32.const -4)))", "out of bounds memory access"),
        ("(call $copy (i32.const 65530) (i32.const 0))", "out of bounds memory access"),
    ] {
        let error = error_of(&module("(;RUN;)", crash));
        assert!(matches!(&error, WitnessError::Trap { reason: r } if r.contains(reason)), "{error}");
    }
    let recursion = HONEST
        .replace("(;RUN;)", "(call $deep)")
        .replace("(;READ;)))", "(;READ;)) (func $deep (call $deep)))");
    let error = error_of(&wat::parse_str(recursion).unwrap());
    assert!(
        matches!(&error, WitnessError::Trap { reason } if reason.contains("call stack exhausted")),
        "{error}"
    );
}

#[test]
fn messages_cannot_flood_the_host_or_leak() {
    let wasm = module(
        "(;RUN;)",
        "(loop $l (call $print) (local.set 0 (i32.add (local.get 0) (i32.const 1))) \
        (br_if $l (i32.lt_u (local.get 0) (i32.const 100000)))) (call $exception (i32.const 4))",
    );
    let WitnessError::Circuit(error) = error_of(&wasm) else { panic!() };
    assert!(error.trace.len() <= 16);
    assert!(error.trace.iter().all(|place| place == "(a message of another form)"));
}

#[test]
fn endless_loops_end() {
    let endless = "(loop $l (br $l))";
    let started = Instant::now();
    for place in ["(;INIT;)", "(;RUN;)", "(;READ;)"] {
        let timeout = Some(Duration::from_millis(50));
        let error =
            calculate(&module(place, endless), RunOptions { timeout, ..Default::default() }).unwrap_err();
        assert!(matches!(error, WitnessError::Timeout { .. }), "{place}: {error}");

        let flag = Arc::new(AtomicBool::new(false));
        let cancel = Some(Arc::clone(&flag));
        let raise = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            flag.store(true, Ordering::Relaxed);
        });
        let error =
            calculate(&module(place, endless), RunOptions { cancel, ..Default::default() }).unwrap_err();
        assert!(matches!(error, WitnessError::Cancelled), "{place}: {error}");
        raise.join().unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn memory_is_limited() {
    let grow = "(if (i32.eq (memory.grow (i32.const 4096)) (i32.const -1)) (then unreachable))";
    let options = RunOptions { memory_limit: 1 << 20, ..Default::default() };
    let error = calculate(&module("(;RUN;)", grow), options).unwrap_err();
    let wanted = 4097 << 16;
    assert!(
        matches!(error, WitnessError::MemoryLimit { wanted: w, limit: 1_048_576 } if w == wanted),
        "{error}"
    );
    let table = HONEST.replace("(memory (export", "(table 100000000 funcref) (memory (export");
    let options = RunOptions { memory_limit: 1 << 20, ..Default::default() };
    let generator = WitnessGenerator::from_bytes(&wat::parse_str(table).unwrap());
    let error =
        generator.and_then(|g| g.calculate::<Bn>(&Inputs::from_json(b"{}").unwrap(), options)).err().unwrap();
    assert!(matches!(error, WitnessError::MemoryLimit { .. }), "{error}");
}
