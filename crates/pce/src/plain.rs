//! Plain CSR: what [`Circuit`](crate::Circuit) is measured against and tested with.
//!
//! Per term a `u32` column and a 32-byte field element, per row a pointer; a term is one multiplication and one addition
//! of the curve crate's own field, in the same parallel row chunks. This is how the published provers that pre-compile
//! circuits store and evaluate them.

use forebay_msm::ScalarField;
use rayon::ThreadPool;
use rayon::prelude::*;

/// Rows per task, as in [`Circuit::evaluate`](crate::Circuit::evaluate).
const ROWS: usize = crate::ROWS_PER_CHUNK;

/// One sparse matrix.
#[derive(Clone, Debug)]
pub struct PlainMatrix<F> {
    row_ends: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<F>,
}

impl<F> Default for PlainMatrix<F> {
    fn default() -> Self {
        PlainMatrix { row_ends: Vec::new(), columns: Vec::new(), values: Vec::new() }
    }
}

impl<F: ScalarField> PlainMatrix<F> {
    /// Appends a row.
    pub fn push_row(&mut self, terms: impl IntoIterator<Item = (u32, F)>) {
        for (column, value) in terms {
            self.columns.push(column);
            self.values.push(value);
        }
        self.row_ends.push(self.columns.len());
    }

    /// Bytes of row pointers, columns and values.
    pub fn size_bytes(&self) -> usize {
        8 * self.row_ends.len() + 4 * self.columns.len() + 32 * self.values.len()
    }

    /// The matrix times `witness`, row i to `out[i]`.
    ///
    /// # Panics
    /// If a column is outside the witness, or `out` is shorter than there are rows.
    pub fn evaluate(&self, pool: &ThreadPool, witness: &[F], out: &mut [F]) {
        let rows = &mut out[..self.row_ends.len()];
        pool.install(|| {
            rows.par_chunks_mut(ROWS).enumerate().for_each(|(task, rows)| {
                let first = task * ROWS;
                let mut start = if first == 0 { 0 } else { self.row_ends[first - 1] };
                for (out, &end) in rows.iter_mut().zip(&self.row_ends[first..]) {
                    let terms = self.columns[start..end].iter().zip(&self.values[start..end]);
                    *out =
                        terms.fold(F::ZERO, |sum, (&column, &value)| sum + witness[column as usize] * value);
                    start = end;
                }
            });
        });
    }
}

/// The matrices A, B and C.
#[derive(Clone, Debug)]
pub struct PlainCsr<F> {
    /// A.
    pub a: PlainMatrix<F>,
    /// B.
    pub b: PlainMatrix<F>,
    /// C.
    pub c: PlainMatrix<F>,
}

impl<F> Default for PlainCsr<F> {
    fn default() -> Self {
        PlainCsr { a: PlainMatrix::default(), b: PlainMatrix::default(), c: PlainMatrix::default() }
    }
}

impl<F: ScalarField> PlainCsr<F> {
    /// Appends a row.
    pub fn push_row(&mut self, a: &[(u32, F)], b: &[(u32, F)], c: &[(u32, F)]) {
        self.a.push_row(a.iter().copied());
        self.b.push_row(b.iter().copied());
        self.c.push_row(c.iter().copied());
    }

    /// Bytes of all three matrices.
    pub fn size_bytes(&self) -> usize {
        self.a.size_bytes() + self.b.size_bytes() + self.c.size_bytes()
    }

    /// All three products, row i to index i of the buffers.
    ///
    /// # Panics
    /// As for [`PlainMatrix::evaluate`].
    pub fn evaluate(&self, pool: &ThreadPool, witness: &[F], a: &mut [F], b: &mut [F], c: &mut [F]) {
        self.a.evaluate(pool, witness, a);
        self.b.evaluate(pool, witness, b);
        self.c.evaluate(pool, witness, c);
    }
}
