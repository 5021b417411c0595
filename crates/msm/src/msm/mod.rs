//! Multi-scalar multiplication, generic over the coordinate field: one kernel for G1 and G2 of both curves.

mod batch_affine;
mod classify;
mod digits;
mod pippenger;
mod point;
mod points;
mod reduce;

pub use points::MsmPoint;

use crate::{bases::Bases, field::ScalarField};
use classify::{Classes, SHORT_BITS};
use pippenger::{bucket_method, plain_sum};
use point::Xyzz;
use points::{Points, into_curve_point};

/// Terms handled at once, which bounds the working memory: 34 bytes of digits and 4 of indices for each, and 4 per
/// thread.
const TILE: usize = 1 << 22;

/// Σ k_i·P_i on the pool of the calling thread. The lengths are equal.
pub(crate) fn msm<A: MsmPoint>(bases: Bases<'_, A>, scalars: &[A::Scalar]) -> A::Curve
where
    A::Scalar: ScalarField,
{
    let tiles = scalars.chunks(TILE).enumerate();
    let sum = tiles.fold(Xyzz::INFINITY, |acc, (i, scalars)| {
        let bases = bases.slice(i * TILE..i * TILE + scalars.len());
        acc.add(&tile(Points::new(bases), scalars))
    });
    into_curve_point::<A>(sum.to_affine()).to_curve()
}

fn tile<F: ScalarField, K: crate::field::coordinate::Coordinate>(
    points: Points<'_, K>,
    scalars: &[F],
) -> Xyzz<K> {
    let classes = Classes::of(scalars);
    let units = plain_sum(points, &classes.units);
    let short = bucket_method(points, scalars, &classes.short, SHORT_BITS);
    let full = bucket_method(points, scalars, &classes.full, F::NUM_BITS - 1);
    units.add(&short).add(&full)
}
