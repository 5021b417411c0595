//! The register machine: it computes, and breaking any of its constraints is noticed.

use forebay_stark::{
    Options, Parameters, ProveError, ProvingKey, Public, Trace, VerifyError, Violation,
    air::Air,
    check_traces,
    field::{F, Field, PrimeCharacteristicRing},
    programs::vm::{Fibonacci, Receipt, cpu, memory},
    prove, setup, verify,
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeSet;

const CPU: usize = 0;
const MEMORY: usize = 2;

struct Bench {
    pool: ThreadPool,
    key: ProvingKey,
    traces: Vec<Trace>,
    public: Public,
}

fn bench(iterations: u64, limb_bits: u32) -> Bench {
    let pool = ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    let program = Fibonacci { iterations, limb_bits };
    let boxed = program.airs();
    let airs: Vec<&dyn Air> = boxed.iter().map(AsRef::as_ref).collect();
    let parameters = Parameters { queries: 20, grinding_bits: 2, ..Parameters::default() };
    let key = setup(&pool, &airs, parameters).expect("the machine compiles");
    let (traces, result) = program.run().expect("the program runs");
    Bench { pool, key, traces, public: program.public(result) }
}

fn fibonacci(n: u64) -> F {
    let (mut a, mut b) = (F::ZERO, F::ONE);
    for _ in 0..n {
        (a, b) = (b, a + b);
    }
    a
}

#[test]
fn programs_prove_and_verify() {
    for (iterations, limb_bits) in [(1, 8), (2, 8), (10, 8), (100, 8), (1000, 16)] {
        let b = bench(iterations, limb_bits);
        assert_eq!(b.public.inputs[0], [fibonacci(iterations)]);
        assert_eq!(check_traces(&b.key, &b.traces, &b.public), Some(Vec::new()));
        let proof = prove(&b.pool, &b.key, b.traces, &b.public, Options::default()).unwrap();
        assert_eq!(verify(b.key.verifying_key(), &b.public, &proof), Ok(()));
        let mut wrong = b.public.clone();
        wrong.inputs[0][0] += F::ONE;
        assert!(verify(b.key.verifying_key(), &wrong, &proof).is_err());
        let other = bench(iterations + 1, limb_bits);
        assert!(verify(other.key.verifying_key(), &b.public, &proof).is_err(), "another program");
    }
}

#[test]
fn iterations_are_bounded() {
    assert!(Fibonacci::new(0).is_err() && Fibonacci::new(u64::MAX).is_err());
    assert!(Fibonacci::new(12).is_ok());
    assert!(matches!(Fibonacci { iterations: 40, limb_bits: 1 }.run(), Err(ProveError::Shape(_))));
}

/// One change of a valid run, and the constraint that it is aimed at.
struct Forgery {
    name: &'static str,
    table: usize,
    constraint: usize,
    change: fn(&mut Vec<Trace>, &mut Public),
}

/// The first row of the loop's addition; rows of the run with ten iterations.
const ADD_ROW: usize = 3;
const BNZ_ROW: usize = 7;
const LAST: usize = 63;

/// In the order in which the tables state their constraints.
const FORGERIES: &[Forgery] = &[
    forge("a flag of two (add)", CPU, 0, |t, _| t[CPU][cpu::IS_ADD][ADD_ROW] = F::TWO),
    forge("a flag of two (addi)", CPU, 1, |t, _| t[CPU][cpu::IS_ADDI][0] = F::TWO),
    forge("a flag of two (bnz)", CPU, 2, |t, _| t[CPU][cpu::IS_BNZ][BNZ_ROW] = F::TWO),
    forge("a flag of two (halt)", CPU, 3, |t, _| t[CPU][cpu::IS_HALT][LAST] = F::TWO),
    forge("no instruction", CPU, 4, |t, _| t[CPU][cpu::IS_ADD][ADD_ROW] = F::ZERO),
    forge("a wrong sum", CPU, 5, |t, _| t[CPU][cpu::RESULT][ADD_ROW] += F::ONE),
    forge("a wrong sum with an immediate", CPU, 6, |t, _| t[CPU][cpu::RESULT][1] += F::ONE),
    forge("a result of a branch", CPU, 7, |t, _| t[CPU][cpu::RESULT][BNZ_ROW] = F::ONE),
    forge("a second operand that is not read", CPU, 8, |t, _| t[CPU][cpu::VALUE_B][0] = F::ONE),
    forge("a branch not taken", CPU, 9, |t, _| t[CPU][cpu::NONZERO][BNZ_ROW] = F::ZERO),
    forge("not zero said to be zero", CPU, 10, |t, _| {
        t[CPU][cpu::NONZERO][BNZ_ROW] = F::ZERO;
        t[CPU][cpu::INVERSE][BNZ_ROW] = F::ZERO;
    }),
    forge("a clock that starts late", CPU, 11, |t, _| {
        t[CPU][cpu::CLOCK].iter_mut().for_each(|c| *c += F::ONE)
    }),
    forge("a program that starts late", CPU, 12, |t, _| t[CPU][cpu::PC][0] = F::ONE),
    forge("a clock that jumps", CPU, 13, |t, _| t[CPU][cpu::CLOCK][20] += F::ONE),
    forge("a program that jumps", CPU, 14, |t, _| t[CPU][cpu::PC][20] += F::ONE),
    forge("a run that does not end", CPU, 15, |t, _| {
        t[CPU][cpu::IS_HALT][LAST] = F::ZERO;
        t[CPU][cpu::IS_ADDI][LAST] = F::ONE;
    }),
    forge("another result", CPU, 16, |_, p| p.inputs[0][0] += F::ONE),
    forge("a write of two", MEMORY, 0, |t, _| t[MEMORY][memory::WRITE][0] = F::TWO),
    forge("an access counted twice", MEMORY, 1, |t, _| t[MEMORY][memory::REAL][0] = F::TWO),
    forge("a register half the same", MEMORY, 2, |t, _| t[MEMORY][memory::SAME][0] = F::TWO.inverse()),
    forge("padding that writes", MEMORY, 3, |t, _| *last(&mut t[MEMORY][memory::WRITE]) = F::ONE),
    forge("another register said to be the same", MEMORY, 4, |t, _| {
        let boundary = t[MEMORY][memory::SAME].iter().position(|&s| s == F::ZERO).unwrap_or(0);
        t[MEMORY][memory::SAME][boundary] = F::ONE;
    }),
    forge("a step back in time", MEMORY, 5, |t, _| {
        for column in t[MEMORY].iter_mut() {
            column.swap(0, 1);
        }
    }),
    forge("a read of another value", MEMORY, 6, |t, _| {
        let read = (1..)
            .find(|&i| t[MEMORY][memory::WRITE][i] == F::ZERO && t[MEMORY][memory::SAME][i - 1] == F::ONE);
        t[MEMORY][memory::VALUE][read.unwrap_or(1)] += F::ONE;
    }),
    forge("a register that starts with something", MEMORY, 7, |t, _| {
        let first = t[MEMORY][memory::SAME].iter().position(|&s| s == F::ZERO).unwrap_or(0) + 1;
        t[MEMORY][memory::WRITE][first] = F::ZERO;
        t[MEMORY][memory::VALUE][first] = F::ONE;
    }),
    forge("a first register that starts with something", MEMORY, 8, |t, _| {
        t[MEMORY][memory::VALUE][0] = F::ONE
    }),
];

const fn forge(
    name: &'static str,
    table: usize,
    constraint: usize,
    change: fn(&mut Vec<Trace>, &mut Public),
) -> Forgery {
    Forgery { name, table, constraint, change }
}

fn last(column: &mut [F]) -> &mut F {
    let n = column.len();
    &mut column[n - 1]
}

#[test]
fn breaking_each_constraint_is_noticed() {
    let b = bench(10, 8);
    assert_eq!(b.traces[CPU][0].len(), LAST + 1);
    let mut seen = BTreeSet::new();
    for forgery in FORGERIES {
        let (mut traces, mut public) = (b.traces.clone(), b.public.clone());
        (forgery.change)(&mut traces, &mut public);
        let violations = check_traces(&b.key, &traces, &public).unwrap();
        let aimed = |v: &Violation| v.table == forgery.table && v.constraint == forgery.constraint;
        assert!(violations.iter().any(aimed), "{}: {violations:?}", forgery.name);
        seen.insert((forgery.table, forgery.constraint));

        let refused = prove(&b.pool, &b.key, traces.clone(), &public, Options::default());
        assert!(refused.is_err(), "{}", forgery.name);
        let options = Options { even_if_false: true, ..Options::default() };
        let forged = prove(&b.pool, &b.key, traces, &public, options);
        let verdict = forged.map(|proof| verify(b.key.verifying_key(), &public, &proof));
        assert!(!matches!(verdict, Ok(Ok(()))), "{}", forgery.name);
    }
    let stated: BTreeSet<(usize, usize)> = b
        .key
        .verifying_key()
        .constraints()
        .enumerate()
        .flat_map(|(t, n)| (0..n).map(move |c| (t, c)))
        .collect();
    assert_eq!(seen, stated, "every constraint has its forgery");
}

#[test]
fn what_only_the_buses_see_is_noticed() {
    let b = bench(10, 8);
    type Change = fn(&mut Vec<Trace>);
    let forgeries: [(&str, Change); 6] = [
        ("an instruction that is not in the program", |t| t[CPU][cpu::IMM][BNZ_ROW] += F::ONE),
        ("a fetch that is not counted", |t| t[1][0][8] -= F::ONE),
        ("an access left out", |t| t[MEMORY][memory::REAL][0] = F::ZERO),
        ("a limb beyond the range", |t| t[MEMORY][memory::LOW][LAST] = F::from_u64(1 << 20)),
        ("a limb counted wrongly", |t| t[3][0][1] += F::ONE),
        ("an operand that is not the register's", |t| {
            t[CPU][cpu::VALUE_A][4] += F::ONE;
            t[CPU][cpu::RESULT][4] += F::ONE;
            t[CPU][cpu::INVERSE][4] = t[CPU][cpu::VALUE_A][4].inverse();
        }),
    ];
    for (name, change) in forgeries {
        let mut traces = b.traces.clone();
        change(&mut traces);
        let refused = prove(&b.pool, &b.key, traces.clone(), &b.public, Options::default());
        assert_eq!(refused.unwrap_err(), ProveError::Unbalanced, "{name}");
        let options = Options { even_if_false: true, ..Options::default() };
        let forged = prove(&b.pool, &b.key, traces, &b.public, options).unwrap();
        assert_eq!(verify(b.key.verifying_key(), &b.public, &forged), Err(VerifyError::Unbalanced), "{name}");
    }
}

#[test]
fn receipts_are_files() {
    let pool = ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    let receipt = Receipt::prove(&pool, 20, Options::default()).unwrap();
    assert_eq!(receipt.result, F::from_u64(6765));
    let bytes = receipt.to_bytes();
    let read = Receipt::from_bytes(&bytes).unwrap();
    assert_eq!(read, receipt);
    assert_eq!(read.verify(&pool), Ok(()));
    for other in [
        Receipt { result: F::from_u64(6766), ..receipt.clone() },
        Receipt { iterations: 21, ..receipt.clone() },
        Receipt { iterations: 0, ..receipt.clone() },
        Receipt { iterations: u64::MAX, ..receipt.clone() },
        Receipt { proof: receipt.proof[1..].to_vec(), ..receipt.clone() },
    ] {
        assert!(other.verify(&pool).is_err());
    }
    assert!(Receipt::from_bytes(&bytes[..20]).is_err());
    assert!(Receipt::from_bytes(&[0; 40]).is_err());
    let security = receipt.security();
    assert!(security.provable > 50.0 && security.conjectured > 110.0, "{security:?}");
}
