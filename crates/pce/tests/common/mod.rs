//! What the tests share: small circuits, a naive evaluator, pools.
#![allow(dead_code, reason = "each test uses a part")]

use core::ops::Range;
use forebay_msm::{Kernels, ScalarField};
use forebay_pce::{Circuit, CircuitBuilder, EvalError, EvalOptions, Outputs, Shape};
use rand::SeedableRng;
use rayon::ThreadPool;

#[allow(unused_imports, reason = "each test uses a part")]
pub(crate) use blstrs as bls;
#[allow(unused_imports, reason = "each test uses a part")]
pub(crate) use halo2curves::bn256 as bn;

pub(crate) type Rng8 = rand_chacha::ChaCha8Rng;
pub(crate) type Row<F> = [Vec<(u32, F)>; 3];
pub(crate) type Rows<F> = Vec<Row<F>>;

pub(crate) fn rng(seed: u64) -> Rng8 {
    Rng8::seed_from_u64(seed)
}

pub(crate) fn random_field<F: ScalarField>(rng: &mut Rng8) -> F {
    F::random(rng)
}

pub(crate) fn pool(threads: usize) -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

pub(crate) fn compile<F: ScalarField>(rows: &Rows<F>, shape: Shape) -> Circuit<F> {
    let mut builder = CircuitBuilder::new(shape).unwrap();
    for [a, b, c] in rows {
        builder.push_row(a, b, c).unwrap();
    }
    builder.finish().unwrap()
}

pub(crate) fn naive<F: ScalarField>(rows: &Rows<F>, witness: &[F]) -> [Vec<F>; 3] {
    core::array::from_fn(|m| {
        let sum = |row: &Row<F>| row[m].iter().fold(F::ZERO, |sum, t| sum + witness[t.0 as usize] * t.1);
        rows.iter().map(sum).collect()
    })
}

/// a, b, c with buffers of `len` rows that were not zero before, the same from all kernels of this CPU.
pub(crate) fn evaluate<F: ScalarField>(
    circuit: &Circuit<F>,
    witness: &[F],
    pool: &ThreadPool,
    len: usize,
) -> [Vec<F>; 3] {
    let all: Vec<[Vec<F>; 3]> = Kernels::available()
        .map(|kernels| {
            let [mut a, mut b, mut c] = [(); 3].map(|()| vec![F::from(77); len]);
            let out = Outputs { a: &mut a, b: &mut b, c: &mut c };
            let options = EvalOptions { kernels, find_unsatisfied: true, ..EvalOptions::new(pool) };
            let stats = circuit.evaluate(witness, out, options).unwrap();
            let unsatisfied = (0..len).find(|&i| a[i] * b[i] != c[i]);
            assert_eq!(stats.first_unsatisfied_row, unsatisfied, "{kernels:?}");
            [a, b, c]
        })
        .collect();
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "kernels disagree");
    all.into_iter().next().unwrap()
}

pub(crate) fn evaluate_rows<F: ScalarField>(
    circuit: &Circuit<F>,
    rows: Range<usize>,
    witness: &[F],
    pool: &ThreadPool,
) -> Result<[Vec<F>; 3], EvalError> {
    let mut all = Vec::new();
    for kernels in Kernels::available() {
        let [mut a, mut b, mut c] = [(); 3].map(|()| vec![F::from(77); rows.len()]);
        let out = Outputs { a: &mut a, b: &mut b, c: &mut c };
        let options = EvalOptions { kernels, find_unsatisfied: true, ..EvalOptions::new(pool) };
        let stats = circuit.evaluate_rows(rows.clone(), witness, out, options)?;
        let unsatisfied = (0..rows.len()).find(|&i| a[i] * b[i] != c[i]).map(|i| rows.start + i);
        assert_eq!(stats.first_unsatisfied_row, unsatisfied, "{kernels:?}");
        all.push([a, b, c]);
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "kernels disagree");
    Ok(all.remove(0))
}
