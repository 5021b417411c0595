//! Circuits of `bellpepper-core` 0.2: the same constraint systems, and synthesis in parts as Filecoin's circuits do it.
#![allow(clippy::unwrap_used)]

mod common;

use bellpepper_core_02::num::AllocatedNum;
use bellpepper_core_02::test_cs::TestConstraintSystem;
use bellpepper_core_02::{Circuit as _, ConstraintSystem, SynthesisError};
use common::{bls, evaluate, pool};
use ff::Field;
use forebay_pce::bellpepper::{CompileCs, WitnessCs};
use forebay_pce::first_unsatisfied_row;

type F = bls::Scalar;

/// Sections without common variables, each with bits and a public input; where it can, synthesised as parts.
#[derive(Clone)]
struct Sections {
    values: Vec<Option<F>>,
    /// Whether a constraint with a coefficient zero and one on the constant is added.
    odd: bool,
}

fn section<CS: ConstraintSystem<F>>(cs: &mut CS, value: Option<F>) -> Result<(), SynthesisError> {
    let x = AllocatedNum::alloc(cs.namespace(|| "x"), || value.ok_or(SynthesisError::AssignmentMissing))?;
    let square = x.square(cs.namespace(|| "square"))?;
    square.inputize(cs.namespace(|| "public"))?;
    square.to_bits_le(cs.namespace(|| "bits"))?;
    x.mul(cs.namespace(|| "cube"), &square)?.inputize(cs.namespace(|| "public cube"))
}

impl bellpepper_core_02::Circuit<F> for Sections {
    fn synthesize<CS: ConstraintSystem<F>>(self, cs: &mut CS) -> Result<(), SynthesisError> {
        if self.odd {
            let x = AllocatedNum::alloc(cs.namespace(|| "zero"), || Ok(F::ZERO))?;
            let terms = (F::ZERO, x.get_variable());
            cs.enforce(|| "odd", |lc| lc + terms + CS::one(), |lc| lc + x.get_variable(), |lc| lc + terms);
        }
        if !CS::is_extensible() {
            let mut all = self.values.iter().enumerate();
            return all.try_for_each(|(i, x)| section(&mut cs.namespace(|| format!("{i}")), *x));
        }
        for values in self.values.chunks(3) {
            let mut part = CS::new();
            part.alloc_input(|| "temporary one", || Ok(F::ONE))?;
            values.iter().try_for_each(|value| section(&mut part, *value))?;
            cs.extend(&part);
        }
        Ok(())
    }
}

#[test]
fn parts_give_the_witness_of_the_whole() {
    let pool = pool(2);
    let mut rng = common::rng(7);
    let values: Vec<Option<F>> = (0..8).map(|_| Some(F::random(&mut rng))).collect();
    let blank = Sections { values: vec![None; 8], odd: true };
    let mut compile = CompileCs::<F>::new();
    blank.synthesize(&mut compile).unwrap();
    let circuit = compile.finish(true).unwrap();

    let filled = Sections { values: values.clone(), odd: true };
    let mut test = TestConstraintSystem::<F>::new();
    filled.clone().synthesize(&mut test).unwrap();
    assert!(test.is_satisfied());
    assert_eq!(circuit.num_constraints(), test.num_constraints());
    assert_eq!((circuit.num_inputs(), circuit.num_rows()), (17, test.num_constraints() + 17));
    assert!(!circuit.density().a.contains(17), "a zero coefficient is none");
    assert!(circuit.density().b.contains(17));

    let mut cs = WitnessCs::<F>::new();
    filled.synthesize(&mut cs).unwrap();
    let public: Vec<F> = values.iter().flatten().flat_map(|x| [x.square(), x.square() * x]).collect();
    assert_eq!(cs.inputs()[1..], public);
    assert_eq!(test.scalar_inputs(), cs.inputs());
    assert_eq!(test.scalar_aux(), cs.aux());
    let mut witness = cs.into_witness();
    let [a, b, c] = evaluate(&circuit, &witness, &pool, circuit.num_rows());
    assert_eq!(first_unsatisfied_row(&pool, &a, &b, &c), None);
    assert_eq!(a[circuit.num_constraints()..], witness[..17], "input rows");

    // Wrong in the second part alone.
    witness[17 + 260 * 4] += F::ONE;
    let [a, b, c] = evaluate(&circuit, &witness, &pool, circuit.num_rows());
    assert!(first_unsatisfied_row(&pool, &a, &b, &c).is_some());
}

#[test]
fn growing_keeps_every_value() {
    let mut cs = WitnessCs::<F>::with_capacity(1, 3);
    for i in 0..1000u64 {
        cs.alloc(|| "aux", || Ok(F::from(i))).unwrap();
        if i % 7 == 0 {
            cs.alloc_input(|| "input", || Ok(F::from(i))).unwrap();
        }
    }
    let (aux, inputs) = cs.allocate_empty(2, 1);
    aux.fill(F::from(5));
    inputs.fill(F::from(6));
    let expected: Vec<F> = (0..1000).chain([5, 5]).map(F::from).collect();
    assert_eq!(cs.aux(), expected);
    let expected: Vec<F> = [1].into_iter().chain((0..1000).step_by(7)).chain([6]).map(F::from).collect();
    assert_eq!(cs.inputs(), expected);
}
