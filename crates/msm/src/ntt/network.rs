//! The two butterfly networks, two levels per pass over memory.
//!
//! A level costs n/2 multiplications, n additions and n subtractions; block 0 of every level has twiddle factor 1 and
//! multiplies nothing, which saves about n multiplications in all. Recursion is depth first: once a block fits into a
//! cache, all further levels run there.

use crate::field::{ScalarField, mont4};
use rayon::prelude::*;

type Limbs = [u64; 4];

/// Two quarters of a block.
type Half<'a> = (&'a mut [Limbs], &'a mut [Limbs]);

/// Blocks of at least this many elements are split among threads.
const PARALLEL: usize = 1 << 12;

/// Elements per task of one pass.
const TASK: usize = 1 << 9;

#[inline(always)]
fn mul<F: ScalarField>(a: &Limbs, b: &F) -> Limbs {
    mont4::mul::<F>(a, b.limbs())
}

#[inline(always)]
fn add<F: ScalarField>(a: &Limbs, b: &Limbs) -> Limbs {
    mont4::add::<F>(a, b)
}

#[inline(always)]
fn sub<F: ScalarField>(a: &Limbs, b: &Limbs) -> Limbs {
    mont4::sub::<F>(a, b)
}

/// Σ_j x_j·ω^(ij) at the bit-reversed position of i, from x in natural order. `twiddles` is that of the domain of
/// this size or of a larger one.
pub(crate) fn to_reversed<F: ScalarField>(v: &mut [Limbs], twiddles: &[F]) {
    debug_assert!(v.len().is_power_of_two() && twiddles.len() * 2 >= v.len());
    reversed_block::<F>(v, 0, twiddles);
}

/// Σ_j x_j·ω^(ij) in natural order, from x_j at the bit-reversed position of j.
pub(crate) fn to_natural<F: ScalarField>(v: &mut [Limbs], twiddles: &[F]) {
    debug_assert!(v.len().is_power_of_two() && twiddles.len() * 2 >= v.len());
    natural_block::<F>(v, 0, twiddles);
}

/// The factors of two levels of block k: T[k], T[2k], T[2k+1].
struct Factors<'a, F> {
    w: [&'a F; 3],
    /// Whether T[k] = T[2k] = 1.
    first: bool,
}

impl<'a, F: ScalarField> Factors<'a, F> {
    #[inline(always)]
    fn of(k: usize, twiddles: &'a [F]) -> Self {
        Factors { w: [&twiddles[k], &twiddles[2 * k], &twiddles[2 * k + 1]], first: k == 0 }
    }

    #[inline(always)]
    fn reversed(&self, x: [&mut Limbs; 4]) {
        let [w1, w2, w3] = self.w;
        let [x0, x1, x2, x3] = x;
        let (t2, t3) = if self.first { (*x2, *x3) } else { (mul(x2, w1), mul(x3, w1)) };
        let (a, c) = (add::<F>(x0, &t2), sub::<F>(x0, &t2));
        let (b, d) = (add::<F>(x1, &t3), sub::<F>(x1, &t3));
        let b = if self.first { b } else { mul(&b, w2) };
        let d = mul(&d, w3);
        (*x0, *x1) = (add::<F>(&a, &b), sub::<F>(&a, &b));
        (*x2, *x3) = (add::<F>(&c, &d), sub::<F>(&c, &d));
    }

    #[inline(always)]
    fn natural(&self, x: [&mut Limbs; 4]) {
        let [w1, w2, w3] = self.w;
        let [x0, x1, x2, x3] = x;
        let (a, b) = (add::<F>(x0, x1), sub::<F>(x0, x1));
        let (c, d) = (add::<F>(x2, x3), sub::<F>(x2, x3));
        let b = if self.first { b } else { mul(&b, w2) };
        let d = mul(&d, w3);
        (*x0, *x2) = (add::<F>(&a, &c), sub::<F>(&a, &c));
        (*x1, *x3) = (add::<F>(&b, &d), sub::<F>(&b, &d));
        if !self.first {
            (*x2, *x3) = (mul(x2, w1), mul(x3, w1));
        }
    }

    /// Applies a butterfly to every column of the four quarters of `v`.
    #[inline(always)]
    fn pass(&self, v: &mut [Limbs], butterfly: impl Fn(&Self, [&mut Limbs; 4]) + Sync) {
        let quarter = v.len() / 4;
        let (v01, v23) = v.split_at_mut(2 * quarter);
        let (v0, v1) = v01.split_at_mut(quarter);
        let (v2, v3) = v23.split_at_mut(quarter);
        let columns = |((v0, v1), (v2, v3)): (Half<'_>, Half<'_>)| {
            for ((x0, x1), (x2, x3)) in v0.iter_mut().zip(v1).zip(v2.iter_mut().zip(v3)) {
                butterfly(self, [x0, x1, x2, x3]);
            }
        };
        if 4 * quarter < PARALLEL {
            return columns(((v0, v1), (v2, v3)));
        }
        let left = v0.par_chunks_mut(TASK).zip(v1.par_chunks_mut(TASK));
        left.zip(v2.par_chunks_mut(TASK).zip(v3.par_chunks_mut(TASK))).for_each(columns);
    }
}

/// Calls `f(child, index)` for the four quarters of block k, in parallel if they are large.
#[inline(always)]
fn quarters(v: &mut [Limbs], k: usize, f: impl Fn(&mut [Limbs], usize) + Sync + Send) {
    let quarter = v.len() / 4;
    if v.len() < PARALLEL {
        v.chunks_exact_mut(quarter).enumerate().for_each(|(i, child)| f(child, 4 * k + i));
    } else {
        v.par_chunks_exact_mut(quarter).enumerate().for_each(|(i, child)| f(child, 4 * k + i));
    }
}

fn reversed_block<F: ScalarField>(v: &mut [Limbs], k: usize, twiddles: &[F]) {
    match v {
        [] | [_] => {}
        [x, y] => {
            let t = mul(y, &twiddles[k]);
            (*x, *y) = (add::<F>(x, &t), sub::<F>(x, &t));
        }
        [x0, x1, x2, x3] => Factors::of(k, twiddles).reversed([x0, x1, x2, x3]),
        _ => {
            Factors::of(k, twiddles).pass(v, Factors::reversed);
            quarters(v, k, |child, k| reversed_block::<F>(child, k, twiddles));
        }
    }
}

fn natural_block<F: ScalarField>(v: &mut [Limbs], k: usize, twiddles: &[F]) {
    match v {
        [] | [_] => {}
        [x, y] => (*x, *y) = (add::<F>(x, y), mul(&sub::<F>(x, y), &twiddles[k])),
        [x0, x1, x2, x3] => Factors::of(k, twiddles).natural([x0, x1, x2, x3]),
        _ => {
            quarters(v, k, |child, k| natural_block::<F>(child, k, twiddles));
            Factors::of(k, twiddles).pass(v, Factors::natural);
        }
    }
}
