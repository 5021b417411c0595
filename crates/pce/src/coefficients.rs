//! Compiling from a list of coefficients, as a snarkjs key has it.

use crate::builder::{CircuitBuilder, Shape};
use crate::circuit::{Circuit, Matrix};
use crate::error::BuildError;
use forebay_msm::ScalarField;

/// One nonzero entry of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coefficient<F> {
    /// A or B.
    pub matrix: Matrix,
    /// Row, counted from zero.
    pub row: u32,
    /// Column: the variable.
    pub column: u32,
    /// Value.
    pub value: F,
}

impl<F: ScalarField> Circuit<F> {
    /// Compiles `count` coefficients of A and B, of which `get(i)` reads the i-th, into a circuit without C. Duplicates
    /// are added up.
    ///
    /// If the rows ascend (snarkjs writes them so) no further memory is needed. Otherwise they are bucketed by row with
    /// 4 bytes per coefficient and per row. Each coefficient is read at most three times.
    ///
    /// The rows xᵢ·0 = 0 are expected to be in the list, as snarkjs has them.
    ///
    /// # Errors
    /// Whatever `get` returns; a row at or beyond `num_rows`, a column beyond the shape, a coefficient of C, more than
    /// 2^32 − 1 coefficients.
    pub fn from_coefficients<E: From<BuildError>>(
        shape: Shape,
        num_rows: u32,
        count: usize,
        get: impl Fn(usize) -> Result<Coefficient<F>, E>,
    ) -> Result<Self, E> {
        if count > u32::MAX as usize {
            return Err(BuildError::TooMany { what: "coefficients", limit: u64::from(u32::MAX) }.into());
        }
        let mut builder = CircuitBuilder::without_c(shape)?;
        let checked = |index: usize| -> Result<Coefficient<F>, E> {
            let c = get(index)?;
            if c.row >= num_rows {
                return Err(
                    BuildError::RowOutOfRange { index, row: c.row.into(), rows: num_rows.into() }.into()
                );
            }
            if c.matrix == Matrix::C {
                return Err(BuildError::UnexpectedC { row: c.row.into() }.into());
            }
            Ok(c)
        };
        let mut rows = Rows::new(&mut builder);
        match order(count, num_rows, &checked)? {
            None => (0..count).try_for_each(|i| rows.push(checked(i)?).map_err(E::from))?,
            Some(order) => {
                order.iter().try_for_each(|&i| rows.push(checked(i as usize)?).map_err(E::from))?
            }
        }
        rows.finish(num_rows)?;
        Ok(builder.finish()?)
    }
}

/// The order of ascending rows; `None` if the list has it already.
fn order<F, E>(
    count: usize,
    num_rows: u32,
    get: &impl Fn(usize) -> Result<Coefficient<F>, E>,
) -> Result<Option<Vec<u32>>, E> {
    let mut last = 0;
    let mut ascending = true;
    for i in 0..count {
        let row = get(i)?.row;
        ascending &= row >= last;
        last = row;
        if !ascending {
            break;
        }
    }
    if ascending {
        return Ok(None);
    }
    // A counting sort by row.
    let mut next = vec![0u32; num_rows as usize + 1];
    for i in 0..count {
        next[get(i)?.row as usize + 1] += 1;
    }
    for row in 1..next.len() {
        next[row] += next[row - 1];
    }
    let mut order = vec![0u32; count];
    for i in 0..count {
        let place = &mut next[get(i)?.row as usize];
        order[*place as usize] = i as u32;
        *place += 1;
    }
    Ok(Some(order))
}

/// Gathers the coefficients of a row.
struct Rows<'b, F> {
    builder: &'b mut CircuitBuilder<F>,
    a: Vec<(u32, F)>,
    b: Vec<(u32, F)>,
}

impl<'b, F: ScalarField> Rows<'b, F> {
    fn new(builder: &'b mut CircuitBuilder<F>) -> Self {
        Rows { builder, a: Vec::new(), b: Vec::new() }
    }

    fn push(&mut self, c: Coefficient<F>) -> Result<(), BuildError> {
        self.close_until(c.row)?;
        match c.matrix {
            Matrix::A => self.a.push((c.column, c.value)),
            _ => self.b.push((c.column, c.value)),
        }
        Ok(())
    }

    /// Pushes all rows before `row`.
    fn close_until(&mut self, row: u32) -> Result<(), BuildError> {
        while self.builder.num_rows() < row as usize {
            self.builder.push_row(&self.a, &self.b, &[])?;
            self.a.clear();
            self.b.clear();
        }
        Ok(())
    }

    fn finish(mut self, num_rows: u32) -> Result<(), BuildError> {
        self.close_until(num_rows)
    }
}
