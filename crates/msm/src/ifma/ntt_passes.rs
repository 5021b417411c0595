//! The passes over memory: each loads rows into a buffer that fits the second-level cache, takes them through up to
//! eleven levels there and stores them where they came from.
//!
//! A *column* pass takes the outer levels of a block: eight adjacent columns of the block seen as a matrix. A *leaf* pass
//! takes the inner levels of a block that is contiguous. Values in memory are below 2p between passes, which four 64-bit
//! limbs hold, and reduced after the last one.

use super::{
    field5::{Field5, Multiplier, V, canonical, mul, normalize, reduce, shift_right, sub},
    field5_memory::{Packed, load, store},
    ntt_lanes::{self, LaneFactors},
    ntt_rows,
    ntt_scaling::Scaling,
};
use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// The factors of a transform.
#[derive(Clone, Copy)]
pub(crate) struct Tables<'a> {
    /// The first n/16 of T, for levels on rows.
    pub(crate) multipliers: &'a [Multiplier],
    /// All of T, for levels inside eight elements.
    pub(crate) lanes: LaneFactors<'a>,
}

/// What the last pass towards bit-reversed order does to the values before it stores them reduced.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a> {
    /// Nothing.
    Plain,
    /// Multiplies by 2^-k, k ≥ 5.
    Shift(u32),
    /// Multiplies by the factors at bit-reversed positions.
    Scale(&'a Scaling),
}

/// Eight columns of a matrix in memory, at block k of its level.
#[derive(Clone, Copy)]
pub(crate) struct Columns {
    /// The first element of the first row.
    pub(crate) first: *mut Packed,
    /// From row to row.
    pub(crate) stride: usize,
    /// Which block.
    pub(crate) k: usize,
}

/// How many rows ahead the loads of a column pass prefetch: rows are at least a page apart, beyond the hardware's reach.
const AHEAD: usize = 8;

impl Columns {
    /// # Safety
    /// Row i exists; the caller's features.
    #[inline(always)]
    unsafe fn load(&self, i: usize) -> V {
        let ahead = self.first.wrapping_add((i + AHEAD) * self.stride);
        for line in 0..4 {
            // SAFETY: a prefetch of any address is harmless.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(2 * line).cast()) };
        }
        // SAFETY: the caller's promise.
        unsafe { load::<0>(self.first.add(i * self.stride)) }
    }

    /// Stores a lazy value below 32p as one below 2p.
    ///
    /// # Safety
    /// Row i exists; the caller's features.
    #[inline(always)]
    unsafe fn store<F: Field5>(&self, i: usize, v: &V) {
        // SAFETY: the caller's promise.
        unsafe { store(self.first.add(i * self.stride), &small::<F>(v)) }
    }
}

/// A lazy value below 32p → the same below 2p, normal.
#[inline(always)]
unsafe fn small<F: Field5>(v: &V) -> V {
    // SAFETY: the caller's features.
    unsafe { normalize(&reduce::<F>(&normalize(v))) }
}

/// The outer levels towards bit-reversed order of eight columns, their values first multiplied by `scaling` (whose
/// vector number `offset` belongs to the first row).
///
/// # Safety
/// The CPU has the features; all `rows.len()` rows exist and nobody else uses these columns.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
pub(crate) unsafe fn reversed_columns<F: Field5, const INVERSE: bool>(
    rows: &mut [V],
    columns: Columns,
    t: &[Multiplier],
    scaling: Option<(&Scaling, usize)>,
) {
    // SAFETY: the caller's promises.
    unsafe {
        ntt_rows::reversed::<F, INVERSE>(rows, columns.k, t, |i| {
            let row = columns.load(i);
            match scaling {
                None => row,
                Some((scaling, offset)) => scaling.apply::<F>(offset + i * columns.stride / 8, &row),
            }
        });
        rows.iter().enumerate().for_each(|(i, row)| columns.store::<F>(i, row));
    }
}

/// The outer levels towards natural order of eight columns.
///
/// # Safety
/// As [`reversed_columns`].
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
pub(crate) unsafe fn natural_columns<F: Field5, const INVERSE: bool>(
    rows: &mut [V],
    columns: Columns,
    t: &[Multiplier],
) {
    // SAFETY: the caller's promises.
    unsafe {
        rows.iter_mut().enumerate().for_each(|(i, row)| *row = columns.load(i));
        ntt_rows::natural::<F, INVERSE>(rows, columns.k, t, |i, row| columns.store::<F>(i, row));
    }
}

/// a·b·2^-260 − c in [0, 2p), lazy; a, b, c lazy and below 8p. The product is below 3p, the difference below 11p.
#[inline(always)]
unsafe fn product_less<F: Field5>(product: &V, c: &V) -> V {
    // SAFETY: the caller's features.
    unsafe { reduce::<F>(&normalize(&sub(product, c, &F::MULTIPLES[2]))) }
}

/// The last levels of a, b and c towards natural order, and a·b·2^-260 − c in place of a: reduced, or, where the
/// coefficients are wanted, after the first levels of the inverse transform.
///
/// # Safety
/// As [`reversed_columns`], for all three.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
pub(crate) unsafe fn quotient_columns<F: Field5>(
    [rows, result]: [&mut [V]; 2],
    [a, b, c]: [Columns; 3],
    t: &[Multiplier],
    invert: bool,
) {
    // SAFETY: the caller's promises.
    unsafe {
        let mut values = |columns: Columns, store: &mut dyn FnMut(usize, &V)| {
            rows.iter_mut().enumerate().for_each(|(i, row)| *row = columns.load(i));
            ntt_rows::natural::<F, false>(rows, columns.k, t, store);
        };
        values(a, &mut |i, row| result[i] = normalize(row));
        values(b, &mut |i, row| result[i] = mul::<F>(&result[i], &normalize(row)));
        values(c, &mut |i, row| result[i] = product_less::<F>(&result[i], row));
        if invert {
            ntt_rows::reversed::<F, true>(rows, a.k, t, |i| result[i]);
            rows.iter().enumerate().for_each(|(i, row)| a.store::<F>(i, row));
        } else {
            for (i, row) in result.iter().enumerate() {
                store(a.first.add(i * a.stride), &canonical::<F>(&normalize(row)));
            }
        }
    }
}

/// a ← a·b·2^-260 − c, reduced.
///
/// # Safety
/// The CPU has the features; the slices have equal lengths, a multiple of 8.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
pub(crate) unsafe fn pointwise<F: Field5>(a: &mut [Packed], b: &[Packed], c: &[Packed]) {
    for ((a, b), c) in a.chunks_exact_mut(8).zip(b.chunks_exact(8)).zip(c.chunks_exact(8)) {
        // SAFETY: eight elements each.
        unsafe {
            let product = mul::<F>(&load::<0>(a.as_ptr()), &load::<0>(b.as_ptr()));
            let result = product_less::<F>(&product, &load::<0>(c.as_ptr()));
            store(a.as_mut_ptr(), &canonical::<F>(&normalize(&result)));
        }
    }
}

/// Eight rows at a time, transposed and back: `f(number of the first block of eight elements, values below 2p)`.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn each_eight_rows<F: Field5>(rows: &mut [V], first: usize, mut f: impl FnMut(usize, &mut [V; 8])) {
    for (group, rows) in rows.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        // SAFETY: the caller's features.
        unsafe {
            let mut x = ntt_lanes::to_lanes(&rows.map(|row| reduce::<F>(&normalize(&row))));
            f(first + 8 * group, &mut x);
            *rows = ntt_lanes::to_rows(&x);
        }
    }
}

/// The inner levels towards bit-reversed order of block k, which is `values`: the last pass. `scaling` is as in
/// [`reversed_columns`], for a transform that is one leaf.
///
/// # Safety
/// The CPU has the features; `values` has eight times as many elements as there are rows, at least 64.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
pub(crate) unsafe fn reversed_leaf<F: Field5, const INVERSE: bool>(
    rows: &mut [V],
    values: &mut [Packed],
    k: usize,
    t: &Tables<'_>,
    scaling: Option<&Scaling>,
    finish: Finish<'_>,
) {
    let (first, values) = (k * rows.len(), values.as_mut_ptr());
    // SAFETY: the caller's promises; first + 8 blocks of eight are below n/8.
    unsafe {
        ntt_rows::reversed::<F, INVERSE>(rows, k, t.multipliers, |i| {
            let row = load::<0>(values.add(8 * i));
            scaling.map_or(row, |scaling| scaling.apply::<F>(i, &row))
        });
        each_eight_rows::<F>(rows, first, |first, x| {
            t.lanes.prefetch::<INVERSE>(first + 8);
            ntt_lanes::reversed::<F, INVERSE>(x, first, &t.lanes);
            for (i, x) in x.iter_mut().enumerate() {
                let small = match finish {
                    Finish::Plain => small::<F>(x),
                    Finish::Shift(k) => shift_right::<F>(&normalize(x), k),
                    Finish::Scale(s) => normalize(&s.apply::<F>(first + i, &small::<F>(x))),
                };
                *x = canonical::<F>(&small);
            }
        });
        rows.iter().enumerate().for_each(|(i, row)| store(values.add(8 * i), row));
    }
}

/// The inner levels of block k of an inverse transform, the factors of a coset, and the inner levels of the transform
/// onto that coset: the last pass of one and the first of the other. Results are below 2p.
///
/// # Safety
/// As [`reversed_leaf`].
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
pub(crate) unsafe fn coset_leaf<F: Field5>(
    rows: &mut [V],
    values: &mut [Packed],
    k: usize,
    t: &Tables<'_>,
    scaling: &Scaling,
) {
    let (first, values) = (k * rows.len(), values.as_mut_ptr());
    // SAFETY: the caller's promises.
    unsafe {
        ntt_rows::reversed::<F, true>(rows, k, t.multipliers, |i| load::<0>(values.add(8 * i)));
        each_eight_rows::<F>(rows, first, |first, x| {
            t.lanes.prefetch::<true>(first + 8);
            t.lanes.prefetch::<false>(first + 8);
            ntt_lanes::reversed::<F, true>(x, first, &t.lanes);
            for (i, x) in x.iter_mut().enumerate() {
                *x = scaling.apply::<F>(first + i, &small::<F>(x));
            }
            ntt_lanes::natural::<F, false>(x, first, &t.lanes);
            x.iter_mut().for_each(|x| *x = reduce::<F>(&normalize(x)));
        });
        ntt_rows::natural::<F, false>(rows, k, t.multipliers, |i, row| {
            store(values.add(8 * i), &small::<F>(row));
        });
    }
}
