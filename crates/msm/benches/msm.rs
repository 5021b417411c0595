//! MSM beside its peers on one thread, in turn in one process on the same inputs, results compared: CPU time of that
//! thread, medians.
//!
//! `FOREBAY_BENCH_LOG=18 FOREBAY_BENCH_RUNS=5 cargo bench -p forebay-msm --bench msm -- bls-g1 bn-g1 bls-g2 bn-g2`
//!
//! Further settings: `FOREBAY_BENCH_KINDS=uniform,equal` (which scalars), `FOREBAY_BENCH_PORTABLE=1` and `FOREBAY_BENCH_AVX2=1` (rows
//! of the portable and the AVX2 kernels), `FOREBAY_BENCH_ENDOMORPHISM=1` (rows with scalars cut by the endomorphism and
//! whole), `FOREBAY_BENCH_PEERS=0` (no peers), `FOREBAY_BENCH_FIXED=16` (a row over prepared bases with at most 16 multiples of each; making the table is
//! not in it).
#![allow(clippy::unwrap_used, missing_docs)] // a benchmark may panic

use blst::{blst_p1_affine, blst_p2_affine};
use ff::PrimeField;
use forebay_msm::{
    Backend, Bases, Bls12_381, Bn254, CpuBackend, Curve, Kernels, ScalarField, msm::Endomorphism,
};
use group::Group;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::sync::Arc;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// Seconds that this thread has run (Linux).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Distinct points with little work: P ↦ 2P + G.
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

/// A name and what to time.
type Job<'a, R> = (&'static str, Box<dyn FnMut() -> R + 'a>);

/// Runs all of them in turn and prints medians and the ratio to the first.
fn compare<R: PartialEq>(title: &str, mut jobs: Vec<Job<'_, R>>) {
    let runs = setting("FOREBAY_BENCH_RUNS", 5);
    let mut times = vec![vec![]; jobs.len()];
    for _ in 0..runs {
        let mut results = vec![];
        for (job, times) in jobs.iter_mut().zip(&mut times) {
            let start = cpu_seconds();
            results.push(job.1());
            times.push(cpu_seconds() - start);
        }
        assert!(results.windows(2).all(|r| r[0] == r[1]), "{title}: results differ");
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect();
    for ((name, _), (median, times)) in jobs.iter().zip(medians.iter().zip(&times)) {
        let (median, least) = (median * 1e3, times[0] * 1e3);
        println!(
            "{title:28} {name:24} {median:9.1} ms (least {least:9.1})  {:5.2}",
            median / 1e3 / medians[0]
        );
    }
}

fn scalars<F: ScalarField>(n: usize) -> [(&'static str, Vec<F>); 4] {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let random: Vec<F> = (0..n).map(|_| F::random(&mut rng)).collect();
    let mixed = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bits = (0..n).map(|i| if i % 50 == 0 { random[i] } else { F::from(mixed(i) >> 33 & 1) }).collect();
    let short = (0..n).map(|i| F::from(mixed(i))).collect();
    let equal = vec![random[0]; n];
    [("uniform", random), ("98 % bits", bits), ("64 bits", short), ("equal", equal)]
}

macro_rules! blst_pippenger {
    ($points:expr, $scalars:expr, $affine:ty, $sum:ty, $mult:path, $scratch:path) => {{
        let (points, scalars) = ($points, $scalars);
        let bytes: Vec<[u8; 32]> = scalars.iter().map(|k| k.to_repr()).collect();
        let (points, bytes) = ([points.as_ptr().cast::<$affine>(), core::ptr::null()], [bytes.as_ptr().cast(), core::ptr::null()]);
        let mut sum = <$sum>::default();
        // SAFETY: contiguous points and scalars, as a null second pointer says; scratch as large as blst asks for.
        unsafe {
            let mut scratch = vec![0u64; $scratch(scalars.len()) / 8 + 1];
            $mult(&mut sum, points.as_ptr(), scalars.len(), bytes.as_ptr(), 255, scratch.as_mut_ptr());
        }
        sum
    }};
}

/// blst's projective point as the wrapper of the same layout.
fn as_group<P: Copy, G: Copy>(sum: P) -> G {
    const { assert!(size_of::<P>() == size_of::<G>()) };
    // SAFETY: blstrs's points are transparent over blst's.
    unsafe { core::mem::transmute_copy(&sum) }
}

fn main() {
    let log_n = setting("FOREBAY_BENCH_LOG", 18);
    let n = 1usize << log_n;
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let auto = &CpuBackend::new(pool.clone());
    let with_endomorphism = setting("FOREBAY_BENCH_ENDOMORPHISM", 0) == 1;
    let forced = [
        ("FOREBAY_BENCH_PORTABLE", Kernels::Portable, ["portable", "portable, cut", "portable, whole"]),
        ("FOREBAY_BENCH_AVX2", Kernels::Avx2, ["AVX2", "AVX2, cut", "AVX2, whole"]),
    ];
    let forced = forced.into_iter().filter(|(name, ..)| setting(name, 0) == 1);
    let forced = forced.map(|(_, kernels, names)| {
        (CpuBackend::with_kernels(pool.clone(), Arc::default(), kernels).unwrap(), names)
    });
    let mut backends = vec![];
    for (backend, [name, cut, whole]) in [(auto.clone(), ["ours", "cut", "whole"])].into_iter().chain(forced)
    {
        backends.push((name, backend.clone()));
        if with_endomorphism {
            backends.push((cut, backend.clone().with_endomorphism(Endomorphism::Always)));
            backends.push((whole, backend.with_endomorphism(Endomorphism::Never)));
        }
    }
    let kinds = std::env::var("FOREBAY_BENCH_KINDS").unwrap_or_default();
    let with_peers = setting("FOREBAY_BENCH_PEERS", 1) == 1;
    let multiples = setting("FOREBAY_BENCH_FIXED", 0);
    pool.install(|| {
        macro_rules! group {
            ($name:literal, $curve:ty, $group:ident, $msm:ident, $prepare:ident, $msm_fixed:ident, $peer_name:literal, $peer:expr) => {
                if wants($name) {
                    let points = points::<<$curve as Curve>::$group>(n);
                    let fixed = (multiples > 0).then(|| {
                        let (start, bytes) = (cpu_seconds(), multiples * size_of_val(&points[..]));
                        let fixed = auto.$prepare::<$curve>(Bases::from_slice(&points), bytes).unwrap();
                        let (seconds, mib) = (cpu_seconds() - start, fixed.bytes() >> 20);
                        println!("{} 2^{log_n} {fixed:?}: {mib} MiB, made in {seconds:.2} s", $name);
                        fixed
                    });
                    for (kind, scalars) in &scalars::<<$curve as Curve>::Fr>(n) {
                        if !kinds.is_empty() && !kinds.split(',').any(|k| k == *kind) {
                            continue;
                        }
                        let points = &points;
                        let run = move |backend: &CpuBackend| {
                            Backend::<$curve>::$msm(backend, Bases::from_slice(points), scalars).unwrap()
                        };
                        let mut jobs: Vec<Job<'_, <$curve as Curve>::$group>> = vec![];
                        for (name, backend) in &backends {
                            jobs.push((name, Box::new(move || run(backend))));
                        }
                        if let Some(fixed) = &fixed {
                            jobs.push(("prepared bases", Box::new(move || auto.$msm_fixed::<$curve>(fixed, scalars).unwrap())));
                        }
                        if with_peers && *kind == "uniform" {
                            jobs.push(($peer_name, Box::new(|| $peer(points, scalars))));
                        }
                        compare(&format!("{} 2^{log_n} {kind}", $name), jobs);
                    }
                }
            };
        }
        group!(
            "bls-g1",
            Bls12_381,
            G1,
            msm_g1,
            prepare_g1,
            msm_g1_fixed,
            "blst pippenger",
            |points: &Vec<blstrs::G1Affine>, scalars: &Vec<blstrs::Scalar>| {
                as_group::<_, blstrs::G1Projective>(blst_pippenger!(
                    points,
                    scalars,
                    blst_p1_affine,
                    blst::blst_p1,
                    blst::blst_p1s_mult_pippenger,
                    blst::blst_p1s_mult_pippenger_scratch_sizeof
                ))
            }
        );
        group!("bn-g1", Bn254, G1, msm_g1, prepare_g1, msm_g1_fixed, "halo2curves msm_best", |points: &Vec<_>, scalars: &Vec<_>| {
            halo2curves::msm::msm_best(scalars, points)
        });
        group!(
            "bls-g2",
            Bls12_381,
            G2,
            msm_g2,
            prepare_g2,
            msm_g2_fixed,
            "blst pippenger",
            |points: &Vec<blstrs::G2Affine>, scalars: &Vec<blstrs::Scalar>| {
                as_group::<_, blstrs::G2Projective>(blst_pippenger!(
                    points,
                    scalars,
                    blst_p2_affine,
                    blst::blst_p2,
                    blst::blst_p2s_mult_pippenger,
                    blst::blst_p2s_mult_pippenger_scratch_sizeof
                ))
            }
        );
        group!("bn-g2", Bn254, G2, msm_g2, prepare_g2, msm_g2_fixed, "halo2curves msm_best", |points: &Vec<_>, scalars: &Vec<_>| {
            halo2curves::msm::msm_best(scalars, points)
        });
    });
}
