//! The first page of a native key: what the key is, and where its sections lie.

use super::{ALIGNMENT, MAGIC, SECTIONS, VERSION};
use crate::{
    cursor::Cursor,
    error::{FormatErrorKind, KeyDefect, Place, Result},
};
use ff::PrimeField;
use forebay_msm::{
    AffinePoint, Curve, CurveId,
    backend::{DomainSpec, QuotientBasis, RootGenerator},
};

/// The counts of a key and the conventions of its maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeHeader {
    /// Variables, the constant one and the public ones included.
    pub num_variables: u32,
    /// Public variables, the constant one not included.
    pub num_public: u32,
    /// The domain and where its roots of unity come from.
    pub domain: DomainSpec,
    /// What the h points pair with.
    pub basis: QuotientBasis,
}

/// Where a section lies, and its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) digest: [u8; 32],
}

/// Bytes of the fixed part, before the table.
const FIXED: usize = 48;
/// Bytes of a row of the table.
const ROW: usize = 56;
/// Bytes before the digest of the header.
pub(super) const DIGESTED: usize = FIXED + SECTIONS.len() * ROW;

impl NativeHeader {
    /// How many h points there are.
    pub fn num_h(&self) -> u64 {
        let n = 1u64.checked_shl(self.domain.log_n).unwrap_or(0);
        match self.basis {
            QuotientBasis::OddCosetLagrange => n,
            QuotientBasis::Coefficients => n.saturating_sub(1),
        }
    }

    /// Checks the counts against each other and the domain against the field.
    pub(super) fn check<C: Curve>(&self) -> Result<(), FormatErrorKind> {
        if u64::from(self.num_public) + 1 > self.num_variables.into() {
            return Err(FormatErrorKind::Header("more public variables than variables"));
        }
        // The odd powers of ω₂ₙ need a root of twice the order.
        let max_log2 = C::Fr::S - u32::from(self.basis == QuotientBasis::OddCosetLagrange);
        if self.domain.log_n > max_log2 {
            let domain = 1u64.checked_shl(self.domain.log_n).unwrap_or(u64::MAX);
            return Err(FormatErrorKind::Key(KeyDefect::DomainAboveTwoAdicity { domain, max_log2 }));
        }
        match forebay_msm::domain::root_of_unity::<C::Fr>(self.domain.log_n, self.domain.generator) {
            Ok(_) => Ok(()),
            Err(_) => Err(FormatErrorKind::Header("no roots of unity come from its generator")),
        }
    }

    /// Lengths of the sections in bytes, in order. Counts have 33 bits at most and points less than 2^8 bytes.
    pub(super) fn lengths<C: Curve>(&self) -> [u64; SECTIONS.len()] {
        let (g1, g2) = (C::G1Affine::BYTES as u64, C::G2Affine::BYTES as u64);
        let (variables, inputs) = (u64::from(self.num_variables), u64::from(self.num_public) + 1);
        let private = variables.saturating_sub(inputs);
        [
            3 * (g1 + g2),
            inputs * g1,
            variables * g1,
            variables * g1,
            variables * g2,
            private * g1,
            self.num_h() * g1,
        ]
    }

    /// Where the sections start: each on the first page boundary after the one before.
    pub(super) fn offsets<C: Curve>(&self) -> [u64; SECTIONS.len()] {
        let mut at = ALIGNMENT;
        self.lengths::<C>().map(|length| {
            let start = at;
            at = (start + length).next_multiple_of(ALIGNMENT);
            start
        })
    }

    /// The first page.
    pub(super) fn page<C: Curve>(&self, digests: &[[u8; 32]; SECTIONS.len()]) -> Vec<u8> {
        let mut out = Vec::with_capacity(ALIGNMENT as usize);
        out.extend(MAGIC.as_bytes());
        for v in [VERSION, curve_number(C::ID), basis_number(self.basis)] {
            out.extend(v.to_le_bytes());
        }
        out.extend(self.domain.generator.0.to_le_bytes());
        for v in [self.domain.log_n, self.num_variables, self.num_public, SECTIONS.len() as u32, 0, 0] {
            out.extend(v.to_le_bytes());
        }
        let places = self.offsets::<C>().into_iter().zip(self.lengths::<C>());
        for ((section, (offset, length)), digest) in SECTIONS.iter().zip(places).zip(digests) {
            out.extend(section.id.to_le_bytes());
            out.extend(0u32.to_le_bytes());
            out.extend(offset.to_le_bytes());
            out.extend(length.to_le_bytes());
            out.extend(digest);
        }
        let digest = blake3::hash(&out);
        out.extend(digest.as_bytes());
        out.resize(ALIGNMENT as usize, 0);
        out
    }
}

/// Reads the curve of a file, after magic and version.
pub(super) fn read_curve(cursor: &mut Cursor<'_>) -> Result<CurveId> {
    let at = cursor.clone();
    if cursor.take(4)? != MAGIC.as_bytes() {
        return Err(at.error(FormatErrorKind::Magic { expected: MAGIC }));
    }
    let at = cursor.clone();
    let found = cursor.u32()?;
    if found != VERSION {
        return Err(at.error(FormatErrorKind::Version { found, expected: VERSION }));
    }
    let at = cursor.clone();
    let found = cursor.u32()?;
    CurveId::ALL
        .into_iter()
        .find(|id| curve_number(*id) == found)
        .ok_or_else(|| at.error(FormatErrorKind::UnknownCurve("number of the curve")))
}

/// Reads the first page of a file for curve `C` and checks it against the file's length.
pub(super) fn read<C: Curve>(
    file: &str,
    bytes: &[u8],
) -> Result<(NativeHeader, [Entry; SECTIONS.len()], [u8; 32])> {
    let mut cursor = Cursor::new(Place { file, section: None }, bytes, 0);
    let start = cursor.clone();
    let found = read_curve(&mut cursor)?;
    if found != C::ID {
        return Err(start.error(FormatErrorKind::WrongCurve { found, expected: C::ID }));
    }
    let page = start.clone().take(ALIGNMENT)?;
    let (digested, rest) = page.split_at(DIGESTED);
    let root = *blake3::hash(digested).as_bytes();
    let (digest, padding) = rest.split_at(root.len());
    if digest != root {
        return Err(start.error(FormatErrorKind::Digest("header")));
    }
    if padding.iter().any(|b| *b != 0) {
        return Err(start.error(FormatErrorKind::Header("its padding is not zero")));
    }
    let header = read_fixed::<C>(&mut cursor)?;
    let entries = read_table::<C>(&mut cursor, &header)?;
    let end = entries.last().map_or(0, |e| e.offset + e.length);
    let len = bytes.len() as u64;
    let place = Place { file, section: None };
    match len {
        _ if len < end => Err(place.error_at(len, FormatErrorKind::Truncated { needed: end - len, left: 0 })),
        _ if len > end => Err(place.error_at(end, FormatErrorKind::Trailing(len - end))),
        _ => Ok((header, entries, root)),
    }
}

fn read_fixed<C: Curve>(cursor: &mut Cursor<'_>) -> Result<NativeHeader> {
    let at = cursor.clone();
    let basis = match cursor.u32()? {
        1 => QuotientBasis::OddCosetLagrange,
        2 => QuotientBasis::Coefficients,
        _ => return Err(at.error(FormatErrorKind::Header("the basis is neither 1 nor 2"))),
    };
    let generator = RootGenerator(cursor.u64()?);
    let log_n = cursor.u32()?;
    let header = NativeHeader {
        num_variables: cursor.u32()?,
        num_public: cursor.u32()?,
        domain: DomainSpec { log_n, generator },
        basis,
    };
    header.check::<C>().map_err(|kind| at.error(kind))?;
    let at = cursor.clone();
    let (found, expected) = (cursor.u32()?.into(), SECTIONS.len() as u64);
    if found != expected {
        return Err(at.error(FormatErrorKind::Count { what: "sections", found, expected }));
    }
    match cursor.u64()? {
        0 => Ok(header),
        _ => Err(at.error(FormatErrorKind::Header("its reserved bytes are not zero"))),
    }
}

/// Everything in the table but the digests follows from the counts; it is in the file for other readers.
fn read_table<C: Curve>(cursor: &mut Cursor<'_>, header: &NativeHeader) -> Result<[Entry; SECTIONS.len()]> {
    let mut entries = [Entry { offset: 0, length: 0, digest: [0; 32] }; SECTIONS.len()];
    let places = header.offsets::<C>().into_iter().zip(header.lengths::<C>());
    for ((section, (offset, length)), entry) in SECTIONS.into_iter().zip(places).zip(&mut entries) {
        cursor.enter(section);
        let at = cursor.clone();
        let (id, reserved) = (cursor.u32()?, cursor.u32()?);
        if (id, reserved) != (section.id, 0) {
            return Err(at.error(FormatErrorKind::Header("the table's sections are not in order")));
        }
        let (found, found_length) = (cursor.u64()?, cursor.u64()?);
        if found_length != length {
            let kind = FormatErrorKind::SectionLength { found: found_length, expected: length };
            return Err(at.error(kind));
        }
        if found != offset {
            return Err(at.error(FormatErrorKind::Count { what: "offset", found, expected: offset }));
        }
        *entry = Entry { offset, length, digest: *cursor.array()? };
    }
    Ok(entries)
}

fn curve_number(curve: CurveId) -> u32 {
    match curve {
        CurveId::Bls12_381 => 1,
        CurveId::Bn254 => 2,
    }
}

fn basis_number(basis: QuotientBasis) -> u32 {
    match basis {
        QuotientBasis::OddCosetLagrange => 1,
        QuotientBasis::Coefficients => 2,
    }
}
