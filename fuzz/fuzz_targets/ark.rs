//! Everything that can be read of arkworks' proving keys, as those of both curves, and their validation.
#![no_main]

use forebay_formats::{ArkKeyFile, Validation};
use forebay_msm::{Bls12_381, Bn254, Curve};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static POOL: LazyLock<rayon::ThreadPool> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread"));

fn read<C: Curve>(bytes: &[u8]) {
    let Ok(key) = ArkKeyFile::<C>::from_slice("fuzz", bytes) else { return };
    let header = key.header();
    assert!(header.num_public < header.num_variables);
    if key.validate(Validation::Subgroup, &POOL).is_ok() {
        let vkey = key.vkey().expect("a key that was checked");
        assert_eq!(vkey.ic.len(), header.num_public as usize + 1);
    }
}

fuzz_target!(|bytes: &[u8]| {
    read::<Bls12_381>(bytes);
    read::<Bn254>(bytes);
});
