//! Section 4 of a zkey: the matrices A and B, coefficient by coefficient.

use super::{COEFFICIENTS, ZkeyHeader};
use crate::{
    data::Data,
    error::{FormatErrorKind, Place, Result},
    iden3::{Table, section_cursor},
};
use forebay_msm::{
    Curve, ScalarField,
    field::{limbs_from_le_bytes, limbs_to_le_bytes, mont4},
};
use std::{marker::PhantomData, ops::Range};

/// u32 matrix, u32 row, u32 wire, 32-byte value.
const RECORD_BYTES: usize = 44;

/// One of the two matrices that a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Matrix {
    /// The left factor.
    A,
    /// The right factor.
    B,
}

/// A coefficient of A or B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coefficient<F> {
    /// The matrix.
    pub matrix: Matrix,
    /// The row, below the domain's size.
    pub row: u32,
    /// The column, below the number of wires.
    pub wire: u32,
    /// The value.
    pub value: F,
}

/// The coefficients of a key, in the file's order. One (matrix, row, wire) may occur more than once: values add up.
#[derive(Clone, Copy, Debug)]
pub struct Coefficients<'a, C> {
    place: Place<'a>,
    records: &'a [[u8; RECORD_BYTES]],
    /// Of the first record, in the file.
    offset: u64,
    domain_size: u32,
    n_vars: u32,
    curve: PhantomData<C>,
}

impl<'a, C: Curve> Coefficients<'a, C> {
    pub(super) fn new(file: &'a str, bytes: &'a [u8], range: &Range<usize>, header: &ZkeyHeader<C>) -> Self {
        Coefficients {
            place: Place { file, section: Some(COEFFICIENTS) },
            records: bytes.get(range.clone()).unwrap_or_default().as_chunks().0,
            offset: range.start as u64,
            domain_size: header.domain_size,
            n_vars: header.n_vars,
            curve: PhantomData,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The one at a position, checked as by [`iter`](Self::iter); `None` past the end.
    pub fn get(&self, index: usize) -> Option<Result<Coefficient<C::Fr>>> {
        Some(self.decode(index, self.records.get(index)?))
    }

    /// All of them in order, each checked: the matrix is A or B, row and wire exist, the value is below the modulus.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<Coefficient<C::Fr>>> + use<'a, C> {
        self.range(0..self.len())
    }

    /// Those of a range of positions, cut off at the end of the list; checked as by [`iter`](Self::iter).
    pub fn range(
        &self,
        range: Range<usize>,
    ) -> impl ExactSizeIterator<Item = Result<Coefficient<C::Fr>>> + use<'a, C> {
        let this = *self;
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        let records = self.records.get(start..end).unwrap_or_default();
        records.iter().enumerate().map(move |(i, record)| this.decode(start + i, record))
    }

    fn decode(&self, index: usize, record: &[u8; RECORD_BYTES]) -> Result<Coefficient<C::Fr>> {
        let [m0, m1, m2, m3, r0, r1, r2, r3, w0, w1, w2, w3, value @ ..] = record;
        let word = |b: [&u8; 4]| u32::from_le_bytes(b.map(|b| *b));
        let (matrix, row, wire) = (word([m0, m1, m2, m3]), word([r0, r1, r2, r3]), word([w0, w1, w2, w3]));
        let error =
            |at: u64, kind| self.place.error_at(self.offset + (index * RECORD_BYTES) as u64 + at, kind);
        let out_of_range = |what, index: u32, count: u32| FormatErrorKind::OutOfRange {
            what,
            index: index.into(),
            count: count.into(),
        };
        let matrix = match matrix {
            0 => Matrix::A,
            1 => Matrix::B,
            m => return Err(error(0, out_of_range("matrix", m, 2))),
        };
        if row >= self.domain_size {
            return Err(error(4, out_of_range("row", row, self.domain_size)));
        }
        if wire >= self.n_vars {
            return Err(error(8, out_of_range("wire", wire, self.n_vars)));
        }
        match decode_value(value) {
            Some(value) => Ok(Coefficient { matrix, row, wire, value }),
            None => Err(error(12, FormatErrorKind::NotReduced("value"))),
        }
    }
}

/// The file has v·R² mod r as an integer; the Montgomery limbs of v are v·R, one reduction away.
fn decode_value<F: ScalarField>(bytes: &[u8; 32]) -> Option<F> {
    let limbs = limbs_from_le_bytes(bytes);
    mont4::is_reduced::<F>(&limbs).then(|| F::from_limbs_unchecked(mont4::mul::<F>(&limbs, &[1, 0, 0, 0])))
}

/// The record of a coefficient.
pub(super) fn encode<F: ScalarField>(c: &Coefficient<F>) -> [u8; RECORD_BYTES] {
    let matrix: u32 = match c.matrix {
        Matrix::A => 0,
        Matrix::B => 1,
    };
    // The limbs are v·R; the Montgomery product with R² is v·R·R²/R = v·R².
    let value = mont4::mul::<F>(c.value.limbs(), &F::R2);
    let mut record = [0; RECORD_BYTES];
    let fields = [matrix.to_le_bytes(), c.row.to_le_bytes(), c.wire.to_le_bytes()];
    let bytes = fields.into_iter().flatten().chain(limbs_to_le_bytes(&value));
    record.iter_mut().zip(bytes).for_each(|(out, b)| *out = b);
    record
}

/// Checks that the count at the section's start agrees with its length; returns where the records lie.
pub(super) fn check_length(data: &Data<'_>, table: &Table) -> Result<Range<usize>> {
    let file = data.name();
    let range = table.require(file, COEFFICIENTS)?;
    let mut cursor = section_cursor(file, data, COEFFICIENTS, &range);
    let count = cursor.u32()?;
    cursor.take_items(count.into(), RECORD_BYTES as u64)?;
    cursor.finish()?;
    Ok(range.start + 4..range.end)
}
