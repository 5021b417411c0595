//! Collecting a circuit's values.

use super::adapter::System;
use forebay_msm::field::as_limbs_mut;
use forebay_msm::{ScalarField, SecretVec};
use zeroize::Zeroize;

/// Collects the values of a circuit's variables; constraints pass by unseen. The values are wiped on drop, and so is what
/// a growing vector leaves behind.
///
/// It is extensible: a circuit may synthesise its parts in parallel and append them. A part is made with the trait's
/// `new`, which has no inputs at all; as in bellperson's provers, whoever makes it allocates the constant one as its
/// first input, and `extend` leaves that out.
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

    /// Inputs, then auxiliary variables: a witness as [`Circuit::evaluate`](crate::Circuit::evaluate) takes it. Wiping it
    /// is the caller's.
    pub fn to_witness(&self) -> Vec<F> {
        [self.inputs.as_slice(), &self.aux].concat()
    }

    /// Likewise, wiped on drop.
    pub fn into_witness(self) -> SecretVec<F> {
        self.to_witness().into()
    }

    pub(super) fn extend_aux(&mut self, values: &[F]) {
        reserve(&mut self.aux, values.len());
        self.aux.extend_from_slice(values);
    }

    pub(super) fn extend_inputs(&mut self, values: &[F]) {
        reserve(&mut self.inputs, values.len());
        self.inputs.extend_from_slice(values);
    }

    /// Appends a part, whose first input is its own constant one.
    pub(super) fn append(&mut self, part: &Self) {
        self.extend_inputs(part.inputs.get(1..).unwrap_or(&[]));
        self.extend_aux(&part.aux);
    }

    /// Appends zeros, auxiliary variables and inputs, and gives them out.
    pub(super) fn grow(&mut self, aux: usize, inputs: usize) -> (&mut [F], &mut [F]) {
        (grow(&mut self.aux, aux), grow(&mut self.inputs, inputs))
    }
}

/// Rows pass by unseen.
impl<F: ScalarField> System<F> for WitnessCs<F> {
    /// A part, without any input.
    fn start() -> Self {
        WitnessCs { inputs: Vec::new(), aux: Vec::new() }
    }

    fn aux_variable<E>(&mut self, value: impl FnOnce() -> Result<F, E>) -> Result<usize, E> {
        Ok(push(&mut self.aux, value()?))
    }

    fn input_variable<E>(&mut self, value: impl FnOnce() -> Result<F, E>) -> Result<usize, E> {
        Ok(push(&mut self.inputs, value()?))
    }
}

impl<F: ScalarField> Drop for WitnessCs<F> {
    fn drop(&mut self) {
        wipe(&mut self.inputs);
        wipe(&mut self.aux);
    }
}

fn wipe<F: ScalarField>(values: &mut [F]) {
    as_limbs_mut(values).as_flattened_mut().zeroize();
}

/// Appends a value, and gives its index.
fn push<F: ScalarField>(values: &mut Vec<F>, value: F) -> usize {
    reserve(values, 1);
    values.push(value);
    values.len() - 1
}

/// Makes room for n more, at least doubling; what was moved is wiped where it was.
fn reserve<F: ScalarField>(values: &mut Vec<F>, n: usize) {
    if values.capacity() - values.len() >= n {
        return;
    }
    let mut larger = Vec::with_capacity((2 * values.capacity()).max(values.len() + n).max(64));
    larger.extend_from_slice(values);
    wipe(values);
    *values = larger;
}

/// Appends n zeros and gives them out.
fn grow<F: ScalarField>(values: &mut Vec<F>, n: usize) -> &mut [F] {
    reserve(values, n);
    let start = values.len();
    values.resize(start + n, F::ZERO);
    &mut values[start..]
}
