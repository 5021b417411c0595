//! wtns, version 2: the values of all wires.
//!
//! Section 1: u32 n8 (32), the prime r, u32 count. Section 2: `count` values, 32 bytes canonical little-endian each; the
//! first is the constant 1. Source: iden3/snarkjs, `src/wtns_utils.js`.
//!
//! Values are secret. They live in a [`SecretVec`], which wipes them when dropped and shows none of them; files are read
//! into wiped buffers, never mapped, and written with mode 0600.

use crate::{
    atomic::{Access, AtomicFile},
    data::read_secret,
    error::{FormatErrorKind, Place, Result, Section},
    iden3::{Table, read_scalar_modulus, section_cursor},
};
use forebay_msm::{Curve, CurveId, ScalarField, SecretVec};
use rayon::{ThreadPool, prelude::*};
use std::{fmt, io::Write, ops::Range, path::Path};
use zeroize::Zeroizing;

const HEADER: Section = Section { id: 1, name: "header" };
const VALUES: Section = Section { id: 2, name: "values" };

fn section_name(id: u32) -> &'static str {
    [HEADER, VALUES].iter().find(|s| s.id == id).map_or("unknown", |s| s.name)
}

/// What the header of a wtns file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WtnsHeader {
    /// The curve whose scalar field the values are in.
    pub curve: CurveId,
    /// Number of values.
    pub count: u32,
}

/// A wtns file in memory, its values not yet decoded.
pub struct WtnsFile {
    name: String,
    bytes: Zeroizing<Vec<u8>>,
    header: WtnsHeader,
    values: Range<usize>,
}

impl fmt::Debug for WtnsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WtnsFile")
            .field("name", &self.name)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl WtnsFile {
    /// Reads a file and checks its header and section lengths.
    ///
    /// # Errors
    /// Anything wrong with the file, the container or the header.
    pub fn open(path: &Path) -> Result<Self> {
        Self::parse(path.display().to_string(), read_secret(path)?)
    }

    /// Reads a copy of `bytes`; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As [`WtnsFile::open`].
    pub fn from_slice(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::parse(name.into(), Zeroizing::new(bytes.to_vec()))
    }

    fn parse(name: String, bytes: Zeroizing<Vec<u8>>) -> Result<Self> {
        let table = Table::read(&name, &bytes, "wtns", 2, section_name)?;
        let mut cursor = section_cursor(&name, &bytes, HEADER, &table.require(&name, HEADER)?);
        let header = WtnsHeader { curve: read_scalar_modulus(&mut cursor)?, count: cursor.u32()? };
        cursor.finish()?;
        let values = table.require(&name, VALUES)?;
        let (found, expected) = (values.len() as u64, 32 * u64::from(header.count));
        if found != expected {
            let place = Place { file: &name, section: Some(VALUES) };
            return Err(
                place.error_at(values.start as u64, FormatErrorKind::SectionLength { found, expected })
            );
        }
        Ok(WtnsFile { header, values, name, bytes })
    }

    /// The header.
    pub fn header(&self) -> &WtnsHeader {
        &self.header
    }

    /// Decodes the values, in parallel in `pool`, and checks them: the first is 1, each is below the modulus.
    ///
    /// # Errors
    /// [`FormatErrorKind::WrongCurve`], [`FormatErrorKind::NotReduced`], [`FormatErrorKind::FirstWireNotOne`].
    pub fn witness<C: Curve>(&self, pool: &ThreadPool) -> Result<SecretVec<C::Fr>> {
        let place = |section| Place { file: &self.name, section: Some(section) };
        if self.header.curve != C::ID {
            let kind = FormatErrorKind::WrongCurve { found: self.header.curve, expected: C::ID };
            return Err(place(HEADER).error(kind));
        }
        let bytes = self.bytes.get(self.values.clone()).unwrap_or_default().as_chunks::<32>().0;
        // Filled in place, so that an error wipes what was decoded.
        let mut witness = SecretVec::<C::Fr>::zeros(bytes.len());
        let offset = |i: usize| self.values.start as u64 + 32 * i as u64;
        let bad = pool.install(|| {
            let decode =
                |(i, (value, bytes)): (usize, (&mut C::Fr, &[u8; 32]))| match C::Fr::from_canonical_le_bytes(
                    bytes,
                ) {
                    Some(v) => {
                        *value = v;
                        None
                    }
                    None => Some(i),
                };
            witness.par_iter_mut().zip(bytes).with_min_len(1024).enumerate().filter_map(decode).min()
        });
        if let Some(i) = bad {
            return Err(place(VALUES).error_at(offset(i), FormatErrorKind::NotReduced("value")));
        }
        if witness.first() != Some(&<C::Fr as ff::Field>::ONE) {
            return Err(place(VALUES).error_at(offset(0), FormatErrorKind::FirstWireNotOne));
        }
        Ok(witness)
    }
}

/// Writes a wtns file with mode 0600.
///
/// # Errors
/// As [`AtomicFile::create`]; [`FormatErrorKind::Misuse`] for 2^32 values or more; errors of writing.
pub fn write_wtns<C: Curve>(path: &Path, witness: &SecretVec<C::Fr>) -> Result<()> {
    let mut out = AtomicFile::create(path, Access::Private)?;
    let Ok(count) = u32::try_from(witness.len()) else {
        let place = Place { file: &path.display().to_string(), section: None };
        return Err(place.error(FormatErrorKind::Misuse("a witness has fewer than 2^32 values")));
    };
    let mut head = Vec::with_capacity(76);
    head.extend(b"wtns");
    for v in [2, 2, HEADER.id] {
        head.extend(u32::to_le_bytes(v));
    }
    head.extend(40u64.to_le_bytes());
    head.extend(32u32.to_le_bytes());
    head.extend(C::ID.scalar_modulus_le());
    head.extend(count.to_le_bytes());
    head.extend(VALUES.id.to_le_bytes());
    head.extend((32 * u64::from(count)).to_le_bytes());
    out.write_all(&head).map_err(|e| out.error(e))?;
    for value in witness.iter() {
        let bytes = Zeroizing::new(value.to_canonical_le_bytes());
        out.write_all(&*bytes).map_err(|e| out.error(e))?;
    }
    out.commit()
}
