//! The constraints of an r1cs file as a stream that allocates nothing.

use super::R1csHeader;
use crate::{
    cursor::Cursor,
    error::{FormatErrorKind, Place, Result},
};
use forebay_msm::ScalarField;

/// Bytes of one term: u32 wire, 32-byte coefficient.
const TERM_BYTES: usize = 36;

/// One constraint: A·w times B·w is C·w.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Position, from 0.
    pub index: u32,
    /// The combination A.
    pub a: Combination<'a>,
    /// The combination B.
    pub b: Combination<'a>,
    /// The combination C.
    pub c: Combination<'a>,
}

/// A linear combination of wires: a slice of the file.
#[derive(Clone, Copy, Debug)]
pub struct Combination<'a> {
    place: Place<'a>,
    /// [`TERM_BYTES`] per term.
    bytes: &'a [u8],
    /// Of `bytes`, in the file.
    offset: u64,
    n_wires: u32,
}

/// One term as it stands in the file. Neither the wire nor the coefficient is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term<'a> {
    /// The wire.
    pub wire: u32,
    /// The coefficient, canonical little-endian.
    pub coefficient: &'a [u8; 32],
}

impl<'a> Combination<'a> {
    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / TERM_BYTES
    }

    /// Whether the combination is zero for want of terms.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The terms as they stand in the file, unchecked. One wire may occur more than once.
    pub fn raw_terms(&self) -> impl ExactSizeIterator<Item = Term<'a>> + use<'a> {
        self.bytes.as_chunks::<TERM_BYTES>().0.iter().map(|term| {
            let [w0, w1, w2, w3, coefficient @ ..] = term;
            Term { wire: u32::from_le_bytes([*w0, *w1, *w2, *w3]), coefficient }
        })
    }

    /// The terms as (wire, coefficient), each checked: the wire exists, and the coefficient is below the modulus.
    ///
    /// One wire may occur more than once, and its coefficients then add up; [`summed_terms`](Self::summed_terms) does it.
    pub fn terms<F: ScalarField>(&self) -> impl ExactSizeIterator<Item = Result<(u32, F)>> + use<'a, F> {
        let Combination { place, offset, n_wires, .. } = *self;
        self.raw_terms().enumerate().map(move |(i, term)| {
            let at = offset + (i * TERM_BYTES) as u64;
            if term.wire >= n_wires {
                let (index, count) = (term.wire.into(), n_wires.into());
                return Err(place.error_at(at, FormatErrorKind::OutOfRange { what: "wire", index, count }));
            }
            match F::from_canonical_le_bytes(term.coefficient) {
                Some(coefficient) => Ok((term.wire, coefficient)),
                None => Err(place.error_at(at + 4, FormatErrorKind::NotReduced("coefficient"))),
            }
        })
    }

    /// Replaces the contents of `out` by the terms in the order of their wires, each wire once, zeros left out.
    ///
    /// # Errors
    /// As for the items of [`terms`](Self::terms).
    pub fn summed_terms<F: ScalarField>(&self, out: &mut Vec<(u32, F)>) -> Result<()> {
        out.clear();
        for term in self.terms() {
            out.push(term?);
        }
        if !out.is_sorted_by_key(|t| t.0) {
            out.sort_by_key(|t| t.0);
        }
        out.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 += later.1;
            }
            same
        });
        out.retain(|t| !t.1.is_zero_vartime());
        Ok(())
    }
}

/// The constraints of an r1cs file, in order. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    place: Place<'a>,
    cursor: Cursor<'a>,
    n_wires: u32,
    next: u32,
    end: u32,
    finished: bool,
}

impl<'a> Rows<'a> {
    pub(super) fn new(place: Place<'a>, cursor: Cursor<'a>, header: &R1csHeader) -> Self {
        let (n_wires, end) = (header.n_wires, header.n_constraints);
        Rows { place, cursor, n_wires, next: 0, end, finished: false }
    }

    fn combination(&mut self) -> Result<Combination<'a>> {
        let count = self.cursor.u32()?;
        let offset = self.cursor.offset();
        let bytes = self.cursor.take_items(count.into(), TERM_BYTES as u64)?;
        Ok(Combination { place: self.place, bytes, offset, n_wires: self.n_wires })
    }

    fn row(&mut self) -> Result<Row<'a>> {
        let index = self.next;
        Ok(Row { index, a: self.combination()?, b: self.combination()?, c: self.combination()? })
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        if self.next == self.end {
            self.finished = true;
            return self.cursor.finish().err().map(Err);
        }
        let row = self.row();
        self.next += 1;
        self.finished = row.is_err();
        Some(row)
    }
}
