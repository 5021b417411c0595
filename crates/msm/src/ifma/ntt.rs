//! Transforms and the quotient on eight lanes: which passes over memory, and who runs them.
//!
//! The networks are those of [`crate::ntt`]. A block of up to 2^[`LEVELS`] elements is one leaf pass; a larger one is a
//! column pass over its outer levels and then its sub-blocks, depth first. Everything happens in place; each thread
//! has a buffer of at most 2 × 640 KiB, wiped when it is done.

use super::{
    field5::{Field5, Multiplier, V},
    field5_memory::Packed,
    ntt_lanes::LaneFactors,
    ntt_passes::{self as passes, Columns, Finish, Tables},
    ntt_scaling::Scaling,
};
use crate::{
    backend::QuotientBasis,
    domain::{CosetTable, Domain},
    field::{as_limbs, as_limbs_mut},
    kernels::Ifma,
    ntt::bit_reverse,
};
use core::arch::x86_64::_mm512_setzero_si512;
use rayon::prelude::*;
use zeroize::Zeroize;

/// Levels of one pass: 2^11 rows of eight elements are 640 KiB, which a second-level cache of 1 MiB holds.
const LEVELS: u32 = 11;

/// The smallest transform: eight rows of eight elements. Below it the portable kernels are used.
pub(crate) const MIN_LOG: u32 = 6;

/// A transform's factors and how it is cut into passes.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    ifma: Ifma,
    tables: Tables<'a>,
    levels: u32,
}

/// Rows of eight elements, wiped when dropped.
struct Rows(Vec<V>);

impl Rows {
    fn new(ifma: Ifma, len: usize) -> Self {
        #[target_feature(enable = "avx512f")]
        fn zero() -> V {
            [_mm512_setzero_si512(); 5]
        }
        let _witness: Ifma = ifma;
        // SAFETY: the CPU has the feature.
        Rows(vec![unsafe { zero() }; len])
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // SAFETY: vectors are plain words.
        let (_, words, _) = unsafe { self.0.align_to_mut::<u64>() };
        words.zeroize();
    }
}

/// A slice whose columns are handed to several threads.
#[derive(Clone, Copy)]
struct Shared(*mut Packed);

// SAFETY: tasks use disjoint columns of an exclusively borrowed slice.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The i-th eight columns.
    fn columns(self, i: usize, stride: usize, k: usize) -> Columns {
        Columns { first: self.0.wrapping_add(8 * i), stride, k }
    }
}

impl<'a> Plan<'a> {
    pub(super) fn new<F: Field5>(ifma: Ifma, domain: &'a Domain<F>, levels: u32) -> Self {
        let lanes = LaneFactors { table: as_limbs(domain.twiddles()), minus_one: &F::MINUS_ONE };
        Plan { ifma, tables: Tables { multipliers: domain.multipliers(), lanes }, levels }
    }

    /// Levels of the column pass of a block, 0 if it is a leaf: passes of about equal depth.
    fn outer_levels(&self, log: u32) -> u32 {
        match log.div_ceil(self.levels) {
            1 => 0,
            passes => log / passes,
        }
    }

    fn multipliers(&self) -> &'a [Multiplier] {
        self.tables.multipliers
    }

    /// Calls `f(buffer, columns, offset)` for every eight columns of the matrix of 2^`outer` rows that `v` is.
    fn each_columns(
        &self,
        v: &mut [Packed],
        k: usize,
        outer: u32,
        f: impl Fn(&mut [V], Columns, usize) + Sync + Send,
    ) {
        let (stride, base) = (v.len() >> outer, Shared(v.as_mut_ptr()));
        (0..stride / 8).into_par_iter().for_each_init(
            || Rows::new(self.ifma, 1 << outer),
            |rows, i| {
                f(&mut rows.0, base.columns(i, stride, k), i);
            },
        );
    }

    /// Block k towards bit-reversed order. `scaling` applies to the block of all values.
    fn reversed<F: Field5, const INVERSE: bool>(
        &self,
        v: &mut [Packed],
        k: usize,
        scaling: Option<&Scaling>,
        finish: Finish<'_>,
    ) {
        let outer = self.outer_levels(v.len().ilog2());
        if outer == 0 {
            let mut rows = Rows::new(self.ifma, v.len() / 8);
            // SAFETY: `ifma` vouches for the features; a leaf has at least 64 elements.
            return unsafe {
                passes::reversed_leaf::<F, INVERSE>(&mut rows.0, v, k, &self.tables, scaling, finish)
            };
        }
        self.reversed_outer::<F, INVERSE>(v, k, outer, scaling);
        self.reversed_inner::<F, INVERSE>(v, k, outer, finish);
    }

    /// [`Self::reversed`] below the outer levels.
    fn reversed_inner<F: Field5, const INVERSE: bool>(
        &self,
        v: &mut [Packed],
        k: usize,
        outer: u32,
        finish: Finish<'_>,
    ) {
        self.each_block(
            v,
            k,
            outer,
            // SAFETY: as above.
            |rows, v, k| unsafe {
                passes::reversed_leaf::<F, INVERSE>(rows, v, k, &self.tables, None, finish)
            },
            |v, k| self.reversed::<F, INVERSE>(v, k, None, finish),
        );
    }

    fn reversed_outer<F: Field5, const INVERSE: bool>(
        &self,
        v: &mut [Packed],
        k: usize,
        outer: u32,
        scaling: Option<&Scaling>,
    ) {
        self.each_columns(v, k, outer, |rows, columns, offset| {
            let scaling = scaling.map(|s| (s, offset));
            // SAFETY: `ifma` vouches for the features; every task has columns of its own.
            unsafe { passes::reversed_columns::<F, INVERSE>(rows, columns, self.multipliers(), scaling) }
        });
    }

    /// The sub-blocks of block k below its outer levels: `leaf` for those that are leaves, with a buffer shared by
    /// the leaves of a task, else `inner`.
    fn each_block(
        &self,
        v: &mut [Packed],
        k: usize,
        outer: u32,
        leaf: impl Fn(&mut [V], &mut [Packed], usize) + Sync + Send,
        inner: impl Fn(&mut [Packed], usize),
    ) {
        let len = v.len() >> outer;
        let first = k << outer;
        if self.outer_levels(len.ilog2()) == 0 {
            v.par_chunks_exact_mut(len).enumerate().for_each_init(
                || Rows::new(self.ifma, len / 8),
                |rows, (i, block)| leaf(&mut rows.0, block, first + i),
            );
        } else {
            v.chunks_exact_mut(len).enumerate().for_each(|(i, block)| inner(block, first + i));
        }
    }

    /// Block k through an inverse transform's levels, `scaling`, and the same levels onto the coset.
    fn onto_coset<F: Field5>(&self, v: &mut [Packed], k: usize, scaling: &Scaling) {
        let outer = self.outer_levels(v.len().ilog2());
        if outer == 0 {
            let mut rows = Rows::new(self.ifma, v.len() / 8);
            // SAFETY: `ifma` vouches for the features; a leaf has at least 64 elements.
            return unsafe { passes::coset_leaf::<F>(&mut rows.0, v, k, &self.tables, scaling) };
        }
        self.onto_coset_inner::<F>(v, k, outer, scaling);
        self.each_columns(v, k, outer, |rows, columns, _| {
            // SAFETY: `ifma` vouches for the features; every task has columns of its own.
            unsafe { passes::natural_columns::<F, false>(rows, columns, self.multipliers()) }
        });
    }

    /// [`Self::onto_coset`] without the outer levels towards natural order, which come last.
    fn onto_coset_inner<F: Field5>(&self, v: &mut [Packed], k: usize, outer: u32, scaling: &Scaling) {
        self.reversed_outer::<F, true>(v, k, outer, None);
        self.each_block(
            v,
            k,
            outer,
            // SAFETY: `ifma` vouches for the features; a leaf has at least 64 elements.
            |rows, v, k| unsafe { passes::coset_leaf::<F>(rows, v, k, &self.tables, scaling) },
            |v, k| self.onto_coset::<F>(v, k, scaling),
        );
    }

    /// The last levels of a, b and c, their combination in a, and the first levels of its inverse transform.
    fn quotient_outer<F: Field5>(&self, [a, b, c]: [&mut [Packed]; 3], outer: u32, invert: bool) {
        let (stride, rows) = (a.len() >> outer, 1 << outer);
        let bases = [a, b, c].map(|v| Shared(v.as_mut_ptr()));
        (0..stride / 8).into_par_iter().for_each_init(
            || [Rows::new(self.ifma, rows), Rows::new(self.ifma, rows)],
            |[rows, result], i| {
                let columns = bases.map(|base| base.columns(i, stride, 0));
                let buffers = [&mut *rows.0, &mut *result.0];
                // SAFETY: `ifma` vouches for the features; every task has columns of its own.
                unsafe { passes::quotient_columns::<F>(buffers, columns, self.multipliers(), invert) }
            },
        );
    }
}

/// Whether a transform of 2^`log_n` elements is for these kernels.
pub(crate) fn serves(log_n: u32) -> bool {
    log_n >= MIN_LOG
}

/// Coefficients → evaluations at ω^i, or at s·ω^i where there is a coset; of a size that is [served](serves).
pub(crate) fn forward<F: Field5>(
    ifma: Ifma,
    domain: &Domain<F>,
    coset: Option<&CosetTable<F>>,
    values: &mut [F],
) {
    forward_by(Plan::new(ifma, domain, LEVELS), coset, values);
}

pub(super) fn forward_by<F: Field5>(plan: Plan<'_>, coset: Option<&CosetTable<F>>, values: &mut [F]) {
    let scaling = coset.map(|c| Scaling::natural(c.shift(), F::ONE, values.len().ilog2()));
    plan.reversed::<F, false>(as_limbs_mut(values), 0, scaling.as_ref(), Finish::Plain);
    bit_reverse(values);
}

/// Evaluations at ω^i, or at s·ω^i where there is a coset → coefficients; of a size that is [served](serves).
pub(crate) fn inverse<F: Field5>(
    ifma: Ifma,
    domain: &Domain<F>,
    coset: Option<&CosetTable<F>>,
    values: &mut [F],
) {
    inverse_by(Plan::new(ifma, domain, LEVELS), coset, values);
}

pub(super) fn inverse_by<F: Field5>(plan: Plan<'_>, coset: Option<&CosetTable<F>>, values: &mut [F]) {
    let log_n = values.len().ilog2();
    let scaling = coset.map(|c| {
        let (s, c) = c.inverse.base_and_factor();
        Scaling::bit_reversed(s, c, log_n)
    });
    let finish = scaling.as_ref().map_or(Finish::Shift(log_n), Finish::Scale);
    plan.reversed::<F, true>(as_limbs_mut(values), 0, None, finish);
    bit_reverse(values);
}

/// As [`crate::quotient::quotient`], of a size that is [served](serves).
pub(crate) fn quotient<F: Field5>(
    ifma: Ifma,
    domain: &Domain<F>,
    coset: &CosetTable<F>,
    basis: QuotientBasis,
    abc: [&mut [F]; 3],
) {
    quotient_by(Plan::new(ifma, domain, LEVELS), domain.size_inverse(), coset, basis, abc);
}

pub(super) fn quotient_by<F: Field5>(
    plan: Plan<'_>,
    size_inverse: F,
    coset: &CosetTable<F>,
    basis: QuotientBasis,
    [a, b, c]: [&mut [F]; 3],
) {
    let log_n = a.len().ilog2();
    let outer = plan.outer_levels(log_n);
    let invert = basis == QuotientBasis::Coefficients;
    let scaling = Scaling::bit_reversed(coset.shift(), size_inverse, log_n);
    // The product a·b·2^-260 of Montgomery forms with R = 2^256 lacks a factor 2^4.
    let of_a = Scaling::bit_reversed(coset.shift(), size_inverse * F::from(16), log_n);
    for (v, scaling) in [(&mut *a, &of_a), (&mut *b, &scaling), (&mut *c, &scaling)] {
        match outer {
            0 => plan.onto_coset::<F>(as_limbs_mut(v), 0, scaling),
            _ => plan.onto_coset_inner::<F>(as_limbs_mut(v), 0, outer, scaling),
        }
    }
    let [va, vb, vc] = [&mut *a, b, c].map(as_limbs_mut);
    if outer == 0 {
        // SAFETY: `ifma` vouches for the features; the lengths are equal and multiples of 64.
        unsafe { passes::pointwise::<F>(va, vb, vc) };
    } else {
        plan.quotient_outer::<F>([va, vb, vc], outer, invert);
    }
    if !invert {
        return;
    }
    let (s, factor) = coset.quotient.base_and_factor();
    let finish = Scaling::bit_reversed(s, factor, log_n);
    let v = as_limbs_mut(a);
    match outer {
        0 => plan.reversed::<F, true>(v, 0, None, Finish::Scale(&finish)),
        _ => plan.reversed_inner::<F, true>(v, 0, outer, Finish::Scale(&finish)),
    }
    bit_reverse(a);
}
