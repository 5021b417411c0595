//! A frozen proof: what was proved once verifies for ever, and is made again byte for byte.
//!
//! The fixture is also the seed of the fuzz target. When the format changes on purpose, its magic changes too, and
//! `FOREBAY_BLESS=1 cargo test -p forebay-stark --test golden` writes the new fixture.

use forebay_stark::{
    Options, Parameters, air::Air, programs::workload::Workload, prove, setup, verify_bytes,
};
use std::{fs, path::Path};

#[test]
fn the_frozen_proof_verifies_and_is_made_again() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/workload.stark_proof");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let workload = Workload { log_n: 5, limb_bits: 4 };
    let parameters = Parameters { queries: 8, grinding_bits: 0, ..Parameters::default() };
    let boxed = workload.airs();
    let airs: Vec<&dyn Air> = boxed.iter().map(AsRef::as_ref).collect();
    let key = setup(&pool, &airs, parameters).unwrap();
    let (traces, public) = workload.traces();
    let made = prove(&pool, &key, traces, &public, Options::default()).unwrap().to_bytes();
    if std::env::var_os("FOREBAY_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &made).unwrap();
    }
    let frozen = fs::read(&path).unwrap();
    assert_eq!(verify_bytes(key.verifying_key(), &public, &frozen), Ok(()));
    assert!(made == frozen, "the same statement gives another proof");
}
