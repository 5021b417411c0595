//! r1cs, version 1: a rank-1 constraint system as circom writes it.
//!
//! Section 1 is the header: u32 n8 (32), the prime r, u32 nWires, nPubOut, nPubIn, nPrvIn, u64 nLabels, u32
//! nConstraints. Section 2 holds per constraint the combinations A, B, C with (A·w)·(B·w) = C·w: u32 number of terms,
//! then per term u32 wire and the coefficient, 32 bytes canonical little-endian. Section 3 maps wires to labels.
//! Sections 4 and 5 are PLONK custom gates. Wires are numbered: the constant 1, public outputs, public inputs, private
//! inputs, the rest. Source: iden3/r1csfile, `doc/r1cs_bin_format.md`.
//!
//! A wire may occur twice in one combination: its coefficients add up. [`Combination::terms`] gives terms as they stand
//! in the file; [`Combination::summed_terms`] adds them up.

mod rows;
mod write;

pub use rows::{Combination, Row, Rows, Term};
pub use write::R1csWriter;

use crate::{
    data::{Data, Load},
    error::{FormatErrorKind, Place, Result, Section},
    iden3::{Table, read_scalar_modulus, section_cursor},
};
use forebay_msm::CurveId;
use std::{ops::Range, path::Path};

const HEADER: Section = Section { id: 1, name: "header" };
const CONSTRAINTS: Section = Section { id: 2, name: "constraints" };
const WIRE_MAP: Section = Section { id: 3, name: "wire map" };
const CUSTOM_GATES: [Section; 2] =
    [Section { id: 4, name: "custom gates list" }, Section { id: 5, name: "custom gates application" }];

/// The shortest constraint: three empty combinations.
const MIN_CONSTRAINT_BYTES: u64 = 12;

fn section_name(id: u32) -> &'static str {
    [HEADER, CONSTRAINTS, WIRE_MAP]
        .iter()
        .chain(&CUSTOM_GATES)
        .find(|s| s.id == id)
        .map_or("unknown", |s| s.name)
}

/// The header of an r1cs file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct R1csHeader {
    /// The curve whose scalar field the constraints are over.
    pub curve: CurveId,
    /// Number of wires, the constant 1 included.
    pub n_wires: u32,
    /// Number of public outputs.
    pub n_pub_out: u32,
    /// Number of public inputs.
    pub n_pub_in: u32,
    /// Number of private inputs.
    pub n_prv_in: u32,
    /// Number of labels (signals before simplification).
    pub n_labels: u64,
    /// Number of constraints.
    pub n_constraints: u32,
}

impl R1csHeader {
    /// Number of public signals: outputs and public inputs, without the constant 1.
    pub fn n_public(&self) -> u32 {
        // No overflow: `check` bounds the sum by the number of wires.
        self.n_pub_out + self.n_pub_in
    }

    fn check(&self) -> Result<(), FormatErrorKind> {
        let named = u64::from(self.n_pub_out) + u64::from(self.n_pub_in) + u64::from(self.n_prv_in);
        if named + 1 > self.n_wires.into() {
            return Err(FormatErrorKind::Header("more inputs and outputs than wires"));
        }
        Ok(())
    }
}

/// An r1cs file: its header, and its constraints as a stream.
#[derive(Debug)]
pub struct R1csFile<'a> {
    data: Data<'a>,
    header: R1csHeader,
    constraints: Range<usize>,
}

impl R1csFile<'static> {
    /// Opens a file and checks its header and section lengths.
    ///
    /// # Errors
    /// Anything wrong with the file, the container or the header.
    pub fn open(path: &Path, load: Load) -> Result<Self> {
        Self::parse(Data::open(path, load)?)
    }
}

impl<'a> R1csFile<'a> {
    /// Reads from bytes; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As [`R1csFile::open`].
    pub fn from_slice(name: &str, bytes: &'a [u8]) -> Result<Self> {
        Self::parse(Data::from_slice(name, bytes))
    }

    fn parse(data: Data<'a>) -> Result<Self> {
        let file = data.name();
        let table = Table::read(file, &data, "r1cs", 1, section_name)?;
        let header = read_header(file, &data, &table)?;
        let constraints = table.require(file, CONSTRAINTS)?;
        let at = |section| Place { file, section: Some(section) };
        let least = MIN_CONSTRAINT_BYTES * u64::from(header.n_constraints);
        if least > constraints.len() as u64 {
            let kind = FormatErrorKind::Truncated { needed: least, left: constraints.len() as u64 };
            return Err(at(CONSTRAINTS).error_at(constraints.start as u64, kind));
        }
        if let Some(map) = table.get(WIRE_MAP.id) {
            let (found, expected) = (map.len() as u64, 8 * u64::from(header.n_wires));
            if found != expected {
                let kind = FormatErrorKind::SectionLength { found, expected };
                return Err(at(WIRE_MAP).error_at(map.start as u64, kind));
            }
        }
        for section in CUSTOM_GATES {
            let Some(range) = table.get(section.id) else { continue };
            let bytes = data.get(range.clone()).unwrap_or_default();
            if bytes.iter().any(|b| *b != 0) || bytes.len() > 4 {
                let kind = FormatErrorKind::Unsupported("custom gates are not supported by Groth16");
                return Err(at(section).error_at(range.start as u64, kind));
            }
        }
        Ok(R1csFile { header, constraints, data })
    }

    /// The header.
    pub fn header(&self) -> &R1csHeader {
        &self.header
    }

    /// The path or name, for messages.
    pub fn name(&self) -> &str {
        self.data.name()
    }

    /// The whole file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// Fails if the file is for another curve.
    ///
    /// # Errors
    /// [`FormatErrorKind::WrongCurve`].
    pub fn expect_curve(&self, expected: CurveId) -> Result<()> {
        if self.header.curve == expected {
            return Ok(());
        }
        let kind = FormatErrorKind::WrongCurve { found: self.header.curve, expected };
        Err(Place { file: self.data.name(), section: Some(HEADER) }.error(kind))
    }

    /// The constraints in the file's order. The iterator ends after the first error; it checks that the section ends
    /// where the last constraint does.
    pub fn rows(&self) -> Rows<'_> {
        let cursor = section_cursor(self.data.name(), &self.data, CONSTRAINTS, &self.constraints);
        Rows::new(Place { file: self.data.name(), section: Some(CONSTRAINTS) }, cursor, &self.header)
    }

    /// Fails if the file was changed since it was opened.
    ///
    /// # Errors
    /// [`FormatErrorKind::Changed`].
    pub fn check_unchanged(&self) -> Result<()> {
        self.data.check_unchanged()
    }
}

fn read_header(file: &str, bytes: &[u8], table: &Table) -> Result<R1csHeader> {
    let range = table.require(file, HEADER)?;
    let mut cursor = section_cursor(file, bytes, HEADER, &range);
    let start = cursor.clone();
    let header = R1csHeader {
        curve: read_scalar_modulus(&mut cursor)?,
        n_wires: cursor.u32()?,
        n_pub_out: cursor.u32()?,
        n_pub_in: cursor.u32()?,
        n_prv_in: cursor.u32()?,
        n_labels: cursor.u64()?,
        n_constraints: cursor.u32()?,
    };
    cursor.finish()?;
    header.check().map_err(|kind| start.error(kind))?;
    Ok(header)
}
