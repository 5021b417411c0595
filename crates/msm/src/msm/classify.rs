//! Tells scalars apart by size: 0 costs nothing, ±1 one addition, ±short few windows.
//!
//! Every scalar k is taken as ±|k| with |k| ≤ (r − 1)/2, so that r − 1 is −1 and the full ones have one bit less than
//! r. The lists depend on secrets; they are wiped when dropped.

use crate::field::{ScalarField, mont4};
use rayon::prelude::*;
use zeroize::Zeroizing;

/// Scalars per task.
const TASK: usize = 1 << 13;

/// A short scalar's magnitude has at most this many bits.
pub(crate) const SHORT_BITS: u32 = 64;

/// An index into the bases and a sign: `2·index + (1 if the point is to be negated)`.
pub(crate) type Term = u32;

/// A list of terms that is wiped when dropped.
pub(crate) type Terms = Zeroizing<Vec<Term>>;

/// ±|k| with |k| ≤ (r − 1)/2, as the magnitude's limbs and whether k is negative.
#[inline(always)]
pub(crate) fn magnitude<F: ScalarField>(k: &F) -> ([u64; 4], bool) {
    let k = k.to_canonical();
    let negated = mont4::sub::<F>(&[0; 4], &k); // r − k, as an integer (0 for 0)
    let negative = k.iter().rev().gt(negated.iter().rev());
    (if negative { negated } else { k }, negative)
}

/// Equality without a call, which comparing arrays of this size becomes.
#[inline(always)]
fn same(a: &[u64; 4], b: &[u64; 4]) -> bool {
    a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// The terms of an MSM by the size of their scalars; those with scalar 0 are in none.
#[derive(Default)]
pub(crate) struct Classes {
    /// ±1.
    pub(crate) units: Terms,
    /// Magnitudes of 2 to [`SHORT_BITS`] bits.
    pub(crate) short: Terms,
    /// The others.
    pub(crate) full: Terms,
}

impl Classes {
    /// Sorts the scalars, less than 2^31 of them, but those whose index is to be skipped.
    pub(crate) fn of<F: ScalarField>(scalars: &[F], skip: impl Fn(u32) -> bool + Sync) -> Self {
        let parts: Vec<Classes> = scalars
            .par_chunks(TASK)
            .enumerate()
            .map(|(i, chunk)| Self::of_chunk((i * TASK) as u32, chunk, &skip))
            .collect();
        let join = |list: fn(&Classes) -> &Terms| {
            let mut all = Terms::default();
            all.reserve_exact(parts.iter().map(|p| list(p).len()).sum());
            parts.iter().for_each(|p| all.extend_from_slice(list(p)));
            all
        };
        Classes { units: join(|p| &p.units), short: join(|p| &p.short), full: join(|p| &p.full) }
    }

    fn of_chunk<F: ScalarField>(first: u32, scalars: &[F], skip: impl Fn(u32) -> bool) -> Self {
        let mut classes = Classes::default();
        // Full capacity at once: growing would leave unwiped copies behind.
        for list in [&mut classes.units, &mut classes.short, &mut classes.full] {
            list.reserve_exact(scalars.len());
        }
        for (i, k) in (first..).zip(scalars) {
            if same(k.limbs(), &[0; 4]) || skip(i) {
                continue;
            }
            if same(k.limbs(), &F::R) {
                classes.units.push(2 * i);
                continue;
            }
            let (m, negative) = magnitude(k);
            let list = match m {
                [1, 0, 0, 0] => &mut classes.units,
                [_, 0, 0, 0] => &mut classes.short,
                _ => &mut classes.full,
            };
            list.push(2 * i + u32::from(negative));
        }
        classes
    }
}
