//! PublicSignals in JSON: what is read survives being written.
#![no_main]

use forebay_formats::{PublicSignals, curve_of_json, detect_bytes};
use forebay_msm::{Bls12_381, Bn254, Curve};
use libfuzzer_sys::fuzz_target;

fn read<C: Curve>(bytes: &[u8]) {
    if let Ok(value) = PublicSignals::<C>::from_json("fuzz", bytes) {
        let again = PublicSignals::<C>::from_json("fuzz", value.to_json().as_bytes());
        assert_eq!(again.expect("written by us"), value);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = (curve_of_json("fuzz", bytes), detect_bytes(bytes));
    read::<Bls12_381>(bytes);
    read::<Bn254>(bytes);
});
