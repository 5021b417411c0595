//! The verifier.
//!
//! Nothing about the shape of a proof is taken from the proof but the heights, which are checked against the key; every
//! challenge is drawn again from what was absorbed, in the prover's order.

use crate::{
    air::{Column, When},
    error::VerifyError,
    field::{E, EXTENSION_DEGREE, F, powers, root_of_unity},
    fri::{self, Schedule},
    layout::{Group, Layout, Opened, Public, ROUNDS, Round, combine_basis},
    logup::BusChallenges,
    machine::{Table, VerifyingKey},
    merkle::{distinct, verify as verify_opening},
    opening::Batch,
    proof::Proof,
    prover::{begin, bus_challenges},
};
use p3_field::{Field, PrimeCharacteristicRing};
use std::collections::BTreeMap;

/// Checks a proof's bytes.
pub fn verify_bytes(key: &VerifyingKey, public: &Public, bytes: &[u8]) -> Result<(), VerifyError> {
    verify(key, public, &Proof::from_bytes(key, bytes)?)
}

/// Checks a proof.
pub fn verify(key: &VerifyingKey, public: &Public, proof: &Proof) -> Result<(), VerifyError> {
    public.check(key)?;
    let layout = Layout::new(key, &proof.log_rows)?;
    let schedule = Schedule::new(&key.parameters, &layout);
    check_lengths(key, &layout, &schedule, proof)?;

    let Drawn { bus, beta, zeta, lambda, betas, worked, indices } = Drawn::new(key, &layout, public, proof);
    check_balance(&bus, public, &proof.sums)?;
    if !constraints_hold(key, &layout, public, &bus, (beta, zeta), &proof.values, &proof.sums) {
        return Err(VerifyError::Constraints);
    }
    if !worked {
        return Err(VerifyError::Grinding);
    }
    let caps = [&key.cap, &proof.caps[0], &proof.caps[1], &proof.caps[2]];
    for ((round, opening), cap) in ROUNDS.into_iter().zip(&proof.openings).zip(caps) {
        let shapes = layout.shapes(round);
        let holds = if shapes.is_empty() {
            opening.rows.is_empty() && opening.siblings.is_empty() && cap.is_empty()
        } else {
            verify_opening(cap, &shapes, &indices_of(&shapes, &indices), opening)
        };
        if !holds {
            return Err(VerifyError::Opening);
        }
    }
    let mut codewords = BTreeMap::new();
    for group in &layout.groups {
        let batch = Batch::new(group, &proof.values, zeta, lambda);
        let values = codeword(key, &layout, group, &batch, proof, &indices)?;
        codewords.insert(group.log_rows + layout.log_blowup, values);
    }
    fri::verify(&schedule, &proof.fri, &betas, &indices, &proof.layers, &codewords)
}

/// All that is drawn from the transcript.
pub(crate) struct Drawn {
    pub(crate) bus: BusChallenges,
    /// Combines the constraints.
    pub(crate) beta: E,
    /// The point out of the domain.
    pub(crate) zeta: E,
    /// Combines the openings.
    pub(crate) lambda: E,
    /// One for each fold.
    pub(crate) betas: Vec<E>,
    /// Whether the proof of work is done.
    pub(crate) worked: bool,
    pub(crate) indices: Vec<usize>,
}

impl Drawn {
    /// Absorbs and draws in the prover's order; nothing is checked.
    pub(crate) fn new(key: &VerifyingKey, layout: &Layout, public: &Public, proof: &Proof) -> Drawn {
        let mut transcript = begin(key, &proof.log_rows, public);
        transcript.cap("commitment", &proof.caps[0]);
        let bus = bus_challenges(&mut transcript, key);
        transcript.cap("commitment", &proof.caps[1]);
        transcript.ext("sums", &proof.sums);
        let beta = transcript.challenge("beta");
        transcript.cap("commitment", &proof.caps[2]);
        let zeta = transcript.out_of_domain("zeta");
        proof.values.iter().for_each(|v| transcript.ext("values", v));
        let lambda = transcript.challenge("lambda");
        let mut fold = |cap: &crate::merkle::Cap| {
            transcript.cap("fold", cap);
            transcript.challenge("beta")
        };
        let betas = proof.fri.caps.iter().map(&mut fold).collect();
        transcript.ext("last polynomial", &proof.fri.last);
        let worked = transcript.grinds(proof.fri.nonce, key.parameters.grinding_bits);
        transcript.number("nonce", proof.fri.nonce);
        let indices = transcript.indices("queries", key.parameters.queries as usize, layout.log_height());
        Drawn { bus, beta, zeta, lambda, betas, worked, indices }
    }
}

/// Whether every table's constraints hold at ζ. The lengths of values and sums are the layout's.
pub(crate) fn constraints_hold(
    key: &VerifyingKey,
    layout: &Layout,
    public: &Public,
    challenges: &BusChallenges,
    (beta, zeta): (E, E),
    values: &[Vec<E>],
    sums: &[E],
) -> bool {
    key.tables.iter().enumerate().all(|(t, table)| {
        let sum = layout.rounds[Round::Aux as usize].iter().position(|m| m.0 == t).map(|m| sums[m]);
        let instance = Instance {
            table,
            values: Values::new(table, key.parameters.blowup(), &values[t]),
            publics: &public.inputs[t],
            log_rows: layout.log_rows[t],
            sum: sum.unwrap_or(E::ZERO),
        };
        instance.holds(challenges, beta, zeta)
    })
}

/// A round's tree may be lower than the tallest of all.
fn indices_of(shapes: &[(u32, usize)], indices: &[usize]) -> Vec<usize> {
    let log = shapes.iter().map(|s| s.0).max().unwrap_or(0);
    distinct(indices, log).into_iter().collect()
}

/// A proof that was not read from bytes could have any lengths.
fn check_lengths(
    key: &VerifyingKey,
    layout: &Layout,
    schedule: &Schedule,
    proof: &Proof,
) -> Result<(), VerifyError> {
    let log_cap = key.parameters.log_cap;
    let caps = [Round::Main, Round::Aux, Round::Quotient];
    let fold_caps: Vec<usize> = schedule.layers().map(|(log, arity)| 1 << log_cap.min(log - arity)).collect();
    let fits = caps.iter().zip(&proof.caps).all(|(&r, cap)| cap.len() == layout.cap_len(r, log_cap))
        && proof.sums.len() == layout.rounds[Round::Aux as usize].len()
        && proof.values.iter().map(Vec::len).eq(layout.opened.iter().copied())
        && proof.fri.caps.iter().map(Vec::len).eq(fold_caps)
        && proof.fri.last.len() == 1 << schedule.log_final(&key.parameters);
    if fits { Ok(()) } else { Err(VerifyError::Malformed("lengths")) }
}

/// Tables and messages together sum to zero.
fn check_balance(challenges: &BusChallenges, public: &Public, sums: &[E]) -> Result<(), VerifyError> {
    let mut total: E = sums.iter().copied().sum();
    for message in &public.messages {
        total += challenges.message(message).ok_or(VerifyError::ZeroFingerprint)?;
    }
    if total == E::ZERO { Ok(()) } else { Err(VerifyError::Unbalanced) }
}

/// The codeword of a group at all query indices, from the opened rows (whose lengths were checked with the openings).
fn codeword(
    key: &VerifyingKey,
    layout: &Layout,
    group: &Group,
    batch: &Batch,
    proof: &Proof,
    indices: &[usize],
) -> Result<BTreeMap<usize, E>, VerifyError> {
    let log = group.log_rows + layout.log_blowup;
    let root = root_of_unity(log);
    let mut codeword = BTreeMap::new();
    for (place, index) in distinct(indices, log).into_iter().enumerate() {
        let cell = |o: &Opened| {
            let width = layout.rounds[o.round as usize][o.matrix].1;
            let rows = &proof.openings[o.round as usize].rows[o.matrix];
            rows.get(place * width + o.column).map(|&w| F::new(w))
        };
        let cells = |opened: &[Opened]| opened.iter().map(cell).collect::<Option<Vec<F>>>();
        let (here, next) = (cells(&group.here), cells(&group.next));
        let x = key.parameters.shift * root.exp_u64(index as u64);
        let value = here.zip(next).and_then(|(here, next)| batch.at(x, &here, &next));
        codeword.insert(index, value.ok_or(VerifyError::Opening)?);
    }
    Ok(codeword)
}

/// A table's opened values, told apart.
struct Values<'a> {
    preprocessed: &'a [E],
    main: &'a [E],
    aux: &'a [E],
    quotient: &'a [E],
    preprocessed_next: &'a [E],
    main_next: &'a [E],
    aux_next: &'a [E],
}

impl<'a> Values<'a> {
    /// The order is the layout's; the length was checked.
    fn new(table: &Table, blowup: usize, mut values: &'a [E]) -> Values<'a> {
        let mut take = |n: usize| {
            let (head, rest) = values.split_at(n);
            values = rest;
            head
        };
        let aux = EXTENSION_DEGREE * table.aux_columns();
        Values {
            preprocessed: take(table.preprocessed),
            main: take(table.width),
            aux: take(aux),
            quotient: take(EXTENSION_DEGREE * blowup),
            preprocessed_next: take(table.next[0].len()),
            main_next: take(table.next[1].len()),
            aux_next: take(aux.min(EXTENSION_DEGREE)),
        }
    }

    fn cell(&self, table: &Table, column: Column, next: bool) -> E {
        let (kind, index, here, ahead) = match column {
            Column::Preprocessed(c) => (0, c, self.preprocessed, self.preprocessed_next),
            Column::Main(c) => (1, c, self.main, self.main_next),
        };
        if !next {
            return here[index];
        }
        let place = table.next[kind].iter().position(|&c| c == index);
        place.map_or(E::ZERO, |p| ahead[p])
    }
}

/// One table at the out-of-domain point.
struct Instance<'a> {
    table: &'a Table,
    values: Values<'a>,
    publics: &'a [F],
    log_rows: u32,
    sum: E,
}

impl Instance<'_> {
    /// Whether the folded constraints are the quotient times what vanishes.
    fn holds(&self, challenges: &BusChallenges, beta: E, zeta: E) -> bool {
        let n_power = zeta.exp_power_of_2(self.log_rows as usize);
        let last = root_of_unity(self.log_rows).inverse();
        let inverses = [n_power - E::ONE, zeta - E::ONE, zeta - last].map(|v| v.try_inverse());
        let [Some(vanishing), Some(first), Some(at_last)] = inverses else { return false };
        let powers = powers(beta, self.table.folded());
        let cell = |column, next| self.values.cell(self.table, column, next);
        let nodes = self.table.program.evaluate(cell, self.publics);
        let selector = |when: When| match when {
            When::Always => vanishing,
            When::Transition => vanishing * (zeta - last),
            When::First => first,
            When::Last => at_last,
        };
        let constraints = &self.table.program.constraints;
        let mut folded: E = constraints
            .iter()
            .zip(&powers)
            .map(|(&(when, node), &power)| nodes[node] * power * selector(when))
            .sum();
        folded += self.buses(challenges, &powers[constraints.len()..], vanishing, first);
        let mut quotient = E::ZERO;
        for piece in self.values.quotient.chunks(EXTENSION_DEGREE).rev() {
            quotient = quotient * n_power + combine_basis(piece);
        }
        folded == quotient
    }

    /// The bus constraints, folded and divided.
    fn buses(&self, challenges: &BusChallenges, powers: &[E], vanishing: E, first: E) -> E {
        let columns: Vec<E> = self.values.aux.chunks(EXTENSION_DEGREE).map(combine_basis).collect();
        let Some((&accumulator, terms)) = columns.split_last() else { return E::ZERO };
        let step = self.sum * F::from_u64(1 << self.log_rows).inverse();
        let difference =
            combine_basis(self.values.aux_next) - accumulator - terms.iter().copied().sum::<E>() + step;
        let cell = |column| self.values.cell(self.table, column, false);
        let fingerprints: Vec<E> = challenges
            .fingerprints(self.table)
            .iter()
            .map(|f| f.constant + f.terms.iter().map(|(&column, &k)| k * cell(column)).sum::<E>())
            .collect();
        let mut folded = E::ZERO;
        for ((g, group), &power) in self.table.interactions.chunks(2).enumerate().zip(powers) {
            let term = terms.get(g).copied().unwrap_or(difference);
            let counts: Vec<E> = group
                .iter()
                .map(|i| {
                    let form = &i.multiplicity;
                    form.terms.iter().map(|&(column, k)| cell(column) * k).sum::<E>() + form.constant
                })
                .collect();
            let f = &fingerprints[2 * g..2 * g + group.len()];
            folded += power
                * match (f, &counts[..]) {
                    (&[a, b], &[m, n]) => term * a * b - m * b - n * a,
                    (&[a], &[m]) => term * a - m,
                    _ => E::ZERO,
                };
        }
        let pinned = powers.last().map_or(E::ZERO, |&p| p * accumulator * first);
        folded * vanishing + pinned
    }
}
