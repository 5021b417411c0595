//! Everything that can be asked of a device, as one program that needs nothing but a driver: the conformance suite, equality
//! with the CPU at large sizes, microbenchmarks, tables of times, whole proofs, a partition of a large circuit. JSON.
//!
//! `on_gpu [--small] [--emulated] [probe | kernels | proofs | partition]`: `probe` says what device there is; `kernels` is the
//! default; `proofs` makes proofs of 2^20 constraints; `partition` takes 2^27 rows through the device stage. `--small` for
//! sanitizers and dry runs; `--emulated` on the CPU launcher, whose times say nothing about a GPU.

mod multiplications;
mod partition;
mod proofs;

use forebay_msm::{
    Backend, Bls12_381, Bn254, CpuBackend, Curve,
    backend::{Coset, DomainSpec, QuotientBasis, RootGenerator, Transform},
    conformance,
};
use forebay_msm_cuda::{
    CudaBackend, Settings,
    device::{Args, Device, DeviceMemory, Event, Launch, Stream},
    error::DeviceError,
    ntt::Shape,
};
use forebay_scheduler::budget::{Amounts, Budget};
use serde_json::{Value, json};
use std::{error::Error, process::ExitCode, sync::Arc, time::Instant};

/// Runs of which the median counts.
const ROUNDS: usize = 11;

struct Options {
    small: bool,
    emulated: bool,
    /// The part that is asked for.
    part: String,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|a| a == name);
    let part = arguments.iter().find(|a| !a.starts_with("--")).cloned().unwrap_or_else(|| "kernels".into());
    let options = Options { small: has("--small"), emulated: has("--emulated"), part };
    match part_of(&options) {
        Ok((report, passed)) => {
            println!("{report}");
            if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(e) => {
            println!("{}", json!({ "error": e.to_string() }));
            ExitCode::from(2)
        }
    }
}

fn open(options: &Options) -> Result<Arc<dyn Device>, Box<dyn Error>> {
    if options.emulated {
        #[cfg(feature = "emulator")]
        return Ok(match std::env::var_os("FOREBAY_EMULATOR") {
            Some(library) => Arc::new(forebay_msm_cuda::Emulator::load(library.as_ref(), 1 << 30)?),
            None => Arc::new(forebay_msm_cuda::Emulator::new(1 << 30)?),
        });
        #[cfg(not(feature = "emulator"))]
        return Err("built without feature `emulator`".into());
    }
    #[cfg(feature = "cuda")]
    return Ok(Arc::new(forebay_msm_cuda::Driver::open(0)?));
    #[cfg(not(feature = "cuda"))]
    Err("built without feature `cuda`".into())
}

fn part_of(options: &Options) -> Result<(Value, bool), Box<dyn Error>> {
    let device = open(options)?;
    let cpu = CpuBackend::new(Arc::new(rayon::ThreadPoolBuilder::new().build()?));
    match &*options.part {
        "probe" => Ok((json!({ "device": device.properties().name }), true)),
        "kernels" => kernels(options, device, &cpu),
        "proofs" => proofs::run(options, device, &cpu),
        "partition" => partition::run(options, device, &cpu),
        other => Err(format!("there is no part {other}").into()),
    }
}

/// With the scheduler's memory: page-locked buffers, and a budget that limits nothing.
fn staged(device: &Arc<dyn Device>, cpu: &CpuBackend) -> Result<CudaBackend, DeviceError> {
    let backend = CudaBackend::new(Arc::clone(device), cpu.clone(), Settings::default())?;
    Ok(backend.with_budget(&Budget::new(Amounts::MAX)))
}

fn kernels(
    options: &Options,
    device: Arc<dyn Device>,
    cpu: &CpuBackend,
) -> Result<(Value, bool), Box<dyn Error>> {
    let properties = device.properties().clone();
    let mut checks = Vec::new();
    let shapes = [None, Some(Shape { max_levels: 3, log_tile: 5 })];
    for shape in shapes {
        let backend = CudaBackend::new(Arc::clone(&device), cpu.clone(), Settings { budget: None, shape })?;
        checks.extend(suite::<Bls12_381>(&backend, options));
        checks.extend(suite::<Bn254>(&backend, options));
    }
    let backend = staged(&device, cpu)?;
    let sizes: &[u32] = if options.small { &[11] } else { &[14, 18, 21, 24] };
    for log_n in sizes {
        checks.push(equal::<Bls12_381>(&backend, cpu, *log_n));
        checks.push(equal::<Bn254>(&backend, cpu, *log_n));
    }
    let (sums, mut times) = multiplications::tables(&backend, cpu, options);
    checks.extend(sums);
    let passed = checks.iter().all(|check| check["ok"] == true);
    let sizes = if options.small { 10..=11 } else { 16..=27 };
    for log_n in sizes {
        times.extend(transform_times::<Bls12_381>(&backend, log_n));
        times.extend(transform_times::<Bn254>(&backend, log_n));
    }
    backend.release();
    let report = json!({
        "device": properties.name, "emulated": properties.is_emulated,
        "compute_capability": [properties.compute_capability.0, properties.compute_capability.1],
        "multiprocessors": properties.multiprocessors, "memory": properties.total_memory,
        "passed": passed, "checks": checks, "rates": rates(&device, options)?, "times_ms": times,
    });
    Ok((report, passed))
}

/// A check that may panic.
fn check(name: String, work: impl FnOnce() + std::panic::UnwindSafe) -> Value {
    let start = Instant::now();
    let ok = std::panic::catch_unwind(work).is_ok();
    json!({ "check": name, "ok": ok, "seconds": start.elapsed().as_secs_f64() })
}

fn suite<C: Curve>(backend: &CudaBackend, options: &Options) -> Vec<Value>
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    let guarded = std::panic::AssertUnwindSafe(backend);
    let named = |name: &str| format!("{name}, {}", C::ID);
    let mut checks = vec![
        check(named("transforms against Horner's rule"), || conformance::ntt_against_horner::<C>(*guarded)),
        check(named("quotient"), || conformance::run_quotient::<C>(*guarded)),
        check(named("refused calls"), || conformance::ntt_rejects::<C>(*guarded)),
    ];
    if !options.small {
        checks.push(check(named("relations"), || conformance::ntt_relations::<C>(*guarded)));
        checks.push(check(named("multiplications"), || conformance::run_msm::<C>(*guarded)));
    }
    checks
}

fn values<F: ff::PrimeField>(n: usize, seed: u64) -> Vec<F> {
    let step = F::from(seed) * F::MULTIPLICATIVE_GENERATOR;
    core::iter::successors(Some(step), |v| Some(v.square() + step)).take(n).collect()
}

/// The quotient in both bases and a coset transform, as on the CPU.
fn equal<C: Curve>(backend: &CudaBackend, cpu: &CpuBackend, log_n: u32) -> Value
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    let pair = std::panic::AssertUnwindSafe((backend, cpu));
    check(format!("as on the CPU, 2^{log_n}, {}", C::ID), move || {
        let (backend, cpu) = *pair;
        let spec = DomainSpec { log_n, generator: RootGenerator::of_field::<C>() };
        let inputs = [1, 2, 3].map(|seed| values::<C::Fr>(spec.size(), seed));
        for basis in [QuotientBasis::OddCosetLagrange, QuotientBasis::Coefficients] {
            let quotient = |on: &dyn Backend<C>| {
                let [mut a, mut b, mut c] = inputs.clone();
                let result = on.quotient(spec, basis, &mut a, &mut b, &mut c);
                result.map(|()| a).unwrap_or_else(|e| panic!("{e}"))
            };
            assert!(quotient(backend) == quotient(cpu), "{basis:?}");
        }
        let transform = |on: &dyn Backend<C>| {
            let mut values = inputs[0].clone();
            let result = on.ntt(spec, Transform::CosetInverse(Coset::Generator), &mut values);
            result.map(|()| values).unwrap_or_else(|e| panic!("{e}"))
        };
        assert!(transform(backend) == transform(cpu));
    })
}

fn median(mut times: Vec<f32>) -> f32 {
    times.sort_by(f32::total_cmp);
    times[times.len() / 2]
}

/// Times with the data on the device; a size that memory does not hold is left out.
fn transform_times<C: Curve>(backend: &CudaBackend, log_n: u32) -> Vec<Value> {
    let spec = DomainSpec { log_n, generator: RootGenerator::of_field::<C>() };
    let row = |what: &str, times: Result<Vec<f32>, forebay_msm::BackendError>| {
        let times = times.ok()?;
        Some(
            json!({ "what": what, "curve": C::ID.name(), "log_n": log_n, "median": median(times), "rounds": ROUNDS }),
        )
    };
    let forward = backend.time_transform::<C>(spec, Transform::Forward, ROUNDS);
    let inverse = backend.time_transform::<C>(spec, Transform::CosetInverse(Coset::Generator), ROUNDS);
    let quotient = backend.time_quotient::<C>(spec, QuotientBasis::Coefficients, ROUNDS);
    [row("ntt", forward), row("coset intt", inverse), row("quotient", quotient)]
        .into_iter()
        .flatten()
        .collect()
}

/// Products per second, of the best of several launches that fill the device.
fn rates(device: &Arc<dyn Device>, options: &Options) -> Result<Value, DeviceError> {
    let (blocks, rounds) = match options.small {
        true => (2, 16),
        false => (device.properties().multiprocessors as usize * 8, 4096),
    };
    let stream = Stream::new(device)?;
    let (start, end) = (Event::new(device)?, Event::new(device)?);
    let out = DeviceMemory::new(device, blocks * 256 * 48)?;
    let mut rates = serde_json::Map::new();
    let kernels = [
        ("bench_wide", 8.0),
        ("bench_fp_bls12_381", 1.0),
        ("bench_fr_bls12_381", 1.0),
        ("bench_fp_bn254", 1.0),
        ("bench_fr_bn254", 1.0),
    ];
    for (kernel, per_round) in kernels {
        let mut best = f32::INFINITY;
        for _ in 0..5 {
            let mut args = Args::new().u32(rounds).ptr(out.ptr());
            device.record(start.id(), stream.id())?;
            // SAFETY: as the kernels' signatures say; an element is at most 48 bytes.
            unsafe { device.launch(stream.id(), kernel, Launch::linear(blocks, 256), &mut args)? };
            device.record(end.id(), stream.id())?;
            stream.synchronize()?;
            best = best.min(device.elapsed_ms(start.id(), end.id())?);
        }
        let products = per_round * f64::from(rounds) * (blocks * 256) as f64;
        rates.insert(kernel.to_owned(), json!(products / (f64::from(best) * 1e-3)));
    }
    Ok(rates.into())
}
