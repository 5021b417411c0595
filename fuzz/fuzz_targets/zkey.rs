//! Everything that can be read of a zkey, and its validation.
#![no_main]

use forebay_formats::{AnyZkey, Validation, ZkeyFile};
use forebay_msm::Curve;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static POOL: LazyLock<rayon::ThreadPool> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread"));

fn read<C: Curve>(key: &ZkeyFile<'_, C>) {
    let h = key.header();
    assert_eq!(key.ic().len(), h.n_public as usize + 1);
    assert_eq!(key.a().len(), h.n_vars as usize);
    assert_eq!(key.c().len() + key.ic().len(), h.n_vars as usize);
    assert_eq!(key.h().len(), h.domain_size as usize);
    for c in key.coefficients().iter().flatten() {
        assert!(c.row < h.domain_size && c.wire < h.n_vars);
    }
    if key.validate(Validation::Subgroup, &POOL).is_ok() {
        assert!(key.vkey().is_ok());
    }
}

fuzz_target!(|bytes: &[u8]| {
    match AnyZkey::from_slice("fuzz", bytes) {
        Ok(AnyZkey::Bls12_381(key)) => read(&key),
        Ok(AnyZkey::Bn254(key)) => read(&key),
        Err(_) => {}
    }
});
