//! MSM in eight lanes: which field in lanes stands for which coordinate, and the classes of scalars.

pub(crate) use super::msm_field::LaneField;
use super::{
    eight::Eight,
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
    msm::{
        classify::{Classes, Term},
        glv::{Endomorphism, Windows},
        memory::{Parts, tile_bytes},
        point::Xyzz,
        points::Points,
        reduce::Sums,
    },
};

/// The fields in lanes of the four kinds of coordinates.
pub(crate) type BlsG1<E> = Base<Fp381, Bls, E, 8, 6>;
pub(crate) type BlsG2<E> = Quad<Fp381Quadratic, Bls, E, 8, 6>;
pub(crate) type BnG1<E> = Base<Bn254Fq, Bn, E, 5, 4>;
pub(crate) type BnG2<E> = Quad<Quadratic<Bn254Fq>, Bn, E, 5, 4>;

/// The lanes of AVX-512.
pub(crate) type IfmaLanes = core::arch::x86_64::__m512i;
/// The lanes of AVX2.
pub(crate) type Avx2Lanes = super::eight_avx2::Two;

/// What exists only where the CPU can compute with a field in lanes.
pub(crate) type Witness<L> = <<L as LaneField>::Lanes as Eight>::Witness;

/// Σ k_i·P_i.
pub(crate) fn tile<F: ScalarField, L: LaneField>(
    _witness: Witness<L>,
    endomorphism: Endomorphism,
    points: Points<'_, L::Scalar>,
    scalars: &[F],
) -> Xyzz<L::Scalar> {
    let classes = Classes::of(scalars, |i| points.is_infinity(i as usize));
    // SAFETY: the witness exists only where the CPU has the features.
    unsafe {
        let units = plain_sum::<L>(points, &classes.units);
        let windows = short_windows(classes.short.len());
        let short = bucket_method::<F, L>(points, scalars, &classes.short, windows);
        let windows = full_windows::<F>(classes.full.len(), endomorphism);
        let full = bucket_method::<F, L>(points, scalars, &classes.full, windows);
        units.add(&short).add(&full)
    }
}

/// The most bytes that [`tile`] allocates.
pub(crate) fn scratch_bytes<L: LaneField>(
    endomorphism: Endomorphism,
    terms: usize,
    bits: u32,
    threads: usize,
) -> usize {
    let parts = parts::<L>(terms);
    let whole = tile_bytes(terms, threads, &parts, |terms| Windows::whole(terms, bits, cost));
    let cut = endomorphism.most_cut(terms, CUT_UP_TO);
    whole.max(tile_bytes(cut, threads, &parts, |terms| Windows::halves(terms, cost)))
}

/// Both sums of buckets, as [`super::msm_buckets::bucket_sums`].
pub(crate) fn sums<L: LaneField>(
    _witness: Witness<L>,
    points: Points<'_, L::Scalar>,
    sorted: &[Term],
    ends: &[u32],
) -> Sums<L::Scalar> {
    // SAFETY: the witness exists only where the CPU has the features.
    unsafe { sorted_sums::<L>(points, sorted, ends) }
}

/// What [`sums`] allocates, points not copied.
pub(crate) fn parts_of<L: LaneField>() -> Parts {
    parts::<L>(0)
}
