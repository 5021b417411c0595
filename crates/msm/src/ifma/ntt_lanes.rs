//! The three levels inside blocks of eight elements: eight blocks side by side, one in each lane.
//!
//! Each lane has factors of its own, read from the domain's table as it is: 2^256·t is taken times 2^4, so that a
//! Montgomery product with R = 2^260 keeps the form of the other factor.

use super::{
    field5::{Field5, LANES, V, add, mul, normalize, sub},
    field5_memory::{Packed, gather, load, transpose},
    ntt_rows::mirror,
};
use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// The table T of a domain, as the levels within eight elements read it.
#[derive(Clone, Copy)]
pub(crate) struct LaneFactors<'a> {
    /// ω^j at the bit-reversed position of j.
    pub(crate) table: &'a [Packed],
    /// −1: what the inverse networks, which exchange sum and difference, need in place of T⁻¹\[0\] = 1.
    pub(crate) minus_one: &'a Packed,
}

impl LaneFactors<'_> {
    /// Fetches the factors of the blocks `first` … `first` + 7 of all three levels: 28 cache lines in three streams, which
    /// leave their pages too soon for the hardware.
    #[inline(always)]
    pub(crate) fn prefetch<const INVERSE: bool>(&self, first: usize) {
        for (step, lines) in [(1, 4), (2, 8), (4, 16)] {
            let block = step * first;
            // Mirroring keeps aligned runs together, last element first.
            let start = if INVERSE && first > 0 { mirror(block) & !(8 * step - 1) } else { block };
            for line in 0..lines {
                // SAFETY: a prefetch of any address is harmless.
                unsafe {
                    _mm_prefetch::<_MM_HINT_T0>(self.table.as_ptr().wrapping_add(start + 2 * line).cast());
                }
            }
        }
    }

    /// The factors number `step`·b + `j` for b = `first` … `first` + 7 in lanes: 2^4 times the limbs, below 16p.
    /// `first` is a multiple of 8.
    ///
    /// # Safety
    /// The table has more than `step`·(`first` + 7) + `j` elements; the caller's features.
    #[inline(always)]
    unsafe fn get<const INVERSE: bool>(&self, first: usize, step: usize, j: usize) -> V {
        let start = step * first + j;
        debug_assert!(start + 7 * step < self.table.len());
        let table = self.table.as_ptr();
        // SAFETY: within the table by the caller's promise: `mirror` stays below the next power of two above its
        // argument, which the table's length, a power of two, is not below. The highest bit is the same in all eight
        // if `first` is not 0.
        unsafe {
            match (INVERSE, first) {
                (false, _) if step == 1 => load::<4>(table.add(start)),
                (false, _) => gather::<4>(|i| table.add(start + i * step)),
                (true, 0) => gather::<4>(|i| match i * step + j {
                    0 => self.minus_one,
                    k => table.add(mirror(k)),
                }),
                (true, _) => {
                    let last = table.add(mirror(start));
                    gather::<4>(|i| last.sub(i * step))
                }
            }
        }
    }
}

/// u ± w·v; the product is below `MULTIPLES[s]`.
#[inline(always)]
unsafe fn turn<F: Field5, const INVERSE: bool>(x: &mut [V; 8], i: usize, j: usize, w: &V, s: usize) {
    // SAFETY: the caller's features.
    unsafe {
        let t = mul::<F>(&normalize(&x[j]), w);
        let (sum, difference) = (add(&x[i], &t), sub(&x[i], &t, &F::MULTIPLES[s]));
        (x[i], x[j]) = if INVERSE { (difference, sum) } else { (sum, difference) };
    }
}

/// u + v, w·(u − v), where v is below `MULTIPLES[s]`.
#[inline(always)]
unsafe fn part<F: Field5, const INVERSE: bool>(x: &mut [V; 8], i: usize, j: usize, w: &V, s: usize) {
    // SAFETY: the caller's features.
    unsafe {
        let (u, v) = if INVERSE { (&x[j], &x[i]) } else { (&x[i], &x[j]) };
        let (sum, difference) = (add(u, v), sub(u, v, &F::MULTIPLES[s]));
        (x[i], x[j]) = (sum, mul::<F>(&normalize(&difference), w));
    }
}

/// Rows of eight elements → the elements of eight rows in lanes, element i in vector i.
#[inline(always)]
pub(crate) unsafe fn to_lanes(rows: &[V; 8]) -> [V; 8] {
    let mut x = *rows;
    permute(&mut x);
    // SAFETY: the caller's features.
    unsafe { transpose(&mut x) };
    permute(&mut x);
    x
}

/// The order of [`LANES`], which is an involution.
#[inline(always)]
fn permute(x: &mut [V; 8]) {
    x.swap(1, LANES[1]);
    x.swap(5, LANES[5]);
}

/// Back from [`to_lanes`]: both permutations are involutions.
#[inline(always)]
pub(crate) unsafe fn to_rows(x: &[V; 8]) -> [V; 8] {
    // SAFETY: the caller's features.
    unsafe { to_lanes(x) }
}

/// Three levels of the blocks `first` … `first` + 7 towards bit-reversed order. Inputs below 2p.
///
/// By the bound of [`mul`], products of values below 2p, 4p, 8p are below 2p, 3p, 5p; values after the levels are
/// below 4p, 8p, 16p.
#[inline(always)]
pub(crate) unsafe fn reversed<F: Field5, const INVERSE: bool>(
    x: &mut [V; 8],
    first: usize,
    t: &LaneFactors<'_>,
) {
    // SAFETY: the caller's features; the table has a factor for every block.
    unsafe {
        let w = t.get::<INVERSE>(first, 1, 0);
        for i in 0..4 {
            turn::<F, INVERSE>(x, i, i + 4, &w, 0);
        }
        for block in 0..2 {
            let w = t.get::<INVERSE>(first, 2, block);
            for i in [4 * block, 4 * block + 1] {
                turn::<F, INVERSE>(x, i, i + 2, &w, 1);
            }
        }
        for block in 0..4 {
            turn::<F, INVERSE>(x, 2 * block, 2 * block + 1, &t.get::<INVERSE>(first, 4, block), 2);
        }
    }
}

/// Three levels of the blocks `first` … `first` + 7 towards natural order. Inputs below 2p; values after the levels
/// are below 4p, 8p, 16p, as are the differences before their product.
#[inline(always)]
pub(crate) unsafe fn natural<F: Field5, const INVERSE: bool>(
    x: &mut [V; 8],
    first: usize,
    t: &LaneFactors<'_>,
) {
    // SAFETY: the caller's features; the table has a factor for every block.
    unsafe {
        for block in 0..4 {
            part::<F, INVERSE>(x, 2 * block, 2 * block + 1, &t.get::<INVERSE>(first, 4, block), 0);
        }
        for block in 0..2 {
            let w = t.get::<INVERSE>(first, 2, block);
            for i in [4 * block, 4 * block + 1] {
                part::<F, INVERSE>(x, i, i + 2, &w, 1);
            }
        }
        let w = t.get::<INVERSE>(first, 1, 0);
        for i in 0..4 {
            part::<F, INVERSE>(x, i, i + 4, &w, 2);
        }
    }
}
