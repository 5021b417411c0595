//! Keys that arkworks itself makes, by its own setup from a circuit in its own types.

use crate::ark::{ArkCurve, ArkKey, scalar};
use ark_ec::pairing::Pairing;
use ark_groth16::{Groth16, r1cs_to_qap::LibsnarkReduction};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, Matrix, SynthesisError, Variable,
};
use forebay_msm::backend::{DomainSpec, QuotientBasis, RootGenerator};
use forebay_prover::{
    circuit::{ConstraintSource, Counts},
    key::KeyShape,
};
use rand_core::RngCore;

/// A circuit for arkworks, without an assignment.
struct Circuit<'a, F> {
    matrices: &'a [Matrix<F>],
    counts: Counts,
}

impl<F: ark_ff::Field> ConstraintSynthesizer<F> for Circuit<'_, F> {
    fn generate_constraints(self, cs: ConstraintSystemRef<F>) -> Result<(), SynthesisError> {
        let Counts { num_variables, num_public, num_constraints } = self.counts;
        let mut variables = vec![Variable::One];
        for i in 1..num_variables {
            let absent = || Err(SynthesisError::AssignmentMissing);
            variables.push(match i <= num_public {
                true => cs.new_input_variable(absent)?,
                false => cs.new_witness_variable(absent)?,
            });
        }
        for row in 0..num_constraints {
            let combination = |matrix: usize| {
                let terms = self.matrices[matrix][row].iter();
                LinearCombination(terms.map(|(value, i)| (*value, variables[*i])).collect())
            };
            cs.enforce_r1cs_constraint(|| combination(0), || combination(1), || combination(2))?;
        }
        Ok(())
    }
}

impl<C: ArkCurve> ArkKey<C> {
    /// ark-groth16's setup, with everything drawn from `rng`, the generators of the groups too.
    pub fn generate(source: &dyn ConstraintSource<C::Fr>, rng: &mut impl RngCore) -> Self {
        let counts = source.counts();
        let mut matrices = vec![Vec::new(), Vec::new(), Vec::new()];
        source
            .for_each(&mut |a, b, c| {
                for (matrix, terms) in matrices.iter_mut().zip([a, b, c]) {
                    matrix.push(terms.iter().map(|(i, v)| (scalar::<C>(v), *i as usize)).collect());
                }
                Ok(())
            })
            .expect("a readable source");
        let circuit: Circuit<'_, <C::Pairing as Pairing>::ScalarField> =
            Circuit { matrices: &matrices, counts };
        let key =
            Groth16::<C::Pairing, LibsnarkReduction>::generate_random_parameters_with_reduction(circuit, rng)
                .expect("arkworks makes a key");
        let rows = counts.num_constraints + counts.num_public + 1;
        let log_n = rows.next_power_of_two().trailing_zeros();
        let shape = KeyShape {
            num_variables: counts.num_variables,
            num_public: counts.num_public,
            domain: DomainSpec { log_n, generator: RootGenerator::of_field::<C>() },
            basis: QuotientBasis::Coefficients,
        };
        ArkKey { key, matrices, shape, num_constraints: counts.num_constraints }
    }
}
