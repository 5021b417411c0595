//! Any `bellpepper-core` circuit: [`CompileCs`] compiles it, [`WitnessCs`] collects its witness.
//!
//! ```
//! use bellpepper_core::{Circuit as _, ConstraintSystem, SynthesisError};
//! use forebay_pce::bellpepper::{CompileCs, WitnessCs};
//! # use blstrs::Scalar;
//! # #[derive(Clone)] struct Square(Option<Scalar>);
//! # impl bellpepper_core::Circuit<Scalar> for Square {
//! #     fn synthesize<CS: ConstraintSystem<Scalar>>(self, cs: &mut CS) -> Result<(), SynthesisError> {
//! #         let x = cs.alloc(|| "x", || self.0.ok_or(SynthesisError::AssignmentMissing))?;
//! #         let y = cs.alloc_input(|| "y", || self.0.map(|x| x * x).ok_or(SynthesisError::AssignmentMissing))?;
//! #         cs.enforce(|| "y = x²", |lc| lc + x, |lc| lc + x, |lc| lc + y);
//! #         Ok(())
//! #     }
//! # }
//! let mut compile = CompileCs::<Scalar>::new();
//! Square(None).synthesize(&mut compile)?;
//! let circuit = compile.finish(true)?;
//!
//! let mut witness = WitnessCs::<Scalar>::new();
//! Square(Some(Scalar::from(3))).synthesize(&mut witness)?;
//! assert_eq!(witness.to_witness(), [1, 9, 3].map(Scalar::from));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::builder::{CircuitBuilder, DEFERRED_AUX, Shape};
use crate::circuit::{Circuit, Matrix};
use crate::error::BuildError;
use bellpepper_core::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use forebay_msm::ScalarField;
use forebay_msm::field::as_limbs_mut;
use zeroize::Zeroize;

/// Most inputs of a circuit that is compiled as it streams by: 2^24.
const MAX_INPUTS: u32 = DEFERRED_AUX;
/// Most auxiliary variables: columns are 32 bits, inputs have the first 2^24 while their number is not known.
const MAX_AUX: u32 = u32::MAX - DEFERRED_AUX;

/// Compiles a circuit while it is synthesised. The closures that compute values are never called, so a blank circuit
/// serves. Inputs may be allocated at any time.
pub struct CompileCs<F: ScalarField> {
    builder: CircuitBuilder<F>,
    num_inputs: u32,
    num_aux: u32,
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
        CompileCs { builder: CircuitBuilder::deferred(), num_inputs: 1, num_aux: 0, error: None }
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

    /// The columns of a combination: inputs below [`DEFERRED_AUX`], auxiliary variables from there.
    fn columns(&self, lc: &LinearCombination<F>, matrix: Matrix) -> Result<Vec<(u32, F)>, BuildError> {
        let row = self.builder.num_rows() as u64;
        let column = |index: usize, limit: u32, start: u32| match u32::try_from(index) {
            Ok(i) if i < limit => Ok(start + i),
            _ => Err(BuildError::ColumnOutOfRange {
                row,
                matrix,
                column: index as u64,
                variables: limit.into(),
            }),
        };
        let inputs = lc.iter_inputs().map(|(&i, &v)| Ok((column(i, self.num_inputs, 0)?, v)));
        let aux = lc.iter_aux().map(|(&i, &v)| Ok((column(i, self.num_aux, DEFERRED_AUX)?, v)));
        inputs.chain(aux).collect()
    }

    fn push(&mut self, lcs: [&LinearCombination<F>; 3]) -> Result<(), BuildError> {
        let a = self.columns(lcs[0], Matrix::A)?;
        let b = self.columns(lcs[1], Matrix::B)?;
        let c = self.columns(lcs[2], Matrix::C)?;
        self.builder.push_row(&a, &b, &c)
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

impl<F: ScalarField> ConstraintSystem<F> for CompileCs<F> {
    type Root = Self;

    fn new() -> Self {
        CompileCs::new()
    }

    fn alloc<V, A, AR>(&mut self, _annotation: A, _value: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        let index = count(&mut self.num_aux, MAX_AUX, "auxiliary variables", &mut self.error);
        Ok(Variable::new_unchecked(Index::Aux(index)))
    }

    fn alloc_input<V, A, AR>(&mut self, _annotation: A, _value: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        let index = count(&mut self.num_inputs, MAX_INPUTS, "inputs", &mut self.error);
        Ok(Variable::new_unchecked(Index::Input(index)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _annotation: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
    {
        if self.error.is_some() {
            return;
        }
        let zero = LinearCombination::zero;
        self.error = self.push([&a(zero()), &b(zero()), &c(zero())]).err();
    }

    fn push_namespace<NR: Into<String>, N: FnOnce() -> NR>(&mut self, _name: N) {}

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self {
        self
    }
}

/// Collects the values of a circuit's variables; constraints pass by unseen. The values are wiped on drop (copies that
/// growing vectors leave behind are not: reserve with [`with_capacity`](Self::with_capacity)).
pub struct WitnessCs<F: ScalarField> {
    inputs: Vec<F>,
    aux: Vec<F>,
}

impl<F: ScalarField> Default for WitnessCs<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: ScalarField> WitnessCs<F> {
    /// The constant one as the only input.
    pub fn new() -> Self {
        Self::with_capacity(1, 0)
    }

    /// With room for so many inputs (the constant one among them) and auxiliary variables.
    pub fn with_capacity(num_inputs: usize, num_aux: usize) -> Self {
        let mut inputs = Vec::with_capacity(num_inputs.max(1));
        inputs.push(F::ONE);
        WitnessCs { inputs, aux: Vec::with_capacity(num_aux) }
    }

    /// The inputs, the constant one first.
    pub fn inputs(&self) -> &[F] {
        &self.inputs
    }

    /// The auxiliary variables.
    pub fn aux(&self) -> &[F] {
        &self.aux
    }

    /// Inputs, then auxiliary variables: a witness as [`Circuit::evaluate`] takes it. Wiping it is the caller's.
    pub fn to_witness(&self) -> Vec<F> {
        [self.inputs.as_slice(), &self.aux].concat()
    }
}

impl<F: ScalarField> Drop for WitnessCs<F> {
    fn drop(&mut self) {
        as_limbs_mut(&mut self.inputs).as_flattened_mut().zeroize();
        as_limbs_mut(&mut self.aux).as_flattened_mut().zeroize();
    }
}

/// Appends n zeros and gives them out.
fn grow<F: ScalarField>(values: &mut Vec<F>, n: usize) -> &mut [F] {
    let start = values.len();
    values.resize(start + n, F::ZERO);
    &mut values[start..]
}

impl<F: ScalarField> ConstraintSystem<F> for WitnessCs<F> {
    type Root = Self;

    fn new() -> Self {
        WitnessCs::new()
    }

    fn alloc<V, A, AR>(&mut self, _annotation: A, value: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.aux.push(value()?);
        Ok(Variable::new_unchecked(Index::Aux(self.aux.len() - 1)))
    }

    fn alloc_input<V, A, AR>(&mut self, _annotation: A, value: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.inputs.push(value()?);
        Ok(Variable::new_unchecked(Index::Input(self.inputs.len() - 1)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _annotation: A, _a: LA, _b: LB, _c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
    {
    }

    fn push_namespace<NR: Into<String>, N: FnOnce() -> NR>(&mut self, _name: N) {}

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self {
        self
    }

    fn is_witness_generator(&self) -> bool {
        true
    }

    fn extend_inputs(&mut self, values: &[F]) {
        self.inputs.extend_from_slice(values);
    }

    fn extend_aux(&mut self, values: &[F]) {
        self.aux.extend_from_slice(values);
    }

    fn allocate_empty(&mut self, aux: usize, inputs: usize) -> (&mut [F], &mut [F]) {
        (grow(&mut self.aux, aux), grow(&mut self.inputs, inputs))
    }

    fn allocate_empty_inputs(&mut self, n: usize) -> &mut [F] {
        grow(&mut self.inputs, n)
    }

    fn allocate_empty_aux(&mut self, n: usize) -> &mut [F] {
        grow(&mut self.aux, n)
    }

    fn inputs_slice(&self) -> &[F] {
        &self.inputs
    }

    fn aux_slice(&self) -> &[F] {
        &self.aux
    }
}
