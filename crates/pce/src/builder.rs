//! Compiling, row by row.

use crate::chunk::{ROWS_PER_CHUNK, Slot, TERMS_PER_CHUNK};
use crate::circuit::{ChunkEntry, Circuit, Counts, Matrix, Payload};
use crate::density::DensityBuilder;
use crate::dictionary::{Code, Coder};
use crate::encode::ChunkEncoder;
use crate::error::BuildError;
use core::marker::PhantomData;
use core::sync::atomic::AtomicU64;
use forebay_msm::ScalarField;

/// The variables of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Public inputs, with the constant one: at least 1. They are the columns 0..num_inputs.
    pub num_inputs: u32,
    /// Auxiliary (private) variables, the columns after the inputs.
    pub num_aux: u32,
}

impl Shape {
    /// Inputs and auxiliary variables.
    pub const fn num_variables(self) -> u64 {
        self.num_inputs as u64 + self.num_aux as u64
    }
}

/// Where auxiliary variables start while the number of inputs is not known: columns are moved down at the end.
pub(crate) const DEFERRED_AUX: u32 = 1 << 24;

/// Compiles a circuit from its rows, which are pushed in order.
///
/// Memory grows with the compressed output (and with the longest single row), not with the circuit: see the README.
pub struct CircuitBuilder<F> {
    /// Where the auxiliary columns start.
    aux_start: u32,
    /// One past the last column.
    end: u64,
    has_c: bool,
    coder: Coder,
    encoder: ChunkEncoder,
    rows_in_chunk: usize,
    rows: u32,
    input_rows: u32,
    terms: [u64; 3],
    density: DensityBuilder,
    payload: Vec<u8>,
    chunks: Vec<ChunkEntry>,
    /// A chunk's bytes, before they are appended to the payload.
    buffer: Vec<u8>,
    row_terms: Vec<(u32, F)>,
    row_codes: Vec<(Code, u32)>,
}

impl<F: ScalarField> CircuitBuilder<F> {
    /// A builder for a circuit with all three matrices.
    ///
    /// # Errors
    /// If there is no input (the constant one is an input) or more than 2^32 − 1 variables.
    pub fn new(shape: Shape) -> Result<Self, BuildError> {
        if shape.num_inputs == 0 {
            return Err(BuildError::NoInputs);
        }
        if shape.num_variables() > u64::from(u32::MAX) {
            return Err(BuildError::TooMany { what: "variables", limit: u64::from(u32::MAX) });
        }
        Ok(Self::with_columns(shape.num_inputs, shape.num_variables(), true))
    }

    /// A builder for a circuit of which only A and B are known.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn without_c(shape: Shape) -> Result<Self, BuildError> {
        Ok(CircuitBuilder { has_c: false, ..Self::new(shape)? })
    }

    /// A builder for a circuit whose variables are not counted yet: inputs are the columns below [`DEFERRED_AUX`].
    #[cfg_attr(not(feature = "bellpepper"), expect(dead_code, reason = "for streaming constraint systems"))]
    pub(crate) fn deferred() -> Self {
        Self::with_columns(DEFERRED_AUX, u64::from(u32::MAX), true)
    }

    fn with_columns(aux_start: u32, end: u64, has_c: bool) -> Self {
        CircuitBuilder {
            aux_start,
            end,
            has_c,
            coder: Coder::new(),
            encoder: ChunkEncoder::default(),
            rows_in_chunk: 0,
            rows: 0,
            input_rows: 0,
            terms: [0; 3],
            density: DensityBuilder::default(),
            payload: Vec::new(),
            chunks: Vec::new(),
            buffer: Vec::new(),
            row_terms: Vec::new(),
            row_codes: Vec::new(),
        }
    }

    /// Rows so far.
    pub fn num_rows(&self) -> usize {
        self.rows as usize
    }

    /// Appends the row (a·w)·(b·w) = c·w. A combination lists (column, coefficient) in any order; the coefficients of a
    /// column that occurs more than once are added up, and zeros are dropped.
    ///
    /// # Errors
    /// If a column is out of range, if `c` is not empty on a builder [`without_c`](Self::without_c), or if there are too
    /// many rows or coefficients. The builder must then be thrown away.
    pub fn push_row(&mut self, a: &[(u32, F)], b: &[(u32, F)], c: &[(u32, F)]) -> Result<(), BuildError> {
        self.push_row_iter(a.iter().copied(), b.iter().copied(), c.iter().copied())
    }

    /// [`push_row`](Self::push_row) from iterators.
    ///
    /// # Errors
    /// As for [`push_row`](Self::push_row).
    pub fn push_row_iter(
        &mut self,
        a: impl IntoIterator<Item = (u32, F)>,
        b: impl IntoIterator<Item = (u32, F)>,
        c: impl IntoIterator<Item = (u32, F)>,
    ) -> Result<(), BuildError> {
        if self.rows == u32::MAX {
            return Err(BuildError::TooMany { what: "rows", limit: u64::from(u32::MAX) });
        }
        self.combination(Matrix::A, a)?;
        self.combination(Matrix::B, b)?;
        self.combination(Matrix::C, c)?;
        self.rows += 1;
        self.rows_in_chunk += 1;
        if self.rows_in_chunk == ROWS_PER_CHUNK || self.encoder.terms() >= TERMS_PER_CHUNK {
            self.close_chunk();
        }
        Ok(())
    }

    /// Appends the rows xᵢ·0 = 0 for each input, after the circuit's own rows: they make the inputs' polynomials in A
    /// independent. bellperson and snarkjs both have them.
    ///
    /// # Errors
    /// If there are too many rows.
    pub fn push_input_rows(&mut self) -> Result<(), BuildError> {
        self.push_rows_for_inputs(self.aux_start)
    }

    pub(crate) fn push_rows_for_inputs(&mut self, num_inputs: u32) -> Result<(), BuildError> {
        for i in 0..num_inputs {
            self.push_row(&[(i, F::ONE)], &[], &[])?;
        }
        self.input_rows += num_inputs;
        Ok(())
    }

    fn combination(
        &mut self,
        matrix: Matrix,
        terms: impl IntoIterator<Item = (u32, F)>,
    ) -> Result<(), BuildError> {
        self.row_terms.clear();
        self.row_terms.extend(terms);
        if self.row_terms.is_empty() {
            return Ok(());
        }
        if matrix == Matrix::C && !self.has_c {
            return Err(BuildError::UnexpectedC { row: u64::from(self.rows) });
        }
        if self.row_terms.len() > u32::MAX as usize {
            return Err(BuildError::TooMany { what: "coefficients of one row", limit: u64::from(u32::MAX) });
        }
        let out_of_range = self.row_terms.iter().find(|t| u64::from(t.0) >= self.end);
        if let Some(&(column, _)) = out_of_range {
            return Err(BuildError::ColumnOutOfRange {
                row: u64::from(self.rows),
                matrix,
                column: u64::from(column),
                variables: self.end,
            });
        }
        sum_duplicates(&mut self.row_terms);
        self.encode(matrix)
    }

    /// Encodes `row_terms`, whose columns are ascending.
    fn encode(&mut self, matrix: Matrix) -> Result<(), BuildError> {
        self.row_codes.clear();
        let mut constant = None;
        for (column, value) in &self.row_terms {
            if *value == F::ZERO {
                continue;
            }
            let code = self.coder.code(value)?;
            self.terms[matrix as usize] += 1;
            match column.checked_sub(self.aux_start) {
                Some(aux) => self.density.aux(matrix as usize, aux as usize),
                None => self.density.input(matrix as usize, *column as usize),
            }
            match *column {
                0 => constant = Some(code),
                column => self.row_codes.push((code, column)),
            }
        }
        if constant.is_some() || !self.row_codes.is_empty() {
            self.row_codes.sort_unstable();
            let slot = Slot::new(matrix, self.rows_in_chunk);
            self.encoder.push(slot, constant, &self.row_codes);
        }
        Ok(())
    }

    fn close_chunk(&mut self) {
        self.buffer.clear();
        let boundary = if self.aux_start == DEFERRED_AUX { DEFERRED_AUX } else { 0 };
        let base = self.encoder.flush(&mut self.buffer, boundary);
        let row = self.rows - self.rows_in_chunk as u32;
        self.chunks.push(ChunkEntry { offset: self.payload.len() as u64, row, base });
        // Growth by an eighth bounds the peak: doubling would reserve up to twice the output.
        let (len, more) = (self.payload.len(), self.buffer.len());
        if self.payload.capacity() - len < more {
            self.payload.reserve_exact(more.max(len / 8));
        }
        self.payload.extend_from_slice(&self.buffer);
        self.rows_in_chunk = 0;
    }

    /// The compiled circuit.
    ///
    /// # Errors
    /// None at present; kept for the limits of a later format.
    pub fn finish(self) -> Result<Circuit<F>, BuildError> {
        let num_aux = (self.end - u64::from(self.aux_start)) as u32;
        let shape = Shape { num_inputs: self.aux_start, num_aux };
        Ok(self.finish_with(shape))
    }

    /// Finishes a [`deferred`](Self::deferred) builder, now that the variables are counted.
    #[cfg_attr(not(feature = "bellpepper"), expect(dead_code, reason = "for streaming constraint systems"))]
    pub(crate) fn finish_deferred(mut self, shape: Shape) -> Circuit<F> {
        if self.rows_in_chunk > 0 {
            self.close_chunk();
        }
        let down = DEFERRED_AUX - shape.num_inputs;
        crate::encode::relocate(&mut self.payload, &mut self.chunks, DEFERRED_AUX, down);
        self.finish_with(shape)
    }

    fn finish_with(mut self, shape: Shape) -> Circuit<F> {
        if self.rows_in_chunk > 0 {
            self.close_chunk();
        }
        self.chunks.push(ChunkEntry { offset: self.payload.len() as u64, row: self.rows, base: 0 });
        self.chunks.shrink_to_fit();
        self.payload.shrink_to_fit();
        Circuit {
            counts: Counts {
                shape,
                rows: self.rows,
                input_rows: self.input_rows,
                has_c: self.has_c,
                terms: self.terms,
            },
            dictionary: self.coder.dictionary,
            chunks: self.chunks,
            payload: Payload::Owned(self.payload),
            density: self.density.finish(shape),
            evaluations: AtomicU64::new(0),
            field: PhantomData,
        }
    }
}

/// Sorts by column and adds up the coefficients of equal columns.
fn sum_duplicates<F: ScalarField>(terms: &mut Vec<(u32, F)>) {
    if terms.is_sorted_by(|x, y| x.0 < y.0) {
        return;
    }
    terms.sort_unstable_by_key(|t| t.0);
    terms.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 += later.1;
        }
        same
    });
}
