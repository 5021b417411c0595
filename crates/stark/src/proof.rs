//! Proofs and their bytes.
//!
//! The encoding has one form for each proof: numbers are little-endian, field elements canonical, and all lengths follow
//! from the key and the heights but those of openings, which are written and checked against the bytes that are left.
//! Decoding allocates at most a constant times the input.

use crate::{
    error::VerifyError,
    field::{E, F, MODULUS, ext, words},
    fri::{Commitments, LayerOpening, Schedule},
    hash::Digest,
    layout::{Layout, ROUNDS, Round},
    machine::VerifyingKey,
    merkle::{Cap, Opening},
};
use p3_field::{PrimeCharacteristicRing, PrimeField64};

const MAGIC: &[u8; 8] = b"FBSTARK1";

/// A proof of one statement.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// log₂ of each table's rows.
    pub(crate) log_rows: Vec<u32>,
    /// Commitments to main, bus and quotient columns.
    pub(crate) caps: [Cap; 3],
    /// The bus sum of each table that has interactions.
    pub(crate) sums: Vec<E>,
    /// Per table, the values out of the domain.
    pub(crate) values: Vec<Vec<E>>,
    pub(crate) fri: Commitments,
    /// Opened rows, by round.
    pub(crate) openings: [Opening; 4],
    pub(crate) layers: Vec<LayerOpening>,
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof").field("log_rows", &self.log_rows).finish_non_exhaustive()
    }
}

impl Proof {
    /// The number of rows of each table.
    pub fn rows(&self) -> impl Iterator<Item = u64> + '_ {
        self.log_rows.iter().map(|&h| 1 << h)
    }

    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer(MAGIC.to_vec());
        self.log_rows.iter().for_each(|&h| w.0.push(h as u8));
        self.caps.iter().for_each(|cap| w.digests(cap));
        w.elements(&self.sums);
        self.values.iter().for_each(|v| w.elements(v));
        self.fri.caps.iter().for_each(|cap| w.digests(cap));
        w.elements(&self.fri.last);
        w.0.extend(self.fri.nonce.to_le_bytes());
        for opening in &self.openings {
            for rows in &opening.rows {
                w.length(rows.len());
                rows.iter().for_each(|r| w.0.extend(r.to_le_bytes()));
            }
            w.length(opening.siblings.len());
            w.digests(&opening.siblings);
        }
        for layer in &self.layers {
            w.length(layer.values.len());
            w.elements(&layer.values);
            w.length(layer.siblings.len());
            w.digests(&layer.siblings);
        }
        w.0
    }

    /// Reads a proof for a key; refuses what is not exactly one.
    pub fn from_bytes(key: &VerifyingKey, bytes: &[u8]) -> Result<Proof, VerifyError> {
        let mut r = Reader { bytes, at: 0 };
        if r.take(MAGIC.len())? != MAGIC {
            return Err(VerifyError::Encoding { offset: 0, what: "this is no proof of this version" });
        }
        let log_rows: Vec<u32> = r.take(key.tables.len())?.iter().map(|&b| u32::from(b)).collect();
        let layout = Layout::new(key, &log_rows).map_err(|e| match e {
            VerifyError::Heights(what) => VerifyError::Encoding { offset: MAGIC.len(), what },
            other => other,
        })?;
        let schedule = Schedule::new(&key.parameters, &layout);
        let log_cap = key.parameters.log_cap;
        let cap = |r: &mut Reader<'_>, round| r.digests(layout.cap_len(round, log_cap));
        let caps = [cap(&mut r, Round::Main)?, cap(&mut r, Round::Aux)?, cap(&mut r, Round::Quotient)?];
        let sums = r.elements(layout.rounds[Round::Aux as usize].len())?;
        let values = layout.opened.iter().map(|&n| r.elements(n)).collect::<Result<_, _>>()?;
        let folds: Vec<(u32, u32)> = schedule.layers().collect();
        let fri_caps = folds.iter().map(|&(log, arity)| r.digests(1 << log_cap.min(log - arity)));
        let fri_caps = fri_caps.collect::<Result<_, _>>()?;
        let last = r.elements(1 << schedule.log_final(&key.parameters))?;
        let fri = Commitments { caps: fri_caps, last, nonce: r.number()? };
        let mut openings: [Opening; 4] = Default::default();
        for (opening, round) in openings.iter_mut().zip(ROUNDS) {
            opening.rows = layout.rounds[round as usize].iter().map(|_| r.row()).collect::<Result<_, _>>()?;
            opening.siblings = r.counted(Reader::digests)?;
        }
        let layer = |r: &mut Reader<'_>| {
            Ok(LayerOpening { values: r.counted(Reader::elements)?, siblings: r.counted(Reader::digests)? })
        };
        let layers = folds.iter().map(|_| layer(&mut r)).collect::<Result<_, _>>()?;
        if r.left() > 0 {
            return r.fault("bytes are left over");
        }
        Ok(Proof { log_rows, caps, sums, values, fri, openings, layers })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn length(&mut self, length: usize) {
        self.0.extend((length as u32).to_le_bytes());
    }

    fn digests(&mut self, digests: &[Digest]) {
        self.0.extend_from_slice(digests.as_flattened());
    }

    fn elements(&mut self, elements: &[E]) {
        self.0.extend(elements.iter().flat_map(|&e| words(e)).flat_map(u64::to_le_bytes));
    }
}

/// What is read, and how far. Errors tell where the item begins that does not fit.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn fault<T>(&self, what: &'static str) -> Result<T, VerifyError> {
        Err(VerifyError::Encoding { offset: self.at, what })
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], VerifyError> {
        self.bound(n, 1)?;
        let taken = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], VerifyError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u64, VerifyError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn word(&mut self) -> Result<u64, VerifyError> {
        let offset = self.at;
        match self.number()? {
            word if word < MODULUS => Ok(word),
            _ => Err(VerifyError::Encoding { offset, what: "a field element is not canonical" }),
        }
    }

    /// Reads a length and that many items; nothing is allocated for more than the bytes that are left.
    fn counted<T>(
        &mut self,
        items: impl Fn(&mut Self, usize) -> Result<Vec<T>, VerifyError>,
    ) -> Result<Vec<T>, VerifyError> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        items(self, count)
    }

    fn row(&mut self) -> Result<Vec<u64>, VerifyError> {
        self.counted(|r, n| {
            r.bound(n, 8)?;
            (0..n).map(|_| r.word()).collect()
        })
    }

    fn digests(&mut self, n: usize) -> Result<Vec<Digest>, VerifyError> {
        self.bound(n, 32)?;
        let (digests, _) = self.take(32 * n)?.as_chunks::<32>();
        Ok(digests.to_vec())
    }

    fn elements(&mut self, n: usize) -> Result<Vec<E>, VerifyError> {
        self.bound(n, 24)?;
        (0..n).map(|_| Ok(ext([self.word()?, self.word()?, self.word()?]))).collect()
    }

    /// Whether `n` items of `size` bytes are left.
    fn bound(&self, n: usize, size: usize) -> Result<(), VerifyError> {
        if n <= self.left() / size { Ok(()) } else { self.fault("it ends early") }
    }
}

/// Public parts travel with proofs of programs: inputs and messages, each with its length.
impl crate::layout::Public {
    /// The canonical words, lengths included.
    pub(crate) fn words(&self) -> Vec<F> {
        let length = |n: usize| F::from_u64(n as u64);
        let mut words = vec![length(self.inputs.len())];
        for input in &self.inputs {
            words.push(length(input.len()));
            words.extend(input);
        }
        words.push(length(self.messages.len()));
        for m in &self.messages {
            words.extend([F::from_u64(m.bus % F::ORDER_U64), length(m.values.len()), m.multiplicity]);
            words.extend(&m.values);
        }
        words
    }
}
