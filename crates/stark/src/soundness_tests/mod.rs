//! What a verifier must reject: one test for each item of the checklist in `docs/stark.md`.

mod binding;
mod buses;

use crate::{
    Message, Options, Parameters, Proof, ProveError, ProvingKey, Public, SetupError, Trace, VerifyError,
    air::{Air, AirBuilder, Column, Linear, Multiplicity},
    field::{E, F, MODULUS},
    prove, setup, verify, verify_bytes,
};
use p3_field::{PrimeCharacteristicRing, PrimeField64};
use rayon::{ThreadPool, ThreadPoolBuilder};

const BUS: u64 = 5;

/// A table that is told what to send and receive: columns are a pair, a count and a flag.
#[derive(Clone, Copy)]
struct Pairs {
    sends: bool,
    bus: u64,
    swapped: bool,
    arity: usize,
    weight: u64,
}

const SENDER: Pairs = Pairs { sends: true, bus: BUS, swapped: false, arity: 2, weight: 1 };
const RECEIVER: Pairs = Pairs { sends: false, ..SENDER };

impl Air for Pairs {
    fn name(&self) -> &str {
        if self.sends { "sender" } else { "receiver" }
    }

    fn width(&self) -> usize {
        3
    }

    fn public_inputs(&self) -> usize {
        usize::from(self.sends)
    }

    fn preprocessed(&self) -> Vec<Vec<F>> {
        if self.sends { Vec::new() } else { vec![(0..16).map(F::from_u64).collect()] }
    }

    fn define(&self, b: &mut AirBuilder) {
        b.transition(b.next(0) - b.local(0) - 1);
        b.always(b.local(0) * b.local(0) - b.local(1));
        let mut tuple: Vec<Column> = [0, 1].into_iter().cycle().take(self.arity).map(Column::Main).collect();
        if self.swapped {
            tuple.reverse();
        }
        let count = Multiplicity::Column(Column::Main(2));
        if self.sends {
            b.first(b.local(0) - b.public(0));
            b.always(b.local(2).boolean());
            b.send_weighted(self.bus, tuple, count, self.weight);
        } else {
            b.always(b.local(0) - b.preprocessed(0));
            b.receive(self.bus, tuple, count);
        }
    }
}

pub(super) fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(2).build().expect("a pool")
}

pub(super) fn few() -> Parameters {
    Parameters { queries: 6, grinding_bits: 3, log_cap: 1, log_final: 1, ..Parameters::default() }
}

pub(super) fn key(airs: &[&dyn Air], parameters: Parameters) -> ProvingKey {
    setup(&pool(), airs, parameters).expect("the statement compiles")
}

/// Pairs (i, i²) for i from `start`, each counted once.
pub(super) fn pairs(start: u64, rows: u64) -> Trace {
    let squares = (start..start + rows).map(|i| F::from_u64(i * i));
    vec![(start..start + rows).map(F::from_u64).collect(), squares.collect(), vec![F::ONE; rows as usize]]
}

/// A sender of 8 rows from 4 on and a receiver of 16, which therefore counts only those.
pub(super) fn traces() -> Vec<Trace> {
    let mut receiver = pairs(0, 16);
    receiver[2] = (0..16).map(|i| F::from_bool((4..12).contains(&i))).collect();
    vec![pairs(4, 8), receiver]
}

pub(super) fn public() -> Public {
    Public { inputs: vec![vec![F::from_u64(4)], Vec::new()], messages: Vec::new() }
}

/// Proves whatever it is, true or not.
pub(super) fn forge(key: &ProvingKey, traces: Vec<Trace>, public: &Public) -> Proof {
    let options = Options { even_if_false: true, ..Options::default() };
    prove(&pool(), key, traces, public, options).expect("forgeries have the right shape")
}

pub(super) fn good() -> (ProvingKey, Proof) {
    let key = key(&[&SENDER, &RECEIVER], few());
    let proof = prove(&pool(), &key, traces(), &public(), Options::default()).expect("this is true");
    assert_eq!(verify(key.verifying_key(), &public(), &proof), Ok(()));
    (key, proof)
}

#[track_caller]
pub(super) fn rejected(key: &ProvingKey, public: &Public, proof: &Proof) {
    assert!(verify(key.verifying_key(), public, proof).is_err());
    assert!(verify_bytes(key.verifying_key(), public, &proof.to_bytes()).is_err());
}

/// Forges a change of the traces; the honest prover refuses it and the verifier rejects the forgery.
#[track_caller]
pub(super) fn traces_rejected(airs: &[&dyn Air], change: impl Fn(&mut Vec<Trace>)) -> VerifyError {
    let key = key(airs, few());
    let mut traces = traces();
    change(&mut traces);
    assert!(prove(&pool(), &key, traces.clone(), &public(), Options::default()).is_err());
    let proof = forge(&key, traces, &public());
    rejected(&key, &public(), &proof);
    verify(key.verifying_key(), &public(), &proof).unwrap_err()
}

#[test]
fn statements_that_make_no_sense() {
    type Define = fn(&mut AirBuilder);
    struct Odd(usize, Vec<Vec<F>>, Define);
    impl Air for Odd {
        fn name(&self) -> &str {
            "odd"
        }
        fn width(&self) -> usize {
            self.0
        }
        fn preprocessed(&self) -> Vec<Vec<F>> {
            self.1.clone()
        }
        fn define(&self, b: &mut AirBuilder) {
            (self.2)(b);
        }
    }
    let refused = |odd: Odd| matches!(setup(&pool(), &[&odd], few()), Err(SetupError::Table { .. }));
    let column = |n: usize| vec![F::ONE; n];
    let none: Define = |_| {};
    assert!(refused(Odd(0, vec![], none)));
    assert!(refused(Odd(1, vec![column(12)], none)));
    assert!(refused(Odd(1, vec![column(4)], none)));
    assert!(refused(Odd(1, vec![column(8), column(16)], none)));
    assert!(refused(Odd(1, vec![], |b| b.always(b.local(1)))));
    assert!(refused(Odd(1, vec![], |b| b.always(b.preprocessed(0)))));
    assert!(refused(Odd(1, vec![], |b| b.always(b.public(0)))));
    assert!(refused(Odd(1, vec![], |b| b.always(b.local(0) * b.local(0) * b.local(0) * b.local(0)))));
    assert!(refused(Odd(1, vec![], |b| b.first(b.local(0) * b.local(0) * b.local(0)))));
    assert!(refused(Odd(1, vec![], |b| b.send(1, [Column::Main(3)], Multiplicity::One))));
    assert!(refused(Odd(1, vec![], |b| b.send(u64::MAX, [Column::Main(0)], Multiplicity::One))));
    let negated = |b: &mut AirBuilder| {
        b.send(1, [Linear::constant(3)], Multiplicity::Negated(Column::Preprocessed(0)));
    };
    assert!(refused(Odd(1, vec![], negated)));
    assert_eq!(setup(&pool(), &[], few()).err(), Some(SetupError::Empty));
}
