//! Signed digits: |k| = Σ d_w·2^(c·w) with −2^(c−1) ≤ d_w < 2^(c−1), which halves the number of buckets.

use super::classify::{Term, magnitude};
use crate::field::ScalarField;
use rayon::prelude::*;
use zeroize::Zeroizing;

/// Terms per task.
const TASK: usize = 1 << 11;

/// Digits between two windows, 192 bytes: windows of 2^k terms would begin in one set of every cache. No gain was seen:
/// 66 ms without it and 65 ms with it for 2^20 scalars in 16 windows.
pub(crate) const PADDING: usize = 96;

/// The widest window: its digits just fit into 16 bits.
pub(crate) const MAX_WIDTH: u32 = 16;

/// The digits of a list of scalars, window after window; wiped when dropped.
pub(crate) struct Digits {
    digits: Zeroizing<Vec<i16>>,
    terms: usize,
    stride: usize,
}

/// How many windows of `width` bits hold every magnitude of `bits` bits: with w windows the largest sum of digits is
/// just below 2^(c·w − 1), and 2^bits − 1 is at most 2^(c·w − 2) here.
pub(crate) fn window_count(bits: u32, width: u32) -> u32 {
    (bits + 2).div_ceil(width)
}

impl Digits {
    /// The digits of the scalars that `terms` names, whose magnitudes have at most `bits` bits.
    pub(crate) fn of<F: ScalarField>(scalars: &[F], terms: &[Term], bits: u32, width: u32) -> Self {
        debug_assert!((2..=MAX_WIDTH).contains(&width));
        let windows = window_count(bits, width) as usize;
        let stride = terms.len() + PADDING;
        let mut digits = Zeroizing::new(vec![0i16; windows * stride]);
        // One column per window, cut into the same runs of terms, then regrouped by run.
        let mut runs: Vec<(&[Term], Vec<&mut [i16]>)> =
            terms.chunks(TASK).map(|run| (run, Vec::with_capacity(windows))).collect();
        for column in digits.chunks_mut(stride) {
            for (run, part) in runs.iter_mut().zip(column[..terms.len()].chunks_mut(TASK)) {
                run.1.push(part);
            }
        }
        runs.into_par_iter().for_each(|(run, mut columns)| {
            for (i, term) in run.iter().enumerate() {
                let (m, _) = magnitude(&scalars[(term >> 1) as usize]);
                write_digits(&m, width, columns.iter_mut().map(|column| &mut column[i]));
            }
        });
        Digits { digits, terms: terms.len(), stride }
    }

    /// The digits of window `w`, one per term.
    pub(crate) fn window(&self, w: usize) -> &[i16] {
        &self.digits[w * self.stride..][..self.terms]
    }
}

#[inline(always)]
fn write_digits<'a>(m: &[u64; 4], width: u32, out: impl Iterator<Item = &'a mut i16>) {
    let half = 1i32 << (width - 1);
    let mut carry = 0;
    for (digit, bit) in out.zip((0u32..).step_by(width as usize)) {
        let (word, shift) = ((bit / 64) as usize, bit % 64);
        let low = m.get(word).map_or(0, |v| v >> shift);
        let high = if shift == 0 { 0 } else { m.get(word + 1).map_or(0, |v| v << (64 - shift)) };
        let raw = ((low | high) & ((1 << width) - 1)) as i32 + carry;
        carry = i32::from(raw >= half);
        *digit = (raw - (carry << width)) as i16;
    }
    debug_assert_eq!(carry, 0, "the windows do not hold the magnitude");
}
