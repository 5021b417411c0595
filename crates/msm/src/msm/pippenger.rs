//! The bucket method: Pippenger, "On the evaluation of powers and monomials", SIAM J. Comput. 9 (1980).
//!
//! A task owns one window and a range of its buckets. It sorts the window's terms by bucket (a counting sort of
//! indices), gathers their points run by run into a scratch buffer that stays in the second-level cache, and adds up
//! all runs at once with [`Batch::sum_runs`]. Since every addition of a round is independent of the others, a bucket
//! that gets all points is as good as many that get a few each.

use super::{
    batch_affine::Batch,
    classify::{SHORT_BITS, Term, Terms},
    digits::{Digits, full_bits},
    glv::{Endomorphism, Of, Windows},
    memory::{Parts, tile_bytes},
    point::{Affine, Xyzz},
    points::Points,
    reduce::{Sums, reduce},
};
use crate::field::{ScalarField, coordinate::Coordinate};
use core::ops::Range;
use rayon::prelude::*;
use zeroize::Zeroizing;

/// Bytes of points that a task adds up at once: within a second-level cache beside the running products.
const GATHER_BYTES: usize = 1 << 18;

/// Σ k_i·P_i over the terms, which `windows` is for.
pub(crate) fn bucket_method<F: ScalarField, K: Coordinate>(
    points: Points<'_, K>,
    scalars: &[F],
    terms: &[Term],
    windows: Windows,
) -> Xyzz<K> {
    if terms.is_empty() {
        return Xyzz::INFINITY;
    }
    let digits = Digits::of(scalars, terms, windows);
    let ranges = bucket_ranges(windows.buckets(), windows.count);
    let tasks: Vec<(usize, Range<usize>)> =
        (0..windows.count).flat_map(|w| ranges.iter().map(move |r| (w, r.clone()))).collect();
    let sums: Vec<Xyzz<K>> = tasks
        .into_par_iter()
        .with_max_len(1)
        .map(|(w, range)| range_sum(points, terms, digits.window(w), range))
        .collect();
    // Horner's rule over the windows, the highest first.
    sums.chunks(ranges.len()).rev().fold(Xyzz::INFINITY, |acc, window| {
        let acc = (0..windows.width).fold(acc, |acc, _| acc.double());
        window.iter().fold(acc, |acc, sum| acc.add(sum))
    })
}

/// The most bytes that a tile allocates.
pub(crate) fn scratch_bytes<K: Coordinate>(
    endomorphism: Endomorphism,
    terms: usize,
    bits: u32,
    threads: usize,
) -> usize {
    let parts = parts::<K>();
    let whole = tile_bytes(terms, threads, &parts, |terms| Windows::whole(terms, bits, cost));
    let cut = endomorphism.most_cut(terms, CUT_UP_TO);
    whole.max(tile_bytes(cut, threads, &parts, |terms| Windows::halves(terms, cost)))
}

/// What a bucket method allocates.
pub(crate) fn parts<K: Coordinate>() -> Parts {
    let (point, gathered) = (size_of::<Affine<K>>(), gather_len::<K>());
    Parts {
        copied: 0,
        per_entry: size_of::<Term>(),
        // Ends, buckets; in the reduction two sums and two terms for each strip, products for each addition.
        per_bucket: size_of::<u32>() + point + point / 2 + size_of::<K>(),
        adder: gathered * (point + size_of::<K>() + size_of::<u32>() + size_of::<usize>()),
    }
}

/// Σ ±P_i over the terms.
pub(crate) fn plain_sum<K: Coordinate>(points: Points<'_, K>, terms: &[Term]) -> Xyzz<K> {
    let run = gather_len::<K>();
    let sums = terms.par_chunks(run).map(|terms| {
        let mut gathered: Zeroizing<Vec<Affine<K>>> =
            Zeroizing::new(terms.iter().map(|t| points.signed(*t)).collect());
        Batch::with_capacity(terms.len() / 2).sum_runs(&mut gathered, &mut [terms.len() as u32]);
        Xyzz::from_affine(&gathered[0])
    });
    sums.reduce(|| Xyzz::INFINITY, |a, b| a.add(&b))
}

fn gather_len<K>() -> usize {
    (GATHER_BYTES / size_of::<Affine<K>>()).max(64)
}

/// The most terms that are cut by the endomorphism. Cut and whole, CPU time of one thread, medians of 9, BLS12-381 G1:
/// 2^12 39.4 and 43.0 ms, 2^14 158 and 183, 2^16 543 and 561; BN254 G1: 24.0 and 27.9, 79.9 and 81.8 (2^14).
const CUT_UP_TO: usize = 1 << 16;

/// Multiplications of a window: 6 per digit, 13 per bucket (24 where there are few).
fn cost(digits: usize, buckets: usize) -> usize {
    6 * digits + if buckets < 512 { 24 } else { 13 } * buckets
}

/// The windows of that many short scalars.
pub(crate) fn short_windows(terms: usize) -> Windows {
    Windows::whole(terms, SHORT_BITS, cost)
}

/// The windows of that many full-width scalars.
pub(crate) fn full_windows<F: ScalarField>(terms: usize, endomorphism: Endomorphism) -> Windows {
    let whole = Windows::whole(terms, full_bits::<F>(), cost);
    let pays = endomorphism.cuts(terms, CUT_UP_TO);
    if pays && Of::<F>::LATTICE.is_some() { Windows::halves(terms, cost) } else { whole }
}

/// Cuts the buckets so that there are a few tasks for every thread.
pub(crate) fn bucket_ranges(buckets: usize, windows: usize) -> Vec<Range<usize>> {
    let threads = rayon::current_num_threads();
    let wanted = if threads == 1 { 1 } else { (4 * threads).div_ceil(windows) };
    let len = buckets.div_ceil(wanted).max(1);
    (0..buckets).step_by(len).map(|start| start..(start + len).min(buckets)).collect()
}

/// Σ (b+1)·B_b over a range of one window's buckets, where B_b sums the points of digit ±(b+1).
fn range_sum<K: Coordinate>(
    points: Points<'_, K>,
    terms: &[Term],
    digits: &[i16],
    range: Range<usize>,
) -> Xyzz<K> {
    let (sorted, ends) = sort(terms, digits, &range);
    let mut batch = Batch::with_capacity(gather_len::<K>().max(range.len()));
    let mut buckets = Zeroizing::new(vec![Affine::INFINITY; ends.len()]);
    accumulate(points, &sorted, &ends, &mut buckets, &mut batch);
    let (buckets, of_second) = buckets.split_at_mut(range.len());
    if !of_second.is_empty() {
        let beta = K::cube_root();
        of_second.iter_mut().for_each(|sum| sum.x = sum.x.mul(&beta));
        batch.add_assign(buckets, of_second);
    }
    let Sums { weighted, plain } = reduce(buckets, &mut batch);
    weighted.add(&plain.mul_small(range.start))
}

/// Σ (b+1)·B_b and Σ B_b, where B_b sums the terms from the end of bucket b − 1 to that of bucket b.
pub(crate) fn bucket_sums<K: Coordinate>(points: Points<'_, K>, sorted: &[Term], ends: &[u32]) -> Sums<K> {
    let mut batch = Batch::with_capacity(gather_len::<K>().max(ends.len() / 4));
    let mut buckets = Zeroizing::new(vec![Affine::INFINITY; ends.len()]);
    accumulate(points, sorted, ends, &mut buckets, &mut batch);
    reduce(&buckets, &mut batch)
}

/// The terms with a digit in the range, ordered by bucket, and the end of each bucket's run. The digit's sign goes
/// into the term. Second halves of terms have buckets of their own behind those of the first.
fn sort(terms: &[Term], digits: &[i16], range: &Range<usize>) -> (Terms, Zeroizing<Vec<u32>>) {
    let bucket = |digit: i16| (digit.unsigned_abs() as usize).wrapping_sub(1 + range.start); // digit 0 is out of range
    let parts = digits.len() / terms.len();
    let mut ends = Zeroizing::new(vec![0u32; parts * range.len()]);
    for (ends, digits) in ends.chunks_mut(range.len()).zip(digits.chunks(terms.len())) {
        for digit in digits {
            if let Some(count) = ends.get_mut(bucket(*digit)) {
                *count += 1;
            }
        }
    }
    let mut total = 0;
    for end in ends.iter_mut() {
        (*end, total) = (total, total + *end); // starts, for now
    }
    let mut sorted = Zeroizing::new(vec![0; total as usize]);
    for (ends, digits) in ends.chunks_mut(range.len()).zip(digits.chunks(terms.len())) {
        for (term, digit) in terms.iter().zip(digits) {
            if let Some(next) = ends.get_mut(bucket(*digit)) {
                sorted[*next as usize] = term ^ Term::from(*digit < 0);
                *next += 1;
            }
        }
    }
    (sorted, ends)
}

/// Sums each bucket's run of terms into the bucket (all infinity before).
fn accumulate<K: Coordinate>(
    points: Points<'_, K>,
    sorted: &[Term],
    ends: &[u32],
    buckets: &mut [Affine<K>],
    batch: &mut Batch<K>,
) {
    let capacity = gather_len::<K>();
    let mut gathered = Zeroizing::new(Vec::with_capacity(capacity));
    let mut lengths = Zeroizing::new(Vec::with_capacity(capacity));
    let mut owners = Zeroizing::new(Vec::with_capacity(capacity));
    let mut next = 0usize;
    for (bucket, end) in ends.iter().enumerate() {
        let end = *end as usize;
        while next < end {
            let take = (end - next).min(capacity - gathered.len());
            for (i, term) in sorted[next..next + take].iter().enumerate() {
                points.prefetch(sorted, next + i);
                gathered.push(points.signed(*term));
            }
            next += take;
            lengths.push(take as u32);
            owners.push(bucket);
            if gathered.len() == capacity {
                flush(&mut gathered, &mut lengths, &mut owners, buckets, batch);
                // A bucket that is not finished goes on from its sum so far.
                if next < end && capacity > 1 {
                    gathered.push(buckets[bucket]);
                    buckets[bucket] = Affine::INFINITY;
                    lengths.push(1);
                    owners.push(bucket);
                }
            }
        }
    }
    flush(&mut gathered, &mut lengths, &mut owners, buckets, batch);
}

/// Adds up what is gathered and leaves the sums in their buckets. Runs of one bucket are neighbours; all but the last
/// hold a carried sum only.
fn flush<K: Coordinate>(
    gathered: &mut Vec<Affine<K>>,
    lengths: &mut Vec<u32>,
    owners: &mut Vec<usize>,
    buckets: &mut [Affine<K>],
    batch: &mut Batch<K>,
) {
    if owners.len() >= 2 && owners[0] == owners[1] {
        lengths[1] += lengths[0];
        lengths.remove(0);
        owners.remove(0);
    }
    batch.sum_runs(gathered, lengths);
    for (owner, sum) in owners.iter().zip(gathered.iter()) {
        buckets[*owner] = *sum;
    }
    gathered.clear();
    lengths.clear();
    owners.clear();
}
