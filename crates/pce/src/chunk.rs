//! The bytes of one chunk of rows. The README beside this crate's manifest has the layout.
//!
//! Reading never trusts: every length is checked against the bytes there are, and a damaged chunk is an error.

use crate::Matrix;
use crate::dictionary::{Code, Dictionary, KINDS};

/// Rows per chunk. 2048 rows of three outputs are 192 KiB, which stay in an L2 cache of 512 KiB beside the witness values
/// in use; all figures in the README were measured with it. More rows share patterns better, fewer spread better over
/// threads.
pub const ROWS_PER_CHUNK: usize = 2048;

/// A chunk is also closed when it has this many terms, which bounds the memory of compiling and the longest time
/// between two checkpoints.
pub(crate) const TERMS_PER_CHUNK: usize = 1 << 17;

/// Columns within this distance from the chunk's base are written in two bytes.
pub(crate) const NEAR_SPAN: u32 = 1 << 16;
pub(crate) const NEAR_BYTES: usize = 2;
pub(crate) const FAR_BYTES: usize = 4;

/// Which output a combination goes to: the matrix in the two top bits, the row within the chunk below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot(pub(crate) u16);

pub(crate) const SLOT_BYTES: usize = 2;
const _: () = assert!(ROWS_PER_CHUNK <= 1 << 14);

impl Slot {
    pub(crate) fn new(matrix: Matrix, row: usize) -> Self {
        debug_assert!(row < ROWS_PER_CHUNK, "row within the chunk");
        Slot((matrix as u16) << 14 | row as u16)
    }

    /// 0 for A, 1 for B, 2 for C, 3 in damaged data.
    #[inline(always)]
    pub(crate) const fn matrix(self) -> usize {
        (self.0 >> 14) as usize
    }

    #[inline(always)]
    pub(crate) const fn row(self) -> usize {
        (self.0 & 0x3fff) as usize
    }

    #[inline(always)]
    pub(crate) const fn read(bytes: [u8; 2]) -> Self {
        Slot(u16::from_le_bytes(bytes))
    }
}

/// What the encoder says about a group.
pub(crate) struct Header {
    pub(crate) far: bool,
    pub(crate) constant: Option<usize>,
    pub(crate) counts: [usize; KINDS],
    /// The largest table index.
    pub(crate) largest: u32,
}

impl Header {
    pub(crate) const COPIES: u8 = 0x80;
    pub(crate) const NO_CONSTANT: u8 = 7;
}

/// Appends a LEB128 integer.
pub(crate) fn put_varint(mut v: usize, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Combinations with the same coefficients.
pub(crate) struct Group<'a> {
    /// Columns are absolute (four bytes), not relative to the chunk's base (two bytes).
    pub(crate) far: bool,
    /// The coefficient of column 0.
    pub(crate) constant: Option<Code>,
    /// Terms of each kind, column 0 left out.
    pub(crate) counts: [usize; KINDS],
    /// Table indices of the terms of kinds 2 to 4.
    indices: &'a [u8],
    index_width: usize,
    /// A slot and the columns, for each combination.
    pub(crate) records: &'a [u8],
    /// Bytes of one record, at least [`SLOT_BYTES`].
    pub(crate) record: usize,
}

/// A part of a chunk.
pub(crate) enum Item<'a> {
    Group(Group<'a>),
    /// (to, from) slots of equal combinations.
    Copies(&'a [[u8; 4]]),
}

/// Reads the items of a chunk one after the other.
pub(crate) struct Items<'a> {
    rest: &'a [u8],
    total: usize,
}

type Parsed<T> = Result<T, &'static str>;

impl<'a> Items<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Items { rest: bytes, total: bytes.len() }
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.total - self.rest.len()
    }

    /// The next item; `None` at the end of the chunk.
    pub(crate) fn next(&mut self) -> Parsed<Option<Item<'a>>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let flags = self.byte()?;
        let count = self.varint()?;
        if count == 0 {
            return Err("a group without combinations");
        }
        if flags == Header::COPIES {
            let bytes = self.take(count.checked_mul(4).ok_or("a length overflows")?)?;
            return Ok(Some(Item::Copies(bytes.as_chunks().0)));
        }
        self.group(flags, count).map(|group| Some(Item::Group(group)))
    }

    fn group(&mut self, flags: u8, count: usize) -> Parsed<Group<'a>> {
        if flags & 0xc0 != 0 {
            return Err("unknown flags");
        }
        let index_width = match flags >> 1 & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return Err("unknown index width"),
        };
        let far = flags & 1 == 1;
        let constant_kind = match flags >> 3 & 7 {
            Header::NO_CONSTANT => None,
            kind if usize::from(kind) < KINDS => Some(u32::from(kind)),
            _ => return Err("unknown kind of constant"),
        };
        let counts = self.counts()?;
        let terms = counts.iter().try_fold(0usize, |n, &c| n.checked_add(c)).ok_or("a length overflows")?;
        if terms == 0 && constant_kind.is_none() {
            return Err("a combination without terms");
        }
        let constant = match constant_kind {
            Some(kind) if kind > 1 => {
                let index = read_index(self.take(index_width)?);
                (index <= crate::dictionary::MAX_ENTRIES as u32).then_some(Code(kind << 29 | index))
            }
            Some(kind) => Some(Code(kind << 29)),
            None => None,
        };
        if constant.is_none() && constant_kind.is_some() {
            return Err("an index is out of range");
        }
        // No overflow: the sum over all kinds did not, and a take of that many bytes is checked.
        let indexed = terms - counts[0] - counts[1];
        let indices = self.take(indexed.checked_mul(index_width).ok_or("a length overflows")?)?;
        let column = if far { FAR_BYTES } else { NEAR_BYTES };
        let record =
            terms.checked_mul(column).and_then(|n| n.checked_add(SLOT_BYTES)).ok_or("a length overflows")?;
        let records = self.take(record.checked_mul(count).ok_or("a length overflows")?)?;
        Ok(Group { far, constant, counts, indices, index_width, records, record })
    }

    fn counts(&mut self) -> Parsed<[usize; KINDS]> {
        let present = self.byte()?;
        if present >> KINDS != 0 {
            return Err("unknown kind of coefficient");
        }
        let mut counts = [0; KINDS];
        for (kind, n) in counts.iter_mut().enumerate() {
            if present >> kind & 1 == 1 {
                *n = self.varint()?;
            }
        }
        Ok(counts)
    }

    fn take(&mut self, n: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or("the chunk ends within a group")?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Parsed<u8> {
        self.take(1).map(|b| b[0])
    }

    /// A LEB128 integer below 2^35.
    fn varint(&mut self) -> Parsed<usize> {
        let mut v = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let b = self.byte()?;
            v |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return usize::try_from(v).map_err(|_| "a length overflows");
            }
        }
        Err("a length is too long")
    }
}

fn read_index(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |v, &b| v << 8 | u32::from(b))
}

impl<'a> Group<'a> {
    /// Terms of one combination, column 0 left out.
    pub(crate) fn terms(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Combinations of the group.
    pub(crate) fn combinations(&self) -> usize {
        self.records.len() / self.record
    }

    /// The group without its first `n` combinations.
    pub(crate) fn without_first(&self, n: usize) -> Group<'a> {
        let records = self.records.get(n * self.record..).unwrap_or(&[]);
        Group { records, ..*self }
    }

    /// Replaces `small` by the magnitudes of the terms of kinds 2 and 3, and `large` by the coefficients of kind 4.
    pub(crate) fn coefficients(
        &self,
        dictionary: &Dictionary,
        small: &mut Vec<u64>,
        large: &mut Vec<[u64; 4]>,
    ) -> Parsed<()> {
        const OUT_OF_RANGE: &str = "a coefficient is not in the dictionary";
        small.clear();
        large.clear();
        let mut indices = self.indices.chunks_exact(self.index_width).map(|b| read_index(b) as usize);
        for index in indices.by_ref().take(self.counts[2] + self.counts[3]) {
            small.push(*dictionary.small.get(index).ok_or(OUT_OF_RANGE)?);
        }
        for index in indices {
            large.push(*dictionary.large.get(index).ok_or(OUT_OF_RANGE)?);
        }
        Ok(())
    }

    /// The slots and the raw bytes of the columns.
    pub(crate) fn split_records(&self) -> impl Iterator<Item = (Slot, &'a [u8])> + use<'a> {
        // A record has at least SLOT_BYTES.
        self.records.chunks_exact(self.record).map(|r| (Slot::read([r[0], r[1]]), &r[SLOT_BYTES..]))
    }
}
