//! Everything that can be read of a native key, and its validation.
#![no_main]

use forebay_formats::{NativeKeyFile, Validation, native_curve};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static POOL: LazyLock<rayon::ThreadPool> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread"));

fn read<C: Curve>(bytes: &[u8]) {
    let Ok(key) = NativeKeyFile::<C>::from_slice("fuzz", bytes) else { return };
    let h = key.header();
    assert_eq!(key.ic().len(), h.num_public as usize + 1);
    assert_eq!(key.a().len(), h.num_variables as usize);
    assert_eq!((key.b1().len(), key.b2().len()), (key.a().len(), key.a().len()));
    assert_eq!(key.l().len() + key.ic().len(), h.num_variables as usize);
    if key.validate(Validation::Subgroup, &POOL).is_ok() {
        assert!(key.vkey().is_ok());
    }
}

fuzz_target!(|bytes: &[u8]| {
    match native_curve("fuzz", bytes) {
        Ok(CurveId::Bls12_381) => read::<Bls12_381>(bytes),
        Ok(CurveId::Bn254) => read::<Bn254>(bytes),
        Err(_) => {}
    }
});
