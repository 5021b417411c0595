//! Compiling while a circuit is synthesised.

use super::adapter::System;
use crate::builder::{CircuitBuilder, DEFERRED_AUX, Shape};
use crate::circuit::{Circuit, Matrix};
use crate::error::BuildError;
use forebay_msm::ScalarField;

/// Most inputs of a circuit that is compiled as it streams by: 2^24.
const MAX_INPUTS: u32 = DEFERRED_AUX;
/// Most auxiliary variables: columns are 32 bits, inputs have the first 2^24 while their number is not known.
const MAX_AUX: u32 = u32::MAX - DEFERRED_AUX;

/// Compiles a circuit while it is synthesised. The closures that compute values are never called, so a blank circuit
/// serves. Inputs may be allocated at any time.
///
/// It does not say that it is extensible, so circuits that can be synthesised in pieces are synthesised in sequence, which
/// by the trait's contract gives the same rows: pieces would all be in memory at once.
pub struct CompileCs<F: ScalarField> {
    builder: CircuitBuilder<F>,
    num_inputs: u32,
    num_aux: u32,
    /// The combinations of a row, kept for their memory.
    row: [Vec<(u32, F)>; 3],
    /// The first error: `enforce` cannot return it.
    error: Option<BuildError>,
}

impl<F: ScalarField> Default for CompileCs<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: ScalarField> CompileCs<F> {
    /// No constraints yet, and the constant one as the only input.
    pub fn new() -> Self {
        CompileCs {
            builder: CircuitBuilder::deferred(),
            num_inputs: 1,
            num_aux: 0,
            row: Default::default(),
            error: None,
        }
    }

    /// Rows so far.
    pub fn num_rows(&self) -> usize {
        self.builder.num_rows()
    }

    /// The compiled circuit. `input_rows` appends the rows xᵢ·0 = 0, as bellperson's and bellman's provers do.
    ///
    /// # Errors
    /// The first thing that went wrong, during synthesis or now.
    pub fn finish(mut self, input_rows: bool) -> Result<Circuit<F>, BuildError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if input_rows {
            self.builder.push_rows_for_inputs(self.num_inputs)?;
        }
        Ok(self.builder.finish_deferred(Shape { num_inputs: self.num_inputs, num_aux: self.num_aux }))
    }
}

impl<F: ScalarField> System<F> for CompileCs<F> {
    fn start() -> Self {
        CompileCs::new()
    }

    fn aux_variable<E>(&mut self, _value: impl FnOnce() -> Result<F, E>) -> Result<usize, E> {
        Ok(count(&mut self.num_aux, MAX_AUX, "auxiliary variables", &mut self.error))
    }

    fn input_variable<E>(&mut self, _value: impl FnOnce() -> Result<F, E>) -> Result<usize, E> {
        Ok(count(&mut self.num_inputs, MAX_INPUTS, "inputs", &mut self.error))
    }

    /// Nothing is looked at after the first error.
    fn takes_rows(&self) -> bool {
        self.error.is_none()
    }

    fn combination(
        &mut self,
        matrix: Matrix,
        inputs: impl Iterator<Item = (usize, F)>,
        aux: impl Iterator<Item = (usize, F)>,
    ) {
        let row = self.builder.num_rows() as u64;
        let error = &mut self.error;
        let mut column = |index: usize, limit: u32, start: u32| match u32::try_from(index) {
            Ok(i) if i < limit => start + i,
            _ => {
                let (column, variables) = (index as u64, limit.into());
                error.get_or_insert(BuildError::ColumnOutOfRange { row, matrix, column, variables });
                0
            }
        };
        let terms = &mut self.row[matrix as usize];
        terms.clear();
        let (num_inputs, num_aux) = (self.num_inputs, self.num_aux);
        terms.extend(inputs.map(|(i, v)| (column(i, num_inputs, 0), v)));
        terms.extend(aux.map(|(i, v)| (column(i, num_aux, DEFERRED_AUX), v)));
    }

    fn push_row(&mut self) {
        if self.error.is_none() {
            let [a, b, c] = &self.row;
            self.error = self.builder.push_row(a, b, c).err();
        }
    }
}

/// Counts one more variable, and gives its index.
fn count(counter: &mut u32, limit: u32, what: &'static str, error: &mut Option<BuildError>) -> usize {
    let index = *counter;
    if index < limit {
        *counter += 1;
    } else {
        error.get_or_insert(BuildError::TooMany { what, limit: limit.into() });
    }
    index as usize
}
