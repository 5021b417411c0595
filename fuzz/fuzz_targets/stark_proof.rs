//! STARK proofs: reading and verifying any bytes ends without a panic, and what is read survives being written.
#![no_main]

use forebay_stark::{
    Parameters, Proof, ProvingKey, Public, air::Air, programs::workload::Workload, setup, verify,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static STATEMENT: LazyLock<(ProvingKey, Public)> = LazyLock::new(|| {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let workload = Workload { log_n: 5, limb_bits: 4 };
    let parameters = Parameters { queries: 3, grinding_bits: 0, ..Parameters::default() };
    let airs = workload.airs();
    let airs: Vec<&dyn Air> = airs.iter().map(AsRef::as_ref).collect();
    (setup(&pool, &airs, parameters).expect("the workload compiles"), workload.traces().1)
});

fuzz_target!(|bytes: &[u8]| {
    let (key, public) = &*STATEMENT;
    if let Ok(proof) = Proof::from_bytes(key.verifying_key(), bytes) {
        assert_eq!(proof.to_bytes(), bytes, "one form for each proof");
        let _ = verify(key.verifying_key(), public, &proof);
    }
});
