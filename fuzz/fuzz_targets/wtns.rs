//! Everything that can be read of a wtns file.
#![no_main]

use forebay_formats::WtnsFile;
use forebay_msm::{Bls12_381, Bn254, CurveId};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static POOL: LazyLock<rayon::ThreadPool> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread"));

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = WtnsFile::from_slice("fuzz", bytes) else { return };
    let count = match file.header().curve {
        CurveId::Bls12_381 => file.witness::<Bls12_381>(&POOL).map(|w| w.len()),
        CurveId::Bn254 => file.witness::<Bn254>(&POOL).map(|w| w.len()),
    };
    assert!(count.map_or(true, |n| n == file.header().count as usize && 32 * n <= bytes.len()));
});
