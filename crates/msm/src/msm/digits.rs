//! Signed digits: |k| = Σ d_w·2^(c·w) with −2^(c−1) ≤ d_w < 2^(c−1), which halves the number of buckets.

use super::{
    classify::{Term, magnitude},
    glv::{Of, Windows, decompose, sign_extended},
};
use crate::field::ScalarField;
use rayon::prelude::*;
use zeroize::Zeroizing;

/// Terms per task.
const TASK: usize = 1 << 11;

/// The widest window: its digits just fit into 16 bits.
pub(crate) const MAX_WIDTH: u32 = 16;

/// The digits of a list of scalars, window after window; wiped when dropped.
pub(crate) struct Digits {
    digits: Zeroizing<Vec<i16>>,
    per_window: usize,
    stride: usize,
}

/// Digits that a window is apart from the next beyond its own: a cache line, so that the windows of 2^n terms, which are
/// written side by side, do not share the sets of the cache.
const PAD: usize = 32;

/// How many windows of `width` bits hold every magnitude below 15/16·2^(`bits` + 1): the largest sum of digits in c·w bits
/// is above 2^(c·w − 1)·(1 − 2^(1 − c)), which is 15/16 of 2^(c·w − 1) from c = 5 on.
pub(crate) fn window_count(bits: u32, width: u32) -> u32 {
    (bits + if width < 5 { 3 } else { 2 }).div_ceil(width)
}

/// The number for [`window_count`] of magnitudes up to (r − 1)/2. For r below 15/16·2^k one bit less than k − 1: with 255
/// bits instead of 256, 17 windows of 15 bits do for BLS12-381.
pub(crate) fn full_bits<F: ScalarField>() -> u32 {
    let top = F::MODULUS_LIMBS[3] << (256 - F::NUM_BITS);
    F::NUM_BITS - if top < 0xf << 60 { 2 } else { 1 }
}

impl Digits {
    /// The digits of the scalars that `terms` names.
    pub(crate) fn of<F: ScalarField>(scalars: &[F], terms: &[Term], windows: Windows) -> Self {
        let Windows { width, count, parts } = windows;
        debug_assert!((2..=MAX_WIDTH).contains(&width));
        let lattice = Of::<F>::LATTICE.filter(|_| parts == 2);
        let (per_window, stride) = (parts * terms.len(), parts * terms.len() + PAD);
        let mut digits = Zeroizing::new(vec![0i16; stride * count]);
        // One column per window and part, cut into the same runs of terms, then regrouped by run.
        let mut runs: Vec<(&[Term], Vec<&mut [i16]>)> =
            terms.chunks(TASK).map(|run| (run, Vec::with_capacity(parts * count))).collect();
        let windows = digits.chunks_mut(stride).map(|window| &mut window[..per_window]);
        for column in windows.flat_map(|window| window.chunks_mut(terms.len().max(1))) {
            for (run, part) in runs.iter_mut().zip(column.chunks_mut(TASK)) {
                run.1.push(part);
            }
        }
        let halves = halves(width, count);
        runs.into_par_iter().for_each(|(run, mut columns)| {
            for (i, term) in run.iter().enumerate() {
                let (m, _) = magnitude(&scalars[(term >> 1) as usize]);
                let Some(lattice) = lattice else {
                    write_digits(&m, &halves, width, columns.iter_mut().map(|column| &mut column[i]));
                    continue;
                };
                for (part, half) in decompose(lattice, &m).into_iter().enumerate() {
                    let columns = columns.iter_mut().skip(part).step_by(2);
                    write_digits(&sign_extended(half), &halves, width, columns.map(|column| &mut column[i]));
                }
            }
        });
        Digits { digits, per_window, stride }
    }

    /// The digits of window `w`: one per term, or one per term for the first halves and then one for the second.
    pub(crate) fn window(&self, w: usize) -> &[i16] {
        &self.digits[w * self.stride..][..self.per_window]
    }
}

/// Words of a scalar to which half a digit is added in every window, and one more that is read beyond them: windows end
/// below bit 256 + 16.
type Raised = [u64; 6];

/// Σ 2^(c·w + c − 1) over all windows.
fn halves(width: u32, windows: usize) -> Raised {
    let mut sum = [0; 6];
    for bit in (width - 1..).step_by(width as usize).take(windows) {
        sum[(bit / 64) as usize] |= 1 << (bit % 64);
    }
    sum
}

/// The digits of m, which may be negative (in two's complement), are those of m + Σ 2^(c·w + c − 1) in base 2^c, less 2^(c−1) each: no carry goes from one to the next.
#[inline(always)]
fn write_digits<'a>(m: &[u64; 4], halves: &Raised, width: u32, out: impl Iterator<Item = &'a mut i16>) {
    let mut raised = *halves;
    let mut carry = false;
    for (i, word) in raised.iter_mut().enumerate() {
        let (sum, over) = word.overflowing_add(m.get(i).copied().unwrap_or(0));
        let (sum, again) = sum.overflowing_add(u64::from(carry));
        (*word, carry) = (sum, over | again);
    }
    if width == MAX_WIDTH {
        let quarters = raised.iter().flat_map(|word| [0, 16, 32, 48].map(|shift| (word >> shift) as u16));
        out.zip(quarters).for_each(|(digit, raw)| *digit = (raw ^ 1 << 15) as i16);
        return;
    }
    let half = 1i32 << (width - 1);
    for (digit, bit) in out.zip((0u32..).step_by(width as usize)) {
        let (word, shift) = ((bit / 64) as usize, bit % 64);
        let raw = (raised[word] >> shift) | (raised[word + 1] << 1 << (63 - shift));
        *digit = ((raw & ((1 << width) - 1)) as i32 - half) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;

    /// Every width, at the edges of the magnitudes: the digits are in range and their sum is the magnitude.
    #[test]
    fn digits_add_up() {
        let largest = [u64::MAX, u64::MAX, u64::MAX, (15 << 58) - 1]; // 15/16·2^254 − 1
        let samples =
            [[0; 4], [1, 0, 0, 0], [0, 0, 0, 1 << 61], [1 << 63, 1 << 63, 1 << 63, 1 << 61], largest];
        for width in 2..=MAX_WIDTH {
            let windows = window_count(253, width) as usize;
            for m in &samples {
                let mut digits = vec![0i16; windows];
                write_digits(m, &halves(width, windows), width, digits.iter_mut());
                let half = 1i32 << (width - 1);
                assert!(digits.iter().all(|d| (-half..half).contains(&i32::from(*d))));
                let sum = digits.iter().rev().fold(BigInt::ZERO, |sum, d| (sum << width) + *d);
                let expected = m.iter().rev().fold(BigInt::ZERO, |sum, word| (sum << 64) + *word);
                assert_eq!(sum, expected, "width {width}");
            }
        }
    }
}
