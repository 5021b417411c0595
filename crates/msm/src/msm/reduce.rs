//! Σ (i+1)·B_i over buckets.

use super::{
    batch_affine::Batch,
    point::{Affine, Xyzz},
};
use crate::field::coordinate::Coordinate;
use zeroize::Zeroizing;

/// Buckets from which on strips are summed side by side with shared inversions.
const STRIPED: usize = 512;

/// Length of a strip: each costs one further projective step of about 24M, against 13M per bucket.
const STRIP: usize = 16;

/// A weighted and a plain sum.
#[derive(Clone, Copy)]
pub(crate) struct Sums<F> {
    /// Σ (i+1)·B_i.
    pub(crate) weighted: Xyzz<F>,
    /// Σ B_i.
    pub(crate) plain: Xyzz<F>,
}

/// Both sums over the buckets.
pub(crate) fn reduce<F: Coordinate>(buckets: &[Affine<F>], batch: &mut Batch<F>) -> Sums<F> {
    if buckets.len() < STRIPED { running_sums(buckets) } else { striped(buckets, batch) }
}

/// Two projective additions per bucket.
fn running_sums<F: Coordinate>(buckets: &[Affine<F>]) -> Sums<F> {
    let mut sums = Sums { weighted: Xyzz::INFINITY, plain: Xyzz::INFINITY };
    for bucket in buckets.iter().rev() {
        sums.plain = sums.plain.add_affine(bucket);
        sums.weighted = sums.weighted.add(&sums.plain);
    }
    sums
}

/// Strip s holds the buckets s·L .. (s+1)·L. All strips take a step of their running sums together:
/// Σ_s Σ_j (s·L + j + 1)·B = Σ_s weighted_s + L·Σ_s s·plain_s.
fn striped<F: Coordinate>(buckets: &[Affine<F>], batch: &mut Batch<F>) -> Sums<F> {
    let strips = buckets.len() / STRIP;
    let (head, tail) = buckets.split_at(strips * STRIP);
    // Plain sums in the first half, weighted sums in the second: one batch serves both, the weighted one step behind.
    let mut sums = Zeroizing::new(vec![Affine::INFINITY; 2 * strips]);
    let mut terms = Zeroizing::new(vec![Affine::INFINITY; 2 * strips]);
    for step in (0..STRIP).rev() {
        for (s, term) in terms[..strips].iter_mut().enumerate() {
            *term = head[s * STRIP + step];
        }
        terms[strips..].copy_from_slice(&sums[..strips]);
        batch.add_assign(&mut sums, &terms);
    }
    let (plain, weighted) = sums.split_at_mut(strips);
    batch.add_assign(weighted, plain);
    let mut lengths = [strips as u32];
    batch.sum_runs(weighted, &mut lengths);
    // Σ_s s·plain_s: the weights start at 0, so strip 0 only enters the plain sum.
    let mut rest = running_sums(&plain[1..]);
    for _ in 0..STRIP.trailing_zeros() {
        rest.weighted = rest.weighted.double();
    }
    let head_sums =
        Sums { weighted: rest.weighted.add_affine(&weighted[0]), plain: rest.plain.add_affine(&plain[0]) };
    let tail_sums = running_sums(tail);
    Sums {
        weighted: head_sums.weighted.add(&tail_sums.weighted).add(&tail_sums.plain.mul_small(strips * STRIP)),
        plain: head_sums.plain.add(&tail_sums.plain),
    }
}
