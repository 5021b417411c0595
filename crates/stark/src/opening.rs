//! Values out of the domain, and the codewords that prove them.
//!
//! A polynomial f of degree below n is evaluated at ζ from its rows on the coset s·H (barycentric formula, Berrut and
//! Trefethen, *SIAM Review* 46, 2004): f(ζ) = ((ζ/s)ⁿ − 1)/n · Σ f(x)·x/(ζ − x). The weights are shared by all columns
//! of a height and serve f(ω·ζ) too, with rows one step on. The codeword of a height is
//! Σ λᵏ·(f_k(x) − f_k(ζ))/(ζ − x), and the same over the columns opened at ω·ζ. Both run in chunks: neither weights nor
//! denominators ever exist as whole columns.

use crate::{
    domain::{Domain, Domains},
    field::{E, F, invert_ext_chunk, powers, root_of_unity, words},
    layout::{Group, Layout, Opened},
    lde::Arena,
    simd,
};
use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;

/// Rows of a chunk: three columns of weights and a gathered column are 32 KiB.
const CHUNK: usize = 1024;

/// The arenas of the four rounds.
pub(crate) type Arenas<'a> = [&'a Arena; 4];

fn column<'a>(arenas: &Arenas<'a>, opened: &Opened) -> &'a [u64] {
    arenas[opened.round as usize].column(opened.matrix, opened.column)
}

/// Every table's opened values, in the order of the layout.
pub(crate) fn values(layout: &Layout, domains: &Domains, arenas: &Arenas<'_>, zeta: E) -> Vec<Vec<E>> {
    let mut values: Vec<Vec<E>> = layout.opened.iter().map(|&n| vec![E::ZERO; n]).collect();
    for group in &layout.groups {
        let domain = domains.of(group.log_rows);
        let sums = group_values(group, &domain, arenas, zeta);
        let n = F::from_u64(1 << group.log_rows);
        let scaled = zeta * domains.shift().inverse();
        let scale = (scaled.exp_power_of_2(group.log_rows as usize) - E::ONE) * n.inverse();
        for (opened, sum) in group.here.iter().chain(&group.next).zip(sums) {
            values[opened.table][opened.place] = sum * scale;
        }
    }
    values
}

/// Σ f(x)·x/(ζ − x) over the first coset, for all columns of a group.
fn group_values(group: &Group, domain: &Domain, arenas: &Arenas<'_>, zeta: E) -> Vec<E> {
    let rows = 1usize << group.log_rows;
    let chunk = CHUNK.min(rows / 2).max(8);
    let step = 1usize << domain.key.log_blowup;
    let opened: Vec<(&[u64], bool)> = group
        .here
        .iter()
        .map(|o| (column(arenas, o), false))
        .chain(group.next.iter().map(|o| (column(arenas, o), true)))
        .collect();
    let zero = || vec![E::ZERO; opened.len()];
    (0..rows / chunk)
        .into_par_iter()
        .with_min_len(4)
        .map_init(
            || Weights::new(chunk, step),
            |w, i| {
                w.fill(domain, zeta, i * chunk);
                opened.iter().map(|&(c, next)| w.sum(c, i * chunk + usize::from(next))).collect::<Vec<E>>()
            },
        )
        .reduce(zero, |a, b| a.into_iter().zip(b).map(|(a, b)| a + b).collect())
}

/// One thread's weights of a chunk of rows.
struct Weights {
    step: usize,
    columns: [Vec<u64>; 3],
    points: Vec<u64>,
    gathered: Vec<u64>,
}

impl Weights {
    fn new(chunk: usize, step: usize) -> Weights {
        let column = || vec![0u64; chunk];
        Weights {
            step,
            columns: [column(), column(), column()],
            points: vec![0; chunk * step],
            gathered: column(),
        }
    }

    /// x/(ζ − x) for the rows from `start`.
    fn fill(&mut self, domain: &Domain, zeta: E, start: usize) {
        let half = 1usize << (domain.log_size() - 1);
        let from = start * self.step;
        let first = self.points.len().min(half.saturating_sub(from));
        let (low, high) = self.points.split_at_mut(first);
        if !low.is_empty() {
            domain.points(from, low);
        }
        if !high.is_empty() {
            domain.points(from + first, high);
        }
        gather(&self.points, 0, self.step, &mut self.gathered);
        let [a, b, c] = &mut self.columns;
        simd::point_differences([&mut *a, &mut *b, &mut *c], words(zeta), &self.gathered);
        // ζ lies outside the base field: no difference is zero.
        let inverted = invert_ext_chunk([a, b, c]).is_ok();
        debug_assert!(inverted);
        self.columns.iter_mut().for_each(|c| simd::mul_assign(c, &self.gathered));
    }

    /// Σ weight·value over the rows from `start`, cyclically.
    fn sum(&mut self, column: &[u64], start: usize) -> E {
        gather(column, start * self.step, self.step, &mut self.gathered);
        let [a, b, c] = &self.columns;
        E::new(simd::dot([a, b, c], &self.gathered))
    }
}

/// Every `step`-th word from `from`, cyclically.
fn gather(column: &[u64], from: usize, step: usize, out: &mut [u64]) {
    let inside = out.len().min(column.len().saturating_sub(from).div_ceil(step));
    let (head, tail) = out.split_at_mut(inside);
    if inside > 0 {
        let source = column[from..].chunks(step);
        head.iter_mut().zip(source).for_each(|(o, s)| *o = s[0]);
    }
    let wrapped = column.chunks(step);
    tail.iter_mut().zip(wrapped).for_each(|(o, s)| *o = s[0]);
}

/// What the codeword of a group is made of.
pub(crate) struct Batch {
    /// Powers of λ: columns opened at ζ first, then those at ω·ζ.
    pub(crate) powers: Vec<E>,
    /// The points, and what all values at them sum to.
    pub(crate) points: [E; 2],
    pub(crate) sums: [E; 2],
}

impl Batch {
    pub(crate) fn new(group: &Group, values: &[Vec<E>], zeta: E, lambda: E) -> Batch {
        let powers = powers(lambda, group.here.len() + group.next.len());
        let sum = |opened: &[Opened], powers: &[E]| -> E {
            opened.iter().zip(powers).map(|(o, &p)| values[o.table][o.place] * p).sum()
        };
        let sums = [sum(&group.here, &powers), sum(&group.next, &powers[group.here.len()..])];
        Batch { points: [zeta, zeta * root_of_unity(group.log_rows)], powers, sums }
    }

    /// The codeword at x, from the opened columns' values there.
    pub(crate) fn at(&self, x: F, here: &[F], next: &[F]) -> Option<E> {
        let mut value = E::ZERO;
        let mut powers = self.powers.iter();
        for ((columns, point), sum) in [here, next].into_iter().zip(self.points).zip(self.sums) {
            if columns.is_empty() {
                continue;
            }
            let combined: E = columns.iter().zip(&mut powers).map(|(&c, &p)| p * c).sum();
            value += (combined - sum) * (point - x).try_inverse()?;
        }
        Some(value)
    }
}

/// The codeword of a group over its whole coset: three columns.
pub(crate) fn codeword(group: &Group, batch: &Batch, domain: &Domain, arenas: &Arenas<'_>) -> [Vec<u64>; 3] {
    let n = 1usize << domain.log_size();
    let chunk = CHUNK.min(n / 2);
    let mut out = [vec![0u64; n], vec![0u64; n], vec![0u64; n]];
    let columns = |opened: &[Opened]| opened.iter().map(|o| column(arenas, o)).collect::<Vec<_>>();
    let parts = [columns(&group.here), columns(&group.next)];
    let [a, b, c] = &mut out;
    a.par_chunks_mut(chunk)
        .zip(b.par_chunks_mut(chunk))
        .zip(c.par_chunks_mut(chunk))
        .enumerate()
        .with_min_len(4)
        .for_each_init(
            || [0; 7].map(|_| vec![0u64; chunk]),
            |buffers, (i, ((a, b), c))| {
                let out = [a, b, c];
                combine(batch, domain, &parts, i * chunk, out, buffers);
            },
        );
    out
}

/// One chunk of the codeword.
fn combine(
    batch: &Batch,
    domain: &Domain,
    parts: &[Vec<&[u64]>; 2],
    start: usize,
    out: [&mut [u64]; 3],
    buffers: &mut [Vec<u64>; 7],
) {
    let rows = out[0].len();
    let [points, d0, d1, d2, n0, n1, n2] = buffers;
    domain.points(start, points);
    let mut powers = &batch.powers[..];
    let [a, b, c] = out;
    for ((columns, &point), &sum) in parts.iter().zip(&batch.points).zip(&batch.sums) {
        if columns.is_empty() {
            continue;
        }
        let (these, rest) = powers.split_at(columns.len());
        powers = rest;
        let terms = these.iter().zip(columns).map(|(&p, c)| (words(p), &c[start..start + rows]));
        simd::linear_form([&mut *n0, &mut *n1, &mut *n2], words(-sum), terms);
        simd::point_differences([&mut *d0, &mut *d1, &mut *d2], words(point), points);
        // The point lies outside the base field: no difference is zero.
        let inverted = invert_ext_chunk([&mut *d0, &mut *d1, &mut *d2]).is_ok();
        debug_assert!(inverted);
        simd::ext_mul_assign([&mut *n0, &mut *n1, &mut *n2], [d0, d1, d2]);
        simd::add_assign(a, n0);
        simd::add_assign(b, n1);
        simd::add_assign(c, n2);
    }
}
