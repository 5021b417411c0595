//! Forebay's own proving key (`.fbk`), version 1: used in place, digest-checked.
//!
//! | offset | contents |
//! |---|---|
//! | 0 | "fbpk", u32 version, curve (1 BLS12-381, 2 BN254), basis (1 odd coset Lagrange, 2 coefficients) |
//! | 16 | u64 generator of the roots of unity, u32 log₂ of the domain, variables, public variables, 7, 0, 0 |
//! | 48 | per section u32 id, u32 0, u64 offset, u64 length, BLAKE3 digest of its data |
//! | 440 | BLAKE3 digest of the 440 bytes before; it stands for the whole file |
//! | 4096 | the sections in order, each at a multiple of 4096, zeros between |
//!
//! Sections: 1 α₁ β₁ δ₁ β₂ γ₂ δ₂, 2 IC, 3 A, 4 B1, 5 B2, 6 L, 7 H. Integers are little-endian; points are those of
//! [`AffinePoint`] in memory, infinity being zeros, one for every variable in A, B1 and B2. So [`Bases`] borrow them, and
//! as pages they can be registered with a device. Offsets and lengths follow from the counts and are checked against them.
//!
//! # Cost
//! Opening reads one page, the 6 points and the gaps. Digests are checked once per file: see
//! [`NativeKeyFile::validate_once`].

mod convert;
mod header;
mod validate;
mod write;

pub use header::NativeHeader;
pub use write::{NativeKeyWriter, NativePart, PointSink};

use crate::{
    cursor::Cursor,
    data::{Data, file_reader},
    decode::{Fault, read_named},
    error::{FormatErrorKind, Place, Result, Section},
    iden3::section_cursor,
    key_points::KeyPoints,
    store::Digest,
    vkey::VerifyingKey,
};
use forebay_msm::{AffinePoint, Bases, Curve, CurveId};
use header::Entry;
use std::ops::Range;

/// The first four bytes.
pub(crate) const MAGIC: &str = "fbpk";
const VERSION: u32 = 1;
/// Where sections begin: at multiples of a page of x86-64.
const ALIGNMENT: u64 = 4096;

const POINTS: Section = Section { id: 1, name: "points" };
const IC: Section = Section { id: 2, name: "IC" };
const A: Section = Section { id: 3, name: "A" };
const B1: Section = Section { id: 4, name: "B1" };
const B2: Section = Section { id: 5, name: "B2" };
const L: Section = Section { id: 6, name: "L" };
const H: Section = Section { id: 7, name: "H" };
/// In the order of the file; the id is the position, from 1.
const SECTIONS: [Section; 7] = [POINTS, IC, A, B1, B2, L, H];

/// A native key, used from the map of its file.
///
/// Opening checks the header with its digest, that the sections fill the file exactly, that the gaps are zero, and the
/// coordinates of α, β, γ and δ; the rest is for [`validate`](NativeKeyFile::validate).
#[derive(Debug)]
pub struct NativeKeyFile<'a, C: Curve> {
    data: Data<'a>,
    header: NativeHeader,
    entries: [Entry; SECTIONS.len()],
    root: [u8; 32],
    points: Box<KeyPoints<C>>,
}

/// The curve of a native key, from its first bytes: for choosing the type to open it with.
///
/// # Errors
/// [`FormatErrorKind::Magic`], [`FormatErrorKind::Version`], [`FormatErrorKind::UnknownCurve`],
/// [`FormatErrorKind::Truncated`].
pub fn native_curve(name: &str, bytes: &[u8]) -> Result<CurveId> {
    header::read_curve(&mut Cursor::new(Place { file: name, section: None }, bytes, 0))
}

file_reader!(NativeKeyFile<C>);

impl<'a, C: Curve> NativeKeyFile<'a, C> {
    fn parse(data: Data<'a>) -> Result<Self> {
        let (header, entries, root) = header::read::<C>(data.name(), &data)?;
        check_gaps(&data, &entries)?;
        let points =
            Box::new(read_points(section_cursor(data.name(), &data, POINTS, &range(&entries, POINTS)))?);
        Ok(NativeKeyFile { header, entries, root, points, data })
    }

    /// Counts and conventions.
    pub fn header(&self) -> &NativeHeader {
        &self.header
    }

    /// α, β, γ, δ.
    pub fn points(&self) -> &KeyPoints<C> {
        &self.points
    }

    /// The digest of the header, and through the digests in it of every section: the key's name.
    pub fn root_digest(&self) -> Digest {
        Digest(self.root)
    }

    /// The points of the public inputs, the constant one included.
    pub fn ic(&self) -> Bases<'_, C::G1Affine> {
        self.bases(IC)
    }

    /// A(τ) in G1, one point per variable.
    pub fn a(&self) -> Bases<'_, C::G1Affine> {
        self.bases(A)
    }

    /// B(τ) in G1, one point per variable.
    pub fn b1(&self) -> Bases<'_, C::G1Affine> {
        self.bases(B1)
    }

    /// B(τ) in G2, one point per variable.
    pub fn b2(&self) -> Bases<'_, C::G2Affine> {
        self.bases(B2)
    }

    /// The private variables' points.
    pub fn l(&self) -> Bases<'_, C::G1Affine> {
        self.bases(L)
    }

    /// The quotient's points, in the header's basis.
    pub fn h(&self) -> Bases<'_, C::G1Affine> {
        self.bases(H)
    }

    /// The verification key, with all its points checked.
    ///
    /// # Errors
    /// [`FormatErrorKind::Point`] and [`FormatErrorKind::Key`].
    pub fn vkey(&self) -> Result<VerifyingKey<C>> {
        self.points.checked_verifying_key(self.ic(), self.name())
    }

    fn section_bytes(&self, section: Section) -> &[u8] {
        // `parse` has checked that the sections lie in the file.
        self.data.get(range(&self.entries, section)).unwrap_or_default()
    }

    fn bases<P: AffinePoint>(&self, section: Section) -> Bases<'_, P> {
        Bases::from_bytes(self.section_bytes(section)).unwrap_or(Bases::from_slice(&[]))
    }
}

/// Where a section lies. The header's reader has compared the table with the file's length.
fn range(entries: &[Entry; SECTIONS.len()], section: Section) -> Range<usize> {
    let entry = entries.get((section.id as usize).wrapping_sub(1));
    entry.map_or(0..0, |e| e.offset as usize..(e.offset + e.length) as usize)
}

/// No byte of the file is outside of the digests' reach: what is between sections is zero.
fn check_gaps(data: &Data<'_>, entries: &[Entry; SECTIONS.len()]) -> Result<()> {
    for (pair, section) in entries.windows(2).zip(SECTIONS) {
        let [before, after] = pair else { continue };
        let start = before.offset + before.length;
        let gap = data.get(start as usize..after.offset as usize).unwrap_or_default();
        if gap.iter().any(|b| *b != 0) {
            let kind = FormatErrorKind::Header("the bytes after the section are not zero");
            return Err(Place { file: data.name(), section: Some(section) }.error_at(start, kind));
        }
    }
    Ok(())
}

fn read_points<C: Curve>(mut cursor: Cursor<'_>) -> Result<KeyPoints<C>> {
    Ok(KeyPoints {
        alpha1: read_named(&mut cursor, "alpha1", in_memory)?,
        beta1: read_named(&mut cursor, "beta1", in_memory)?,
        delta1: read_named(&mut cursor, "delta1", in_memory)?,
        beta2: read_named(&mut cursor, "beta2", in_memory)?,
        gamma2: read_named(&mut cursor, "gamma2", in_memory)?,
        delta2: read_named(&mut cursor, "delta2", in_memory)?,
    })
}

/// A point as it is in memory.
fn in_memory<P: AffinePoint>(bytes: &[u8]) -> Result<P, Fault> {
    P::coefficients_are_reduced(bytes).then(|| P::from_raw_bytes(bytes)).flatten().ok_or(Fault::NotReduced)
}
