//! zkey, version 1, protocol Groth16: a proving key as snarkjs writes it.
//!
//! | section | contents |
//! |---|---|
//! | 1 | u32 protocol (1 = Groth16) |
//! | 2 | u32 n8q, q, u32 n8r, r, u32 nVars, nPublic, domainSize, α₁ β₁ β₂ γ₂ δ₁ δ₂ |
//! | 3 | IC: nPublic + 1 points of G1 |
//! | 4 | u32 count, then per coefficient u32 matrix (0 = A, 1 = B), row, wire, 32 bytes v·R² mod r |
//! | 5, 6, 7 | A (G1), B (G1), B (G2): nVars points each |
//! | 8 | C: the nVars − nPublic − 1 private wires, G1 |
//! | 9 | H: domainSize points of G1, the Lagrange basis at the odd powers of ω₂ₙ, over δ |
//! | 10 | 64 bytes circuit hash, u32 number of contributions, the contributions |
//!
//! Points are x, y in Montgomery form, little-endian, Fq2 as c0, c1, infinity as zeros: the layout of
//! [`AffinePoint`], so [`Bases`] borrow them from the map. There is no matrix C: it is A∘B, and a
//! witness that does not satisfy the circuit gives a wrong proof unless it is checked elsewhere. The rows from the
//! number of constraints on, one for the constant and each public signal, hold that wire in A alone.
//! Source: iden3/snarkjs, `src/zkey_utils.js`.

mod any;
mod coefficients;
mod contributions;
mod header;
mod write;

pub use any::AnyZkey;
pub use coefficients::{Coefficient, Coefficients, Matrix};
pub use contributions::Contributions;
pub use header::ZkeyHeader;
pub use write::{G1Section, ZkeyWriter};

use crate::{
    data::{Data, file_reader},
    error::{FormatErrorKind, Place, Result, Section},
    iden3::{Table, section_cursor},
    vkey::VerifyingKey,
};
use forebay_msm::{AffinePoint, Bases, Curve};
use std::ops::Range;

pub(crate) const PROTOCOL: Section = Section { id: 1, name: "protocol" };
pub(crate) const HEADER: Section = Section { id: 2, name: "header" };
pub(crate) const IC: Section = Section { id: 3, name: "IC" };
pub(crate) const COEFFICIENTS: Section = Section { id: 4, name: "coefficients" };
pub(crate) const A: Section = Section { id: 5, name: "A" };
pub(crate) const B1: Section = Section { id: 6, name: "B1" };
pub(crate) const B2: Section = Section { id: 7, name: "B2" };
pub(crate) const C: Section = Section { id: 8, name: "C" };
pub(crate) const H: Section = Section { id: 9, name: "H" };
pub(crate) const CONTRIBUTIONS: Section = Section { id: 10, name: "contributions" };

fn section_name(id: u32) -> &'static str {
    [PROTOCOL, HEADER, IC, COEFFICIENTS, A, B1, B2, C, H, CONTRIBUTIONS]
        .iter()
        .find(|s| s.id == id)
        .map_or("unknown", |s| s.name)
}

/// A proving key, used from the map of its file.
///
/// Opening checks the container, the header and that every section has the length that the header asks for; the rest is
/// for [`validate`](ZkeyFile::validate).
#[derive(Debug)]
pub struct ZkeyFile<'a, C: Curve> {
    data: Data<'a>,
    header: Box<ZkeyHeader<C>>,
    header_range: Range<usize>,
    ic: Range<usize>,
    coefficients: Range<usize>,
    a: Range<usize>,
    b1: Range<usize>,
    b2: Range<usize>,
    c: Range<usize>,
    h: Range<usize>,
    contributions: Option<Contributions>,
}

file_reader!(ZkeyFile<C>);

impl<'a, C: Curve> ZkeyFile<'a, C> {
    fn parse(data: Data<'a>) -> Result<Self> {
        let table = read_table(&data)?;
        Self::with_table(data, &table)
    }

    fn with_table(data: Data<'a>, table: &Table) -> Result<Self> {
        let file = data.name();
        let header_range = table.require(file, HEADER)?;
        let header = Box::new(ZkeyHeader::read(section_cursor(file, &data, HEADER, &header_range))?);
        let of_length = |section: Section, expected: u64| {
            let range = table.require(file, section)?;
            if range.len() as u64 == expected {
                return Ok(range);
            }
            let kind = FormatErrorKind::SectionLength { found: range.len() as u64, expected };
            Err(Place { file, section: Some(section) }.error_at(range.start as u64, kind))
        };
        // Counts have 32 bits and points less than 2^8 bytes: no product overflows.
        let g1 = C::G1Affine::BYTES as u64;
        let g2 = C::G2Affine::BYTES as u64;
        let (vars, public) = (u64::from(header.n_vars), u64::from(header.n_public));
        Ok(ZkeyFile {
            ic: of_length(IC, (public + 1) * g1)?,
            coefficients: coefficients::check_length(&data, table)?,
            a: of_length(A, vars * g1)?,
            b1: of_length(B1, vars * g1)?,
            b2: of_length(B2, vars * g2)?,
            // The header's reader has checked that nPublic + 1 ≤ nVars.
            c: of_length(self::C, (vars - public - 1) * g1)?,
            h: of_length(H, u64::from(header.domain_size) * g1)?,
            contributions: Contributions::read(&data, table)?,
            header,
            header_range,
            data,
        })
    }

    /// The header.
    pub fn header(&self) -> &ZkeyHeader<C> {
        &self.header
    }

    /// What section 10 tells, if the file has one.
    pub fn contributions(&self) -> Option<&Contributions> {
        self.contributions.as_ref()
    }

    /// The points of the public signals, (βA + αB + C)/γ: nPublic + 1 of them.
    pub fn ic(&self) -> Bases<'_, C::G1Affine> {
        self.bases(&self.ic)
    }

    /// A(τ) in G1: nVars points.
    pub fn a(&self) -> Bases<'_, C::G1Affine> {
        self.bases(&self.a)
    }

    /// B(τ) in G1: nVars points.
    pub fn b1(&self) -> Bases<'_, C::G1Affine> {
        self.bases(&self.b1)
    }

    /// B(τ) in G2: nVars points.
    pub fn b2(&self) -> Bases<'_, C::G2Affine> {
        self.bases(&self.b2)
    }

    /// (βA + αB + C)/δ of the private wires: point `i` belongs to wire nPublic + 1 + `i`.
    pub fn c(&self) -> Bases<'_, C::G1Affine> {
        self.bases(&self.c)
    }

    /// H: domainSize points, for the values of AB − C at the odd powers of ω₂ₙ.
    pub fn h(&self) -> Bases<'_, C::G1Affine> {
        self.bases(&self.h)
    }

    /// The coefficients of A and B.
    pub fn coefficients(&self) -> Coefficients<'_, C> {
        Coefficients::new(self.data.name(), &self.data, &self.coefficients, &self.header)
    }

    /// The verification key, with all its points checked.
    ///
    /// # Errors
    /// [`FormatErrorKind::Point`] and [`FormatErrorKind::Key`].
    pub fn vkey(&self) -> Result<VerifyingKey<C>> {
        self.header.points().checked_verifying_key(self.ic(), self.name())
    }

    fn bases<A: AffinePoint>(&self, range: &Range<usize>) -> Bases<'_, A> {
        // `parse` has checked the range and that its length is a multiple of the point's.
        Bases::from_bytes(self.data.get(range.clone()).unwrap_or_default()).unwrap_or(Bases::from_slice(&[]))
    }

    pub(crate) fn header_offset(&self) -> u64 {
        self.header_range.start as u64
    }

    /// Where a section of points starts in the file.
    pub(crate) fn offset_of(&self, section: Section) -> u64 {
        let range = match section.id {
            3 => &self.ic,
            5 => &self.a,
            6 => &self.b1,
            7 => &self.b2,
            8 => &self.c,
            9 => &self.h,
            _ => return 0,
        };
        range.start as u64
    }
}

/// Builds the table and checks that the protocol is Groth16.
fn read_table(data: &Data<'_>) -> Result<Table> {
    let file = data.name();
    let table = Table::read(file, data, "zkey", 1, section_name)?;
    let mut cursor = section_cursor(file, data, PROTOCOL, &table.require(file, PROTOCOL)?);
    let at = cursor.clone();
    if cursor.u32()? != 1 {
        return Err(at.error(FormatErrorKind::Unsupported("the protocol is not Groth16 (1)")));
    }
    cursor.finish()?;
    Ok(table)
}
