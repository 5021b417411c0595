//! The compiled circuit against naive sums over random and extreme circuits.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Rng8, Row, Rows, bls, bn, compile, evaluate, naive, pool, random_field};
use forebay_msm::{Kernels, ScalarField};
use forebay_pce::{
    BuildError, Circuit, CircuitBuilder, Coefficient, EvalError, EvalOptions, Matrix, Outputs,
    ROWS_PER_CHUNK, Shape,
};
use proptest::prelude::*;
use rand::Rng;

/// A coefficient of every kind, with its edges.
fn coefficient<F: ScalarField>(choice: u8, rng: &mut Rng8) -> F {
    let k = 1u64 << 44;
    match choice % 14 {
        0 => F::ZERO,
        1 | 2 => F::ONE,
        3 | 4 => -F::ONE,
        5 => F::from(2),
        6 => -F::from(2),
        7 => F::from(k - 1),
        8 => -F::from(k - 1),
        9 => F::from(k),
        10 => -F::from(k),
        11 => F::from(u64::MAX),
        12 => -F::from(3),
        _ => random_field(rng),
    }
}

fn witness<F: ScalarField>(n: u32, rng: &mut Rng8) -> Vec<F> {
    let value = |rng: &mut Rng8| match rng.gen_range(0..6) {
        0 => F::ZERO,
        1 => F::ONE,
        2 => -F::ONE,
        3 => F::from(rng.r#gen::<u64>()),
        _ => random_field(rng),
    };
    (0..n).map(|i| if i == 0 { F::ONE } else { value(rng) }).collect()
}

/// Random rows: few variables (so that columns repeat in a row), repeated patterns, copies and empty combinations.
fn random_rows<F: ScalarField>(n: usize, variables: u32, seed: u64) -> Rows<F> {
    let mut rng = common::rng(seed);
    let mut rows: Rows<F> = Vec::new();
    for _ in 0..n {
        let combination = |rng: &mut Rng8, rows: &Rows<F>| -> Vec<(u32, F)> {
            match rng.gen_range(0..5) {
                0 => Vec::new(),
                1 if !rows.is_empty() => rows[rng.gen_range(0..rows.len())][rng.gen_range(0..3)].clone(),
                2 if !rows.is_empty() => {
                    let earlier = &rows[rng.gen_range(0..rows.len())][rng.gen_range(0..3)];
                    earlier.iter().map(|t| (rng.gen_range(0..variables), t.1)).collect()
                }
                _ => {
                    let terms = rng.gen_range(1..8);
                    (0..terms).map(|_| (rng.gen_range(0..variables), coefficient(rng.r#gen(), rng))).collect()
                }
            }
        };
        let row: Row<F> =
            [combination(&mut rng, &rows), combination(&mut rng, &rows), combination(&mut rng, &rows)];
        rows.push(row);
    }
    rows
}

fn check<F: ScalarField>(rows: &Rows<F>, variables: u32, seed: u64, threads: usize) {
    let circuit = compile(rows, Shape { num_inputs: 1, num_aux: variables - 1 });
    let witness = witness::<F>(variables, &mut common::rng(seed));
    let found = evaluate(&circuit, &witness, &pool(threads), rows.len() + 5);
    let expected = naive(rows, &witness);
    for m in 0..3 {
        assert_eq!(found[m][..rows.len()], expected[m][..], "matrix {m}");
        assert!(found[m][rows.len()..].iter().all(|v| *v == F::ZERO), "padding");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn random_circuits_match_naive_sums(seed: u64, n in 0usize..200, variables in 2u32..60, threads in 1usize..4) {
        check(&random_rows::<bls::Scalar>(n, variables, seed), variables, seed, threads);
        check(&random_rows::<bn::Fr>(n, variables, seed), variables, seed, threads);
    }

    #[test]
    fn shuffled_coefficients_compile_to_the_same_values(seed: u64, n in 1usize..60, variables in 2u32..30) {
        let rows = random_rows::<bn::Fr>(n, variables, seed);
        coefficients_in_any_order(&rows, variables, seed);
    }
}

fn coefficients_in_any_order<F: ScalarField>(rows: &Rows<F>, variables: u32, seed: u64) {
    let mut rng = common::rng(seed);
    let shape = Shape { num_inputs: 1, num_aux: variables - 1 };
    let mut list = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        for (matrix, terms) in [(Matrix::A, &row[0]), (Matrix::B, &row[1])] {
            list.extend(terms.iter().map(|t| Coefficient { matrix, row: i as u32, column: t.0, value: t.1 }));
        }
    }
    let witness = witness::<F>(variables, &mut rng);
    let expected = naive(rows, &witness);
    for shuffle in [false, true] {
        if shuffle {
            for i in (1..list.len()).rev() {
                list.swap(i, rng.gen_range(0..=i));
            }
        }
        let get = |i: usize| Ok::<_, BuildError>(list[i]);
        let circuit = Circuit::from_coefficients(shape, rows.len() as u32, list.len(), get).unwrap();
        assert!(!circuit.has_c());
        let found = evaluate(&circuit, &witness, &pool(2), rows.len());
        assert_eq!(found[..2], expected[..2]);
        for i in 0..rows.len() {
            assert_eq!(found[2][i], expected[0][i] * expected[1][i], "c = a∘b");
        }
    }
}

#[test]
fn chunk_boundaries_and_ranges() {
    for n in [ROWS_PER_CHUNK - 1, ROWS_PER_CHUNK, ROWS_PER_CHUNK + 1, 3 * ROWS_PER_CHUNK + 17] {
        let rows = random_rows::<bn::Fr>(n, 40, n as u64);
        check(&rows, 40, 7, 3);
        let circuit = compile(&rows, Shape { num_inputs: 1, num_aux: 39 });
        let witness = witness::<bn::Fr>(40, &mut common::rng(3));
        let expected = naive(&rows, &witness);
        for range in
            [0..0, 0..n, n / 2..n / 2, 5..n - 3, n - 1..n, ROWS_PER_CHUNK - 1..n.min(ROWS_PER_CHUNK + 1)]
        {
            let found = common::evaluate_rows(&circuit, range.clone(), &witness, &pool(2)).unwrap();
            for m in 0..3 {
                assert_eq!(found[m], expected[m][range.clone()], "{n} rows, {range:?}");
            }
        }
    }
}

fn long_rows<F: ScalarField>() {
    let n = 150_000u32;
    let largest = -F::ONE;
    let mut top = F::MODULUS_LIMBS;
    top[0] -= 1;
    // Its Montgomery limbs are the largest there are: m − 1.
    let top = F::from_limbs_unchecked(top);
    let all = |value: F| -> Vec<(u32, F)> { (1..=n).map(|i| (i, value)).collect() };
    let small = F::from((1u64 << 44) - 1);
    let rows: Rows<F> = vec![
        [all(largest), all(F::ONE), all(small)],
        [all(-small), all(top), all(F::from(1 << 44))],
        [(0..n).map(|i| (i, F::from(u64::from(i)) * top)).collect(), vec![], all(largest)],
    ];
    let circuit = compile(&rows, Shape { num_inputs: 1, num_aux: n });
    for value in [top, largest, F::ONE, F::ZERO] {
        let witness = vec![value; n as usize + 1];
        let found = evaluate(&circuit, &witness, &pool(2), 3);
        assert_eq!(found, naive(&rows, &witness));
    }
}

#[test]
fn long_rows_of_extreme_terms_do_not_overflow() {
    long_rows::<bls::Scalar>();
    long_rows::<bn::Fr>();
}

#[test]
fn near_and_far_columns() {
    let variables = 40_000_000u32;
    let mut rng = common::rng(9);
    let columns = [1, 2, 65_535, 65_536, (1 << 24) - 1, 1 << 24, (1 << 24) + 1, variables - 1];
    let rows: Rows<bls::Scalar> = (0..3000)
        .map(|i| {
            core::array::from_fn(|_| {
                let near = (1u32 << 24) + i;
                let column = |rng: &mut Rng8| if rng.r#gen() { near } else { columns[rng.gen_range(0..8)] };
                (0..rng.gen_range(0..4))
                    .map(|_| (column(&mut rng), coefficient(rng.r#gen(), &mut rng)))
                    .collect()
            })
        })
        .collect();
    let mut witness = vec![bls::Scalar::from(0); variables as usize];
    for (column, _) in rows.iter().flatten().flatten() {
        witness[*column as usize] = random_field(&mut rng);
    }
    let circuit = compile(&rows, Shape { num_inputs: 7, num_aux: variables - 7 });
    assert_eq!(evaluate(&circuit, &witness, &pool(2), rows.len()), naive(&rows, &witness));
}

#[test]
fn columns_up_to_the_last_possible_one_compile() {
    let shape = Shape { num_inputs: 1, num_aux: u32::MAX - 1 };
    let mut builder = CircuitBuilder::<bn::Fr>::new(shape).unwrap();
    let one = bn::Fr::from(1);
    builder
        .push_row(&[(u32::MAX - 1, one)], &[(1 << 31, one), (0, one)], &[(5, one), (1 << 31, one)])
        .unwrap();
    let error = builder.push_row(&[], &[(u32::MAX, one)], &[]).unwrap_err();
    assert!(matches!(
        error,
        BuildError::ColumnOutOfRange { row: 1, matrix: Matrix::B, column: 0xffff_ffff, .. }
    ));
    let too_many = Shape { num_inputs: 1, num_aux: u32::MAX };
    assert!(matches!(CircuitBuilder::<bn::Fr>::new(too_many), Err(BuildError::TooMany { .. })));
    let none = Shape { num_inputs: 0, num_aux: 1 };
    assert!(matches!(CircuitBuilder::<bn::Fr>::new(none), Err(BuildError::NoInputs)));
}

/// Coefficient lists of `terms` terms at the edges of what a sum must hold.
fn extreme_patterns<F: ScalarField>(terms: usize, rng: &mut Rng8) -> Vec<Vec<F>> {
    let mut top = F::MODULUS_LIMBS;
    top[0] -= 1;
    let (top, small) = (F::from_limbs_unchecked(top), F::from((1 << 44) - 1));
    let edges = [F::ONE, -F::ONE, small, -small, F::from(2), -F::from(2), top];
    let mut all: Vec<Vec<F>> = edges.iter().map(|&k| vec![k; terms]).collect();
    all.push((0..terms).map(|i| edges[i % edges.len()]).collect());
    all.push((0..terms).map(|i| if i % 2 == 0 { F::ONE } else { -F::ONE }).collect());
    all.push((0..terms).map(|_| random_field(rng)).collect());
    all
}

/// `count` rows of each pattern with each kind of constant, and another number of rows in B.
fn groups_of<F: ScalarField>(terms: usize, count: usize) {
    let mut rng = common::rng((terms * 100 + count) as u64);
    let variables = terms as u32 + 40;
    let mut rows: Rows<F> = Vec::new();
    for (p, pattern) in extreme_patterns::<F>(terms, &mut rng).into_iter().enumerate() {
        let constant = [F::ZERO, F::ONE, -F::ONE, F::from(5), -F::from(5), random_field(&mut rng)][p % 6];
        for row in 0..count as u32 {
            let first = 1 + row % 39;
            let mut list: Vec<(u32, F)> =
                pattern.iter().enumerate().map(|(i, &k)| (first + i as u32, k)).collect();
            list.push((0, constant));
            let shifted = list.iter().filter(|_| row % 3 == 0).map(|t| (t.0, t.1 + t.1)).collect();
            rows.push([list, shifted, Vec::new()]);
        }
    }
    let circuit = compile(&rows, Shape { num_inputs: 1, num_aux: variables - 1 });
    let mut top = F::MODULUS_LIMBS;
    top[0] -= 1;
    let top = F::from_limbs_unchecked(top);
    for value in [Some(top), Some(F::ZERO), Some(F::ONE), Some(-F::ONE), None] {
        let witness: Vec<F> = match value {
            Some(value) => vec![value; variables as usize],
            None => witness(variables, &mut rng),
        };
        let found = evaluate(&circuit, &witness, &pool(1), rows.len());
        assert_eq!(found, naive(&rows, &witness), "{terms} terms, {count} rows");
    }
}

#[test]
fn groups_of_every_size_at_the_edges_of_the_sums() {
    for count in 1..=19 {
        groups_of::<bls::Scalar>(count % 5 + 1, count);
        groups_of::<bn::Fr>(count % 5 + 1, count);
    }
    // Around the terms between carries, and the most that lanes take.
    for (terms, count) in [
        (63, 9),
        (64, 8),
        (65, 11),
        (127, 3),
        (128, 16),
        (129, 8),
        (700, 10),
        (1023, 8),
        (1024, 11),
        (1025, 9),
    ] {
        groups_of::<bls::Scalar>(terms, count);
        groups_of::<bn::Fr>(terms, count);
    }
}

#[test]
fn lanes_are_used_where_the_cpu_has_them() {
    let one = bn::Fr::from(1);
    // Eleven rows x − y, and two in C; B is a copy of A.
    let list = |i: u32| vec![(1 + i, one), (2 + i, -one)];
    let rows: Rows<bn::Fr> =
        (0..11).map(|i| [list(i), list(i), if i < 2 { list(i + 20) } else { Vec::new() }]).collect();
    let (circuit, pool) = (compile(&rows, Shape { num_inputs: 1, num_aux: 40 }), pool(1));
    let run = |kernels| {
        let [mut a, mut b, mut c] = [(); 3].map(|()| vec![bn::Fr::from(0); 11]);
        let out = Outputs { a: &mut a, b: &mut b, c: &mut c };
        circuit.evaluate(&[one; 41], out, EvalOptions { kernels, ..EvalOptions::new(&pool) })
    };
    assert_eq!(run(Kernels::Portable).unwrap().terms_in_lanes, 0);
    let (automatic, forced) = (run(Kernels::Auto).unwrap(), run(Kernels::Ifma));
    match Kernels::available().any(|k| k == Kernels::Ifma) {
        // The thirteen combinations of A and C are one group: eight of them, and five.
        true => {
            assert_eq!(forced, Ok(automatic));
            assert_eq!((automatic.terms, automatic.terms_in_lanes), (26, 26));
        }
        false => {
            assert_eq!(automatic.terms_in_lanes, 0);
            assert!(matches!(forced, Err(EvalError::Kernels(_))));
        }
    }
}
