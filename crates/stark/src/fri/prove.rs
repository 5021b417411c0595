//! The prover's folds.

use super::{Commitments, LayerOpening, Schedule};
use crate::{
    error::ProveError,
    field::{E, F, ext, root_of_unity, words},
    merkle::{Matrix, Tree, TreeSettings, distinct},
    params::Parameters,
    simd,
    transcript::Transcript,
    tuning::Tuning,
};
use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A codeword: three columns.
pub(crate) type Codeword = [Vec<u64>; 3];

/// Groups folded at a time: the buffers of an arity of 16 are 24 KiB.
const CHUNK: usize = 128;

/// The committed codewords, to be opened.
pub(crate) struct Folding {
    layers: Vec<(Codeword, u32, Tree)>,
}

/// Folds the codewords, which are given by the log₂ of their height, and absorbs what is sent.
pub(crate) fn prove(
    parameters: &Parameters,
    schedule: &Schedule,
    mut codewords: BTreeMap<u32, Codeword>,
    inverse_twiddles: &[u64],
    transcript: &mut Transcript,
    tuning: Tuning,
) -> Result<(Folding, Commitments), ProveError> {
    let mut current = codewords.remove(&schedule.log_start).unwrap_or_default();
    let mut layers = Vec::new();
    let mut sent = Commitments::default();
    for (log, arity) in schedule.layers() {
        let settings = TreeSettings::new(parameters.log_cap, tuning);
        let tree = match tuning.direct_fold_leaves {
            true => Tree::new(&[group(&current, arity)], settings),
            false => Tree::new(&[group(&current.clone(), arity)], settings),
        };
        transcript.cap("fold", tree.cap());
        sent.caps.push(tree.cap().to_vec());
        let beta = transcript.challenge("beta");
        let mut next = fold(&current, log, arity, beta, inverse_twiddles);
        if let Some(joining) = codewords.remove(&(log - arity)) {
            let factor = words(beta.exp_power_of_2(arity as usize));
            join(&mut next, factor, &joining);
        }
        layers.push((std::mem::replace(&mut current, next), arity, tree));
    }
    sent.last = last_polynomial(parameters, &current)?;
    transcript.ext("last polynomial", &sent.last);
    sent.nonce = grind(transcript, parameters.grinding_bits);
    transcript.number("nonce", sent.nonce);
    Ok((Folding { layers }, sent))
}

/// The groups that are folded into one value each, as columns of a table: point by point, coefficient by coefficient.
fn group(codeword: &Codeword, arity: u32) -> Matrix<'_> {
    let height = codeword[0].len() >> arity;
    let parts = 0..1usize << arity;
    Matrix {
        columns: parts.flat_map(|k| codeword.iter().map(move |c| &c[k * height..(k + 1) * height])).collect(),
    }
}

fn join(codeword: &mut Codeword, factor: [u64; 3], joining: &Codeword) {
    let [a, b, c] = codeword;
    let chunk = 1024.min(a.len());
    let own = a.par_chunks_mut(chunk).zip(b.par_chunks_mut(chunk)).zip(c.par_chunks_mut(chunk));
    own.enumerate().with_min_len(4).for_each(|(i, ((a, b), c))| {
        let at = i * chunk..i * chunk + a.len();
        let other = [&joining[0][at.clone()], &joining[1][at.clone()], &joining[2][at]];
        simd::ext_scale_add([a, b, c], factor, other);
    });
}

/// One fold of a whole codeword.
pub(crate) fn fold(codeword: &Codeword, log: u32, arity: u32, beta: E, inverse_twiddles: &[u64]) -> Codeword {
    let height = 1usize << (log - arity);
    let mut out = [vec![0u64; height], vec![0u64; height], vec![0u64; height]];
    let betas: Vec<[u64; 3]> = (0..arity).map(|k| words(beta.exp_power_of_2(k as usize))).collect();
    if height < 8 {
        for j in 0..height {
            let values: Vec<E> = (0..1usize << arity)
                .map(|k| [0, 1, 2].map(|c| codeword[c][j + k * height]))
                .map(ext)
                .collect();
            let folded = words(fold_group(values, j, log, beta));
            out.iter_mut().zip(folded).for_each(|(c, w)| c[j] = w);
        }
        return out;
    }
    let chunk = CHUNK.min(height);
    let [a, b, c] = &mut out;
    a.par_chunks_mut(chunk)
        .zip(b.par_chunks_mut(chunk))
        .zip(c.par_chunks_mut(chunk))
        .enumerate()
        .with_min_len(32)
        .for_each_init(
            || [0; 3].map(|_| vec![0u64; chunk << (arity - 1)]),
            |buffers, (i, ((a, b), c))| {
                let step = Step { codeword, log, height, start: i * chunk, rows: a.len(), inverse_twiddles };
                step.run(&betas, buffers, [a, b, c]);
            },
        );
    out
}

/// A chunk of groups.
struct Step<'a> {
    codeword: &'a Codeword,
    log: u32,
    height: usize,
    start: usize,
    rows: usize,
    inverse_twiddles: &'a [u64],
}

impl Step<'_> {
    /// The x⁻¹ of index `index` in the domain of 2^`log` points.
    fn inverses(&self, log: u32, index: usize) -> &[u64] {
        let at = (1usize << (log - 1)) + index;
        &self.inverse_twiddles[at..at + self.rows]
    }

    fn run(&self, betas: &[[u64; 3]], buffers: &mut [Vec<u64>; 3], out: [&mut [u64]; 3]) {
        let rows = self.rows;
        let mut half = 1usize << (betas.len() - 1);
        for k in 0..half {
            let part = |c: usize, k: usize| {
                let at = k * self.height + self.start;
                &self.codeword[c][at..at + rows]
            };
            let lo = [part(0, k), part(1, k), part(2, k)];
            let hi = [part(0, k + half), part(1, k + half), part(2, k + half)];
            let [a, b, c] = &mut *buffers;
            let to = k * rows..(k + 1) * rows;
            let dst = [&mut a[to.clone()], &mut b[to.clone()], &mut c[to]];
            simd::ext_fold(dst, lo, hi, self.inverses(self.log, k * self.height + self.start), betas[0]);
        }
        let mut log = self.log;
        for &beta in &betas[1..] {
            half /= 2;
            log -= 1;
            for k in 0..half {
                let x = self.inverses(log, k * self.height + self.start);
                let [(a, a1), (b, b1), (c, c1)] = buffers.each_mut().map(|col| col.split_at_mut(half * rows));
                let at = k * rows..(k + 1) * rows;
                let hi = [&a1[at.clone()], &b1[at.clone()], &c1[at.clone()]];
                let dst = [&mut a[at.clone()], &mut b[at.clone()], &mut c[at]];
                simd::ext_fold_assign(dst, hi, x, beta);
            }
        }
        for (out, buffer) in out.into_iter().zip(buffers) {
            out.copy_from_slice(&buffer[..rows]);
        }
    }
}

/// The fold of one group: the values at index j + k·height of a domain of 2^log points.
pub(crate) fn fold_group(mut values: Vec<E>, j: usize, log: u32, beta: E) -> E {
    let mut log = log;
    let mut beta = beta;
    let height = (1usize << log) / values.len();
    while values.len() > 1 {
        let half = values.len() / 2;
        let generator = root_of_unity(log).inverse();
        let step = generator.exp_u64(height as u64);
        let mut x = generator.exp_u64(j as u64);
        for k in 0..half {
            let (a, b) = (values[k], values[k + half]);
            values[k] = a + b + beta * (a - b) * x;
            x *= step;
        }
        values.truncate(half);
        beta = beta.square();
        log -= 1;
    }
    values[0]
}

/// Interpolates what is left: few values, so by definition. Unsatisfied when the degree is too high.
fn last_polynomial(parameters: &Parameters, codeword: &Codeword) -> Result<Vec<E>, ProveError> {
    let n = codeword[0].len();
    let log = n.ilog2();
    let unscale = F::from_u64(n as u64).inverse();
    let columns: Vec<Vec<u64>> = codeword
        .iter()
        .map(|column| {
            let mut table = vec![0u64; n.max(2)];
            for layer in 1..=log {
                let size = 1usize << (layer - 1);
                crate::domain::geometric(&mut table[size..2 * size], F::ONE, root_of_unity(layer).inverse());
            }
            let mut column = column.clone();
            simd::dif(&mut column, &table);
            column
        })
        .collect();
    let reversed = |i: usize| if log == 0 { 0 } else { i.reverse_bits() >> (usize::BITS - log) };
    let coefficient = |i: usize| ext([0, 1, 2].map(|c: usize| columns[c][reversed(i)])) * unscale;
    let kept = n >> parameters.log_blowup;
    if (kept..n).any(|i| coefficient(i) != E::ZERO) {
        return Err(ProveError::Unsatisfied);
    }
    Ok((0..kept).map(coefficient).collect())
}

/// The least nonce that does.
fn grind(transcript: &Transcript, bits: u32) -> u64 {
    (0u64..).find(|&nonce| transcript.grinds(nonce, bits)).unwrap_or(0)
}

impl Folding {
    /// Opens the groups of all indices, fold by fold; what was folded before is left out.
    pub(crate) fn open(&self, indices: &[usize]) -> Vec<LayerOpening> {
        self.layers
            .iter()
            .map(|(codeword, arity, tree)| {
                let log = codeword[0].len().ilog2();
                let known: BTreeSet<usize> = distinct(indices, log);
                let height = 1usize << (log - arity);
                let mut values = Vec::new();
                for j in distinct(indices, log - arity) {
                    let unknown = (0..1usize << arity).map(|k| j + k * height).filter(|i| !known.contains(i));
                    values.extend(unknown.map(|i| ext([0, 1, 2].map(|c: usize| codeword[c][i]))));
                }
                let siblings = tree.open(&[group(codeword, *arity)], indices).siblings;
                LayerOpening { values, siblings }
            })
            .collect()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.layers.iter().map(|(c, _, tree)| 24 * c[0].len() as u64 + tree.bytes()).sum()
    }
}
