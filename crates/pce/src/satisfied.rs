//! Does a witness satisfy the circuit?

use crate::simd::{self, Path};
use forebay_msm::field::as_limbs;
use forebay_msm::{Kernels, ScalarField};
use rayon::ThreadPool;
use rayon::prelude::*;

/// Rows per task: one multiplication each, so a task is some tens of microseconds and splitting costs nothing.
const ROWS: usize = 4096;

/// The lowest row i with aᵢ·bᵢ ≠ cᵢ; `None` if all rows are satisfied.
///
/// [`EvalOptions::find_unsatisfied`](crate::EvalOptions::find_unsatisfied) finds it during evaluation.
///
/// # Panics
/// If the slices differ in length.
pub fn first_unsatisfied_row<F: ScalarField>(pool: &ThreadPool, a: &[F], b: &[F], c: &[F]) -> Option<usize> {
    assert!(a.len() == b.len() && b.len() == c.len(), "a, b, c of equal length");
    let (a, b, c) = (as_limbs(a), as_limbs(b), as_limbs(c));
    let path = Kernels::Auto.choose().unwrap_or(Path::Portable);
    pool.install(|| {
        let tasks = a.par_chunks(ROWS).zip(b.par_chunks(ROWS)).zip(c.par_chunks(ROWS)).enumerate();
        tasks.find_map_first(|(task, ((a, b), c))| {
            simd::first_unsatisfied::<F>(path, a, b, c).map(|i| task * ROWS + i)
        })
    })
}
