//! A verification key as bellperson writes it: the start of its parameters, and the whole of a `.vk` file.

use super::{IC, VK, point::decode};
use crate::{
    cursor::Cursor,
    data::read_small,
    decode::{Encoded, read_named},
    error::{Place, Result},
    key_points::KeyPoints,
    vkey::VerifyingKey,
};
use forebay_msm::{Bases, Bls12_381, Curve};
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

    /// Writes the file of a key on BLS12-381: α, β, γ, δ and the inputs' points, as they are.
    ///
    /// # Errors
    /// As [`ParamsPoints::write_vk`](super::ParamsPoints::write_vk).
    pub fn write(path: &Path, points: &KeyPoints<Bls12_381>, ic: Bases<'_, G1>) -> Result<()> {
        super::write::write_vk(path, points, ic)
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

/// Fails unless the bytes are laid out as a `.vk`: a point off its curve is no matter here.
pub(crate) fn check_layout(name: &str, bytes: &[u8]) -> Result<()> {
    let mut cursor = Cursor::new(Place { file: name, section: Some(VK) }, bytes, 0);
    read_points(&mut cursor)?;
    read_ic_range(&mut cursor)?;
    cursor.finish()
}

/// Reads α1 β1 β2 γ2 δ1 δ2.
pub(super) fn read_points(cursor: &mut Cursor<'_>) -> Result<KeyPoints<Bls12_381>> {
    cursor.enter(VK);
    Ok(KeyPoints {
        alpha1: read_named(cursor, "alpha1", decode)?,
        beta1: read_named(cursor, "beta1", decode)?,
        beta2: read_named(cursor, "beta2", decode)?,
        gamma2: read_named(cursor, "gamma2", decode)?,
        delta1: read_named(cursor, "delta1", decode)?,
        delta2: read_named(cursor, "delta2", decode)?,
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
    let encoded = Encoded { place, offset: ic.start, bytes: bytes.get(ic.clone()).unwrap_or_default() };
    Ok(points.verifying_key(encoded.checked(decode::<G1>)?))
}
