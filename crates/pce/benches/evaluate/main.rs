//! The compiled evaluator against plain CSR: synthetic rows shaped like circom's sha256 and Poseidon, and, if
//! `FOREBAY_CIRCUITS` names a folder, every `X.r1cs` with its `X.wtns` there. Sizes, and ratios of interleaved runs, are
//! printed before criterion's own figures.
#![allow(missing_docs, reason = "criterion's macros generate public items")]
#![allow(clippy::unwrap_used)]

mod iden3;
#[allow(dead_code, reason = "the other benchmark uses it")]
mod synthetic;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use forebay_msm::{CurveId, ScalarField};
use forebay_pce::plain::PlainCsr;
use forebay_pce::{CircuitBuilder, EvalOptions, Outputs};
use iden3::Instance;
use std::hint::black_box;
use std::time::{Duration, Instant};

fn compare<F: ScalarField>(criterion: &mut Criterion, name: &str, instance: &Instance<F>) {
    let mut builder = CircuitBuilder::new(instance.shape).unwrap();
    let mut plain = PlainCsr::default();
    for [a, b, c] in &instance.rows {
        builder.push_row(a, b, c).unwrap();
        plain.push_row(a, b, c);
    }
    let circuit = builder.finish().unwrap();
    let terms: usize = instance.rows.iter().flatten().map(Vec::len).sum();
    println!(
        "{name}: {} rows, {terms} terms; compiled {} B ({:.2} B/term), plain {} B, {:.1} times smaller",
        instance.rows.len(),
        circuit.size_bytes(),
        circuit.size_bytes() as f64 / terms as f64,
        plain.size_bytes(),
        plain.size_bytes() as f64 / circuit.size_bytes() as f64,
    );
    let [mut a, mut b, mut c] = [(); 3].map(|()| vec![F::ZERO; instance.rows.len()]);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..101 {
            times[0]
                .push(timed(|| plain.evaluate(&pool, black_box(&instance.witness), &mut a, &mut b, &mut c)));
            times[1].push(timed(|| {
                let out = Outputs { a: &mut a, b: &mut b, c: &mut c };
                circuit.evaluate(black_box(&instance.witness), out, EvalOptions::new(&pool)).unwrap();
            }));
        }
        let [plain_time, compiled_time] = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2]
        });
        let ratio = plain_time.as_secs_f64() / compiled_time.as_secs_f64();
        println!(
            "{name}, {threads} threads, interleaved medians: {plain_time:?} / {compiled_time:?} = {ratio:.2}"
        );
        let mut group = criterion.benchmark_group(format!("{name}/{threads} threads"));
        group.throughput(Throughput::Elements(terms as u64));
        group.bench_function("plain", |bench| {
            bench.iter(|| plain.evaluate(&pool, black_box(&instance.witness), &mut a, &mut b, &mut c));
        });
        group.bench_function("compiled", |bench| {
            bench.iter(|| {
                let out = Outputs { a: &mut a, b: &mut b, c: &mut c };
                circuit.evaluate(black_box(&instance.witness), out, EvalOptions::new(&pool)).unwrap()
            });
        });
        group.finish();
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn synthetic_circuits(criterion: &mut Criterion) {
    compare(criterion, "sha256-like bls12-381", &synthetic::sha256_like::<blstrs::Scalar>(60_000));
    compare(criterion, "poseidon-like bls12-381", &synthetic::poseidon_like::<blstrs::Scalar>(60_000));
    compare(criterion, "sha256-like bn254", &synthetic::sha256_like::<halo2curves::bn256::Fr>(60_000));
    compare(criterion, "poseidon-like bn254", &synthetic::poseidon_like::<halo2curves::bn256::Fr>(60_000));
}

fn real_circuits(criterion: &mut Criterion) {
    let Some(folder) = std::env::var_os("FOREBAY_CIRCUITS") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for r1cs in files.iter().filter(|path| path.extension().is_some_and(|e| e == "r1cs")) {
        let name = r1cs.file_stem().unwrap().to_string_lossy();
        match iden3::curve(r1cs) {
            CurveId::Bls12_381 => {
                compare(criterion, &format!("{name} bls12-381"), &iden3::read::<blstrs::Scalar>(r1cs));
            }
            CurveId::Bn254 => {
                compare(criterion, &format!("{name} bn254"), &iden3::read::<halo2curves::bn256::Fr>(r1cs));
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = synthetic_circuits, real_circuits
}
criterion_main!(benches);
