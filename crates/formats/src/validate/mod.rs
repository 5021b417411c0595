//! How far a proving key is checked.
//!
//! A prover that uses a point outside of the subgroup of order r, or off the curve, can reveal its witness to whoever made
//! the key; a key with γ = δ or an infinite α, β, γ or δ lets anybody forge proofs (snarkjs PR 620). So a key from
//! elsewhere is checked to [`Validation::Subgroup`] once, and a [`ValidatedStore`](crate::ValidatedStore) remembers it.

mod subgroup;

pub use subgroup::{EXACT_BELOW, Method, find_outside_subgroup};

use crate::{
    error::{FormatError, FormatErrorKind, Place, PointName, Result, Section},
    zkey::{self, ZkeyFile},
};
use forebay_msm::{AffinePoint, Bases, Curve, CurveId};
use rayon::{ThreadPool, prelude::*};
use std::fmt;

/// How far a key is checked. Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Validation {
    /// Counts and indices, and what makes the key sound as a whole: α, β, γ, δ are in their groups and not infinity,
    /// γ ≠ δ, β and δ agree between G1 and G2, no coefficient is out of range or unreduced, the domain holds all rows.
    Structure,
    /// Every coordinate of every point is below the modulus.
    Canonical,
    /// Every point satisfies the curve equation.
    OnCurve,
    /// Every point is in the subgroup of order r.
    Subgroup,
}

impl Validation {
    /// Every level, in order.
    pub const ALL: [Validation; 4] =
        [Validation::Structure, Validation::Canonical, Validation::OnCurve, Validation::Subgroup];
}

impl fmt::Display for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Validation::Structure => "structure",
            Validation::Canonical => "coordinates below the modulus",
            Validation::OnCurve => "on the curve",
            Validation::Subgroup => "in the subgroup of order r",
        })
    }
}

/// Coefficients or points per task: some 100 µs of the cheapest check, against some microseconds of a task's overhead.
const CHUNK: usize = 4096;

impl<C: Curve> ZkeyFile<'_, C> {
    /// Checks the key to a level, in parallel in `pool`. The error names the first offender of the first bad section.
    ///
    /// # Errors
    /// [`FormatErrorKind::Key`], [`FormatErrorKind::Point`], [`FormatErrorKind::OutOfRange`],
    /// [`FormatErrorKind::NotReduced`].
    pub fn validate(&self, level: Validation, pool: &ThreadPool) -> Result<()> {
        let header = Place { file: self.name(), section: Some(zkey::HEADER) };
        self.header().points().check().map_err(|kind| header.error_at(self.header_offset(), kind))?;
        pool.install(|| {
            self.check_coefficients()?;
            for check in [Validation::Canonical, Validation::OnCurve, Validation::Subgroup] {
                if check > level {
                    break;
                }
                self.check_sections(check)?;
            }
            Ok(())
        })
    }

    /// Every coefficient is in range, and the domain has room for its row.
    fn check_coefficients(&self) -> Result<()> {
        let all = self.coefficients();
        let chunks = all.len().div_ceil(CHUNK);
        let check = |chunk: usize| -> Result<(), (usize, FormatError)> {
            let start = chunk * CHUNK;
            all.range(start..start + CHUNK).try_for_each(|c| c.map(drop)).map_err(|e| (chunk, e))
        };
        // The error of the first chunk, whichever thread finds its error first.
        let first = (0..chunks).into_par_iter().filter_map(|i| check(i).err()).min_by_key(|e| e.0);
        first.map_or(Ok(()), |(_, e)| Err(e))
    }

    fn check_sections(&self, check: Validation) -> Result<()> {
        self.check_points(zkey::IC, self.ic(), check)?;
        self.check_points(zkey::A, self.a(), check)?;
        self.check_points(zkey::B1, self.b1(), check)?;
        self.check_points(zkey::B2, self.b2(), check)?;
        self.check_points(zkey::C, self.c(), check)?;
        self.check_points(zkey::H, self.h(), check)
    }

    fn check_points<A: AffinePoint>(
        &self,
        section: Section,
        points: Bases<'_, A>,
        check: Validation,
    ) -> Result<()> {
        let bad = find_bad::<C, A>(points, check);
        let Some(i) = bad else { return Ok(()) };
        let offset = self.offset_of(section) + (i * A::BYTES) as u64;
        let kind = FormatErrorKind::Point { point: PointName::Index(i as u64), check };
        Err(Place { file: self.name(), section: Some(section) }.error_at(offset, kind))
    }
}

/// The first point that fails a check, in parallel in the current pool. The points must have passed the checks before it.
pub(crate) fn find_bad<C: Curve, A: AffinePoint>(points: Bases<'_, A>, check: Validation) -> Option<usize> {
    match check {
        Validation::Structure => None,
        Validation::Canonical => find(
            points,
            |chunk| A::coefficients_are_reduced(chunk.as_bytes()),
            |b| A::coefficients_are_reduced(b.as_bytes()),
        ),
        Validation::OnCurve => {
            let all = |chunk: Bases<'_, A>| (0..chunk.len()).all(|i| chunk.get(i).is_on_curve());
            find(points, all, all)
        }
        // All points of BN254's G1 are in the subgroup: its cofactor is 1.
        Validation::Subgroup if C::ID == CurveId::Bn254 && A::COEFFICIENTS == 1 => None,
        Validation::Subgroup => find_outside_subgroup(points, Method::Auto),
    }
}

/// The first point that fails `one`, searched for in the chunks that fail `all`, in parallel.
fn find<A: AffinePoint>(
    points: Bases<'_, A>,
    all: impl Fn(Bases<'_, A>) -> bool + Sync,
    one: impl Fn(Bases<'_, A>) -> bool + Sync,
) -> Option<usize> {
    let chunk = |i: usize| i * CHUNK..points.len().min((i + 1) * CHUNK);
    let first =
        (0..points.len().div_ceil(CHUNK)).into_par_iter().find_first(|i| !all(points.slice(chunk(*i))))?;
    chunk(first).find(|i| !one(points.slice(*i..i + 1)))
}
