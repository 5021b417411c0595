//! The bus argument.

use super::*;

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

/// Counts a number in each of the ways that a multiplicity can be stated.
struct Counted(Multiplicity, u64);

impl Air for Counted {
    fn name(&self) -> &str {
        "counted"
    }

    fn width(&self) -> usize {
        4
    }

    fn define(&self, b: &mut AirBuilder) {
        b.always(b.local(0).boolean());
        b.always(b.local(1).boolean());
        b.send_weighted(BUS, [Linear::constant(9).plus(F::TWO, Column::Main(2))], self.0.clone(), self.1);
        b.receive(BUS, [Column::Main(2)], Multiplicity::Column(Column::Main(3)));
    }
}

#[test]
fn every_kind_of_multiplicity() {
    let (a, b) = (Column::Main(0), Column::Main(1));
    let form = Linear::constant(1).plus(F::from_u64(3), a).plus(-F::ONE, b);
    // Of each kind, how often rows with the flags (a, b) = (0, 0), (1, 0), (0, 1), (1, 1) count.
    let kinds = [
        (Multiplicity::One, [1, 1, 1, 1]),
        (Multiplicity::Column(a), [0, 1, 0, 1]),
        (Multiplicity::Sum(a, b), [0, 1, 1, 2]),
        (Multiplicity::Negated(b), [1, 1, 0, 0]),
        (Multiplicity::Difference(a, b), [0, 1, -1, 0]),
        (Multiplicity::Linear(form), [1, 4, 0, 3]),
    ];
    for (kind, counts) in kinds {
        let air = Counted(kind.clone(), 4);
        let key = key(&[&air], few());
        let count = |c: i64| if c < 0 { -F::from_u64(c.unsigned_abs()) } else { F::from_u64(c as u64) };
        let mut trace = vec![vec![F::ZERO; 16]; 4];
        for row in 0..16 {
            trace[0][row] = F::from_bool(row % 2 == 1);
            trace[1][row] = F::from_bool(row % 4 >= 2);
            // Every row sends 9 + 2·v and receives v: with v = −9 that is the same message.
            trace[2][row] = -F::from_u64(9);
            trace[3][row] = count(counts[row % 4]);
        }
        let none = Public::none(1);
        let proof = prove(&pool(), &key, vec![trace.clone()], &none, Options::default());
        assert_eq!(verify(key.verifying_key(), &none, &proof.expect("it balances")), Ok(()), "{kind:?}");
        trace[3][6] += F::ONE;
        let refused = prove(&pool(), &key, vec![trace.clone()], &none, Options::default());
        assert_eq!(refused.err(), Some(ProveError::Unbalanced), "{kind:?}");
        let forged = forge(&key, vec![trace], &none);
        assert_eq!(verify(key.verifying_key(), &none, &forged), Err(VerifyError::Unbalanced), "{kind:?}");
    }
}
