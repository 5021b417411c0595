//! Everything that can be read of bellperson's parameters and verifying keys, and their validation.
#![no_main]

use forebay_formats::{BellpersonVk, ParamsFile, Validation};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static POOL: LazyLock<rayon::ThreadPool> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread"));

fuzz_target!(|bytes: &[u8]| {
    let _ = BellpersonVk::from_slice("fuzz", bytes);
    let Ok(params) = ParamsFile::from_slice("fuzz", bytes) else { return };
    let counts = params.counts();
    assert!(counts.inputs > 0 && counts.a >= counts.inputs && counts.a <= counts.variables());
    assert!(counts.b <= counts.variables());
    if params.validate(Validation::Subgroup, &POOL).is_ok() {
        assert!(params.vkey().is_ok());
    }
});
