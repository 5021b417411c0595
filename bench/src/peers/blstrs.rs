//! blstrs, which takes projective points and goes through blst's own pool, whatever the number of threads.

use crate::{measure::Contender, msm::Multiplier};
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};
use group::Curve;

/// One multiplication a run, in G1.
pub(crate) fn msm_g1<'a>(points: &[G1Affine], scalars: &'a [Scalar]) -> Multiplier<'a, G1Affine> {
    let points: Vec<G1Projective> = points.iter().map(Into::into).collect();
    Contender::new("blstrs", move || Ok(G1Projective::multi_exp(&points, scalars).to_affine()))
}

/// One multiplication a run, in G2.
pub(crate) fn msm_g2<'a>(points: &[G2Affine], scalars: &'a [Scalar]) -> Multiplier<'a, G2Affine> {
    let points: Vec<G2Projective> = points.iter().map(Into::into).collect();
    Contender::new("blstrs", move || Ok(G2Projective::multi_exp(&points, scalars).to_affine()))
}
