//! Many multiples of one point: windowed tables.
//!
//! The scalar is cut into w-bit digits; digit j selects a precomputed multiple of 2^(wj)·G. One mixed addition per digit
//! and no doubling. Brickell, Gordon, McCurley, Wilson, "Fast Exponentiation with Precomputation", EUROCRYPT 1992.

use ff::PrimeField;
use forebay_msm::ScalarField;
use group::{Curve, prime::PrimeCurve};
use rayon::prelude::*;

/// Scalars per parallel task, and per batched normalisation.
const CHUNK: usize = 1 << 10;

/// Tables of one point. Work runs on the current rayon pool.
pub(super) struct FixedBase<G: PrimeCurve> {
    window: usize,
    tables: Vec<Vec<G::Affine>>,
}

impl<G> FixedBase<G>
where
    G: PrimeCurve + Curve<AffineRepr = <G as PrimeCurve>::Affine>,
    G::Scalar: ScalarField,
    <G as PrimeCurve>::Affine: Copy + Send + Sync,
{
    /// Tables that serve about `n` multiplications at the least total cost: n·⌈bits/w⌉ additions to use them and
    /// 2^w·⌈bits/w⌉ to make them, so w is about log₂ n less the parallel slack, at most 14 (the tables leave the cache).
    pub(super) fn new(base: G, n: usize) -> Self {
        let bits = G::Scalar::NUM_BITS as usize;
        let window = (n.max(16).ilog2() as usize).saturating_sub(3).clamp(3, 14);
        let mut starts = Vec::with_capacity(bits.div_ceil(window));
        let mut start = base;
        for _ in 0..bits.div_ceil(window) {
            starts.push(start);
            start = (0..window).fold(start, |p, _| p.double());
        }
        let tables = starts.into_par_iter().map(|start| multiples(start, 1 << window)).collect();
        FixedBase { window, tables }
    }

    /// The multiples, in order.
    pub(super) fn multiply(&self, scalars: &[G::Scalar]) -> Vec<G::AffineRepr> {
        let mut out = vec![G::identity().to_affine(); scalars.len()];
        out.par_chunks_mut(CHUNK).zip(scalars.par_chunks(CHUNK)).for_each(|(out, scalars)| {
            let sums: Vec<G> = scalars.iter().map(|s| self.multiply_one(s)).collect();
            G::batch_normalize(&sums, out);
        });
        out
    }

    fn multiply_one(&self, scalar: &G::Scalar) -> G {
        let mut digits = scalar.to_canonical();
        let mut sum = G::identity();
        for table in &self.tables {
            let digit = (digits[0] & ((1 << self.window) - 1)) as usize;
            shift_right(&mut digits, self.window);
            if digit != 0 {
                sum += table[digit];
            }
        }
        sum
    }
}

/// 0·p, 1·p, … of length n.
fn multiples<G>(p: G, n: usize) -> Vec<<G as PrimeCurve>::Affine>
where
    G: PrimeCurve + Curve<AffineRepr = <G as PrimeCurve>::Affine>,
{
    let mut sums = Vec::with_capacity(n);
    let mut sum = G::identity();
    for _ in 0..n {
        sums.push(sum);
        sum += p;
    }
    let mut out = vec![G::identity().to_affine(); n];
    G::batch_normalize(&sums, &mut out);
    out
}

fn shift_right(v: &mut [u64; 4], by: usize) {
    for i in 0..4 {
        let high = if i < 3 { v[i + 1] } else { 0 };
        v[i] = (v[i] >> by) | (high << (64 - by));
    }
}
