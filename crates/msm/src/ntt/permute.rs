//! Orders: bit reversal and index negation.

use rayon::prelude::*;

/// Elements per task of a pass that only moves them.
const TASK: usize = 1 << 12;

/// Exchanges v_i and v_j where j is i with its bits reversed. The length is a power of two.
pub(crate) fn bit_reverse<T: Send>(values: &mut [T]) {
    let n = values.len();
    if n <= 2 {
        return;
    }
    let shift = usize::BITS - n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> shift;
        if i < j {
            values.swap(i, j);
        }
    }
}

/// Exchanges v_i and v_(n−i) for 0 < i < n.
pub(crate) fn mirror<T: Send>(values: &mut [T]) {
    let Some((_, rest)) = values.split_first_mut() else { return };
    let half = rest.len() / 2;
    let (left, right) = rest.split_at_mut(half);
    let pairs = left.par_iter_mut().zip(right.par_iter_mut().rev()).with_min_len(TASK);
    pairs.for_each(|(a, b)| core::mem::swap(a, b));
}
