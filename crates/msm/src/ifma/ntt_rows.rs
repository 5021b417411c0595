//! Levels of the two networks of [`crate::ntt`] on rows of eight elements, where one factor serves whole rows.
//!
//! Two levels at a time; an odd level out is joined with loading or storing. All products are by fixed factors
//! ([`mul_fixed`]), 3 per 4 rows and 2 levels; block 0 has factor 1 and only reduces. Inverse networks read the same
//! table: ω^-j = −ω^(n/2−j), so T⁻¹\[k\] = −T\[[`mirror`]\(k\)\] and the minus sign exchanges sum and difference.

use super::field5::{Field5, Multiplier, V, add, mul_fixed, normalize, reduce, sub};

/// Where −T⁻¹\[k\] is found in T, for k > 0: all bits below the highest flipped.
#[inline(always)]
pub(crate) fn mirror(k: usize) -> usize {
    k ^ ((1 << k.ilog2()) - 1)
}

#[inline(always)]
fn factor<const INVERSE: bool>(t: &[Multiplier], k: usize) -> &Multiplier {
    &t[if INVERSE && k > 0 { mirror(k) } else { k }]
}

/// The factors of two levels of block k: T\[k\], T\[2k\], T\[2k+1\] or their inverses but for the sign.
struct Factors<'a>([&'a Multiplier; 3]);

impl<'a> Factors<'a> {
    #[inline(always)]
    fn of<const INVERSE: bool>(t: &'a [Multiplier], k: usize) -> Self {
        Factors([k, 2 * k, 2 * k + 1].map(|k| factor::<INVERSE>(t, k)))
    }
}

/// (u + t, u − t), exchanged if the factor in t has the wrong sign; t < 2p. Each is below the bound of u plus 2p.
#[inline(always)]
unsafe fn turn<F: Field5, const EXCHANGED: bool>(u: &V, t: &V) -> (V, V) {
    // SAFETY: the caller's features.
    let (sum, difference) = unsafe { (add(u, t), sub(u, t, &F::MULTIPLES[0])) };
    if EXCHANGED { (difference, sum) } else { (sum, difference) }
}

/// v·w in [0, 2p), where the factor of block 0 is 1; v ≤ 31p.
#[inline(always)]
unsafe fn times<F: Field5, const ONE: bool>(v: &V, w: &Multiplier) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let v = normalize(v);
        if ONE { reduce::<F>(&v) } else { mul_fixed::<F>(&v, w) }
    }
}

/// Two levels towards bit-reversed order. Values grow by at most 4p; inputs below 27p, so that every factor stays
/// below 31p.
#[inline(always)]
unsafe fn reversed4<F: Field5, const INVERSE: bool, const FIRST: bool>(x: [&mut V; 4], w: &Factors<'_>) {
    let [w1, w2, w3] = w.0;
    // SAFETY: the caller's features.
    unsafe {
        let (t2, t3) = (times::<F, FIRST>(x[2], w1), times::<F, FIRST>(x[3], w1));
        let (a, c) = if INVERSE && !FIRST { turn::<F, true>(x[0], &t2) } else { turn::<F, false>(x[0], &t2) };
        let (b, d) = if INVERSE && !FIRST { turn::<F, true>(x[1], &t3) } else { turn::<F, false>(x[1], &t3) };
        let (b, d) = (times::<F, FIRST>(&b, w2), times::<F, false>(&d, w3));
        (*x[0], *x[1]) = if INVERSE && !FIRST { turn::<F, true>(&a, &b) } else { turn::<F, false>(&a, &b) };
        (*x[2], *x[3]) = turn::<F, INVERSE>(&c, &d);
    }
}

/// u + v and (u − v)·w before the product, for u, v < 2^(s+1)·p: both below 2^(s+2)·p.
#[inline(always)]
unsafe fn part<F: Field5, const EXCHANGED: bool>(u: &V, v: &V, s: usize) -> (V, V) {
    let (u, v) = if EXCHANGED { (v, u) } else { (u, v) };
    // SAFETY: the caller's features.
    unsafe { (add(u, v), sub(u, v, &F::MULTIPLES[s])) }
}

/// Two levels towards natural order. Inputs and outputs below 4p: the first output, a sum of four, is reduced.
#[inline(always)]
unsafe fn natural4<F: Field5, const INVERSE: bool, const FIRST: bool>(x: [&mut V; 4], w: &Factors<'_>) {
    let [w1, w2, w3] = w.0;
    // SAFETY: the caller's features.
    unsafe {
        let (a, b) =
            if INVERSE && !FIRST { part::<F, true>(x[0], x[1], 1) } else { part::<F, false>(x[0], x[1], 1) };
        let (c, d) = part::<F, INVERSE>(x[2], x[3], 1);
        let (b, d) = (times::<F, FIRST>(&b, w2), times::<F, false>(&d, w3));
        let exchanged = INVERSE && !FIRST;
        let (x0, x2) = if exchanged { part::<F, true>(&a, &c, 2) } else { part::<F, false>(&a, &c, 2) };
        let (x1, x3) = if exchanged { part::<F, true>(&b, &d, 0) } else { part::<F, false>(&b, &d, 0) };
        *x[0] = times::<F, true>(&x0, w1);
        *x[1] = x1;
        (*x[2], *x[3]) = (times::<F, FIRST>(&x2, w1), times::<F, FIRST>(&x3, w1));
    }
}

/// A butterfly on every column of the four quarters of a block.
#[inline(always)]
fn quarters(block: &mut [V], mut butterfly: impl FnMut([&mut V; 4])) {
    let quarter = block.len() / 4;
    let (x01, x23) = block.split_at_mut(2 * quarter);
    let (x0, x1) = x01.split_at_mut(quarter);
    let (x2, x3) = x23.split_at_mut(quarter);
    for ((x0, x1), (x2, x3)) in x0.iter_mut().zip(x1).zip(x2.iter_mut().zip(x3)) {
        butterfly([x0, x1, x2, x3]);
    }
}

/// All levels of block k towards bit-reversed order; the number of rows is a power of 4.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn reversed_levels<F: Field5, const INVERSE: bool>(rows: &mut [V], k: usize, t: &[Multiplier]) {
    let (mut len, mut k) = (rows.len(), k);
    while len >= 4 {
        for (block, k) in rows.chunks_exact_mut(len).zip(k..) {
            let w = Factors::of::<INVERSE>(t, k);
            if k == 0 {
                // SAFETY: the caller's features.
                quarters(block, |x| unsafe { reversed4::<F, INVERSE, true>(x, &w) });
            } else {
                // SAFETY: the caller's features.
                quarters(block, |x| unsafe { reversed4::<F, INVERSE, false>(x, &w) });
            }
        }
        (len, k) = (len / 4, 4 * k);
    }
}

/// All levels of block k towards natural order; the number of rows is a power of 4.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn natural_levels<F: Field5, const INVERSE: bool>(rows: &mut [V], k: usize, t: &[Multiplier]) {
    let mut len = 4;
    while len <= rows.len() {
        let first = k * (rows.len() / len);
        for (block, k) in rows.chunks_exact_mut(len).zip(first..) {
            let w = Factors::of::<INVERSE>(t, k);
            if k == 0 {
                // SAFETY: the caller's features.
                quarters(block, |x| unsafe { natural4::<F, INVERSE, true>(x, &w) });
            } else {
                // SAFETY: the caller's features.
                quarters(block, |x| unsafe { natural4::<F, INVERSE, false>(x, &w) });
            }
        }
        len *= 4;
    }
}

/// Loads the rows of block k and takes them through all levels towards bit-reversed order. Loaded values are below 4p,
/// results lazy and below (4 + 2·levels)·p, for at most 11 levels.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
pub(crate) unsafe fn reversed<F: Field5, const INVERSE: bool>(
    rows: &mut [V],
    k: usize,
    t: &[Multiplier],
    mut load: impl FnMut(usize) -> V,
) {
    // SAFETY: the caller's features.
    unsafe {
        if rows.len().ilog2().is_multiple_of(2) {
            rows.iter_mut().enumerate().for_each(|(i, row)| *row = load(i));
            return reversed_levels::<F, INVERSE>(rows, k, t);
        }
        let half = rows.len() / 2;
        let (low, high) = rows.split_at_mut(half);
        let w = factor::<INVERSE>(t, k);
        for (i, (x, y)) in low.iter_mut().zip(high.iter_mut()).enumerate() {
            let (u, v) = (load(i), load(i + half));
            (*x, *y) = match (k, INVERSE) {
                (0, _) => turn::<F, false>(&u, &times::<F, true>(&v, w)),
                (_, _) => turn::<F, INVERSE>(&u, &times::<F, false>(&v, w)),
            };
        }
        reversed_levels::<F, INVERSE>(low, 2 * k, t);
        reversed_levels::<F, INVERSE>(high, 2 * k + 1, t);
    }
}

/// Takes the rows of block k, below 4p, through all levels towards natural order, and hands each to `store`, lazy and
/// below 8p.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
pub(crate) unsafe fn natural<F: Field5, const INVERSE: bool>(
    rows: &mut [V],
    k: usize,
    t: &[Multiplier],
    mut store: impl FnMut(usize, &V),
) {
    // SAFETY: the caller's features.
    unsafe {
        if rows.len().ilog2().is_multiple_of(2) {
            natural_levels::<F, INVERSE>(rows, k, t);
            return rows.iter().enumerate().for_each(|(i, row)| store(i, row));
        }
        let half = rows.len() / 2;
        let (low, high) = rows.split_at_mut(half);
        natural_levels::<F, INVERSE>(low, 2 * k, t);
        natural_levels::<F, INVERSE>(high, 2 * k + 1, t);
        let w = factor::<INVERSE>(t, k);
        for (i, (x, y)) in low.iter().zip(high.iter()).enumerate() {
            let (sum, difference) = match (k, INVERSE) {
                (0, _) => part::<F, false>(x, y, 1),
                (_, _) => part::<F, INVERSE>(x, y, 1),
            };
            let product = if k == 0 { difference } else { times::<F, false>(&difference, w) };
            store(i, &sum);
            store(i + half, &product);
        }
    }
}
