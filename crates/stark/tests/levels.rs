//! Every level of vector instructions makes the same proof.

use forebay_stark::{
    Level, Options, Parameters, air::Air, level, programs::workload::Workload, prove, setup, verify,
};
use rayon::ThreadPoolBuilder;
use std::process::Command;

const CHILD: &str = "proof_at_this_level";
const CAP: &str = "FOREBAY_STARK_SIMD";

/// Prints the level and a digest of proofs; run by the test below, once a level.
#[test]
#[ignore = "run by every_level_makes_the_same_proof"]
fn proof_at_this_level() {
    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let mut hasher = blake3::Hasher::new();
    for (log_n, limb_bits) in [(4, 3), (5, 8), (12, 10)] {
        let workload = Workload { log_n, limb_bits };
        let boxed = workload.airs();
        let airs: Vec<&dyn Air> = boxed.iter().map(AsRef::as_ref).collect();
        let parameters = Parameters { queries: 10, grinding_bits: 1, ..Parameters::default() };
        let key = setup(&pool, &airs, parameters).unwrap();
        let (traces, public) = workload.traces();
        let proof = prove(&pool, &key, traces, &public, Options::default()).unwrap();
        assert_eq!(verify(key.verifying_key(), &public, &proof), Ok(()));
        hasher.update(&proof.to_bytes());
    }
    println!("<{:?} {}>", level(), hasher.finalize());
}

#[test]
fn every_level_makes_the_same_proof() {
    let run = |cap: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--ignored", "--nocapture"])
            .env(CAP, cap)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(line, _)| line);
        let (level, digest) = line.unwrap_or_else(|| panic!("{text}")).split_once(' ').unwrap();
        (level.to_owned(), digest.to_owned())
    };
    let (portable, expected) = run("portable");
    assert_eq!(portable, format!("{:?}", Level::Portable));
    assert_eq!(run("avx2").1, expected);
    let (best, digest) = run("");
    assert_eq!(best, format!("{:?}", level()));
    assert_eq!(digest, expected);
}
