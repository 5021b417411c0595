//! Everything that can be read of an r1cs file.
#![no_main]

use forebay_formats::R1csFile;
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use libfuzzer_sys::fuzz_target;

fn read<C: Curve>(file: &R1csFile<'_>) {
    let mut summed = Vec::new();
    let mut rows = 0;
    for row in file.rows() {
        let Ok(row) = row else { return };
        for combination in [row.a, row.b, row.c] {
            assert_eq!(combination.raw_terms().len(), combination.len());
            if combination.summed_terms::<C::Fr>(&mut summed).is_ok() {
                assert!(summed.iter().all(|t| t.0 < file.header().n_wires));
            }
        }
        rows += 1;
    }
    assert_eq!(rows, file.header().n_constraints);
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = R1csFile::from_slice("fuzz", bytes) else { return };
    match file.header().curve {
        CurveId::Bls12_381 => read::<Bls12_381>(&file),
        CurveId::Bn254 => read::<Bn254>(&file),
    }
});
