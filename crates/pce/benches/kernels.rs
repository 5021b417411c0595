//! The kernels of the evaluator beside each other and beside plain CSR, in turn on one thread, results compared: CPU time
//! of that thread, medians.
//!
//! Synthetic rows shaped like circom's sha256 and Poseidon and like Filecoin's PoRep, and, if `FOREBAY_CIRCUITS` names a
//! folder, every `X.r1cs` with its `X.wtns` there. `FOREBAY_BENCH_RUNS` sets the runs; arguments choose circuits by a
//! part of their names.
#![allow(clippy::unwrap_used)] // a benchmark may panic

#[path = "evaluate/iden3.rs"]
mod iden3;
#[path = "evaluate/synthetic.rs"]
mod synthetic;

use forebay_msm::{CurveId, Kernels, ScalarField};
use forebay_pce::plain::PlainCsr;
use forebay_pce::{CircuitBuilder, EvalOptions, EvalStats, Matrix, Outputs, first_unsatisfied_row};
use iden3::Instance;

fn runs() -> usize {
    std::env::var("FOREBAY_BENCH_RUNS").ok().and_then(|v| v.parse().ok()).unwrap_or(21)
}

/// CPU-seconds of this thread.
fn cpu_seconds() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = cpu_seconds();
    work();
    cpu_seconds() - start
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn compare<F: ScalarField>(name: &str, instance: &Instance<F>) {
    let mut builder = CircuitBuilder::new(instance.shape).unwrap();
    let mut plain = PlainCsr::default();
    for [a, b, c] in &instance.rows {
        builder.push_row(a, b, c).unwrap();
        plain.push_row(a, b, c);
    }
    let circuit = builder.finish().unwrap();
    let rows = circuit.num_rows();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let kernels: Vec<Kernels> = Kernels::available().collect();
    let mut times = vec![Vec::new(); kernels.len() + 3];
    let mut stats = EvalStats::default();
    let mut outputs = vec![[(); 3].map(|()| vec![F::ZERO; rows]); kernels.len() + 1];
    pool.install(|| {
        for _ in 0..runs() {
            for (i, &kernels) in kernels.iter().enumerate() {
                let [a, b, c] = &mut outputs[i];
                times[i].push(timed(|| {
                    let options = EvalOptions { kernels, ..EvalOptions::new(&pool) };
                    stats = circuit.evaluate(&instance.witness, Outputs { a, b, c }, options).unwrap();
                }));
            }
            let [a, b, c] = &mut outputs[kernels.len()];
            times[kernels.len()].push(timed(|| plain.evaluate(&pool, &instance.witness, a, b, c)));
            let [a, b, c] = &mut outputs[0];
            times[kernels.len() + 2].push(timed(|| {
                let options = EvalOptions { find_unsatisfied: true, ..EvalOptions::new(&pool) };
                circuit.evaluate(&instance.witness, Outputs { a, b, c }, options).unwrap();
            }));
            times[kernels.len() + 1].push(timed(|| {
                std::hint::black_box(first_unsatisfied_row(&pool, a, b, c));
            }));
        }
    });
    assert!(outputs.windows(2).all(|o| o[0] == o[1]), "{name}: results differ");
    let mut times = times.into_iter().map(median);
    let terms: u64 = [Matrix::A, Matrix::B, Matrix::C].map(|m| circuit.num_terms(m)).iter().sum();
    println!(
        "{name}: {rows} rows, {terms} terms, {} B; {} computed, {} in lanes",
        circuit.size_bytes(),
        stats.terms,
        stats.terms_in_lanes,
    );
    let portable = times.next().unwrap();
    println!("  portable {:9.3} ms", portable * 1e3);
    for (kernels, time) in kernels[1..].iter().zip(times.by_ref()) {
        println!("  {kernels:?}     {:9.3} ms, {:.2} times faster", time * 1e3, portable / time);
    }
    let plain = times.next().unwrap();
    println!("  plain CSR{:9.3} ms, the portable path is {:.2} times faster", plain * 1e3, plain / portable);
    println!("  check    {:9.3} ms, in a pass of its own", times.next().unwrap() * 1e3);
    println!("  with it  {:9.3} ms, evaluation and check in one", times.next().unwrap() * 1e3);
}

type Make<F> = fn(usize) -> Instance<F>;

fn main() {
    let filters: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()));
    let bls: [(&str, usize, Make<blstrs::Scalar>); 3] = [
        ("sha256-like", 60_000, synthetic::sha256_like),
        ("poseidon-like", 60_000, synthetic::poseidon_like),
        ("porep-like", 1 << 20, synthetic::porep_like),
    ];
    let bn: [(&str, usize, Make<halo2curves::bn256::Fr>); 3] = [
        ("sha256-like", 60_000, synthetic::sha256_like),
        ("poseidon-like", 60_000, synthetic::poseidon_like),
        ("porep-like", 1 << 20, synthetic::porep_like),
    ];
    for (name, rows, make) in bls {
        let name = format!("{name} bls12-381");
        wanted(&name).then(|| compare(&name, &make(rows)));
    }
    for (name, rows, make) in bn {
        let name = format!("{name} bn254");
        wanted(&name).then(|| compare(&name, &make(rows)));
    }
    let Some(folder) = std::env::var_os("FOREBAY_CIRCUITS") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for r1cs in files.iter().filter(|path| path.extension().is_some_and(|e| e == "r1cs")) {
        let name = r1cs.file_stem().unwrap().to_string_lossy();
        if !wanted(&name) {
            continue;
        }
        match iden3::curve(r1cs) {
            CurveId::Bls12_381 => compare(&name, &iden3::read::<blstrs::Scalar>(r1cs)),
            CurveId::Bn254 => compare(&name, &iden3::read::<halo2curves::bn256::Fr>(r1cs)),
        }
    }
}
