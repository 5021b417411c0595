//! What the transcript, the commitments and the encoding bind.

use super::*;

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
fn another_constraint() {
    /// The sender, with a constraint that its traces satisfy as well.
    struct Stricter;
    impl Air for Stricter {
        fn name(&self) -> &str {
            SENDER.name()
        }
        fn width(&self) -> usize {
            SENDER.width()
        }
        fn public_inputs(&self) -> usize {
            SENDER.public_inputs()
        }
        fn define(&self, b: &mut AirBuilder) {
            SENDER.define(b);
            b.always(b.local(2) - 1);
        }
    }
    let (good_key, proof) = good();
    let key = key(&[&Stricter, &RECEIVER], few());
    assert!(prove(&pool(), &key, traces(), &public(), Options::default()).is_ok());
    assert_ne!(key.verifying_key().digest(), good_key.verifying_key().digest());
    rejected(&key, &public(), &proof);
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

/// What each challenge depends on: all that was absorbed before, and nothing that comes later.
#[test]
fn each_item_changes_what_is_drawn_after_it() {
    use crate::{layout::Layout, verifier::Drawn};
    let (key, good) = good();
    let draw = |public: &Public, proof: &Proof| -> Vec<Vec<u64>> {
        let layout = Layout::new(&key.verifying, &proof.log_rows).expect("the heights fit");
        let d = Drawn::new(&key.verifying, &layout, public, proof);
        let ext = |e: E| crate::field::words(e).to_vec();
        let mut drawn = vec![ext(d.bus.z), ext(d.bus.alphas[0]), ext(d.beta), ext(d.zeta), ext(d.lambda)];
        drawn.extend(d.betas.iter().map(|&b| ext(b)));
        drawn.push(d.indices.iter().map(|&i| i as u64).collect());
        drawn
    };
    let base = draw(&public(), &good);
    let folds = good.fri.caps.len();
    assert_eq!(base.len(), 6 + folds);
    assert!(folds >= 2);
    let first_changed = |name: &str, changed: Vec<Vec<u64>>| {
        let first = base.iter().zip(&changed).take_while(|(a, b)| a == b).count();
        assert!(base.iter().zip(&changed).skip(first).all(|(a, b)| a != b), "{name}");
        first
    };
    let change = |name: &str, change: &dyn Fn(&mut Proof)| {
        let mut proof = good.clone();
        change(&mut proof);
        first_changed(name, draw(&public(), &proof))
    };
    let (z, beta, zeta, lambda, fold, queries) = (0, 2, 3, 4, 5, 5 + folds);
    let inputs = Public { inputs: vec![vec![F::from_u64(5)], Vec::new()], ..public() };
    assert_eq!(first_changed("inputs", draw(&inputs, &good)), z);
    let message = Message { bus: BUS, values: vec![F::ONE, F::ONE], multiplicity: F::ONE };
    let messages = Public { messages: vec![message], ..public() };
    assert_eq!(first_changed("messages", draw(&messages, &good)), z);
    assert_eq!(change("main root", &|p| p.caps[0][1][0] ^= 1), z);
    assert_eq!(change("bus root", &|p| p.caps[1][1][0] ^= 1), beta);
    assert_eq!(change("sums", &|p| p.sums[1] += E::ONE), beta);
    assert_eq!(change("quotient root", &|p| p.caps[2][1][0] ^= 1), zeta);
    assert_eq!(change("values of the first table", &|p| p.values[0][0] += E::ONE), lambda);
    assert_eq!(change("values of the last table", &|p| *p.values[1].last_mut().unwrap() += E::ONE), lambda);
    for k in 0..folds {
        assert_eq!(change("a fold's root", &|p| p.fri.caps[k][1][0] ^= 1), fold + k);
    }
    assert_eq!(change("last polynomial", &|p| p.fri.last[0] += E::ONE), queries);
    assert_eq!(change("nonce", &|p| p.fri.nonce += 1), queries);
    // Openings come after all challenges.
    assert_eq!(change("openings", &|p| p.openings[1].rows[0][0] ^= 1), base.len());
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
        let Err(VerifyError::Encoding { offset, .. }) = read(&bytes[..end]) else { panic!("{end}") };
        assert!(offset <= end, "{offset} lies beyond {end}");
    }
    let fault = |bytes: &[u8]| match read(bytes) {
        Err(VerifyError::Encoding { offset, .. }) => offset,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(&[&bytes[..], &[0]].concat()), bytes.len());
    assert_eq!(fault(&[&[0], &bytes[1..]].concat()), 0, "the magic");
    assert_eq!(fault(&[&bytes[..8], &[99], &bytes[9..]].concat()), 8, "the heights");
    // A word that is not canonical: the first coefficient of the first sum.
    let mut at = 8 + 2;
    at += proof.caps.iter().map(|c| 32 * c.len()).sum::<usize>();
    let word = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(word, crate::field::words(proof.sums[0])[0]);
    for other in [MODULUS, u64::MAX] {
        let mut bad = bytes.clone();
        bad[at..at + 8].copy_from_slice(&other.to_le_bytes());
        assert_eq!(fault(&bad), at);
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
