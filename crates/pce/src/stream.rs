//! Evaluation in windows of rows, for circuits whose a, b and c do not fit memory.
//!
//! Each window is evaluated into buffers that are used again for the next, handed to the caller (who writes it to a file,
//! or adds it up), and wiped at the end. Memory: 96 bytes per row of a window, beside the witness and the circuit.

use crate::chunk::ROWS_PER_CHUNK;
use crate::circuit::Circuit;
use crate::error::EvalError;
use crate::evaluate::{EvalOptions, EvalStats, Outputs};
use core::ops::Range;
use forebay_msm::{ScalarField, SecretVec};

/// A part of a, b and c.
pub struct Window<'a, F> {
    /// The rows.
    pub rows: Range<usize>,
    /// A·w at these rows.
    pub a: &'a [F],
    /// B·w.
    pub b: &'a [F],
    /// C·w; a∘b if the circuit has no C.
    pub c: &'a [F],
}

impl<F: ScalarField> Circuit<F> {
    /// [`evaluate`](Self::evaluate) window by window: `window` rows at a time, rounded up to whole chunks, each handed to
    /// `sink` in order.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate), and what `sink` reports.
    pub fn evaluate_streamed<E: From<EvalError>>(
        &self,
        witness: &[F],
        window: usize,
        options: EvalOptions<'_>,
        mut sink: impl FnMut(Window<'_, F>) -> Result<(), E>,
    ) -> Result<EvalStats, E> {
        let rows = self.num_rows();
        let window = window.max(1).next_multiple_of(ROWS_PER_CHUNK).min(rows.max(1));
        let zeros = || SecretVec::<F>::zeros(window);
        let (mut a, mut b, mut c) = (zeros(), zeros(), zeros());
        let mut total = EvalStats::default();
        let mut start = 0;
        while start < rows {
            let end = (start + window).min(rows);
            let n = end - start;
            let out = Outputs { a: &mut a[..n], b: &mut b[..n], c: &mut c[..n] };
            total.add(&self.evaluate_rows(start..end, witness, out, options)?);
            sink(Window { rows: start..end, a: &a[..n], b: &b[..n], c: &c[..n] })?;
            start = end;
        }
        Ok(total)
    }
}

impl EvalStats {
    /// Adds the work of another evaluation, of later rows.
    fn add(&mut self, other: &EvalStats) {
        self.rows += other.rows;
        self.terms += other.terms;
        self.terms_in_lanes += other.terms_in_lanes;
        self.chunks += other.chunks;
        self.bytes_read += other.bytes_read;
        self.bytes_written += other.bytes_written;
        self.first_unsatisfied_row = self.first_unsatisfied_row.or(other.first_unsatisfied_row);
    }
}
