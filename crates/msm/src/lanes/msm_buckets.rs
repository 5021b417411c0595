//! The bucket method on sums of runs: Pippenger, "On the evaluation of powers and monomials", SIAM J. Comput. 9 (1980).

use super::{
    msm_field::LaneField,
    msm_glv::map_sums,
    msm_runs::{Adder, Entry, Run},
    msm_table::{Outside, Record, Records, Table},
};
use crate::{
    field::ScalarField,
    msm::{
        classify::{SHORT_BITS, Term},
        digits::{Digits, full_bits},
        glv::{Endomorphism, Of, Windows},
        memory::Parts,
        pippenger::bucket_ranges,
        point::Xyzz,
        points::Points,
        reduce::Sums,
    },
};
use core::ops::Range;
use rayon::prelude::*;
use zeroize::Zeroizing;

/// Buckets up to which running sums, one addition at a time, are faster than rounds of few additions.
const FEW: usize = 32;

/// Bytes of points above which they are copied into large pages before windows gather from them. Points outside lie in
/// pages of 4 KiB, of which a second-level TLB reaches 12 MiB. One thread, with a copy and without: BLS12-381 G1 2^18
/// 469 and 518 ms, 2^20 1,825 and 2,224 ms; BN254 G1 2^20 1,041 and 1,269 ms.
const COPY_ABOVE: usize = 8 << 20;

/// Terms of a plain sum that are converted and added at once.
const PLAIN: usize = 1 << 14;

/// Σ k_i·P_i over the terms, which `windows` is for and none of which is of infinity.
///
/// # Safety
/// The CPU has the features.
pub(super) unsafe fn bucket_method<F: ScalarField, L: LaneField>(
    points: Points<'_, L::Scalar>,
    scalars: &[F],
    terms: &[Term],
    windows: Windows,
) -> Xyzz<L::Scalar> {
    if terms.is_empty() {
        return Xyzz::INFINITY;
    }
    let copy = (terms.len() * Outside::<L>::SIZE > COPY_ABOVE).then(|| Table::new(points, terms));
    let (source, indices) = match &copy {
        Some(table) => (table.points::<L>(terms.len()), Indices::InOrder),
        None => (Outside::new(points), Indices::OfTerms),
    };
    let digits = Digits::of(scalars, terms, windows);
    let ranges = bucket_ranges(windows.buckets(), windows.count);
    let tasks: Vec<(usize, Range<usize>)> =
        (0..windows.count).flat_map(|w| ranges.iter().map(move |r| (w, r.clone()))).collect();
    let sums: Vec<Xyzz<L::Scalar>> = tasks
        .into_par_iter()
        .with_max_len(1)
        // SAFETY: the caller's promise.
        .map(|(w, range)| unsafe { range_sum(source, indices, terms, digits.window(w), range) })
        .collect();
    // Horner's rule over the windows, the highest first.
    sums.chunks(ranges.len()).rev().fold(Xyzz::INFINITY, |acc, window| {
        let acc = (0..windows.width).fold(acc, |acc, _| acc.double());
        window.iter().fold(acc, |acc, sum| acc.add(sum))
    })
}

/// Σ ±P_i over the terms, none of which is of infinity.
///
/// # Safety
/// The CPU has the features.
pub(super) unsafe fn plain_sum<L: LaneField>(
    points: Points<'_, L::Scalar>,
    terms: &[Term],
) -> Xyzz<L::Scalar> {
    let part = |terms: &[Term]| {
        let run = Run { start: 0, len: terms.len() as u32, out: 0 };
        let mut sum = Records::<L>::infinities(1);
        // SAFETY: the caller's promise.
        unsafe { Adder::new().sum_runs(Outside::new(points), terms, &[run], &mut sum) };
        Xyzz::from_affine(&sum[0].to_affine())
    };
    terms.par_chunks(PLAIN).map(part).reduce(|| Xyzz::INFINITY, |a, b| a.add(&b))
}

/// The most terms that are cut by the endomorphism. Cut and whole, CPU time of one thread, medians of 31, BLS12-381 G1:
/// 2^12 19.5 and 23.9 ms, 2^13 26.4 and 29.1, 2^14 55.5 and 55.9, 2^15 86.9 and 84.2; BN254 G1: 8.0 and 9.9, 14.0 and 16.0,
/// 27.1 and 26.3, 56.5 and 51.7. At 2^18 (medians of 5) 721 and 640, 456 and 336: the buckets of both halves leave the cache.
pub(super) const CUT_UP_TO: usize = 1 << 13;

/// Tenths of additions of a window: one addition per digit and 2.2 per bucket.
pub(super) fn cost(digits: usize, buckets: usize) -> usize {
    10 * digits + 22 * buckets
}

/// The windows of that many short scalars.
pub(super) fn short_windows(terms: usize) -> Windows {
    Windows::whole(terms, SHORT_BITS, cost)
}

/// The windows of that many full-width scalars.
pub(super) fn full_windows<F: ScalarField>(terms: usize, endomorphism: Endomorphism) -> Windows {
    let whole = Windows::whole(terms, full_bits::<F>(), cost);
    let pays = endomorphism.cuts(terms, CUT_UP_TO);
    if pays && Of::<F>::LATTICE.is_some() { Windows::halves(terms, cost) } else { whole }
}

/// Σ (b+1)·B_b over a range of one window's buckets, where B_b sums the points of digit ±(b+1).
unsafe fn range_sum<L: LaneField>(
    points: Outside<'_, L>,
    indices: Indices,
    terms: &[Term],
    digits: &[i16],
    range: Range<usize>,
) -> Xyzz<L::Scalar> {
    let mut adder = Adder::new();
    // SAFETY: the caller's promise.
    let Sums { weighted, plain } = unsafe {
        let buckets = bucket_sums(&mut adder, points, sort(indices, terms, digits, &range));
        if buckets.len() == range.len() {
            reduce(&mut adder, &buckets)
        } else {
            let buckets = join_halves(&mut adder, buckets);
            reduce(&mut adder, &buckets)
        }
    };
    weighted.add(&plain.mul_small(range.start))
}

/// The sum of each run.
unsafe fn bucket_sums<L: LaneField>(
    adder: &mut Adder<L>,
    points: Outside<'_, L>,
    (entries, runs): Sorted,
) -> Records<L> {
    let mut buckets = Records::infinities(runs.len());
    // SAFETY: the caller's promise.
    unsafe { adder.sum_runs(points, &entries, &runs, &mut buckets) };
    buckets
}

/// B_b + φ(B'_b) for the buckets B of the first halves and B' of the second, one behind the other.
unsafe fn join_halves<L: LaneField>(adder: &mut Adder<L>, mut buckets: Records<L>) -> Records<L> {
    let len = buckets.len() / 2;
    // SAFETY: the caller's promise.
    unsafe {
        map_sums(&mut buckets[len..]);
        line_sums(adder, &buckets, len, |b| [b, b + len].into_iter())
    }
}

/// Σ (b+1)·B_b and Σ B_b, where B_b sums the terms, none of which is of infinity, from the end of bucket b − 1 to that of
/// bucket b.
///
/// # Safety
/// The CPU has the features.
pub(super) unsafe fn sorted_sums<L: LaneField>(
    points: Points<'_, L::Scalar>,
    sorted: &[Term],
    ends: &[u32],
) -> Sums<L::Scalar> {
    let mut runs = Zeroizing::new(Vec::with_capacity(ends.len()));
    let mut start = 0;
    for (out, end) in (0..).zip(ends) {
        runs.push(Run { start, len: end - start, out });
        start = *end;
    }
    let mut adder = Adder::<L>::new();
    let mut buckets = Records::infinities(ends.len());
    // SAFETY: the caller's promise.
    unsafe {
        adder.sum_runs(Outside::new(points), sorted, &runs, &mut buckets);
        reduce(&mut adder, &buckets)
    }
}

/// What a bucket method of that many terms allocates.
pub(super) fn parts<L: LaneField>(terms: usize) -> Parts {
    let (record, run) = (size_of::<Record<L>>(), size_of::<Run>());
    // Pieces of long runs have 16 entries or more; their sums are runs again, a sixteenth of the size.
    let per_piece = record + 2 * run + 2 * size_of::<Entry>();
    Parts {
        copied: if terms * Outside::<L>::SIZE > COPY_ABOVE { Outside::<L>::SIZE } else { 0 },
        per_entry: size_of::<Entry>() + per_piece.div_ceil(15),
        // The run, the next entry, the two lists of a sum of runs and the sorted one, the bucket; in the reduction
        // sums of lines and an entry more.
        per_bucket: 4 * run + 2 * size_of::<Entry>() + record + record / 8,
        adder: Adder::<L>::BYTES,
    }
}

/// Where the point of a term is.
#[derive(Clone, Copy, PartialEq)]
enum Indices {
    /// Where the term says.
    OfTerms,
    /// At the term's own position in the list.
    InOrder,
}

type Sorted = (Zeroizing<Vec<Entry>>, Zeroizing<Vec<Run>>);

/// The entries with a digit in the range, ordered by bucket, and each bucket's run. The digit's sign goes into the
/// entry. Second halves of terms have buckets of their own behind those of the first.
fn sort(indices: Indices, terms: &[Term], digits: &[i16], range: &Range<usize>) -> Sorted {
    let bucket = |digit: i16| (digit.unsigned_abs() as usize).wrapping_sub(1 + range.start); // digit 0 is out of range
    let parts = digits.len() / terms.len();
    let mut runs = Zeroizing::new(vec![Run::default(); parts * range.len()]);
    let mut next = Zeroizing::new(vec![0u32; parts * range.len()]);
    for (next, digits) in next.chunks_mut(range.len()).zip(digits.chunks(terms.len())) {
        for digit in digits {
            if let Some(count) = next.get_mut(bucket(*digit)) {
                *count += 1;
            }
        }
    }
    let mut start = 0;
    for (out, (run, count)) in (0..).zip(runs.iter_mut().zip(next.iter_mut())) {
        let len = core::mem::replace(count, start);
        *run = Run { start, len, out };
        start += len;
    }
    let mut entries = Zeroizing::new(vec![0; start as usize]);
    for (next, digits) in next.chunks_mut(range.len()).zip(digits.chunks(terms.len())) {
        for (i, (term, digit)) in terms.iter().zip(digits).enumerate() {
            if let Some(next) = next.get_mut(bucket(*digit)) {
                let term = if indices == Indices::InOrder { 2 * i as Entry + (term & 1) } else { *term };
                entries[*next as usize] = term ^ Entry::from(*digit < 0);
                *next += 1;
            }
        }
    }
    (entries, runs)
}

/// Σ (i+1)·B_i and Σ B_i. Buckets are a matrix of rows of 2^l, b = row·2^l + column: with the sums of rows R and of
/// columns C, two additions a bucket, Σ (b+1)·B_b = 2^l·Σ row·R_row + Σ (column+1)·C_column.
unsafe fn reduce<L: LaneField>(adder: &mut Adder<L>, buckets: &[Record<L>]) -> Sums<L::Scalar> {
    if buckets.len() <= FEW {
        return running_sums(buckets);
    }
    let low_bits = buckets.len().ilog2().div_ceil(2);
    let columns = 1usize << low_bits;
    let rows = buckets.len().div_ceil(columns);
    let row = |i: usize| i * columns..((i + 1) * columns).min(buckets.len());
    // SAFETY: the caller's promise.
    let (of_rows, of_columns) = unsafe {
        let row_sums = line_sums(adder, buckets, rows, row);
        let column_sums = line_sums(adder, buckets, columns, |i| (i..buckets.len()).step_by(columns));
        (reduce(adder, &row_sums), reduce(adder, &column_sums))
    };
    let weighted_rows = of_rows.weighted.add(&of_rows.plain.neg());
    let shifted = (0..low_bits).fold(weighted_rows, |acc, _| acc.double());
    Sums { weighted: shifted.add(&of_columns.weighted), plain: of_columns.plain }
}

/// The sums of lines of buckets.
unsafe fn line_sums<L: LaneField, I: Iterator<Item = usize>>(
    adder: &mut Adder<L>,
    buckets: &[Record<L>],
    lines: usize,
    line: impl Fn(usize) -> I,
) -> Records<L> {
    let mut entries: Zeroizing<Vec<Entry>> = Zeroizing::new(Vec::with_capacity(buckets.len()));
    let mut runs: Zeroizing<Vec<Run>> = Zeroizing::new(Vec::with_capacity(lines));
    for out in 0..lines {
        let start = entries.len();
        entries.extend(line(out).filter(|b| !buckets[*b].is_infinity()).map(|b| 2 * b as Entry));
        runs.push(Run { start: start as u32, len: (entries.len() - start) as u32, out: out as u32 });
    }
    let mut sums = Records::infinities(lines);
    // SAFETY: the caller's promise.
    unsafe { adder.sum_runs(buckets, &entries, &runs, &mut sums) };
    sums
}

/// Two projective additions per bucket.
fn running_sums<L: LaneField>(buckets: &[Record<L>]) -> Sums<L::Scalar> {
    let mut sums = Sums { weighted: Xyzz::INFINITY, plain: Xyzz::INFINITY };
    for bucket in buckets.iter().rev() {
        sums.plain = sums.plain.add_affine(&bucket.to_affine());
        sums.weighted = sums.weighted.add(&sums.plain);
    }
    sums
}
