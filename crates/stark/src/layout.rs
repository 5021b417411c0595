//! The shape of one proof: which columns are committed in which round, opened where, and joined at which height.

use crate::{
    error::VerifyError,
    field::{E, EXTENSION_DEGREE, F, MODULUS},
    machine::VerifyingKey,
    params::{MAX_LOG_ROWS, MIN_LOG_ROWS},
};

/// The commitments of a proof, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    Preprocessed,
    Main,
    Aux,
    Quotient,
}

/// All rounds.
pub(crate) const ROUNDS: [Round; 4] = [Round::Preprocessed, Round::Main, Round::Aux, Round::Quotient];

/// A message that the statement itself sends (or, with a negative multiplicity, receives).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The bus.
    pub bus: u64,
    /// The tuple.
    pub values: Vec<F>,
    /// How often it is sent.
    pub multiplicity: F,
}

/// The public part of a statement besides its key. The messages are the expected balance of the buses: tables and
/// messages together sum to zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Public {
    /// Per table, its public inputs.
    pub inputs: Vec<Vec<F>>,
    /// Messages from outside.
    pub messages: Vec<Message>,
}

/// An opened column: where it is committed, and its index in the values of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) round: Round,
    /// Place of the table among those of the round.
    pub(crate) matrix: usize,
    pub(crate) column: usize,
    /// The table.
    pub(crate) table: usize,
    /// Place in the table's opened values.
    pub(crate) place: usize,
}

/// The tables of one height, opened and combined together.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) log_rows: u32,
    /// Columns opened at ζ, then those opened at ω·ζ: the order of the powers of the batching challenge.
    pub(crate) here: Vec<Opened>,
    pub(crate) next: Vec<Opened>,
}

/// The shape, from the key and the heights alone.
pub(crate) struct Layout {
    pub(crate) log_rows: Vec<u32>,
    pub(crate) log_blowup: u32,
    /// Per round, the tables that take part and their widths.
    pub(crate) rounds: [Vec<(usize, usize)>; 4],
    /// From the tallest to the shortest.
    pub(crate) groups: Vec<Group>,
    /// Per table, how many values are opened.
    pub(crate) opened: Vec<usize>,
}

impl Layout {
    /// Checks the heights against the key.
    pub(crate) fn new(key: &VerifyingKey, log_rows: &[u32]) -> Result<Layout, VerifyError> {
        if log_rows.len() != key.tables.len() {
            return Err(VerifyError::Heights("there is one for each table"));
        }
        if log_rows.iter().any(|h| !(MIN_LOG_ROWS..=MAX_LOG_ROWS).contains(h)) {
            return Err(VerifyError::Heights("out of bounds"));
        }
        if key.tables.iter().zip(log_rows).any(|(t, h)| t.log_rows.is_some_and(|fixed| fixed != *h)) {
            return Err(VerifyError::Heights("preprocessed columns have another"));
        }
        check_weights(key, log_rows)?;
        let blowup = key.parameters.blowup();
        let width = |round: Round, t: usize| match round {
            Round::Preprocessed => key.tables[t].preprocessed,
            Round::Main => key.tables[t].width,
            Round::Aux => EXTENSION_DEGREE * key.tables[t].aux_columns(),
            Round::Quotient => EXTENSION_DEGREE * blowup,
        };
        let tables = 0..key.tables.len();
        let rounds = ROUNDS
            .map(|round| tables.clone().map(|t| (t, width(round, t))).filter(|&(_, w)| w > 0).collect());
        let mut layout = Layout {
            log_rows: log_rows.to_vec(),
            log_blowup: key.parameters.log_blowup,
            rounds,
            groups: Vec::new(),
            opened: vec![0; key.tables.len()],
        };
        layout.group(key);
        Ok(layout)
    }

    fn group(&mut self, key: &VerifyingKey) {
        let mut heights = self.log_rows.clone();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        heights.dedup();
        for log_rows in heights {
            let mut group = Group { log_rows, here: Vec::new(), next: Vec::new() };
            for t in (0..key.tables.len()).filter(|&t| self.log_rows[t] == log_rows) {
                let mut place = 0;
                let mut open =
                    |round: Round, columns: &mut dyn Iterator<Item = usize>, to: &mut Vec<Opened>| {
                        let members = &self.rounds[round as usize];
                        let Some(matrix) = members.iter().position(|m| m.0 == t) else { return };
                        for column in columns {
                            to.push(Opened { round, matrix, column, table: t, place });
                            place += 1;
                        }
                    };
                for round in ROUNDS {
                    let width = self.rounds[round as usize].iter().find(|m| m.0 == t).map_or(0, |m| m.1);
                    open(round, &mut (0..width), &mut group.here);
                }
                let table = &key.tables[t];
                open(Round::Preprocessed, &mut table.next[0].iter().copied(), &mut group.next);
                open(Round::Main, &mut table.next[1].iter().copied(), &mut group.next);
                let aux = EXTENSION_DEGREE * table.aux_columns();
                open(Round::Aux, &mut (aux.saturating_sub(EXTENSION_DEGREE)..aux), &mut group.next);
                self.opened[t] = place;
            }
            self.groups.push(group);
        }
    }

    /// log₂ of the tallest extension.
    pub(crate) fn log_height(&self) -> u32 {
        self.groups[0].log_rows + self.log_blowup
    }

    /// (log₂ of the height, width) of the matrices of a round.
    pub(crate) fn shapes(&self, round: Round) -> Vec<(u32, usize)> {
        let members = &self.rounds[round as usize];
        members.iter().map(|&(t, width)| (self.log_rows[t] + self.log_blowup, width)).collect()
    }

    /// Digests of a round's commitment.
    pub(crate) fn cap_len(&self, round: Round, log_cap: u32) -> usize {
        self.shapes(round).iter().map(|s| s.0).max().map_or(0, |height| 1 << log_cap.min(height))
    }
}

/// Σ weight·height stays below p, so that no count wraps around.
fn check_weights(key: &VerifyingKey, log_rows: &[u32]) -> Result<(), VerifyError> {
    let mut total = 0u128;
    for (table, &log) in key.tables.iter().zip(log_rows) {
        for interaction in &table.interactions {
            total = total.saturating_add(u128::from(interaction.weight) << log);
        }
    }
    if total < u128::from(MODULUS) { Ok(()) } else { Err(VerifyError::Weight) }
}

/// An extension element from the opened values of its three columns.
pub(crate) fn combine_basis(values: &[E]) -> E {
    values.iter().enumerate().map(|(i, &v)| crate::field::times_basis(v, i)).sum()
}

impl Public {
    /// No inputs and no messages, for a statement of this many tables.
    pub fn none(tables: usize) -> Public {
        Public { inputs: vec![Vec::new(); tables], messages: Vec::new() }
    }

    /// Checks the shape against the key: number of inputs, buses and lengths of tuples.
    pub(crate) fn check(&self, key: &VerifyingKey) -> Result<(), VerifyError> {
        let fits = self.inputs.len() == key.tables.len()
            && self.inputs.iter().zip(&key.tables).all(|(i, t)| i.len() == t.publics);
        if !fits {
            return Err(VerifyError::Public("the tables have other numbers of inputs"));
        }
        for message in &self.messages {
            let on_bus = |i: &&crate::air::Interaction| i.bus == message.bus;
            let Some(interaction) = key.tables.iter().flat_map(|t| &t.interactions).find(on_bus) else {
                return Err(VerifyError::Public("a message goes to a bus that is not there"));
            };
            if interaction.values.len() != message.values.len() {
                return Err(VerifyError::Public("a message has another length than its bus"));
            }
        }
        Ok(())
    }
}
