//! The trait `ConstraintSystem`, for each version of `bellpepper-core`. The versions' traits and types are different ones to
//! the compiler and the same text.

/// Implements `ConstraintSystem` of the given crate for [`CompileCs`](super::CompileCs) and
/// [`WitnessCs`](super::WitnessCs).
macro_rules! constraint_systems {
    ($core:ident) => {
        use crate::Matrix;
        use crate::bellpepper::{CompileCs, WitnessCs};
        use forebay_msm::ScalarField;
        use $core::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};

        fn copied<F: ScalarField>((index, value): (&usize, &F)) -> (usize, F) {
            (*index, *value)
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
                Ok(Variable::new_unchecked(Index::Aux(self.alloc_aux())))
            }

            fn alloc_input<V, A, AR>(&mut self, _annotation: A, _value: V) -> Result<Variable, SynthesisError>
            where
                V: FnOnce() -> Result<F, SynthesisError>,
                A: FnOnce() -> AR,
                AR: Into<String>,
            {
                Ok(Variable::new_unchecked(Index::Input(self.alloc_input())))
            }

            fn enforce<A, AR, LA, LB, LC>(&mut self, _annotation: A, a: LA, b: LB, c: LC)
            where
                A: FnOnce() -> AR,
                AR: Into<String>,
                LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
                LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
                LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
            {
                if self.failed() {
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
        }

        impl<F: ScalarField> ConstraintSystem<F> for WitnessCs<F> {
            type Root = Self;

            fn new() -> Self {
                WitnessCs::part()
            }

            fn alloc<V, A, AR>(&mut self, _annotation: A, value: V) -> Result<Variable, SynthesisError>
            where
                V: FnOnce() -> Result<F, SynthesisError>,
                A: FnOnce() -> AR,
                AR: Into<String>,
            {
                Ok(Variable::new_unchecked(Index::Aux(self.push_aux(value()?))))
            }

            fn alloc_input<V, A, AR>(&mut self, _annotation: A, value: V) -> Result<Variable, SynthesisError>
            where
                V: FnOnce() -> Result<F, SynthesisError>,
                A: FnOnce() -> AR,
                AR: Into<String>,
            {
                Ok(Variable::new_unchecked(Index::Input(self.push_input(value()?))))
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
        }
    };
}

pub(super) use constraint_systems;
