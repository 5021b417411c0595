//! The least of a reader of circom's r1cs and wtns files: trusted input, panics on anything unexpected.

use forebay_msm::field::limbs_from_le_bytes;
use forebay_msm::{CurveId, ScalarField};
use forebay_pce::Shape;
use std::path::Path;

/// A circuit and a witness of it.
pub(crate) struct Instance<F> {
    pub(crate) shape: Shape,
    pub(crate) rows: Vec<[Vec<(u32, F)>; 3]>,
    pub(crate) witness: Vec<F>,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn field_at<F: ScalarField>(bytes: &[u8], at: usize) -> F {
    F::from_canonical(limbs_from_le_bytes(bytes[at..at + 32].try_into().unwrap())).unwrap()
}

/// The payload of a section.
fn section(bytes: &[u8], id: u32) -> &[u8] {
    let mut at = 12;
    loop {
        let len = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap()) as usize;
        if u32_at(bytes, at) == id {
            return &bytes[at + 12..at + 12 + len];
        }
        at += 12 + len;
    }
}

/// The curve of an r1cs file.
pub(crate) fn curve(r1cs: &Path) -> CurveId {
    let bytes = std::fs::read(r1cs).unwrap();
    let modulus = &section(&bytes, 1)[4..36];
    CurveId::ALL.into_iter().find(|curve| curve.scalar_modulus_le() == modulus).unwrap()
}

/// Reads `X.r1cs` and `X.wtns`.
pub(crate) fn read<F: ScalarField>(r1cs: &Path) -> Instance<F> {
    let bytes = std::fs::read(r1cs).unwrap();
    let header = section(&bytes, 1);
    let [wires, outputs, inputs] = [36, 40, 44].map(|at| u32_at(header, at));
    let num_inputs = 1 + outputs + inputs;
    let rows = u32_at(header, 60);
    let constraints = section(&bytes, 2);
    let mut at = 0;
    let mut combination = || {
        let terms = u32_at(constraints, at);
        at += 4;
        let term = |i| (u32_at(constraints, at + 36 * i), field_at(constraints, at + 36 * i + 4));
        let all = (0..terms as usize).map(term).collect();
        at += 36 * terms as usize;
        all
    };
    let rows = (0..rows).map(|_| [combination(), combination(), combination()]).collect();
    let bytes = std::fs::read(r1cs.with_extension("wtns")).unwrap();
    let values = section(&bytes, 2);
    let witness = (0..wires as usize).map(|i| field_at(values, 32 * i)).collect();
    Instance { shape: Shape { num_inputs, num_aux: wires - num_inputs }, rows, witness }
}
