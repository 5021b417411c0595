//! The bus argument's columns (LogUp: Haböck, ePrint 2022/1530).
//!
//! Two interactions share a column, t = m_a/f_a + m_b/f_b; the last group has no column of its own and goes straight
//! into the accumulator: acc₀ = 0 and acc' = acc + Σ terms − L/n, cyclically, where L is the table's sum. ⌈N/2⌉ columns
//! for N interactions.
//!
//! Rows are worked on in chunks: fingerprints, inverses (15 products each) and terms of a chunk while it is in L2. The
//! running sum is a prefix sum in three phases that keeps one element a chunk.

use crate::{
    air::{Column, ExtForm, Linear},
    field::{E, F, ext, invert_ext_by_products, invert_ext_chunk, words},
    machine::Table,
    simd::{self, word},
    tuning::Tuning,
};
use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;

/// Rows of a chunk: 1024, as in the seed. Three columns and the norms are 32 KiB.
const CHUNK: usize = 1024;

/// What fingerprints are made with.
#[derive(Clone, Debug)]
pub(crate) struct BusChallenges {
    pub(crate) z: E,
    /// α, α², …, as many as the longest message has values.
    pub(crate) alphas: Vec<E>,
}

impl BusChallenges {
    pub(crate) fn new(z: E, alpha: E, longest: usize) -> BusChallenges {
        BusChallenges { z, alphas: crate::field::powers(alpha, longest + 1).split_off(1) }
    }

    pub(crate) fn fingerprints(&self, table: &Table) -> Vec<ExtForm> {
        table.interactions.iter().map(|i| i.fingerprint(self.z, &self.alphas)).collect()
    }

    /// The contribution of a message from outside; none when its fingerprint is zero.
    pub(crate) fn message(&self, message: &crate::layout::Message) -> Option<E> {
        let tuple: E = message.values.iter().zip(&self.alphas).map(|(&v, &alpha)| alpha * v).sum();
        let fingerprint = self.z - F::from_u64(message.bus) - tuple;
        Some(fingerprint.try_inverse()? * message.multiplicity)
    }
}

/// A zero fingerprint's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ZeroRow(pub(crate) usize);

/// Columns of a table over H.
pub(crate) struct Cells<'a> {
    pub(crate) main: Vec<&'a [u64]>,
    pub(crate) preprocessed: Vec<&'a [u64]>,
}

impl<'a> Cells<'a> {
    pub(crate) fn column(&self, column: Column) -> &'a [u64] {
        match column {
            Column::Main(c) => self.main[c],
            Column::Preprocessed(c) => self.preprocessed[c],
        }
    }
}

/// One thread's buffers.
struct Buffers {
    value: [Vec<u64>; 3],
    multiplicity: Vec<u64>,
    product: Vec<u64>,
    norm_descent: bool,
}

impl Buffers {
    fn new(rows: usize) -> Buffers {
        let column = || vec![0; rows];
        Buffers {
            value: [column(), column(), column()],
            multiplicity: column(),
            product: column(),
            norm_descent: true,
        }
    }
}

/// Fills the first `rows` of the table's bus columns, three base columns each, and returns L.
pub(crate) fn accumulate(
    table: &Table,
    challenges: &BusChallenges,
    cells: &Cells<'_>,
    rows: usize,
    out: &mut [&mut [u64]],
    tuning: Tuning,
) -> Result<E, ZeroRow> {
    let chunk = if tuning.chunked_bus { CHUNK.min(rows) } else { rows };
    let fingerprints = challenges.fingerprints(table);
    let mut jobs: Vec<Vec<&mut [u64]>> = (0..rows / chunk).map(|_| Vec::with_capacity(out.len())).collect();
    for column in out.iter_mut() {
        for (job, part) in jobs.iter_mut().zip(column[..rows].chunks_mut(chunk)) {
            job.push(part);
        }
    }
    // Phase 1: terms and the sum of each chunk.
    let totals: Vec<E> = jobs
        .par_iter_mut()
        .enumerate()
        .map_init(
            || Buffers { norm_descent: tuning.norm_descent, ..Buffers::new(chunk) },
            |buffers, (i, columns)| terms(table, &fingerprints, cells, i * chunk, columns, buffers),
        )
        .collect::<Result<_, _>>()?;
    // Phase 2: where each chunk starts.
    let total: E = totals.iter().copied().sum();
    let step = total * F::from_u64(rows as u64).inverse();
    let per_chunk = step * F::from_u64(chunk as u64);
    let mut running = E::ZERO;
    let starts: Vec<E> = totals
        .iter()
        .map(|&t| {
            let start = running;
            running += t - per_chunk;
            start
        })
        .collect();
    // Phase 3: the running sum within each chunk.
    let width = if tuning.parallel_prefix_sum { 1 } else { jobs.len() };
    jobs.par_iter_mut().zip(starts).with_min_len(width).for_each(|(columns, start)| {
        let first = columns.len() - 3;
        for ((column, start), step) in columns[first..].iter_mut().zip(words(start)).zip(words(step)) {
            prefix_sum(column, F::new(start), F::new(step));
        }
    });
    Ok(total)
}

/// Replaces each value by the sum of start and all earlier values, less `step` for each.
fn prefix_sum(column: &mut [u64], start: F, step: F) {
    let mut sum = start;
    for w in column.iter_mut() {
        let value = F::new(*w) - step;
        *w = word(sum);
        sum += value;
    }
}

/// Terms of one chunk; the last column receives the sums of the rows. Returns the sum of all.
fn terms(
    table: &Table,
    fingerprints: &[ExtForm],
    cells: &Cells<'_>,
    start: usize,
    columns: &mut [&mut [u64]],
    buffers: &mut Buffers,
) -> Result<E, ZeroRow> {
    let rows = columns[0].len();
    let at = |column: Column| &cells.column(column)[start..start + rows];
    let (term_columns, sums) = columns.split_at_mut(columns.len() - 3);
    sums.iter_mut().for_each(|c| c.fill(0));
    let groups = table.aux_columns();
    for (g, interactions) in table.interactions.chunks(2).enumerate() {
        for (k, interaction) in interactions.iter().enumerate() {
            let form = &fingerprints[2 * g + k];
            let [a, b, c] = &mut buffers.value;
            let form_terms = form.terms.iter().map(|(&column, &k)| (words(k), at(column)));
            simd::linear_form([&mut *a, &mut *b, &mut *c], words(form.constant), form_terms);
            let inverted = match buffers.norm_descent {
                true => invert_ext_chunk([a, b, c]),
                false => invert_ext_by_products([a, b, c]),
            };
            inverted.map_err(|zero| ZeroRow(start + zero.0))?;
            multiply(buffers, &interaction.multiplicity, at);
            let target = if g + 1 == groups { &mut sums[..] } else { &mut term_columns[3 * g..3 * g + 3] };
            for (t, v) in target.iter_mut().zip(&buffers.value) {
                if k == 0 && g + 1 != groups { t.copy_from_slice(v) } else { simd::add_assign(t, v) }
            }
        }
    }
    for (i, term) in term_columns.iter().enumerate() {
        simd::add_assign(sums[i % 3], term);
    }
    let sum = |column: &[u64]| (column.iter().map(|&w| u128::from(w)).sum::<u128>() % P) as u64;
    Ok(ext([sum(sums[0]), sum(sums[1]), sum(sums[2])]))
}

const P: u128 = crate::field::MODULUS as u128;

/// buffers.value ·= multiplicity.
fn multiply<'a>(buffers: &mut Buffers, multiplicity: &Linear, at: impl Fn(Column) -> &'a [u64]) {
    if multiplicity.terms.is_empty() {
        if multiplicity.constant != F::ONE {
            buffers.value.iter_mut().for_each(|c| simd::scale(c, word(multiplicity.constant)));
        }
        return;
    }
    base_form(multiplicity, &mut buffers.multiplicity, &mut buffers.product, at);
    for column in &mut buffers.value {
        simd::mul_assign(column, &buffers.multiplicity);
    }
}

/// out = the linear form on a block; `product` is scratch.
pub(crate) fn base_form<'a>(
    form: &Linear,
    out: &mut [u64],
    product: &mut [u64],
    at: impl Fn(Column) -> &'a [u64],
) {
    out.fill(word(form.constant));
    for &(column, factor) in &form.terms {
        if factor == F::ONE {
            simd::add_assign(out, at(column));
        } else if factor == -F::ONE {
            simd::sub_assign(out, at(column));
        } else {
            product.copy_from_slice(at(column));
            simd::scale(product, word(factor));
            simd::add_assign(out, product);
        }
    }
}
