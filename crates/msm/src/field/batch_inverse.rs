//! Inverses of many elements: one inversion and three multiplications each (Montgomery, "Speeding the Pollard and
//! elliptic curve methods of factorization", Math. Comp. 48, 1987), in parallel over chunks.

use ff::Field;
use rayon::prelude::*;

/// Elements from which on [`batch_invert`] works in parallel: two chunks. `cargo bench -p forebay-msm --bench field`:
/// at 2^10 it costs no more than the sequential way (70.6 against 70.3 µs) even with no idle core to gain from.
pub const PARALLEL_THRESHOLD: usize = 1 << 10;

/// The least elements per chunk: 35 µs of work in that bench, far above the cost of handing it to another thread.
const MIN_CHUNK: usize = 1 << 9;

/// Replaces every element by its inverse, on the rayon pool of the calling thread; zeros stay zero. Works on a copy
/// of at most the input's size, which is overwritten with zeros.
pub fn batch_invert<F: Field>(values: &mut [F]) {
    if values.len() < PARALLEL_THRESHOLD {
        batch_invert_sequential(values);
    } else {
        batch_invert_parallel(values);
    }
}

/// As [`batch_invert`], in parallel however few the elements.
pub fn batch_invert_parallel<F: Field>(values: &mut [F]) {
    let chunk = values.len().div_ceil(rayon::current_num_threads()).max(MIN_CHUNK);
    values.par_chunks_mut(chunk).for_each(batch_invert_sequential);
}

/// As [`batch_invert`], on the calling thread alone.
pub fn batch_invert_sequential<F: Field>(values: &mut [F]) {
    // products[i] is the product of all non-zero elements before i.
    let mut running = F::ONE;
    let mut products: Vec<F> = values
        .iter()
        .map(|v| {
            let before = running;
            if !v.is_zero_vartime() {
                running *= v;
            }
            before
        })
        .collect();
    // A product of non-zero elements is not zero.
    let mut inverse = running.invert().unwrap_or(F::ZERO);
    for (v, before) in values.iter_mut().zip(&mut products).rev() {
        if !v.is_zero_vartime() {
            let next = inverse * *v;
            *v = inverse * *before;
            inverse = next;
        }
        *before = F::ZERO;
    }
    // Keeps the wiping from being optimised away.
    core::hint::black_box(&products);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bls12_381, Bn254, Curve};
    use proptest::prelude::*;

    fn elements<F: Field>(seeds: &[u64]) -> Vec<F> {
        // Small numbers, zero among them, and large ones.
        let one = |s: &u64| (0..s % 7).fold(F::ZERO, |acc, _| acc + F::ONE).pow_vartime([1 + s / 7]);
        seeds.iter().map(one).collect()
    }

    fn check<F: Field>(seeds: &[u64]) {
        let values = elements::<F>(seeds);
        let expected: Vec<F> = values.iter().map(|v| v.invert().unwrap_or(F::ZERO)).collect();
        for invert in [batch_invert::<F>, batch_invert_parallel::<F>, batch_invert_sequential::<F>] {
            let mut found = values.clone();
            invert(&mut found);
            assert!(found == expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_element_is_inverted(seeds in proptest::collection::vec(any::<u64>(), 0..40)) {
            check::<<Bls12_381 as Curve>::Fr>(&seeds);
            check::<<Bn254 as Curve>::Fr>(&seeds);
        }
    }

    #[test]
    fn lengths_about_the_threshold_and_all_zero() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        pool.install(|| {
            for n in [0, 1, 2, MIN_CHUNK, PARALLEL_THRESHOLD - 1, PARALLEL_THRESHOLD, 3 * MIN_CHUNK + 1] {
                check::<<Bn254 as Curve>::Fr>(&(0..n as u64).map(|i| i * 13).collect::<Vec<_>>());
                check::<<Bls12_381 as Curve>::Fr>(&vec![0; n]);
            }
        });
    }
}
