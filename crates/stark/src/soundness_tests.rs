//! What a verifier must reject: one test for each item of the checklist in `docs/stark.md`.

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

fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(2).build().expect("a pool")
}

fn few() -> Parameters {
    Parameters { queries: 6, grinding_bits: 3, log_cap: 1, log_final: 1, ..Parameters::default() }
}

fn key(airs: &[&dyn Air], parameters: Parameters) -> ProvingKey {
    setup(&pool(), airs, parameters).expect("the statement compiles")
}

/// Pairs (i, i²) for i from `start`, each counted once.
fn pairs(start: u64, rows: u64) -> Trace {
    let squares = (start..start + rows).map(|i| F::from_u64(i * i));
    vec![(start..start + rows).map(F::from_u64).collect(), squares.collect(), vec![F::ONE; rows as usize]]
}

/// A sender of 8 rows from 4 on and a receiver of 16, which therefore counts only those.
fn traces() -> Vec<Trace> {
    let mut receiver = pairs(0, 16);
    receiver[2] = (0..16).map(|i| F::from_bool((4..12).contains(&i))).collect();
    vec![pairs(4, 8), receiver]
}

fn public() -> Public {
    Public { inputs: vec![vec![F::from_u64(4)], Vec::new()], messages: Vec::new() }
}

/// Proves whatever it is, true or not.
fn forge(key: &ProvingKey, traces: Vec<Trace>, public: &Public) -> Proof {
    let options = Options { even_if_false: true, ..Options::default() };
    prove(&pool(), key, traces, public, options).expect("forgeries have the right shape")
}

fn good() -> (ProvingKey, Proof) {
    let key = key(&[&SENDER, &RECEIVER], few());
    let proof = prove(&pool(), &key, traces(), &public(), Options::default()).expect("this is true");
    assert_eq!(verify(key.verifying_key(), &public(), &proof), Ok(()));
    (key, proof)
}

#[track_caller]
fn rejected(key: &ProvingKey, public: &Public, proof: &Proof) {
    assert!(verify(key.verifying_key(), public, proof).is_err());
    assert!(verify_bytes(key.verifying_key(), public, &proof.to_bytes()).is_err());
}

/// Forges a change of the traces; the honest prover refuses it and the verifier rejects the forgery.
#[track_caller]
fn traces_rejected(airs: &[&dyn Air], change: impl Fn(&mut Vec<Trace>)) -> VerifyError {
    let key = key(airs, few());
    let mut traces = traces();
    change(&mut traces);
    assert!(prove(&pool(), &key, traces.clone(), &public(), Options::default()).is_err());
    let proof = forge(&key, traces, &public());
    rejected(&key, &public(), &proof);
    verify(key.verifying_key(), &public(), &proof).unwrap_err()
}

#[test]
fn counts_off_by_one_none_and_too_many() {
    let airs: [&dyn Air; 2] = [&SENDER, &RECEIVER];
    for count in [-F::ONE, F::ZERO, F::TWO, F::from_u64(100)] {
        assert_eq!(traces_rejected(&airs, |t| t[1][2][5] = count), VerifyError::Unbalanced);
    }
    assert_eq!(traces_rejected(&airs, |t| t[1][2][0] = F::ONE), VerifyError::Unbalanced);
}

#[test]
fn missing_sender_or_receiver() {
    let airs: [&dyn Air; 2] = [&SENDER, &RECEIVER];
    assert_eq!(traces_rejected(&airs, |t| t[0][2].fill(F::ZERO)), VerifyError::Unbalanced);
    assert_eq!(traces_rejected(&airs, |t| t[1][2].fill(F::ZERO)), VerifyError::Unbalanced);
}

#[test]
fn wrong_bus_and_swapped_tuples() {
    let elsewhere = Pairs { bus: BUS + 1, ..RECEIVER };
    assert_eq!(traces_rejected(&[&SENDER, &elsewhere], |_| {}), VerifyError::Unbalanced);
    let swapped = Pairs { swapped: true, ..RECEIVER };
    assert_eq!(traces_rejected(&[&SENDER, &swapped], |_| {}), VerifyError::Unbalanced);
}

#[test]
fn flags_that_are_none() {
    // The bus balances: two sent, two received.
    let verdict = traces_rejected(&[&SENDER, &RECEIVER], |t| {
        t[0][2][1] = F::TWO;
        t[1][2][5] = F::TWO;
    });
    assert_eq!(verdict, VerifyError::Constraints);
}

#[test]
fn tampered_sums() {
    let (key, good) = good();
    let mut proof = good.clone();
    proof.sums[0] += E::ONE;
    assert_eq!(verify(key.verifying_key(), &public(), &proof), Err(VerifyError::Unbalanced));
    // Balanced again, but not the sums of these tables.
    proof.sums[1] -= E::ONE;
    assert_eq!(verify(key.verifying_key(), &public(), &proof), Err(VerifyError::Constraints));
    rejected(&key, &public(), &proof);
}

#[test]
fn counts_that_could_wrap_around() {
    let heavy = Pairs { weight: MODULUS / 8 + 1, ..SENDER };
    let key = key(&[&heavy, &RECEIVER], few());
    let refused = prove(&pool(), &key, traces(), &public(), Options::default());
    assert!(matches!(refused, Err(ProveError::Shape(_))));
    let (_, proof) = good();
    assert_eq!(verify(key.verifying_key(), &public(), &proof), Err(VerifyError::Weight));
    let light = Pairs { weight: MODULUS / 8, ..SENDER };
    let key = self::key(&[&light, &RECEIVER], few());
    assert!(prove(&pool(), &key, traces(), &public(), Options::default()).is_ok());
}

#[test]
fn one_bus_two_lengths() {
    let longer = Pairs { arity: 3, ..RECEIVER };
    let refused = setup(&pool(), &[&SENDER, &longer], few()).err();
    assert_eq!(refused, Some(SetupError::Arity { bus: BUS, first: 2, second: 3 }));
}

#[test]
fn an_accumulator_that_does_not_start_at_zero() {
    let key = key(&[&SENDER, &RECEIVER], few());
    let options = Options {
        even_if_false: true,
        // The same constant in every row: only the first row's constraint sees it.
        tamper: Some(|columns| {
            let last = columns.len() - 3;
            columns[last].iter_mut().for_each(|w| *w = (F::new(*w) + F::ONE).as_canonical_u64());
        }),
        ..Options::default()
    };
    let proof = prove(&pool(), &key, traces(), &public(), options).expect("it is forged");
    assert_eq!(verify(key.verifying_key(), &public(), &proof), Err(VerifyError::Constraints));
}

#[test]
fn zero_fingerprints_are_errors() {
    use crate::logup::{BusChallenges, Cells, accumulate};
    let key = key(&[&SENDER, &RECEIVER], few());
    let trace = &traces()[0];
    let cells =
        Cells { main: trace.iter().map(|c| crate::simd::as_words(c)).collect(), preprocessed: Vec::new() };
    let alpha = crate::field::ext([3, 5, 7]);
    // z is the fingerprint of row 6: (10, 100).
    let z = E::from(F::from_u64(BUS)) + alpha * F::from_u64(10) + alpha * alpha * F::from_u64(100);
    let challenges = BusChallenges::new(z, alpha, 2);
    let mut columns = vec![vec![0u64; 8]; 3];
    let mut out: Vec<&mut [u64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
    let found =
        accumulate(&key.verifying.tables[0], &challenges, &cells, 8, &mut out, crate::Tuning::default());
    assert_eq!(found.map_err(|z| z.0), Err(6));
    let message = Message { bus: BUS, values: [10, 100].map(F::from_u64).to_vec(), multiplicity: F::ONE };
    assert!(challenges.message(&message).is_none());
}

#[test]
fn messages_from_outside_balance_or_are_refused() {
    let key = key(&[&SENDER, &RECEIVER], few());
    let mut traces = traces();
    traces[1][2][2] = F::ONE; // (2, 4) is received and nobody sends it
    let message = |bus, values: &[u64]| Message {
        bus,
        values: values.iter().copied().map(F::from_u64).collect(),
        multiplicity: F::ONE,
    };
    let with = |messages| Public { messages, ..public() };
    let right = with(vec![message(BUS, &[2, 4])]);
    let proof =
        prove(&pool(), &key, traces.clone(), &right, Options::default()).expect("the message balances it");
    assert_eq!(verify(key.verifying_key(), &right, &proof), Ok(()));
    let doubled = with(vec![message(BUS, &[2, 4]), message(BUS, &[2, 4])]);
    for wrong in [public(), doubled, with(vec![message(BUS, &[4, 2])])] {
        let refused = prove(&pool(), &key, traces.clone(), &wrong, Options::default());
        assert_eq!(refused.err(), Some(ProveError::Unbalanced));
        rejected(&key, &wrong, &proof);
        rejected(&key, &wrong, &forge(&key, traces.clone(), &wrong));
    }
    for shapeless in [message(BUS, &[2]), message(99, &[2, 4])] {
        let verdict = verify(key.verifying_key(), &with(vec![shapeless]), &proof);
        assert!(matches!(verdict, Err(VerifyError::Public(_))));
    }
}

#[test]
fn another_statement() {
    let (_, proof) = good();
    let with = |airs: &[&dyn Air], parameters| {
        let key = key(airs, parameters);
        rejected(&key, &public(), &proof);
    };
    let base = few();
    for other in [
        Parameters { queries: 7, ..base },
        Parameters { grinding_bits: 2, ..base },
        Parameters { log_arity: 2, ..base },
        Parameters { log_final: 2, ..base },
        Parameters { log_cap: 2, ..base },
        Parameters { log_blowup: 2, ..base },
        Parameters { shift: F::from_u64(49), ..base },
    ] {
        with(&[&SENDER, &RECEIVER], other);
    }
    // Another bus for both: balanced, but another identity.
    with(&[&Pairs { bus: 6, ..SENDER }, &Pairs { bus: 6, ..RECEIVER }], base);
    with(&[&Pairs { weight: 2, ..SENDER }, &RECEIVER], base);
    with(&[&SENDER], base);
    // The tables in another order.
    let key = key(&[&RECEIVER, &SENDER], base);
    let reordered = Public { inputs: vec![Vec::new(), vec![F::from_u64(4)]], messages: Vec::new() };
    rejected(&key, &reordered, &proof);
}

#[test]
fn another_public_part() {
    let (key, proof) = good();
    for input in [3, 5] {
        let other = Public { inputs: vec![vec![F::from_u64(input)], Vec::new()], ..public() };
        rejected(&key, &other, &proof);
    }
    let shapes =
        [vec![Vec::new(), Vec::new()], vec![vec![F::from_u64(4)]], vec![vec![F::ZERO; 2], Vec::new()]];
    for inputs in shapes {
        let verdict = verify(key.verifying_key(), &Public { inputs, ..public() }, &proof);
        assert!(matches!(verdict, Err(VerifyError::Public(_))));
    }
}

#[test]
fn other_preprocessed_columns() {
    struct Shifted;
    impl Air for Shifted {
        fn name(&self) -> &str {
            RECEIVER.name()
        }
        fn width(&self) -> usize {
            RECEIVER.width()
        }
        fn preprocessed(&self) -> Vec<Vec<F>> {
            let mut columns = RECEIVER.preprocessed();
            columns[0][15] = F::ZERO;
            columns
        }
        fn define(&self, b: &mut AirBuilder) {
            RECEIVER.define(b);
        }
    }
    let (_, proof) = good();
    rejected(&key(&[&SENDER, &Shifted], few()), &public(), &proof);
}

#[test]
fn heights() {
    let (key, good) = good();
    for heights in [[4, 4], [2, 4], [3, 3], [3, 5], [28, 4], [63, 4], [255, 4]] {
        let mut proof = good.clone();
        proof.log_rows = heights.to_vec();
        rejected(&key, &public(), &proof);
    }
    let mut proof = good.clone();
    proof.log_rows.push(3);
    assert!(verify(key.verifying_key(), &public(), &proof).is_err());
}

/// Every kind of part, changed one at a time.
#[test]
fn every_part_is_bound() {
    let (key, good) = good();
    let mut count = 0;
    let mut with = |change: &dyn Fn(&mut Proof)| {
        let mut proof = good.clone();
        change(&mut proof);
        assert_ne!(proof, good);
        rejected(&key, &public(), &proof);
        count += 1;
    };
    for cap in 0..3 {
        for digest in 0..2 {
            with(&|p| p.caps[cap][digest][7] ^= 1);
        }
        with(&|p| {
            p.caps[cap].pop();
        });
    }
    for table in 0..2 {
        for value in 0..good.values[table].len() {
            with(&|p| p.values[table][value] += crate::field::ext([0, 1, 0]));
        }
        with(&|p| {
            p.values[table].pop();
        });
        with(&|p| p.values[table].push(E::ZERO));
    }
    for layer in 0..good.fri.caps.len() {
        with(&|p| p.fri.caps[layer][0][0] ^= 1);
        for value in 0..good.layers[layer].values.len() {
            with(&|p| p.layers[layer].values[value] += E::ONE);
        }
        for sibling in 0..good.layers[layer].siblings.len() {
            with(&|p| p.layers[layer].siblings[sibling][0] ^= 1);
        }
        with(&|p| p.layers[layer].values.push(E::ZERO));
        with(&|p| p.layers[layer].siblings.push([0; 32]));
    }
    for coefficient in 0..good.fri.last.len() {
        with(&|p| p.fri.last[coefficient] += E::ONE);
    }
    for round in 0..4 {
        for matrix in 0..good.openings[round].rows.len() {
            for word in 0..good.openings[round].rows[matrix].len() {
                with(&|p| p.openings[round].rows[matrix][word] ^= 1);
            }
            with(&|p| {
                p.openings[round].rows[matrix].pop();
            });
        }
        for sibling in 0..good.openings[round].siblings.len() {
            with(&|p| p.openings[round].siblings[sibling][31] ^= 1);
        }
    }
    with(&|p| p.values.swap(0, 1));
    with(&|p| p.caps.swap(0, 1));
    with(&|p| p.openings.swap(1, 2));
    assert!(count > 200, "{count}");
}

#[test]
fn lengths_come_from_the_key() {
    let (key, good) = good();
    let malformed = |change: &dyn Fn(&mut Proof)| {
        let mut proof = good.clone();
        change(&mut proof);
        let verdict = verify(key.verifying_key(), &public(), &proof);
        assert!(matches!(verdict, Err(VerifyError::Malformed(_))), "{verdict:?}");
    };
    malformed(&|p| p.fri.last.push(E::ZERO));
    malformed(&|p| {
        p.fri.last.pop();
    });
    malformed(&|p| {
        p.fri.caps.pop();
    });
    malformed(&|p| {
        p.layers.pop();
    });
    malformed(&|p| p.layers.push(Default::default()));
    malformed(&|p| p.sums.push(E::ZERO));
    malformed(&|p| {
        p.values.pop();
    });
}

#[test]
fn the_work_is_checked_and_chooses_the_queries() {
    let parameters = Parameters { grinding_bits: 12, ..few() };
    let key = key(&[&SENDER, &RECEIVER], parameters);
    let good = prove(&pool(), &key, traces(), &public(), Options::default()).expect("this is true");
    let mut refused = 0;
    for nonce in 1..60 {
        let mut proof = good.clone();
        proof.fri.nonce = good.fri.nonce.wrapping_add(nonce);
        let verdict = verify(key.verifying_key(), &public(), &proof);
        // Another nonce that works leads to other queries.
        assert!(matches!(verdict, Err(VerifyError::Grinding | VerifyError::Opening)), "{verdict:?}");
        refused += usize::from(verdict == Err(VerifyError::Grinding));
    }
    assert!(refused > 50);
}

#[test]
fn bytes_have_one_form() {
    let (key, proof) = good();
    let bytes = proof.to_bytes();
    let read = |bytes: &[u8]| Proof::from_bytes(key.verifying_key(), bytes);
    assert_eq!(read(&bytes).as_ref(), Ok(&proof));
    for end in 0..bytes.len() {
        assert!(matches!(read(&bytes[..end]), Err(VerifyError::Malformed(_))), "{end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(read(&longer), Err(VerifyError::Malformed(_))));
    // A word that is not canonical: the first coefficient of the first sum.
    let mut at = 8 + 2;
    at += proof.caps.iter().map(|c| 32 * c.len()).sum::<usize>();
    let word = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(word, crate::field::words(proof.sums[0])[0]);
    for other in [MODULUS, u64::MAX] {
        let mut bad = bytes.clone();
        bad[at..at + 8].copy_from_slice(&other.to_le_bytes());
        assert!(matches!(read(&bad), Err(VerifyError::Malformed(_))));
    }
}

#[test]
fn every_flipped_bit_is_rejected_without_panic() {
    let (key, proof) = good();
    let bytes = proof.to_bytes();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(verify_bytes(key.verifying_key(), &public(), &bad).is_err(), "byte {at}");
    }
    // Lengths far beyond the input.
    for at in (0..bytes.len().saturating_sub(4)).step_by(3) {
        let mut bad = bytes.clone();
        bad[at..at + 4].fill(0xff);
        assert!(verify_bytes(key.verifying_key(), &public(), &bad).is_err(), "byte {at}");
    }
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
