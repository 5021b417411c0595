//! Multi-scalar multiplication, generic over the coordinate field: one kernel for G1 and G2 of both curves.

mod batch_affine;
pub(crate) mod classify;
pub(crate) mod compiled;
pub(crate) mod digits;
pub(crate) mod fixed;
mod fixed_shape;
mod fixed_sort;
mod fixed_table;
pub(crate) mod glv;
pub(crate) mod memory;
pub(crate) mod pages;
pub(crate) mod pippenger;
pub(crate) mod point;
pub(crate) mod points;
pub(crate) mod reduce;

pub use compiled::MsmPoint;
pub use fixed::FixedBases;
pub use glv::Endomorphism;

#[cfg(target_arch = "x86_64")]
use crate::lanes::msm as lanes;
use crate::{
    bases::Bases,
    field::{ScalarField, coordinate::Coordinate},
    kernels::Path,
};
use classify::{Classes, Term};
use compiled::Vectorised;
#[cfg(target_arch = "x86_64")]
use compiled::{Avx2, Ifma};
use digits::full_bits;
use pippenger::{bucket_method, full_windows, plain_sum, short_windows};
use point::Xyzz;
use points::{Points, into_curve_point};

/// Terms handled at once, which bounds the working memory ([`memory`]): in G1 of BLS12-381 about 270 MiB on one thread.
/// Each further tile costs the reduction of its buckets, 3 % of its additions.
const TILE: usize = 1 << 21;

/// The most bytes that [`msm`] allocates for that many terms over that many threads.
pub(crate) fn scratch_bytes<A: MsmPoint>(
    path: Path,
    endomorphism: Endomorphism,
    terms: usize,
    threads: usize,
) -> usize
where
    A::Scalar: ScalarField,
    A::Coordinate: Vectorised,
{
    let (terms, bits) = (terms.min(TILE), full_bits::<A::Scalar>());
    match path {
        Path::Portable => pippenger::scratch_bytes::<A::Coordinate>(endomorphism, terms, bits, threads),
        #[cfg(target_arch = "x86_64")]
        Path::Ifma(_) => lanes::scratch_bytes::<Ifma<A::Coordinate>>(endomorphism, terms, bits, threads),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2(_) => lanes::scratch_bytes::<Avx2<A::Coordinate>>(endomorphism, terms, bits, threads),
        #[cfg(not(target_arch = "x86_64"))]
        _ => pippenger::scratch_bytes::<A::Coordinate>(endomorphism, terms, bits, threads),
    }
}

/// Σ k_i·P_i on the pool of the calling thread. The lengths are equal.
pub(crate) fn msm<A: MsmPoint>(
    path: Path,
    endomorphism: Endomorphism,
    bases: Bases<'_, A>,
    scalars: &[A::Scalar],
) -> A::Curve
where
    A::Scalar: ScalarField,
    A::Coordinate: Vectorised,
{
    let tiles = scalars.chunks(TILE).enumerate();
    let sum = tiles.fold(Xyzz::INFINITY, |acc, (i, scalars)| {
        let bases = bases.slice(i * TILE..i * TILE + scalars.len());
        acc.add(&tile(path, endomorphism, Points::new(bases), scalars))
    });
    into_curve_point::<A>(sum.to_affine()).to_curve()
}

fn tile<F: ScalarField, K: Vectorised>(
    path: Path,
    endomorphism: Endomorphism,
    points: Points<'_, K>,
    scalars: &[F],
) -> Xyzz<K> {
    match path {
        Path::Portable => portable_tile(endomorphism, points, scalars),
        #[cfg(target_arch = "x86_64")]
        Path::Ifma(ifma) => lanes::tile::<F, Ifma<K>>(ifma, endomorphism, points, scalars),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2(avx2) => lanes::tile::<F, Avx2<K>>(avx2, endomorphism, points, scalars),
        #[cfg(not(target_arch = "x86_64"))]
        _ => portable_tile(endomorphism, points, scalars),
    }
}

fn portable_tile<F: ScalarField, K: Coordinate>(
    endomorphism: Endomorphism,
    points: Points<'_, K>,
    scalars: &[F],
) -> Xyzz<K> {
    let classes = Classes::of(scalars, |_| false);
    let units = plain_sum(points, &classes.units);
    let sum = |terms: &[Term], windows| bucket_method(points, scalars, terms, windows);
    let short = sum(&classes.short, short_windows(classes.short.len()));
    let full = sum(&classes.full, full_windows::<F>(classes.full.len(), endomorphism));
    units.add(&short).add(&full)
}
