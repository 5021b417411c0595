//! Circuits of `bellpepper-core`, with its own gadgets.
#![allow(clippy::unwrap_used)]

mod common;

use bellpepper_core::boolean::{AllocatedBit, Boolean};
use bellpepper_core::num::AllocatedNum;
use bellpepper_core::test_cs::TestConstraintSystem;
use bellpepper_core::{Circuit as _, ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use common::{bls, bn, evaluate, pool};
use forebay_msm::ScalarField;
use forebay_pce::bellpepper::{CompileCs, WitnessCs};
use forebay_pce::{BuildError, first_unsatisfied_row};

/// Public inputs between constraints: squarings, bits and their packing, a selection.
#[derive(Clone)]
struct Mixed<F> {
    values: Vec<Option<F>>,
}

impl<F: ScalarField + ff::PrimeFieldBits> bellpepper_core::Circuit<F> for Mixed<F> {
    fn synthesize<CS: ConstraintSystem<F>>(self, cs: &mut CS) -> Result<(), SynthesisError> {
        let mut last: Option<AllocatedNum<F>> = None;
        for (i, value) in self.values.iter().enumerate() {
            let cs = &mut cs.namespace(|| format!("value {i}"));
            let x =
                AllocatedNum::alloc(cs.namespace(|| "x"), || value.ok_or(SynthesisError::AssignmentMissing))?;
            let square = x.square(cs.namespace(|| "square"))?;
            let bits = x.to_bits_le(cs.namespace(|| "bits"))?;
            let flag = AllocatedBit::alloc(cs.namespace(|| "flag"), bits[0].get_value())?;
            let both = Boolean::and(cs.namespace(|| "and"), &Boolean::from(flag), &bits[1].not())?;
            let (left, right) =
                AllocatedNum::conditionally_reverse(cs.namespace(|| "select"), &x, &square, &both)?;
            let sum =
                last.as_ref().map_or(Ok(left.clone()), |last| last.mul(cs.namespace(|| "chain"), &right))?;
            sum.inputize(cs.namespace(|| "public"))?;
            last = Some(sum);
        }
        Ok(())
    }
}

fn a_gadget_circuit<F: ScalarField + ff::PrimeFieldBits>() {
    let pool = pool(2);
    let mut rng = common::rng(2);
    let values: Vec<Option<F>> = (0..12).map(|_| Some(F::random(&mut rng))).collect();
    let mut compile = CompileCs::<F>::new();
    Mixed { values: vec![None; 12] }.synthesize(&mut compile).unwrap();
    let circuit = compile.finish(true).unwrap();
    let mut test = TestConstraintSystem::<F>::new();
    Mixed { values: values.clone() }.synthesize(&mut test).unwrap();
    assert!(test.is_satisfied());
    assert_eq!((circuit.num_inputs(), circuit.num_constraints()), (13, test.num_constraints()));
    assert_eq!(circuit.num_rows(), test.num_constraints() + 13);

    let mut cs = WitnessCs::<F>::with_capacity(circuit.num_inputs(), circuit.num_aux());
    Mixed { values }.synthesize(&mut cs).unwrap();
    assert_eq!((cs.inputs().len(), cs.aux().len()), (circuit.num_inputs(), circuit.num_aux()));
    let witness = cs.to_witness();
    let [a, b, c] = evaluate(&circuit, &witness, &pool, circuit.num_rows());
    assert_eq!(first_unsatisfied_row(&pool, &a, &b, &c), None);
    assert_eq!(a[circuit.num_constraints()..], witness[..13], "input rows");

    // The same rows, by bellpepper's own evaluation.
    let mut naive =
        NaiveCs { inputs: cs.inputs().to_vec(), aux: cs.aux().to_vec(), counts: (1, 0), rows: vec![] };
    Mixed { values: vec![None; 12] }.synthesize(&mut naive).unwrap();
    for (row, expected) in naive.rows.iter().enumerate() {
        assert_eq!([a[row], b[row], c[row]], *expected, "row {row}");
    }
    assert_eq!(naive.rows.len(), circuit.num_constraints());

    // A wrong bit is found.
    let mut wrong = witness;
    wrong[13 + 5] += F::ONE;
    let [a, b, c] = evaluate(&circuit, &wrong, &pool, circuit.num_rows());
    let row = first_unsatisfied_row(&pool, &a, &b, &c).unwrap();
    assert!(a[row] * b[row] != c[row] && (0..row).all(|i| a[i] * b[i] == c[i]));
}

#[test]
fn gadget_circuits_compile_and_evaluate() {
    a_gadget_circuit::<bls::Scalar>();
}

/// Evaluates each constraint as it comes.
struct NaiveCs<F> {
    inputs: Vec<F>,
    aux: Vec<F>,
    counts: (usize, usize),
    rows: Vec<[F; 3]>,
}

impl<F: ScalarField> ConstraintSystem<F> for NaiveCs<F> {
    type Root = Self;

    fn alloc<V, A, AR>(&mut self, _: A, _: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.counts.1 += 1;
        Ok(Variable::new_unchecked(Index::Aux(self.counts.1 - 1)))
    }

    fn alloc_input<V, A, AR>(&mut self, _: A, _: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.counts.0 += 1;
        Ok(Variable::new_unchecked(Index::Input(self.counts.0 - 1)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
    {
        let zero = LinearCombination::zero;
        let row = [a(zero()), b(zero()), c(zero())].map(|lc| lc.eval(&self.inputs, &self.aux));
        self.rows.push(row);
    }

    fn push_namespace<NR: Into<String>, N: FnOnce() -> NR>(&mut self, _: N) {}

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self {
        self
    }
}

#[test]
fn many_chunks_with_far_columns_and_late_inputs() {
    // Each row reaches back to the first variables, to inputs, and to what was allocated last; an input comes last.
    let n = 100_000u64;
    let mut cs = CompileCs::<bn::Fr>::new();
    let mut witness = WitnessCs::<bn::Fr>::new();
    fn synthesize<CS: ConstraintSystem<bn::Fr>>(cs: &mut CS, n: u64) {
        let first = cs.alloc(|| "first", || Ok(bn::Fr::from(3))).unwrap();
        let mut input = CS::one();
        for i in 0..n {
            let x = cs.alloc(|| "x", || Ok(bn::Fr::from(i))).unwrap();
            if i % 1000 == 0 {
                input = cs.alloc_input(|| "input", || Ok(bn::Fr::from(i + 7))).unwrap();
            }
            let k = bn::Fr::from(i % 5 + 1);
            cs.enforce(|| "row", |lc| lc + x + first, |lc| lc + (k, x) + input, |lc| lc + first - input);
        }
    }
    synthesize(&mut cs, n);
    synthesize(&mut witness, n);
    let circuit = cs.finish(false).unwrap();
    assert_eq!((circuit.num_inputs(), circuit.num_aux()), (101, n as usize + 1));
    let [a, b, c] = evaluate(&circuit, &witness.to_witness(), &pool(2), n as usize);
    for i in 0..n {
        let row = i as usize;
        let input = bn::Fr::from(i / 1000 * 1000 + 7);
        assert_eq!(a[row], bn::Fr::from(i + 3));
        assert_eq!(b[row], bn::Fr::from((i % 5 + 1) * i) + input);
        assert_eq!(c[row], bn::Fr::from(3) - input);
    }
    assert!(circuit.density().a.contains(101) && circuit.density().b.contains(100));
    assert!(!circuit.density().b.contains(101), "the first auxiliary variable is not in B");
    assert!(circuit.density().a.contains(100), "inputs are dense in A");
}

#[test]
fn variables_that_were_never_allocated_are_errors() {
    let mut cs = CompileCs::<bn::Fr>::new();
    let stray = Variable::new_unchecked(Index::Aux(0));
    cs.enforce(|| "stray", |lc| lc, |lc| lc + stray, |lc| lc);
    let error = cs.finish(false).unwrap_err();
    assert!(matches!(error, BuildError::ColumnOutOfRange { row: 0, column: 0, variables: 0, .. }));
    let mut cs = CompileCs::<bn::Fr>::new();
    cs.enforce(|| "stray", |lc| lc, |lc| lc, |lc| lc + Variable::new_unchecked(Index::Input(1)));
    assert!(cs.finish(true).is_err());
}

#[test]
fn a_witness_that_cannot_be_computed_is_an_error() {
    let mut cs = WitnessCs::<bls::Scalar>::new();
    assert!(Mixed::<bls::Scalar> { values: vec![None] }.synthesize(&mut cs).is_err());
}
