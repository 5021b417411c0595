//! Groth16 proving keys of arkworks: `ark_groth16::ProvingKey` as `serialize_uncompressed` writes it.
//!
//! | section | contents |
//! |---|---|
//! | 1 vk | α₁ β₂ γ₂ δ₂ |
//! | 2 gamma_abc_g1 | the constant one and the public inputs, G1 |
//! | 3 beta_g1, delta_g1 | β₁ δ₁ |
//! | 4 a_query | A in G1, one point per variable |
//! | 5 b_g1_query, 6 b_g2_query | B in G1 and in G2, one point per variable |
//! | 7 h_query | n − 1 points τⁱ·Z(τ)/δ of G1 for a domain of n |
//! | 8 l_query | the private variables, G1 |
//!
//! The numbers are positions: the file has neither magic, version nor table. The lists begin with their number of points,
//! u64 little-endian. Points: see `point.rs`. Variables that do not occur have the point at infinity. Roots of unity come
//! from the field's own generator (7 on BLS12-381, 5 on BN254), and the rows x·0 = 0 of the inputs follow the circuit's.
//! Compressed keys are not read. Source: ark-groth16 0.6, `src/{data_structures,generator,r1cs_to_qap}.rs`. ark-serialize
//! before 0.4 writes BLS12-381 otherwise.
//!
//! **arkworks draws the generators of G1 and G2 at random and does not write them down.** So β and δ are compared
//! between the groups by [`KeyPoints::check_for_any_generators`].
//!
//! # Cost
//! Opening reads the six points and six counts. Everything else passes over the points once, decoded in chunks.

mod convert;
mod point;

use crate::{
    cursor::Cursor,
    data::{Data, file_reader},
    decode::{Decode, Encoded, power_basis_domain_log2, read_named},
    error::{FormatError, FormatErrorKind, KeyDefect, Place, PointName, Result, Section},
    key_points::KeyPoints,
    native::NativeHeader,
    validate::Validation,
    vkey::VerifyingKey,
};
use forebay_msm::{
    AffinePoint, Curve,
    backend::{DomainSpec, QuotientBasis, RootGenerator},
};
use rayon::ThreadPool;
use std::ops::Range;

const VK: Section = Section { id: 1, name: "vk" };
const IC: Section = Section { id: 2, name: "gamma_abc_g1" };
const BETA_DELTA: Section = Section { id: 3, name: "beta_g1, delta_g1" };
const A: Section = Section { id: 4, name: "a_query" };
const B_G1: Section = Section { id: 5, name: "b_g1_query" };
const B_G2: Section = Section { id: 6, name: "b_g2_query" };
const H: Section = Section { id: 7, name: "h_query" };
const L: Section = Section { id: 8, name: "l_query" };

/// arkworks' proving key, mapped. The points are encoded otherwise than in memory, so they are not used in place but
/// converted once ([`write_native`](ArkKeyFile::write_native)).
///
/// Opening checks that the lists fill the file exactly, that their counts fit together, and the encoding of α, β, γ and δ;
/// the rest is for [`validate`](ArkKeyFile::validate). The file does not tell its curve: `C` is the caller's word.
#[derive(Debug)]
pub struct ArkKeyFile<'a, C: Curve> {
    data: Data<'a>,
    points: Box<KeyPoints<C>>,
    header: NativeHeader,
    lists: Lists,
}

/// Where the points of a list lie.
#[derive(Clone, Debug)]
struct List {
    section: Section,
    range: Range<usize>,
    count: usize,
}

impl List {
    /// An error at the list's count, which stands before it.
    fn error(&self, file: &str, kind: FormatErrorKind) -> FormatError {
        let at = self.range.start as u64 - COUNT_BYTES;
        Place { file, section: Some(self.section) }.error_at(at, kind)
    }
}

/// Bytes of a count.
const COUNT_BYTES: u64 = 8;

#[derive(Clone, Debug)]
struct Lists {
    ic: List,
    a: List,
    b_g1: List,
    b_g2: List,
    h: List,
    l: List,
}

file_reader!(ArkKeyFile<C>);

impl<'a, C: Curve> ArkKeyFile<'a, C> {
    fn parse(data: Data<'a>) -> Result<Self> {
        let mut cursor = Cursor::new(Place { file: data.name(), section: Some(VK) }, &data, 0);
        let alpha1 = read_named(&mut cursor, "alpha1", point::decode::<C, _>)?;
        let beta2 = read_named(&mut cursor, "beta2", point::decode::<C, _>)?;
        let gamma2 = read_named(&mut cursor, "gamma2", point::decode::<C, _>)?;
        let delta2 = read_named(&mut cursor, "delta2", point::decode::<C, _>)?;
        let ic = read_list::<C::G1Affine>(&mut cursor, IC)?;
        cursor.enter(BETA_DELTA);
        let beta1 = read_named(&mut cursor, "beta1", point::decode::<C, _>)?;
        let delta1 = read_named(&mut cursor, "delta1", point::decode::<C, _>)?;
        let a = read_list::<C::G1Affine>(&mut cursor, A)?;
        let b_g1 = read_list::<C::G1Affine>(&mut cursor, B_G1)?;
        let b_g2 = read_list::<C::G2Affine>(&mut cursor, B_G2)?;
        let h = read_list::<C::G1Affine>(&mut cursor, H)?;
        let l = read_list::<C::G1Affine>(&mut cursor, L)?;
        cursor.finish()?;
        let points = Box::new(KeyPoints { alpha1, beta1, beta2, gamma2, delta1, delta2 });
        let lists = Lists { ic, a, b_g1, b_g2, h, l };
        let header = lists.header::<C>(data.name())?;
        Ok(ArkKeyFile { points, header, lists, data })
    }

    /// The counts, and the conventions that arkworks keeps to: what the native key's header will be.
    pub fn header(&self) -> &NativeHeader {
        &self.header
    }

    /// α, β, γ, δ: reduced, and not checked further before [`validate`](Self::validate).
    pub fn points(&self) -> &KeyPoints<C> {
        &self.points
    }

    /// The verification key, with all its points checked.
    ///
    /// # Errors
    /// [`FormatErrorKind::Point`], [`FormatErrorKind::Encoding`] and [`FormatErrorKind::Key`].
    pub fn vkey(&self) -> Result<VerifyingKey<C>> {
        self.check_points()?;
        let ic = self.encoded(&self.lists.ic).checked(point::decode::<C, C::G1Affine>)?;
        Ok(self.points.verifying_key(ic))
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
        let lists = &self.lists;
        for list in [&lists.ic, &lists.a, &lists.b_g1] {
            self.decode::<C::G1Affine>(list, level, pool, |_| Ok(()))?;
        }
        self.decode::<C::G2Affine>(&lists.b_g2, level, pool, |_| Ok(()))?;
        for list in [&lists.h, &lists.l] {
            self.decode::<C::G1Affine>(list, level, pool, |_| Ok(()))?;
        }
        Ok(())
    }

    fn check_points(&self) -> Result<()> {
        self.points.check_for_any_generators().map_err(|kind| {
            let in_g1 = |name: &str| matches!(name, "beta1" | "delta1");
            let after_ic = match &kind {
                FormatErrorKind::Point { point: PointName::Named(name), .. } => in_g1(name),
                FormatErrorKind::Key(KeyDefect::Identity(name)) => in_g1(name),
                _ => false,
            };
            let (section, offset) = if after_ic { (BETA_DELTA, self.lists.ic.range.end) } else { (VK, 0) };
            Place { file: self.name(), section: Some(section) }.error_at(offset as u64, kind)
        })
    }

    fn encoded(&self, list: &List) -> Encoded<'_> {
        let place = Place { file: self.name(), section: Some(list.section) };
        // `parse` has checked that the lists lie in the file.
        let bytes = self.data.get(list.range.clone()).unwrap_or_default();
        Encoded { place, offset: list.range.start, bytes }
    }

    fn decode<P: AffinePoint>(
        &self,
        list: &List,
        level: Validation,
        pool: &ThreadPool,
        sink: impl FnMut(&[P]) -> Result<()>,
    ) -> Result<()> {
        let decode: Decode<P> = point::decode::<C, P>;
        self.encoded(list).decode::<C, P>(decode, level, pool, sink)
    }
}

impl Lists {
    /// Checks the counts against each other.
    fn header<C: Curve>(&self, file: &str) -> Result<NativeHeader> {
        let Lists { ic, a, b_g1, b_g2, h, l } = self;
        if ic.count == 0 {
            let kind = FormatErrorKind::Count { what: "points in gamma_abc_g1", found: 0, expected: 1 };
            return Err(ic.error(file, kind));
        }
        // Both counts are of points in memory, so the sum fits.
        let variables = ic.count + l.count;
        for (list, what) in
            [(a, "points in a_query"), (b_g1, "points in b_g1_query"), (b_g2, "points in b_g2_query")]
        {
            if list.count != variables {
                let (found, expected) = (list.count as u64, variables as u64);
                return Err(list.error(file, FormatErrorKind::Count { what, found, expected }));
            }
        }
        let Ok(num_variables) = u32::try_from(variables) else {
            return Err(a.error(file, FormatErrorKind::Unsupported("2^32 variables or more")));
        };
        let log_n = power_basis_domain_log2::<C::Fr>(h.count).map_err(|kind| h.error(file, kind))?;
        Ok(NativeHeader {
            num_variables,
            num_public: ic.count as u32 - 1,
            domain: DomainSpec { log_n, generator: RootGenerator::of_field::<C>() },
            basis: QuotientBasis::Coefficients,
        })
    }
}

/// Reads a count and passes over that many points.
fn read_list<P: AffinePoint>(cursor: &mut Cursor<'_>, section: Section) -> Result<List> {
    cursor.enter(section);
    let count = cursor.u64()?;
    // The cursor started at offset 0 of bytes in memory, so offsets fit.
    let start = cursor.offset() as usize;
    let points = cursor.take_items(count, P::BYTES as u64)?;
    Ok(List { section, range: start..start + points.len(), count: points.len() / P::BYTES })
}
