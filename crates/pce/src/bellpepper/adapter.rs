//! The trait `ConstraintSystem`, for each version of `bellpepper-core`. The versions' traits and types are different ones to
//! the compiler and the same text; what a system does with variables and rows is a [`System`].

use crate::Matrix;
use forebay_msm::ScalarField;

/// What a constraint system does with what it is told.
pub(super) trait System<F: ScalarField>: Sized {
    /// What the trait's `new` makes.
    fn start() -> Self;

    /// Takes an auxiliary variable, and gives its index.
    fn aux_variable<E>(&mut self, value: impl FnOnce() -> Result<F, E>) -> Result<usize, E>;

    /// Takes an input, and gives its index.
    fn input_variable<E>(&mut self, value: impl FnOnce() -> Result<F, E>) -> Result<usize, E>;

    /// Whether rows are looked at. If not, combinations are not even made.
    fn takes_rows(&self) -> bool {
        false
    }

    /// Sets a combination of the next row, from its inputs and its auxiliary variables.
    fn combination(
        &mut self,
        _matrix: Matrix,
        _inputs: impl Iterator<Item = (usize, F)>,
        _aux: impl Iterator<Item = (usize, F)>,
    ) {
    }

    /// Appends the row whose combinations were set.
    fn push_row(&mut self) {}
}

/// Implements `ConstraintSystem` of the given crate for [`CompileCs`](super::CompileCs) and
/// [`WitnessCs`](super::WitnessCs).
macro_rules! constraint_systems {
    ($core:ident) => {
        use crate::Matrix;
        use crate::bellpepper::{CompileCs, WitnessCs, adapter::System};
        use forebay_msm::ScalarField;
        use $core::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};

        fn copied<F: ScalarField>((index, value): (&usize, &F)) -> (usize, F) {
            (*index, *value)
        }

        $crate::bellpepper::adapter::constraint_systems!(impl CompileCs {});
        $crate::bellpepper::adapter::constraint_systems!(impl WitnessCs {
            fn is_extensible() -> bool {
                true
            }

            fn extend(&mut self, part: &Self) {
                self.append(part);
            }

            fn is_witness_generator(&self) -> bool {
                true
            }

            fn extend_inputs(&mut self, values: &[F]) {
                self.extend_inputs(values);
            }

            fn extend_aux(&mut self, values: &[F]) {
                self.extend_aux(values);
            }

            fn allocate_empty(&mut self, aux: usize, inputs: usize) -> (&mut [F], &mut [F]) {
                self.grow(aux, inputs)
            }

            fn allocate_empty_inputs(&mut self, n: usize) -> &mut [F] {
                self.grow(0, n).1
            }

            fn allocate_empty_aux(&mut self, n: usize) -> &mut [F] {
                self.grow(n, 0).0
            }

            fn inputs_slice(&self) -> &[F] {
                self.inputs()
            }

            fn aux_slice(&self) -> &[F] {
                self.aux()
            }
        });
    };
    (impl $system:ident { $($more:tt)* }) => {
        impl<F: ScalarField> ConstraintSystem<F> for $system<F> {
            type Root = Self;

            fn new() -> Self {
                System::start()
            }

            fn alloc<V, A, AR>(&mut self, _annotation: A, value: V) -> Result<Variable, SynthesisError>
            where
                V: FnOnce() -> Result<F, SynthesisError>,
                A: FnOnce() -> AR,
                AR: Into<String>,
            {
                Ok(Variable::new_unchecked(Index::Aux(self.aux_variable(value)?)))
            }

            fn alloc_input<V, A, AR>(&mut self, _annotation: A, value: V) -> Result<Variable, SynthesisError>
            where
                V: FnOnce() -> Result<F, SynthesisError>,
                A: FnOnce() -> AR,
                AR: Into<String>,
            {
                Ok(Variable::new_unchecked(Index::Input(self.input_variable(value)?)))
            }

            fn enforce<A, AR, LA, LB, LC>(&mut self, _annotation: A, a: LA, b: LB, c: LC)
            where
                A: FnOnce() -> AR,
                AR: Into<String>,
                LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
                LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
                LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
            {
                if !self.takes_rows() {
                    return;
                }
                let zero = LinearCombination::zero;
                for (matrix, lc) in [(Matrix::A, a(zero())), (Matrix::B, b(zero())), (Matrix::C, c(zero()))] {
                    self.combination(matrix, lc.iter_inputs().map(copied), lc.iter_aux().map(copied));
                }
                self.push_row();
            }

            fn push_namespace<NR: Into<String>, N: FnOnce() -> NR>(&mut self, _name: N) {}

            fn pop_namespace(&mut self) {}

            fn get_root(&mut self) -> &mut Self {
                self
            }

            $($more)*
        }
    };
}

pub(super) use constraint_systems;
