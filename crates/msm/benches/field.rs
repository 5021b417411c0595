//! Field arithmetic and the threshold of the parallel batch inversion.
#![allow(clippy::unwrap_used, missing_docs)] // a benchmark may panic

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ff::Field;
use forebay_msm::{
    Bls12_381, Bn254, Curve, ScalarField,
    field::{batch_inverse, mont4},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::hint::black_box;

fn field<C: Curve>(criterion: &mut Criterion) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let values: Vec<C::Fr> = (0..1 << 14).map(|_| C::Fr::random(&mut rng)).collect();
    let mut group = criterion.benchmark_group(format!("{} Fr", C::ID));
    group.bench_function("1024 independent mul", |b| {
        b.iter(|| {
            values[..1024].iter().zip(&values[1024..]).for_each(|(x, y)| {
                black_box(mont4::mul::<C::Fr>(x.limbs(), y.limbs()));
            });
        });
    });
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for log_n in 8..=14 {
        for (name, invert) in [
            ("sequential", batch_inverse::batch_invert_sequential::<C::Fr> as fn(&mut [C::Fr])),
            ("two threads", batch_inverse::batch_invert_parallel::<C::Fr>),
        ] {
            group.bench_function(format!("batch inversion 2^{log_n} {name}"), |b| {
                pool.install(|| {
                    b.iter_batched_ref(|| values[..1 << log_n].to_vec(), |v| invert(v), BatchSize::LargeInput)
                });
            });
        }
    }
}

fn both(criterion: &mut Criterion) {
    field::<Bls12_381>(criterion);
    field::<Bn254>(criterion);
}

criterion_group!(benches, both);
criterion_main!(benches);
