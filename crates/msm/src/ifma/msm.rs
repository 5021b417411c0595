//! MSM in eight lanes: which field in lanes stands for which coordinate, and the classes of scalars.

pub(crate) use super::msm_field::LaneField;
use super::{
    field2::Quad,
    field8::{Bls, Bn},
    msm_buckets::{
        CUT_UP_TO, bucket_method, cost, full_windows, parts, plain_sum, short_windows, sorted_sums,
    },
    msm_field::Base,
};
use crate::{
    field::{
        ScalarField,
        coordinate::Bn254Fq,
        fp381::{Fp381, Fp381Quadratic},
        quadratic::Quadratic,
    },
    kernels::Ifma,
    msm::{
        classify::{Classes, Term},
        compiled::Vectorised,
        glv::{Endomorphism, Windows},
        memory::{Parts, tile_bytes},
        point::Xyzz,
        points::Points,
        reduce::Sums,
    },
};

/// The fields in lanes of the four kinds of coordinates.
pub(crate) type BlsG1 = Base<Fp381, Bls, 8, 6>;
pub(crate) type BlsG2 = Quad<Fp381Quadratic, Bls, 8, 6>;
pub(crate) type BnG1 = Base<Bn254Fq, Bn, 5, 4>;
pub(crate) type BnG2 = Quad<Quadratic<Bn254Fq>, Bn, 5, 4>;

/// Σ k_i·P_i.
pub(crate) fn tile<F: ScalarField, K: Vectorised>(
    _witness: Ifma,
    endomorphism: Endomorphism,
    points: Points<'_, K>,
    scalars: &[F],
) -> Xyzz<K> {
    let classes = Classes::of(scalars, |i| points.is_infinity(i as usize));
    // SAFETY: the witness exists only where the CPU has the features.
    unsafe {
        let units = plain_sum::<K::Lanes>(points, &classes.units);
        let windows = short_windows(classes.short.len());
        let short = bucket_method::<F, K::Lanes>(points, scalars, &classes.short, windows);
        let windows = full_windows::<F>(classes.full.len(), endomorphism);
        let full = bucket_method::<F, K::Lanes>(points, scalars, &classes.full, windows);
        units.add(&short).add(&full)
    }
}

/// The most bytes that [`tile`] allocates.
pub(crate) fn scratch_bytes<K: Vectorised>(
    endomorphism: Endomorphism,
    terms: usize,
    bits: u32,
    threads: usize,
) -> usize {
    let parts = parts::<K::Lanes>(terms);
    let whole = tile_bytes(terms, threads, &parts, |terms| Windows::whole(terms, bits, cost));
    let cut = endomorphism.most_cut(terms, CUT_UP_TO);
    whole.max(tile_bytes(cut, threads, &parts, |terms| Windows::halves(terms, cost)))
}

/// Both sums of buckets, as [`super::msm_buckets::bucket_sums`].
pub(crate) fn sums<K: Vectorised>(
    _witness: Ifma,
    points: Points<'_, K>,
    sorted: &[Term],
    ends: &[u32],
) -> Sums<K> {
    // SAFETY: the witness exists only where the CPU has the features.
    unsafe { sorted_sums::<K::Lanes>(points, sorted, ends) }
}

/// What [`sums`] allocates, points not copied.
pub(crate) fn parts_of<K: Vectorised>() -> Parts {
    parts::<K::Lanes>(0)
}
