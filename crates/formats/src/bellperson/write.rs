//! Writing parameters as bellperson does: for keys made here, from a development setup.

use super::point::encode;
use crate::{
    atomic::{Access, AtomicFile},
    error::{FormatError, FormatErrorKind, Result},
    key_points::KeyPoints,
};
use forebay_msm::{AffinePoint, Bases, Bls12_381, Curve};
use std::{io::Write, path::Path};

type G1<'a> = Bases<'a, <Bls12_381 as Curve>::G1Affine>;
type G2<'a> = Bases<'a, <Bls12_381 as Curve>::G2Affine>;

/// The points of a key, one per variable in a, b1 and b2.
#[derive(Clone, Copy, Debug)]
pub struct ParamsPoints<'a> {
    /// α, β, γ, δ.
    pub points: &'a KeyPoints<Bls12_381>,
    /// The inputs.
    pub ic: G1<'a>,
    /// The quotient's, in the power basis for the generator 7.
    pub h: G1<'a>,
    /// The private variables'.
    pub l: G1<'a>,
    /// A.
    pub a: G1<'a>,
    /// B in G1.
    pub b1: G1<'a>,
    /// B in G2.
    pub b2: G2<'a>,
}

impl ParamsPoints<'_> {
    /// Writes `.params`; points at infinity in a, b1 and b2 are left out. Points are written as they are, without checks.
    ///
    /// # Errors
    /// [`FormatErrorKind::Unsupported`] for 2³² points or more, and for infinity elsewhere; errors of writing. The target is
    /// written whole or not at all.
    pub fn write_params(&self, path: &Path) -> Result<()> {
        write_key(path, self.points, self.ic, |out| {
            list(out, self.h, false)?;
            list(out, self.l, false)?;
            list(out, self.a, true)?;
            list(out, self.b1, true)?;
            list(out, self.b2, true)
        })
    }

    /// Writes `.vk`.
    ///
    /// # Errors
    /// As [`write_params`](Self::write_params).
    pub fn write_vk(&self, path: &Path) -> Result<()> {
        write_vk(path, self.points, self.ic)
    }
}

/// Writes `.vk`.
pub(super) fn write_vk(path: &Path, points: &KeyPoints<Bls12_381>, ic: G1<'_>) -> Result<()> {
    write_key(path, points, ic, |_| Ok(()))
}

/// Writes the verifying part, then the rest.
fn write_key(
    path: &Path,
    points: &KeyPoints<Bls12_381>,
    ic: G1<'_>,
    rest: impl FnOnce(&mut AtomicFile) -> Result<()>,
) -> Result<()> {
    let mut out = AtomicFile::create(path, Access::Public)?;
    let KeyPoints { alpha1, beta1, beta2, gamma2, delta1, delta2 } = points;
    point(&mut out, alpha1)?;
    point(&mut out, beta1)?;
    point(&mut out, beta2)?;
    point(&mut out, gamma2)?;
    point(&mut out, delta1)?;
    point(&mut out, delta2)?;
    list(&mut out, ic, false)?;
    rest(&mut out)?;
    out.commit()
}

/// A count and the points.
fn list<P: AffinePoint>(out: &mut AtomicFile, points: Bases<'_, P>, infinities_left_out: bool) -> Result<()> {
    let all = || (0..points.len()).map(|i| points.get(i));
    let absent = all().filter(|p| bool::from(p.is_identity())).count();
    let refuse =
        |what| FormatError::new(out.path().display().to_string(), FormatErrorKind::Unsupported(what));
    if absent > 0 && !infinities_left_out {
        return Err(refuse("infinity where each point is needed"));
    }
    let count = u32::try_from(points.len() - absent).map_err(|_| refuse("2^32 points or more"))?;
    write(out, &count.to_be_bytes())?;
    all().filter(|p| !bool::from(p.is_identity())).try_for_each(|p| point(out, &p))
}

fn point<P: AffinePoint>(out: &mut AtomicFile, p: &P) -> Result<()> {
    let bytes = encode(p);
    write(out, bytes.get(..P::BYTES).unwrap_or_default())
}

fn write(out: &mut AtomicFile, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(|e| out.error(e))
}
