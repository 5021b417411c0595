//! Points and scalars.

use crate::options::Scalars;
use forebay_msm::ScalarField;
use group::Group;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// Distinct points with little work: P ↦ 2P + G.
pub(crate) fn points<G: group::Curve + Group>(n: usize) -> Vec<G::AffineRepr>
where
    G::AffineRepr: Default + Clone,
{
    let next = |p: &G| Some(p.double() + G::generator());
    let chain: Vec<G> = std::iter::successors(Some(G::generator()), next).take(n).collect();
    let mut points = vec![Default::default(); n];
    G::batch_normalize(&chain, &mut points);
    points
}

/// The same scalars in every run.
pub(crate) fn scalars<F: ScalarField>(kind: Scalars, n: usize) -> Vec<F> {
    let mut rng = ChaCha20Rng::seed_from_u64(n as u64);
    let mixed = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    match kind {
        Scalars::Uniform => (0..n).map(|_| F::random(&mut rng)).collect(),
        Scalars::Filecoin => {
            let value = |i: usize| {
                if i.is_multiple_of(50) { F::random(&mut rng) } else { F::from(mixed(i) >> 33 & 1) }
            };
            (0..n).map(value).collect()
        }
        Scalars::Equal => vec![F::random(&mut rng); n],
        Scalars::Short => (0..n).map(|i| F::from(mixed(i))).collect(),
    }
}
