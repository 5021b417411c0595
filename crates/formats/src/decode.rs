//! Points that a file encodes otherwise than they are in memory: decoded in chunks and in parallel, checked on the way.

use crate::{
    cursor::Cursor,
    error::{FormatErrorKind, KeyDefect, Place, PointName, Result},
    validate::{Validation, find_bad},
    vkey::check_point,
};
use ff::PrimeField;
use forebay_msm::{AffinePoint, Bases, Curve};
use rayon::{ThreadPool, prelude::*};

/// Points decoded at a time: 12.6 MB in G2 of BLS12-381. Large enough that the batched subgroup check, whose buckets cost
/// as much as some 2,000 points, is at its full gain.
const CHUNK: usize = 1 << 16;

/// The largest point: G2 of BLS12-381.
pub(crate) const MAX_BYTES: usize = 192;

/// Why bytes are no point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Flags that must not be set like this, in words.
    Flag(&'static str),
    /// A coordinate that is not below the modulus.
    NotReduced,
}

impl Fault {
    pub(crate) fn of(self, point: PointName) -> FormatErrorKind {
        match self {
            Fault::Flag(what) => FormatErrorKind::Encoding { point, what },
            Fault::NotReduced => FormatErrorKind::Point { point, check: Validation::Canonical },
        }
    }
}

/// Reads one point; the curve equation and the subgroup are not checked.
pub(crate) type Decode<P> = fn(&[u8]) -> Result<P, Fault>;

/// Reads a point that has a name.
pub(crate) fn read_named<P: AffinePoint>(
    cursor: &mut Cursor<'_>,
    name: &'static str,
    decode: Decode<P>,
) -> Result<P> {
    let at = cursor.clone();
    let bytes = cursor.take(P::BYTES as u64)?;
    decode(bytes).map_err(|fault| at.error(fault.of(PointName::Named(name))))
}

/// The points of one section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoded<'a> {
    /// The file and the section.
    pub(crate) place: Place<'a>,
    /// Where the first point stands in the file.
    pub(crate) offset: usize,
    /// All of them, whole points.
    pub(crate) bytes: &'a [u8],
}

impl Encoded<'_> {
    /// Hands the points to `sink` in chunks, in order, checked to `level` in parallel in `pool`. The error names the first
    /// offender of its chunk.
    pub(crate) fn decode<C: Curve, P: AffinePoint>(
        &self,
        decode: Decode<P>,
        level: Validation,
        pool: &ThreadPool,
        mut sink: impl FnMut(&[P]) -> Result<()>,
    ) -> Result<()> {
        let mut points = vec![P::default(); CHUNK.min(self.bytes.len() / P::BYTES)];
        for (i, chunk) in self.bytes.chunks(CHUNK * P::BYTES).enumerate() {
            let Some(points) = points.get_mut(..chunk.len() / P::BYTES) else { break };
            let first = i * CHUNK;
            pool.install(|| decode_chunk::<C, P>(decode, chunk, points, first, level)).map_err(
                |(index, kind)| self.place.error_at((self.offset + index * P::BYTES) as u64, kind),
            )?;
            sink(points)?;
        }
        Ok(())
    }
}

impl Encoded<'_> {
    /// All points, each in its group. For lists of inputs: one after the other.
    pub(crate) fn checked<P: AffinePoint>(&self, decode: Decode<P>) -> Result<Vec<P>> {
        let read = |(i, encoded): (usize, &[u8])| {
            let name = PointName::Index(i as u64);
            let fail = |kind| self.place.error_at((self.offset + i * P::BYTES) as u64, kind);
            let point = decode(encoded).map_err(|fault| fail(fault.of(name)))?;
            check_point(&point, name).map_err(fail)?;
            Ok(point)
        };
        self.bytes.chunks_exact(P::BYTES).enumerate().map(read).collect()
    }
}

/// Fills `points` from `chunk`, whose first point is number `first` of its section; tells the first offender.
fn decode_chunk<C: Curve, P: AffinePoint>(
    decode: Decode<P>,
    chunk: &[u8],
    points: &mut [P],
    first: usize,
    level: Validation,
) -> Result<(), (usize, FormatErrorKind)> {
    /// Points per task: some 50 µs.
    const TASK: usize = 512;
    let bad =
        chunk.par_chunks_exact(P::BYTES).zip(&mut *points).with_min_len(TASK).enumerate().find_map_first(
            |(i, (bytes, point))| match decode(bytes) {
                Ok(decoded) => {
                    *point = decoded;
                    None
                }
                Err(fault) => Some((i, fault)),
            },
        );
    let name = |i: usize| PointName::Index((first + i) as u64);
    if let Some((i, fault)) = bad {
        return Err((first + i, fault.of(name(i))));
    }
    for check in [Validation::OnCurve, Validation::Subgroup] {
        if check <= level
            && let Some(i) = find_bad::<C, P>(Bases::from_slice(points), check)
        {
            return Err((first + i, FormatErrorKind::Point { point: name(i), check }));
        }
    }
    Ok(())
}

/// Logarithm of the domain of a key with `h` points in the power basis: the domain has one point more.
pub(crate) fn power_basis_domain_log2<F: PrimeField>(h: usize) -> Result<u32, FormatErrorKind> {
    let domain = h as u64 + 1;
    if !domain.is_power_of_two() {
        return Err(FormatErrorKind::Key(KeyDefect::DomainNotPowerOfTwo(domain)));
    }
    match (domain.trailing_zeros(), F::S) {
        (log2, max_log2) if log2 > max_log2 => {
            Err(FormatErrorKind::Key(KeyDefect::DomainAboveTwoAdicity { domain, max_log2 }))
        }
        (log2, _) => Ok(log2),
    }
}
