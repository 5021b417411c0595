//! MSM in eight lanes: which field in lanes stands for which coordinate, and the classes of scalars.

use super::{
    field2::Quad,
    field8::{Bls, Bn},
    msm_buckets::{
        CUT_UP_TO, bucket_method, cost, full_windows, parts, plain_sum, short_windows, sorted_sums,
    },
    msm_field::{Base, LaneField},
};
use crate::{
    field::{
        ScalarField,
        coordinate::{Bn254Fq, Coordinate},
        fp381::{Fp381, Fp381Quadratic},
        quadratic::Quadratic,
    },
    kernels::Ifma,
    msm::{
        classify::{Classes, Term},
        glv::{Endomorphism, Windows},
        memory::{Parts, tile_bytes},
        point::Xyzz,
        points::Points,
        reduce::Sums,
    },
};
use core::any::Any;

type BlsG1 = Base<Fp381, Bls, 8, 6>;
type BlsG2 = Quad<Fp381Quadratic, Bls, 8, 6>;
type BnG1 = Base<Bn254Fq, Bn, 5, 4>;
type BnG2 = Quad<Quadratic<Bn254Fq>, Bn, 5, 4>;

/// Σ k_i·P_i; `None` for coordinates that have no field in lanes.
pub(crate) fn tile<F: ScalarField, K: Coordinate>(
    ifma: Ifma,
    endomorphism: Endomorphism,
    points: Points<'_, K>,
    scalars: &[F],
) -> Option<Xyzz<K>> {
    over::<F, K, BlsG1>(ifma, endomorphism, points, scalars)
        .or_else(|| over::<F, K, BlsG2>(ifma, endomorphism, points, scalars))
        .or_else(|| over::<F, K, BnG1>(ifma, endomorphism, points, scalars))
        .or_else(|| over::<F, K, BnG2>(ifma, endomorphism, points, scalars))
}

/// The most bytes that [`tile`] allocates; `None` for coordinates that have no field in lanes.
pub(crate) fn scratch_bytes<K: Coordinate>(
    endomorphism: Endomorphism,
    terms: usize,
    bits: u32,
    threads: usize,
) -> Option<usize> {
    scratch_of::<K, BlsG1>(endomorphism, terms, bits, threads)
        .or_else(|| scratch_of::<K, BlsG2>(endomorphism, terms, bits, threads))
        .or_else(|| scratch_of::<K, BnG1>(endomorphism, terms, bits, threads))
        .or_else(|| scratch_of::<K, BnG2>(endomorphism, terms, bits, threads))
}

fn scratch_of<K: Coordinate, L: LaneField>(
    endomorphism: Endomorphism,
    terms: usize,
    bits: u32,
    threads: usize,
) -> Option<usize> {
    let same = core::any::TypeId::of::<K>() == core::any::TypeId::of::<L::Scalar>();
    same.then(|| {
        let parts = parts::<L>(terms);
        let whole = tile_bytes(terms, threads, &parts, |terms| Windows::whole(terms, bits, cost));
        let cut = endomorphism.most_cut(terms, CUT_UP_TO);
        whole.max(tile_bytes(cut, threads, &parts, |terms| Windows::halves(terms, cost)))
    })
}

/// `None` if K is not the coordinate of L.
fn over<F: ScalarField, K: Coordinate, L: LaneField>(
    _witness: Ifma,
    endomorphism: Endomorphism,
    points: Points<'_, K>,
    scalars: &[F],
) -> Option<Xyzz<K>> {
    let points = points.with_coordinate::<L::Scalar>()?;
    let classes = Classes::of(scalars, |i| points.is_infinity(i as usize));
    // SAFETY: the witness exists only where the CPU has the features.
    let sum = unsafe {
        let units = plain_sum::<L>(points, &classes.units);
        let windows = short_windows(classes.short.len());
        let short = bucket_method::<F, L>(points, scalars, &classes.short, windows);
        let windows = full_windows::<F>(classes.full.len(), endomorphism);
        let full = bucket_method::<F, L>(points, scalars, &classes.full, windows);
        units.add(&short).add(&full)
    };
    (&sum as &dyn Any).downcast_ref::<Xyzz<K>>().copied()
}

/// Both sums of buckets, as [`super::msm_buckets::bucket_sums`]; `None` for coordinates that have no field in lanes.
pub(crate) fn sums<K: Coordinate>(
    ifma: Ifma,
    points: Points<'_, K>,
    sorted: &[Term],
    ends: &[u32],
) -> Option<Sums<K>> {
    sums_over::<K, BlsG1>(ifma, points, sorted, ends)
        .or_else(|| sums_over::<K, BlsG2>(ifma, points, sorted, ends))
        .or_else(|| sums_over::<K, BnG1>(ifma, points, sorted, ends))
        .or_else(|| sums_over::<K, BnG2>(ifma, points, sorted, ends))
}

fn sums_over<K: Coordinate, L: LaneField>(
    _witness: Ifma,
    points: Points<'_, K>,
    sorted: &[Term],
    ends: &[u32],
) -> Option<Sums<K>> {
    let points = points.with_coordinate::<L::Scalar>()?;
    // SAFETY: the witness exists only where the CPU has the features.
    let sums = unsafe { sorted_sums::<L>(points, sorted, ends) };
    (&sums as &dyn Any).downcast_ref::<Sums<K>>().copied()
}

/// What [`sums`] allocates, points not copied; `None` for coordinates that have no field in lanes.
pub(crate) fn parts_of<K: Coordinate>() -> Option<Parts> {
    parts_over::<K, BlsG1>()
        .or_else(parts_over::<K, BlsG2>)
        .or_else(parts_over::<K, BnG1>)
        .or_else(parts_over::<K, BnG2>)
}

fn parts_over<K: Coordinate, L: LaneField>() -> Option<Parts> {
    let same = core::any::TypeId::of::<K>() == core::any::TypeId::of::<L::Scalar>();
    same.then(|| parts::<L>(0))
}
