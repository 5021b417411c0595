//! MSM, NTT and the quotient on a pool of one thread.
//!
//! `FOREBAY_BENCH_LOG=18 cargo bench -p forebay-msm --bench kernels -- msm` picks the size (default 2^16) and the kernel.
#![allow(clippy::unwrap_used, missing_docs)] // a benchmark may panic

use criterion::{Criterion, criterion_group, criterion_main};
use ff::Field;
use forebay_msm::{
    Backend, Bases, Bls12_381, Bn254, CpuBackend, Curve, Kernels,
    backend::{Coset, DomainSpec, QuotientBasis, RootGenerator, Transform},
};
use group::Group;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::sync::Arc;

fn log_n() -> u32 {
    std::env::var("FOREBAY_BENCH_LOG").ok().and_then(|v| v.parse().ok()).unwrap_or(16)
}

/// Distinct points with little work: multiples of one point by 2^i + i or so.
fn points<G: group::Curve + Group>(n: usize) -> Vec<G::AffineRepr>
where
    G::AffineRepr: Default + Clone,
{
    let chain: Vec<G> =
        std::iter::successors(Some(G::generator()), |p| Some(p.double() + G::generator())).take(n).collect();
    let mut points = vec![Default::default(); n];
    G::batch_normalize(&chain, &mut points);
    points
}

fn kernels<C: Curve>(criterion: &mut Criterion, kernels: Kernels)
where
    CpuBackend: Backend<C>,
{
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let backend: &dyn Backend<C> = &CpuBackend::with_kernels(pool, Arc::default(), kernels).unwrap();
    let n = 1usize << log_n();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let scalars: Vec<C::Fr> = (0..n).map(|_| C::Fr::random(&mut rng)).collect();
    let bits: Vec<C::Fr> = (0..n)
        .map(|i| {
            if i % 50 == 0 { scalars[i] } else { C::Fr::from((i as u64).wrapping_mul(0x9e37_79b9) >> 7 & 1) }
        })
        .collect();
    let short: Vec<C::Fr> =
        (0..n).map(|i| C::Fr::from((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let equal = vec![scalars[0]; n];
    let mut group = criterion.benchmark_group(format!("{}/2^{}/{kernels:?}", C::ID, log_n()));
    group.sample_size(10);
    let g1 = points::<C::G1>(n);
    for (name, scalars) in [("random", &scalars), ("98% bits", &bits), ("64-bit", &short), ("equal", &equal)]
    {
        group.bench_function(format!("msm g1 {name}"), |b| {
            b.iter(|| backend.msm_g1(Bases::from_slice(&g1), scalars))
        });
    }
    let g2 = points::<C::G2>(n);
    group.bench_function("msm g2 random", |b| b.iter(|| backend.msm_g2(Bases::from_slice(&g2), &scalars)));
    let domain = DomainSpec { log_n: log_n(), generator: RootGenerator::of_field::<C>() };
    let mut a = scalars.clone();
    for transform in [Transform::Forward, Transform::Inverse, Transform::CosetForward(Coset::Generator)] {
        group.bench_function(format!("ntt {transform:?}"), |b| {
            b.iter(|| backend.ntt(domain, transform, &mut a))
        });
    }
    let (mut b2, mut c) = (bits, short);
    for basis in [QuotientBasis::OddCosetLagrange, QuotientBasis::Coefficients] {
        group.bench_function(format!("quotient {basis:?}"), |b| {
            b.iter(|| backend.quotient(domain, basis, &mut a, &mut b2, &mut c));
        });
    }
}

fn both(criterion: &mut Criterion) {
    for k in Kernels::available() {
        kernels::<Bls12_381>(criterion, k);
        kernels::<Bn254>(criterion, k);
    }
}

criterion_group!(benches, both);
criterion_main!(benches);
