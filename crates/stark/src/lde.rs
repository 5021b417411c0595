//! Low-degree extension: columns of evaluations in one arena a round.
//!
//! A column is interpolated in a scratch buffer of the thread (natural to bit-reversed order) and evaluated straight
//! into its place in the arena (bit-reversed to natural). The layers that zero padding makes trivial are left out:
//! log₂ n layers on n words and as many on 2^b·n.

use crate::{
    domain::{Domain, Domains},
    field::F,
    simd::{self, Expansion},
};
use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// Words between columns of an arena: columns of a power of two of words would all fall into the same cache sets.
const PADDING: usize = 17 * 8;

/// Where a table stands in the arena.
#[derive(Clone, Copy, Debug)]
struct Shape {
    offset: usize,
    log_height: u32,
    width: usize,
}

impl Shape {
    fn stride(&self) -> usize {
        (1 << self.log_height) + PADDING
    }
}

/// Columns of several tables over their extended domains.
#[derive(Default)]
pub(crate) struct Arena {
    data: Vec<u64>,
    shapes: Vec<Shape>,
}

impl Arena {
    /// Zeros, which the system hands out unwritten; `shapes` are (log₂ of the height, width).
    pub(crate) fn new(shapes: impl IntoIterator<Item = (u32, usize)>) -> Arena {
        let mut words = 0;
        let shapes = shapes
            .into_iter()
            .map(|(log_height, width)| {
                let shape = Shape { offset: words, log_height, width };
                words += width * shape.stride();
                shape
            })
            .collect();
        Arena { data: vec![0u64; words], shapes }
    }

    pub(crate) fn width(&self, table: usize) -> usize {
        self.shapes[table].width
    }

    pub(crate) fn tables(&self) -> usize {
        self.shapes.len()
    }

    pub(crate) fn column(&self, table: usize, column: usize) -> &[u64] {
        let shape = &self.shapes[table];
        assert!(column < shape.width, "no such column");
        let start = shape.offset + column * shape.stride();
        &self.data[start..start + (1 << shape.log_height)]
    }

    pub(crate) fn columns(&self, table: usize) -> Vec<&[u64]> {
        (0..self.width(table)).map(|c| self.column(table, c)).collect()
    }

    /// The columns of every table, each to be written by whoever takes it.
    pub(crate) fn columns_mut(&mut self) -> Vec<Vec<&mut [u64]>> {
        let mut rest = &mut self.data[..];
        let mut tables = Vec::with_capacity(self.shapes.len());
        for shape in &self.shapes {
            let mut columns = Vec::with_capacity(shape.width);
            for _ in 0..shape.width {
                let (column, tail) = rest.split_at_mut(shape.stride());
                columns.push(&mut column[..1 << shape.log_height]);
                rest = tail;
            }
            tables.push(columns);
        }
        tables
    }

    pub(crate) fn bytes(&self) -> u64 {
        8 * self.data.len() as u64
    }

    /// Bytes of an arena of these shapes.
    pub(crate) fn bytes_of(shapes: impl IntoIterator<Item = (u32, usize)>) -> u64 {
        shapes.into_iter().map(|(log, width)| width as u64 * 8 * ((1 << log) + PADDING as u64)).sum()
    }
}

/// Buffers that workers take and give back; no more are ever made than work side by side.
pub(crate) struct Scratch {
    buffers: Mutex<Vec<Vec<u64>>>,
    /// How many columns are worked on at once.
    side_by_side: usize,
}

impl Scratch {
    /// Buffers for this many workers.
    pub(crate) fn new(side_by_side: usize) -> Scratch {
        Scratch { buffers: Mutex::default(), side_by_side: side_by_side.max(1) }
    }

    /// Does all jobs, in order, so many at once. A worker holds the queue only to take from it.
    pub(crate) fn each<J: Send>(&self, jobs: Vec<J>, work: impl Fn(J) + Sync) {
        let workers = self.side_by_side.min(jobs.len());
        let queue = Mutex::new(jobs.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        (0..workers).into_par_iter().with_max_len(1).for_each(|_| {
            while let Some(job) = next() {
                work(job);
            }
        });
    }

    /// Runs `work` on a buffer of at least `words`, whose content is whatever was left there.
    pub(crate) fn with<T>(&self, words: usize, work: impl FnOnce(&mut [u64]) -> T) -> T {
        let buffers = || self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = buffers().pop().unwrap_or_default();
        if buffer.len() < words {
            buffer = vec![0u64; words];
        }
        let value = work(&mut buffer[..words]);
        buffers().push(buffer);
        value
    }
}

/// One column: `trace` over H to `out` over the coset.
pub(crate) fn extend(
    domains: &Domains,
    domain: &Domain,
    trace: &[u64],
    out: &mut [u64],
    scratch: &mut [u64],
) {
    scratch.copy_from_slice(trace);
    extend_scratch(domains, domain, scratch, out);
}

/// As [`extend`], of a trace that stands in the scratch buffer.
fn extend_scratch(domains: &Domains, domain: &Domain, scratch: &mut [u64], out: &mut [u64]) {
    simd::dif(scratch, domains.inverse_twiddles());
    let unscale = F::from_u64(scratch.len() as u64).inverse();
    scale_any(scratch, unscale);
    let input = Expansion { coefficients: scratch, stride: 1, offset: 0, log_blowup: domain.key.log_blowup };
    simd::dit(out, domain.twiddles(), input);
}

fn scale_any(values: &mut [u64], factor: F) {
    if values.len().is_multiple_of(8) {
        simd::scale(values, simd::word(factor));
    } else {
        values.iter_mut().for_each(|w| *w = simd::word(F::new(*w) * factor));
    }
}

/// Extends the columns of tables, all tables' columns side by side, the longest first. `traces` are, per table, the
/// columns over H; an empty slice says that the trace stands in the first rows of the arena's column itself.
pub(crate) fn extend_tables(domains: &Domains, traces: &[Vec<&[u64]>], arena: &mut Arena, scratch: &Scratch) {
    let mut jobs = Vec::new();
    for (columns, traces) in arena.columns_mut().into_iter().zip(traces) {
        let Some(first) = columns.first() else { continue };
        let domain = domains.of(first.len().ilog2() - domains.log_blowup());
        jobs.extend(columns.into_iter().zip(traces).map(|(out, trace)| (out, *trace, Arc::clone(&domain))));
    }
    jobs.sort_by_key(|(out, ..)| std::cmp::Reverse(out.len()));
    scratch.each(jobs, |(out, trace, domain)| {
        let rows = 1usize << domain.key.log_rows;
        scratch.with(rows, |buffer| {
            if trace.is_empty() {
                buffer.copy_from_slice(&out[..rows]);
                extend_scratch(domains, &domain, buffer, out);
            } else {
                extend(domains, &domain, trace, out, buffer);
            }
        });
    });
}

/// Splits an evaluated polynomial of degree below 2^b·n by degree and extends each of the 2^b pieces: `pieces[0]` holds
/// the evaluations over the coset on entry, `pieces[j]` those of the j-th piece on return.
pub(crate) fn split_and_extend(
    domains: &Domains,
    domain: &Domain,
    pieces: &mut [&mut [u64]],
    scratch: &mut [u64],
) {
    let n = scratch.len();
    let log_blowup = domain.key.log_blowup;
    assert!(
        pieces.len() == 1 << log_blowup && pieces[0].len() == n,
        "one piece for each factor of the blowup"
    );
    scratch.copy_from_slice(pieces[0]);
    simd::dif(scratch, domains.inverse_twiddles());
    unshift(scratch, domains.shift().inverse(), F::from_u64(n as u64).inverse());
    for (j, piece) in pieces.iter_mut().enumerate() {
        // The j-th piece has the coefficients from j·n/2^b on: in bit-reversed order, every 2^b-th.
        let offset = j.reverse_bits() >> (usize::BITS - log_blowup);
        let input = Expansion { coefficients: scratch, stride: 1 << log_blowup, offset, log_blowup };
        simd::dit(piece, domain.twiddles(), input);
    }
}

/// Multiplies the coefficient of degree i, which stands at i's bit reversal, by `scale`·`ratio`^i.
fn unshift(coefficients: &mut [u64], ratio: F, scale: F) {
    const BLOCK: usize = 1 << 10;
    let n = coefficients.len();
    let log_n = n.ilog2();
    // The power at position p is the product over p's bits b of ratio^(n / 2^(b+1)).
    let bit = |b: u32| ratio.exp_power_of_2((log_n - 1 - b) as usize);
    let mut low = vec![simd::word(scale)];
    while low.len() < n.min(BLOCK) {
        let factor = bit(low.len().ilog2());
        low.extend_from_within(..);
        let half = low.len() / 2;
        low[half..].iter_mut().for_each(|w| *w = simd::word(F::new(*w) * factor));
    }
    for (block, values) in coefficients.chunks_mut(low.len()).enumerate() {
        let mut factor = F::ONE;
        for b in low.len().ilog2()..log_n {
            if (block * low.len()) >> b & 1 == 1 {
                factor *= bit(b);
            }
        }
        if values.len() % 8 == 0 {
            simd::mul_assign(values, &low);
            simd::scale(values, simd::word(factor));
        } else {
            let scaled = values.iter_mut().zip(&low);
            scaled.for_each(|(w, &l)| *w = simd::word(F::new(*w) * F::new(l) * factor));
        }
    }
}

/// The powers of a generator, for tests and small callers.
#[cfg(test)]
pub(crate) fn powers_of(start: F, ratio: F, count: usize) -> Vec<F> {
    let mut out = vec![0; count];
    crate::domain::geometric(&mut out, start, ratio);
    out.into_iter().map(F::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::root_of_unity;

    fn coefficients(n: usize, seed: u64) -> Vec<F> {
        (0..n as u64).map(|i| F::new((i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
    }

    fn evaluate(coefficients: &[F], x: F) -> F {
        coefficients.iter().rev().fold(F::ZERO, |acc, &c| acc * x + c)
    }

    /// Evaluations at a few points, against Horner's rule.
    fn check(coefficients: &[F], evaluations: &[u64], shift: F) {
        let n = evaluations.len();
        let points = powers_of(shift, root_of_unity(n.ilog2()), n);
        for i in (0..n).step_by(n.div_ceil(40)) {
            assert_eq!(F::new(evaluations[i]), evaluate(coefficients, points[i]), "row {i} of {n}");
        }
    }

    #[test]
    fn extensions_are_evaluations_on_the_coset() {
        for log_rows in [0, 1, 2, 3, 5, 6, 9, 10, 11, 12, 13, 14] {
            for log_blowup in [1, 2, 3] {
                let n = 1usize << log_rows;
                let polynomial = coefficients(n, 3);
                let domains = Domains::new(log_rows, log_blowup, F::new(49));
                let trace: Vec<F> = powers_of(F::ONE, root_of_unity(log_rows), n)
                    .into_iter()
                    .map(|x| if n <= 64 { evaluate(&polynomial, x) } else { x * x + F::new(5) })
                    .collect();
                let polynomial = if n <= 64 { polynomial } else { vec![F::new(5), F::ZERO, F::ONE] };
                let mut arena = Arena::new([(log_rows + log_blowup, 1)]);
                let column = simd::as_words(&trace);
                extend_tables(&domains, &[vec![column]], &mut arena, &Scratch::new(2));
                check(&polynomial, arena.column(0, 0), F::new(49));

                let mut arena = Arena::new([(log_rows + log_blowup, 1)]);
                arena.columns_mut()[0][0][..n].copy_from_slice(column);
                extend_tables(&domains, &[vec![&[]]], &mut arena, &Scratch::new(2));
                check(&polynomial, arena.column(0, 0), F::new(49));
            }
        }
    }

    /// The peer's transform, on the same coset, in the same order.
    #[test]
    fn extensions_are_those_of_p3() {
        use p3_dft::{Radix2DitParallel, TwoAdicSubgroupDft};
        use p3_matrix::{Matrix, dense::RowMajorMatrix};
        for (log_rows, log_blowup) in [(4, 1), (10, 1), (13, 2), (15, 1), (12, 3)] {
            let shift = F::new(7);
            let trace = coefficients(1 << log_rows, 77);
            let domains = Domains::new(log_rows, log_blowup, shift);
            let mut arena = Arena::new([(log_rows + log_blowup, 1)]);
            extend_tables(&domains, &[vec![simd::as_words(&trace)]], &mut arena, &Scratch::new(2));
            let theirs = Radix2DitParallel::default()
                .coset_lde_batch(RowMajorMatrix::new_col(trace), log_blowup as usize, shift)
                .to_row_major_matrix();
            let ours: Vec<F> = arena.column(0, 0).iter().map(|&w| F::new(w)).collect();
            assert_eq!(ours, theirs.values);
        }
    }

    #[test]
    fn pieces_are_split_by_degree() {
        for (log_rows, log_blowup) in [(3, 1), (4, 1), (3, 2), (8, 1), (10, 1), (11, 2), (7, 3)] {
            let (n, parts) = (1usize << log_rows, 1usize << log_blowup);
            let polynomial = coefficients(n * parts, 11);
            let shift = F::new(7);
            let domains = Domains::new(log_rows, log_blowup, shift);
            let points = powers_of(shift, root_of_unity(log_rows + log_blowup), n * parts);
            let values: Vec<u64> = points.iter().map(|&x| simd::word(evaluate(&polynomial, x))).collect();
            let mut pieces = vec![values; parts];
            let mut pieces: Vec<&mut [u64]> = pieces.iter_mut().map(Vec::as_mut_slice).collect();
            split_and_extend(&domains, &domains.of(log_rows), &mut pieces, &mut vec![0; n * parts]);
            for (j, piece) in pieces.iter().enumerate() {
                check(&polynomial[j * n..(j + 1) * n], piece, shift);
            }
        }
    }
}
