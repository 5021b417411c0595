//! STARK proofs: reading and verifying any bytes ends without a panic, what is read survives being written, and nothing
//! but the one good proof is accepted.
//!
//! Input that starts like a proof is one. Other input is a list of changes to the good proof (offset, byte), so that the
//! later checks are reached too: whatever is changed before the openings changes all challenges.
#![no_main]

use forebay_stark::{
    Options, Parameters, Proof, ProvingKey, Public, air::Air, programs::workload::Workload, prove, setup,
    verify,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

struct Statement {
    key: ProvingKey,
    public: Public,
    good: Vec<u8>,
}

/// The statement of `crates/stark/tests/golden.rs`, whose fixture is the seed.
static STATEMENT: LazyLock<Statement> = LazyLock::new(|| {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let workload = Workload { log_n: 5, limb_bits: 4 };
    let parameters = Parameters { queries: 8, grinding_bits: 0, ..Parameters::default() };
    let airs = workload.airs();
    let airs: Vec<&dyn Air> = airs.iter().map(AsRef::as_ref).collect();
    let key = setup(&pool, &airs, parameters).expect("the workload compiles");
    let (traces, public) = workload.traces();
    let proof = prove(&pool, &key, traces, &public, Options::default()).expect("the workload is true");
    Statement { key, public, good: proof.to_bytes() }
});

/// The good proof with bytes changed: three bytes of offset and one to be added.
fn changed(good: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for &[a, b, c, d] in changes.as_chunks::<4>().0 {
        let at = u32::from_le_bytes([a, b, c, 0]) as usize % bytes.len();
        bytes[at] = bytes[at].wrapping_add(d);
    }
    bytes
}

fuzz_target!(|input: &[u8]| {
    let Statement { key, public, good } = &*STATEMENT;
    let bytes = if input.starts_with(&good[..8]) { input.to_vec() } else { changed(good, input) };
    if let Ok(proof) = Proof::from_bytes(key.verifying_key(), &bytes) {
        assert_eq!(proof.to_bytes(), bytes, "one form for each proof");
        let verdict = verify(key.verifying_key(), public, &proof);
        assert_eq!(verdict.is_ok(), bytes == *good, "the good proof and no other: {verdict:?}");
    }
});
