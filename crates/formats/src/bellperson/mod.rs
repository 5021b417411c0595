//! Groth16 parameters as bellperson writes them (Filecoin's `.params` and `.vk`), BLS12-381 alone.
//!
//! | part | contents |
//! |---|---|
//! | vk | α₁ β₁ β₂ γ₂ δ₁ δ₂ (864 bytes) |
//! | IC | the constant one and the public inputs, G1 |
//! | h | n − 1 points τⁱ·Z(τ)/δ of G1 for a domain of n |
//! | l | the private variables, G1 |
//! | a | A in G1, points at infinity left out |
//! | b_g1, b_g2 | B in G1 and in G2, points at infinity left out |
//!
//! Every part after the first begins with its number of points, u32 big-endian. Points are zcash's uncompressed ones
//! (see `point.rs`). A `.vk` is the first two parts. There is no magic and no version. Roots of unity come from
//! the generator 7. Source: bellperson 0.27, `src/groth16/{params,verifying_key,generator,prover}`.
//!
//! Which variables a and b hold is not in the file: the circuit tells it, as [`Densities`].
//!
//! # Cost
//! Opening reads the 864 bytes and six counts. Everything else passes over the points once, decoded in chunks.

mod density;
mod point;
mod vk;
mod write;

pub use density::{Densities, Density};
pub use vk::BellpersonVk;
pub(crate) use vk::check_layout as check_vk_layout;
pub use write::ParamsPoints;

use crate::{
    cursor::Cursor,
    data::{Data, file_reader},
    decode::{Encoded, power_basis_domain_log2},
    error::{FormatErrorKind, Place, Result, Section},
    key_points::KeyPoints,
    store::Digest,
    validate::Validation,
    vkey::VerifyingKey,
};
use forebay_msm::{AffinePoint, Bls12_381, Curve};
use rayon::ThreadPool;
use std::ops::Range;

pub(crate) const VK: Section = Section { id: 1, name: "vk" };
pub(crate) const IC: Section = Section { id: 2, name: "IC" };
const H: Section = Section { id: 3, name: "h" };
const L: Section = Section { id: 4, name: "l" };
const A: Section = Section { id: 5, name: "a" };
const B_G1: Section = Section { id: 6, name: "b_g1" };
const B_G2: Section = Section { id: 7, name: "b_g2" };

type G1 = <Bls12_381 as Curve>::G1Affine;
type G2 = <Bls12_381 as Curve>::G2Affine;
type Fr = <Bls12_381 as Curve>::Fr;

/// How many points the parts of a file have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamsCounts {
    /// Inputs, the constant one included: points of IC.
    pub inputs: usize,
    /// Private variables: points of l.
    pub aux: usize,
    /// Points of a.
    pub a: usize,
    /// Points of b_g1, and of b_g2.
    pub b: usize,
    /// Logarithm of the domain's size; h has one point less than the domain.
    pub domain_log2: u32,
}

impl ParamsCounts {
    /// Variables, the constant one included.
    pub fn variables(&self) -> usize {
        self.inputs + self.aux
    }
}

/// bellperson's parameters, mapped. The points are encoded otherwise than in memory, so they are not used in place but
/// converted once.
///
/// Opening checks that the parts fill the file exactly, that their counts fit together, and the coordinates of α, β, γ
/// and δ; the rest is for [`validate`](ParamsFile::validate).
#[derive(Debug)]
pub struct ParamsFile<'a> {
    data: Data<'a>,
    points: Box<KeyPoints<Bls12_381>>,
    counts: ParamsCounts,
    ic: Range<usize>,
    h: Range<usize>,
    l: Range<usize>,
    a: Range<usize>,
    b_g1: Range<usize>,
    b_g2: Range<usize>,
}

file_reader!(ParamsFile);

impl<'a> ParamsFile<'a> {
    fn parse(data: Data<'a>) -> Result<Self> {
        let mut cursor = Cursor::new(Place { file: data.name(), section: Some(VK) }, &data, 0);
        let points = Box::new(vk::read_points(&mut cursor)?);
        let ic = vk::read_ic_range(&mut cursor)?;
        let h_at = cursor.clone();
        let h = read_range::<G1>(&mut cursor, H)?;
        let l = read_range::<G1>(&mut cursor, L)?;
        let a_at = cursor.clone();
        let a = read_range::<G1>(&mut cursor, A)?;
        let b_at = cursor.clone();
        let b_g1 = read_range::<G1>(&mut cursor, B_G1)?;
        let b2_at = cursor.clone();
        let b_g2 = read_range::<G2>(&mut cursor, B_G2)?;
        cursor.finish()?;
        let in_section = |mut at: Cursor<'_>, section, kind| {
            at.enter(section);
            at.error(kind)
        };
        let domain_log2 =
            power_basis_domain_log2::<Fr>(h.len() / G1::BYTES).map_err(|kind| in_section(h_at, H, kind))?;
        let (inputs, aux) = (ic.len() / G1::BYTES, l.len() / G1::BYTES);
        let counts =
            ParamsCounts { inputs, aux, a: a.len() / G1::BYTES, b: b_g1.len() / G1::BYTES, domain_log2 };
        let variables = counts.variables();
        if u32::try_from(variables).is_err() {
            let kind = FormatErrorKind::Unsupported("2^32 variables or more");
            return Err(in_section(a_at, A, kind));
        }
        if counts.a < inputs || counts.a > variables {
            let kind = FormatErrorKind::Header("a has fewer points than inputs, or more than variables");
            return Err(in_section(a_at, A, kind));
        }
        if counts.b > variables {
            let kind = FormatErrorKind::Header("b_g1 has more points than there are variables");
            return Err(in_section(b_at, B_G1, kind));
        }
        let found = b_g2.len() / G2::BYTES;
        if found != counts.b {
            let (found, expected) = (found as u64, counts.b as u64);
            let kind = FormatErrorKind::Count { what: "points in b_g2", found, expected };
            return Err(in_section(b2_at, B_G2, kind));
        }
        Ok(ParamsFile { points, counts, ic, h, l, a, b_g1, b_g2, data })
    }

    /// How many points there are of what.
    pub fn counts(&self) -> ParamsCounts {
        self.counts
    }

    /// α, β, γ, δ: reduced, and not checked further before [`validate`](Self::validate).
    pub fn points(&self) -> &KeyPoints<Bls12_381> {
        &self.points
    }

    /// The digest of the verifying part, which is what a `.vk` file holds: the key's name. α, β, δ and the inputs' points
    /// differ between any two setups.
    pub fn verifying_digest(&self) -> Digest {
        Digest(*blake3::hash(self.data.get(..self.ic.end).unwrap_or_default()).as_bytes())
    }

    /// The verification key, with all its points checked.
    ///
    /// # Errors
    /// [`FormatErrorKind::Point`], [`FormatErrorKind::Encoding`] and [`FormatErrorKind::Key`].
    pub fn vkey(&self) -> Result<VerifyingKey<Bls12_381>> {
        self.check_points()?;
        vk::verifying_key(self.name(), &self.points, &self.data, &self.ic)
    }

    /// Checks the key to a level, in parallel in `pool`. The error names the first offender. Decoding is part of
    /// [`Validation::Canonical`].
    ///
    /// # Errors
    /// [`FormatErrorKind::Key`], [`FormatErrorKind::Point`], [`FormatErrorKind::Encoding`].
    pub fn validate(&self, level: Validation, pool: &ThreadPool) -> Result<()> {
        self.check_points()?;
        if level == Validation::Structure {
            return Ok(());
        }
        for part in [Part::Ic, Part::H, Part::L, Part::A, Part::B1] {
            self.decode_g1(part, level, pool, |_| Ok(()))?;
        }
        self.decode_b2(level, pool, |_| Ok(()))
    }

    pub(crate) fn check_points(&self) -> Result<()> {
        let place = Place { file: self.name(), section: Some(VK) };
        self.points.check().map_err(|kind| place.error_at(0, kind))
    }

    /// Hands the points of a part of G1 to `sink` in chunks, in order, checked to `level`.
    pub(crate) fn decode_g1(
        &self,
        part: Part,
        level: Validation,
        pool: &ThreadPool,
        sink: impl FnMut(&[G1]) -> Result<()>,
    ) -> Result<()> {
        let (section, range) = match part {
            Part::Ic => (IC, &self.ic),
            Part::H => (H, &self.h),
            Part::L => (L, &self.l),
            Part::A => (A, &self.a),
            Part::B1 => (B_G1, &self.b_g1),
        };
        self.decode(section, range, level, pool, sink)
    }

    /// Likewise for b_g2.
    pub(crate) fn decode_b2(
        &self,
        level: Validation,
        pool: &ThreadPool,
        sink: impl FnMut(&[G2]) -> Result<()>,
    ) -> Result<()> {
        self.decode(B_G2, &self.b_g2, level, pool, sink)
    }

    fn decode<P: AffinePoint>(
        &self,
        section: Section,
        range: &Range<usize>,
        level: Validation,
        pool: &ThreadPool,
        sink: impl FnMut(&[P]) -> Result<()>,
    ) -> Result<()> {
        let place = Place { file: self.name(), section: Some(section) };
        let bytes = self.data.get(range.clone()).unwrap_or_default();
        let points = Encoded { place, offset: range.start, bytes };
        points.decode::<Bls12_381, P>(point::decode, level, pool, sink)
    }
}

/// The parts of G1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Ic,
    H,
    L,
    A,
    B1,
}

/// Reads a count and passes over that many points; tells where they lie.
fn read_range<P: AffinePoint>(cursor: &mut Cursor<'_>, section: Section) -> Result<Range<usize>> {
    cursor.enter(section);
    let count = cursor.u32_be()?;
    // The cursor started at offset 0 of bytes in memory, so offsets fit.
    let start = cursor.offset() as usize;
    let points = cursor.take_items(count.into(), P::BYTES as u64)?;
    Ok(start..start + points.len())
}
