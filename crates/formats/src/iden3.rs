//! The container of iden3's binary files (r1cs, wtns, zkey, ptau).
//!
//! Magic (4 bytes), u32 version, u32 number of sections, then per section u32 id, u64 length and the data; integers
//! are little-endian. Sections come in any order (circom writes r1cs as 2, 1, 3), so the table is built first. They
//! follow each other without gaps, so they cannot overlap: a length that reaches into the next section makes that one's
//! header unreadable, and a length beyond the end is an error at once. Source: iden3/binfileutils and
//! iden3/r1csfile's `doc/r1cs_bin_format.md`.

use crate::{
    cursor::Cursor,
    error::{FormatErrorKind, Place, Result, Section},
};
use forebay_msm::CurveId;
use std::ops::Range;

/// More sections than any file has (ptau: 15), so that the search for duplicates stays small.
const MAX_SECTIONS: u32 = 64;

/// The table of sections of one file.
#[derive(Debug)]
pub(crate) struct Table {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: u32,
    range: Range<usize>,
}

impl Table {
    /// Builds the table of a file that starts with `magic` and has version `version`.
    ///
    /// `name_of` tells the sections' names for messages.
    pub(crate) fn read(
        file: &str,
        bytes: &[u8],
        magic: &'static str,
        version: u32,
        name_of: fn(u32) -> &'static str,
    ) -> Result<Table> {
        let mut cursor = Cursor::new(Place { file, section: None }, bytes, 0);
        if !bytes.starts_with(magic.as_bytes()) {
            return Err(cursor.error(FormatErrorKind::Magic { expected: magic }));
        }
        cursor.take(magic.len() as u64)?;
        let at = cursor.clone();
        let found = cursor.u32()?;
        if found != version {
            return Err(at.error(FormatErrorKind::Version { found, expected: version }));
        }
        let at = cursor.clone();
        let found = cursor.u32()?;
        if found > MAX_SECTIONS {
            return Err(at.error(FormatErrorKind::TooManySections { found, limit: MAX_SECTIONS }));
        }
        let mut entries: Vec<Entry> = Vec::new();
        for _ in 0..found {
            let id = cursor.u32()?;
            let section = Place { file, section: Some(Section { id, name: name_of(id) }) };
            let length = cursor.u64()?;
            if entries.iter().any(|e| e.id == id) {
                return Err(section.error_at(cursor.offset() - 12, FormatErrorKind::DuplicateSection));
            }
            let start = bytes.len() - cursor.rest().len();
            let left = cursor.rest().len() as u64;
            let data = cursor.take(length).map_err(|_| {
                section.error_at(cursor.offset(), FormatErrorKind::Truncated { needed: length, left })
            })?;
            entries.push(Entry { id, range: start..start + data.len() });
        }
        cursor.finish()?;
        Ok(Table { entries })
    }

    /// Where a section that must be there lies.
    pub(crate) fn require(&self, file: &str, section: Section) -> Result<Range<usize>> {
        self.get(section.id)
            .ok_or_else(|| Place { file, section: Some(section) }.error(FormatErrorKind::MissingSection))
    }

    /// Where a section lies, if there is one.
    pub(crate) fn get(&self, id: u32) -> Option<Range<usize>> {
        self.entries.iter().find(|e| e.id == id).map(|e| e.range.clone())
    }
}

/// A cursor over a section's data. The range comes from the table of the same bytes.
pub(crate) fn section_cursor<'a>(
    file: &'a str,
    bytes: &'a [u8],
    section: Section,
    range: &Range<usize>,
) -> Cursor<'a> {
    let place = Place { file, section: Some(section) };
    Cursor::new(place, bytes.get(range.clone()).unwrap_or_default(), range.start as u64)
}

/// Reads u32 size and modulus of a scalar field, and tells the curve.
pub(crate) fn read_scalar_modulus(cursor: &mut Cursor<'_>) -> Result<CurveId> {
    let at = cursor.clone();
    let size = cursor.u32()?;
    let modulus = cursor.take(size.into())?;
    CurveId::ALL
        .into_iter()
        .find(|id| id.scalar_modulus_le() == modulus)
        .ok_or_else(|| at.error(FormatErrorKind::UnknownCurve("modulus of the scalar field")))
}

/// Reads u32 size and modulus of a base field, and tells the curve.
pub(crate) fn read_base_modulus(cursor: &mut Cursor<'_>) -> Result<CurveId> {
    let at = cursor.clone();
    let size = cursor.u32()?;
    let modulus = cursor.take(size.into())?;
    CurveId::ALL
        .into_iter()
        .find(|id| id.base_modulus_le() == modulus)
        .ok_or_else(|| at.error(FormatErrorKind::UnknownCurve("modulus of the base field")))
}
