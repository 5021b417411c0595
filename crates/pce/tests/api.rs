//! What callers see besides the values: errors, checkpoints, counters, density.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Rows, bn, compile, pool, random_field};
use ff::Field;
use forebay_pce::{
    BuildError, Circuit, CircuitBuilder, Coefficient, EvalError, EvalOptions, Matrix, Outputs,
    ROWS_PER_CHUNK, Shape, first_unsatisfied_row,
};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

type Fr = bn::Fr;

/// n rows x·x = y.
fn squares(n: usize) -> (Circuit<Fr>, Vec<Fr>) {
    let one = Fr::ONE;
    let rows: Rows<Fr> =
        (0..n as u32).map(|i| [vec![(1 + i, one)], vec![(1 + i, one)], vec![(1 + i, one)]]).collect();
    let circuit = compile(&rows, Shape { num_inputs: 2, num_aux: n as u32 });
    (circuit, vec![one; n + 2])
}

fn run(
    circuit: &Circuit<Fr>,
    witness: &[Fr],
    lens: [usize; 3],
    options: EvalOptions<'_>,
) -> Result<u64, EvalError> {
    let [mut a, mut b, mut c] = lens.map(|n| vec![Fr::ZERO; n]);
    let stats = circuit.evaluate(witness, Outputs { a: &mut a, b: &mut b, c: &mut c }, options)?;
    assert_eq!(stats.bytes_written, 32 * lens.iter().sum::<usize>() as u64);
    assert!(stats.bytes_read > 32 * stats.terms);
    assert_eq!(stats.rows as usize, circuit.num_rows());
    Ok(stats.chunks)
}

#[test]
fn wrong_lengths_are_errors() {
    let (pool, (circuit, witness)) = (pool(1), squares(10));
    let options = EvalOptions::new(&pool);
    assert!(run(&circuit, &witness, [10; 3], options).is_ok());
    for n in [0, 11, 13] {
        let error = run(&circuit, &vec![Fr::ONE; n], [10; 3], options).unwrap_err();
        assert_eq!(error, EvalError::WitnessLength { expected: 12, found: n });
    }
    let error = run(&circuit, &witness, [10, 9, 10], options).unwrap_err();
    assert_eq!(error, EvalError::OutputLength { matrix: Matrix::B, needed: 10, found: 9 });
    for range in [0..11, 11..11, 11..12] {
        let error = common::evaluate_rows(&circuit, range, &witness, &pool).unwrap_err();
        assert!(matches!(error, EvalError::RowRange { rows: 10, .. }));
    }
}

#[test]
fn the_checkpoint_is_called_and_can_cancel() {
    let (pool, (circuit, witness)) = (pool(2), squares(10 * ROWS_PER_CHUNK));
    let n = circuit.num_rows();
    let calls = AtomicUsize::new(0);
    let checkpoint = || {
        calls.fetch_add(1, Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    for (every, expected) in [(1, 10), (0, 10), (3, 4), (16, 1)] {
        calls.store(0, Ordering::Relaxed);
        let options =
            EvalOptions { checkpoint_every: every, ..EvalOptions::new(&pool).with_checkpoint(&checkpoint) };
        assert_eq!(run(&circuit, &witness, [n; 3], options), Ok(10));
        assert_eq!(calls.load(Ordering::Relaxed), expected, "every {every} chunks");
    }
    calls.store(0, Ordering::Relaxed);
    let cancel = || match calls.fetch_add(1, Ordering::Relaxed) {
        2.. => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let options = EvalOptions { checkpoint_every: 1, ..EvalOptions::new(&pool).with_checkpoint(&cancel) };
    assert_eq!(run(&circuit, &witness, [n; 3], options), Err(EvalError::Cancelled));
    assert!(calls.load(Ordering::Relaxed) < 10, "the others stop too");
}

#[test]
fn evaluations_are_counted() {
    let (pool, (circuit, witness)) = (pool(1), squares(3));
    assert_eq!(circuit.evaluations(), 0);
    for i in 1..4 {
        run(&circuit, &witness, [4; 3], EvalOptions::new(&pool)).unwrap();
        assert_eq!(circuit.evaluations(), i);
    }
}

#[test]
fn the_lowest_unsatisfied_row_is_found() {
    let pool = pool(3);
    let n = 20_000;
    let mut rng = common::rng(1);
    let a: Vec<Fr> = (0..n).map(|_| random_field(&mut rng)).collect();
    let mut c: Vec<Fr> = a.iter().map(Field::square).collect();
    assert_eq!(first_unsatisfied_row(&pool, &a, &a, &c), None);
    assert_eq!(first_unsatisfied_row::<Fr>(&pool, &[], &[], &[]), None);
    for row in [n - 1, 12_345, 4096, 4095, 0] {
        c[row] += Fr::ONE;
        assert_eq!(first_unsatisfied_row(&pool, &a, &a, &c), Some(row));
    }
}

#[test]
fn density_terms_and_input_rows() {
    let (one, two) = (Fr::ONE, Fr::from(2));
    let mut builder = CircuitBuilder::<Fr>::new(Shape { num_inputs: 3, num_aux: 200 }).unwrap();
    // Column 9 cancels, column 10 is zero; column 7 is there twice.
    builder
        .push_row(&[(9, one), (7, two), (9, -one), (7, one)], &[(0, one), (10, Fr::ZERO)], &[(11, two)])
        .unwrap();
    builder.push_row(&[(202, one)], &[(130, one)], &[]).unwrap();
    builder.push_input_rows().unwrap();
    let circuit = builder.finish().unwrap();
    assert_eq!(circuit.density().a.iter().collect::<Vec<_>>(), [0, 1, 2, 7, 202]);
    assert_eq!(circuit.density().b.iter().collect::<Vec<_>>(), [0, 130]);
    assert_eq!(circuit.density().a.count(), 5);
    assert_eq!((circuit.density().a.count_below(3), circuit.density().a.count_below(8)), (3, 4));
    assert!(circuit.density().b.contains(130) && !circuit.density().b.contains(131));
    assert!(!circuit.density().b.contains(1 << 40));
    assert_eq!([Matrix::A, Matrix::B, Matrix::C].map(|m| circuit.num_terms(m)), [2 + 3, 2, 1]);
    assert_eq!((circuit.num_rows(), circuit.num_constraints()), (5, 2));
    let witness: Vec<Fr> = (1..=203).map(Fr::from).collect();
    let [a, b, c] = common::evaluate(&circuit, &witness, &pool(1), 8);
    assert_eq!(a, [3 * 8, 203, 1, 2, 3, 0, 0, 0].map(Fr::from));
    assert_eq!(b, [1, 131, 0, 0, 0, 0, 0, 0].map(Fr::from));
    assert_eq!(c, [24, 0, 0, 0, 0, 0, 0, 0].map(Fr::from));
}

#[test]
fn equal_combinations_are_computed_once() {
    let (x, y) = (Fr::from(5), Fr::from(11));
    let lc = vec![(1, x), (2, y), (3, Fr::ONE)];
    let rows: Rows<Fr> = (0..50).map(|_| [lc.clone(), lc.clone(), lc.clone()]).collect();
    let circuit = compile(&rows, Shape { num_inputs: 1, num_aux: 3 });
    let witness = [1, 2, 3, 4].map(Fr::from);
    let [mut a, mut b, mut c] = [(); 3].map(|()| vec![Fr::ZERO; 50]);
    let pool = pool(1);
    let out = Outputs { a: &mut a, b: &mut b, c: &mut c };
    let stats = circuit.evaluate(&witness, out, EvalOptions::new(&pool)).unwrap();
    assert_eq!(stats.terms, 3);
    for v in [a, b, c] {
        assert_eq!(v, vec![Fr::from(10 + 33 + 4); 50]);
    }
}

#[test]
fn bad_coefficients_are_errors() {
    let shape = Shape { num_inputs: 1, num_aux: 4 };
    let good = Coefficient { matrix: Matrix::A, row: 1, column: 2, value: Fr::ONE };
    let compile = |bad: Coefficient<Fr>, rows| {
        Circuit::from_coefficients(shape, rows, 2, |i| Ok::<_, BuildError>([good, bad][i])).err()
    };
    assert_eq!(compile(good, 2), None);
    assert_eq!(compile(good, 1), Some(BuildError::RowOutOfRange { index: 0, row: 1, rows: 1 }));
    for row in [0, 1] {
        let far = Coefficient { column: 5, row, ..good };
        assert!(matches!(
            compile(far, 2),
            Some(BuildError::ColumnOutOfRange { column: 5, variables: 5, .. })
        ));
        let c = Coefficient { matrix: Matrix::C, row, ..good };
        assert!(matches!(compile(c, 2), Some(BuildError::UnexpectedC { .. })));
    }
    let failing = Circuit::<Fr>::from_coefficients(shape, 2, 1, |_| Err(BuildError::NoInputs));
    assert_eq!(failing.err(), Some(BuildError::NoInputs));
}

#[test]
fn windows_make_up_the_whole() {
    let (pool, (circuit, mut witness)) = (pool(2), squares(3 * ROWS_PER_CHUNK + 5));
    for (i, w) in witness.iter_mut().enumerate() {
        *w = Fr::from((i % 2) as u64);
    }
    let bad = 2 * ROWS_PER_CHUNK + 1;
    // Row i squares variable 1 + i.
    witness[1 + bad] = Fr::from(2);
    let n = circuit.num_rows();
    let whole = common::evaluate(&circuit, &witness, &pool, n);
    let options = EvalOptions { find_unsatisfied: true, ..EvalOptions::new(&pool) };
    for window in [0, 1, ROWS_PER_CHUNK, ROWS_PER_CHUNK + 1, n, 10 * n] {
        let mut all = [(); 3].map(|()| Vec::new());
        let stats = circuit.evaluate_streamed::<EvalError>(&witness, window, options, |w| {
            assert_eq!((w.rows.start, w.rows.len()), (all[0].len(), w.a.len()));
            all.iter_mut().zip([w.a, w.b, w.c]).for_each(|(all, part)| all.extend_from_slice(part));
            Ok(())
        });
        let stats = stats.unwrap();
        assert_eq!(all, whole);
        assert_eq!((stats.rows as usize, stats.first_unsatisfied_row), (n, Some(bad)));
    }
    // What the sink reports ends it.
    let mut calls = 0;
    let result = circuit.evaluate_streamed(&witness, 1, options, |_| {
        calls += 1;
        Err(EvalError::Cancelled)
    });
    assert_eq!((result.unwrap_err(), calls), (EvalError::Cancelled, 1));
}
