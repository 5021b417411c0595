//! A verification key as bellperson writes it: the start of its parameters, and the whole of a `.vk` file.

use super::{IC, VK, point::decode};
use crate::{
    cursor::Cursor,
    data::read_small,
    error::{Place, PointName, Result},
    key_points::KeyPoints,
    vkey::VerifyingKey,
};
use forebay_msm::{AffinePoint, Bls12_381, Curve};
use std::{ops::Range, path::Path};

type G1 = <Bls12_381 as Curve>::G1Affine;

/// The largest `.vk` read: 64 MiB, some 700,000 public inputs.
const MAX_VK_BYTES: u64 = 64 << 20;

/// A `.vk` file: the verification key, and β and δ in G1, which a verifier does not need. All of it has been checked.
#[derive(Clone, Debug)]
pub struct BellpersonVk {
    points: KeyPoints<Bls12_381>,
    vkey: VerifyingKey<Bls12_381>,
}

impl BellpersonVk {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Anything wrong with the file, a point or the key.
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_slice(&path.display().to_string(), &read_small(path, MAX_VK_BYTES)?)
    }

    /// Reads and checks bytes; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As [`BellpersonVk::read`].
    pub fn from_slice(name: &str, bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(Place { file: name, section: Some(VK) }, bytes, 0);
        let points = read_points(&mut cursor)?;
        points.check().map_err(|kind| Place { file: name, section: Some(VK) }.error_at(0, kind))?;
        let ic = read_ic_range(&mut cursor)?;
        cursor.finish()?;
        let vkey = verifying_key(name, &points, bytes, &ic)?;
        Ok(BellpersonVk { points, vkey })
    }

    /// The verification key.
    pub fn verifying_key(&self) -> &VerifyingKey<Bls12_381> {
        &self.vkey
    }

    /// α, β, γ, δ.
    pub fn points(&self) -> &KeyPoints<Bls12_381> {
        &self.points
    }
}

/// Reads α1 β1 β2 γ2 δ1 δ2.
pub(super) fn read_points(cursor: &mut Cursor<'_>) -> Result<KeyPoints<Bls12_381>> {
    cursor.enter(VK);
    Ok(KeyPoints {
        alpha1: named(cursor, "alpha1")?,
        beta1: named(cursor, "beta1")?,
        beta2: named(cursor, "beta2")?,
        gamma2: named(cursor, "gamma2")?,
        delta1: named(cursor, "delta1")?,
        delta2: named(cursor, "delta2")?,
    })
}

/// Where IC lies; at least one point.
pub(super) fn read_ic_range(cursor: &mut Cursor<'_>) -> Result<Range<usize>> {
    cursor.enter(IC);
    let at = cursor.clone();
    let range = super::read_range::<G1>(cursor, IC)?;
    match range.is_empty() {
        true => Err(at.error(crate::FormatErrorKind::Count { what: "points in IC", found: 0, expected: 1 })),
        false => Ok(range),
    }
}

/// The verification key, with all points of IC checked. `points` are checked by the caller.
pub(super) fn verifying_key(
    file: &str,
    points: &KeyPoints<Bls12_381>,
    bytes: &[u8],
    ic: &Range<usize>,
) -> Result<VerifyingKey<Bls12_381>> {
    let place = Place { file, section: Some(IC) };
    let encoded = bytes.get(ic.clone()).unwrap_or_default().chunks_exact(G1::BYTES);
    let ic = encoded.enumerate().map(|(i, b)| {
        let offset = (ic.start + i * G1::BYTES) as u64;
        let name = PointName::Index(i as u64);
        let fail = |kind| place.error_at(offset, kind);
        let point = decode::<G1>(b).map_err(|fault| fail(fault.of(name)))?;
        crate::vkey::check_point(&point, name).map_err(fail)?;
        Ok(point)
    });
    let KeyPoints { alpha1, beta2, gamma2, delta2, .. } = *points;
    Ok(VerifyingKey { alpha1, beta2, gamma2, delta2, ic: ic.collect::<Result<_>>()? })
}

fn named<A: AffinePoint>(cursor: &mut Cursor<'_>, name: &'static str) -> Result<A> {
    let at = cursor.clone();
    let bytes = cursor.take(A::BYTES as u64)?;
    decode(bytes).map_err(|fault| at.error(fault.of(PointName::Named(name))))
}
