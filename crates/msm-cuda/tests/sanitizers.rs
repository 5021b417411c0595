//! The emulated kernels under AddressSanitizer and UndefinedBehaviorSanitizer, and with one barrier or another left out.
//!
//! Each test compiles the kernels once more and runs the workload below in a process of its own.

use ff::Field;
use forebay_msm::{
    Backend, Bases, Bls12_381, Bn254, CpuBackend, Curve,
    backend::{Coset, DomainSpec, QuotientBasis, RootGenerator, Transform},
};
use forebay_msm_cuda::{
    CudaBackend, Emulator, Settings,
    device::{Args, Device, DeviceMemory, Launch, Stream},
    ntt::Shape,
};
use group::{Curve as _, Group};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

/// Set if the workload is to run: to the part of it, or to `all`.
const WORKLOAD: &str = "FOREBAY_TEST_WORKLOAD";
/// The library that it uses instead of the one that was built with the crate.
const LIBRARY: &str = "FOREBAY_TEST_EMULATOR";
/// Set if the workload shall write beyond a block of device memory.
const OVERRUN: &str = "FOREBAY_TEST_OVERRUN";

fn compiler() -> String {
    std::env::var("CXX").unwrap_or_else(|_| "c++".into())
}

/// The kernels of these files, without their `.cu`, or folders (of all, if none is named) and the launcher, with more flags.
fn build(name: &str, flags: &[&str], only: &[&str]) -> PathBuf {
    let cuda = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cuda");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&out).unwrap_or_else(|e| panic!("{}: {e}", out.display()));
    let mut sources = vec![cuda.join("emu/emu.cpp")];
    let wanted = |path: &Path| {
        let unit = path.with_extension("");
        only.is_empty() || only.iter().any(|name| unit.starts_with(cuda.join(name)))
    };
    for folder in std::fs::read_dir(&cuda).into_iter().flatten().flatten() {
        let files = std::fs::read_dir(folder.path()).into_iter().flatten().flatten().map(|f| f.path());
        sources.extend(files.filter(|path| path.extension().is_some_and(|e| e == "cu") && wanted(path)));
    }
    let mut objects = Vec::new();
    for source in sources {
        let name = source.to_string_lossy().replace(['/', '.'], "_");
        let object = out.join(name).with_extension("o");
        let mut command = Command::new(compiler());
        command.args([
            "-std=c++20",
            "-O1",
            "-g1",
            "-fPIC",
            "-Wno-unknown-pragmas",
            "-fno-omit-frame-pointer",
        ]);
        command
            .args(flags)
            .arg("-I")
            .arg(&cuda)
            .args(["-x", "c++", "-c"])
            .arg(&source)
            .arg("-o")
            .arg(&object);
        assert!(command.status().is_ok_and(|s| s.success()), "{command:?}");
        objects.push(object);
    }
    let library = out.join("libemulator.so");
    let mut link = Command::new(compiler());
    link.arg("-shared").args(flags).args(&objects).arg("-lpthread").arg("-o").arg(&library);
    assert!(link.status().is_ok_and(|s| s.success()), "{link:?}");
    library
}

/// Runs a part of the workload on a library; `preload` is what must be in the process before anything else.
fn run(part: &str, library: Option<&Path>, preload: Option<&str>, overrun: bool) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|e| panic!("{e}")));
    command.args(["--exact", "workload", "--ignored", "--nocapture"]).env(WORKLOAD, part);
    if let Some(library) = library {
        command.env(LIBRARY, library);
    }
    command.env("ASAN_OPTIONS", "detect_leaks=0:detect_stack_use_after_return=0");
    command.env("UBSAN_OPTIONS", "print_stacktrace=1");
    if overrun {
        command.env(OVERRUN, "1");
    }
    if let Some(name) = preload {
        let path = Command::new(compiler()).arg(format!("-print-file-name={name}")).output();
        let path = path.unwrap_or_else(|e| panic!("{e}")).stdout;
        command.env("LD_PRELOAD", String::from_utf8_lossy(&path).trim());
    }
    command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn address_and_undefined_behaviour() {
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let library = build("sanitized", &flags, &[]);
    let clean = run("all", Some(&library), Some("libasan.so"), false);
    assert!(clean.status.success() && text(&clean).contains("1 passed"), "{}", text(&clean));
    // And the sanitizer does look: at blocks, and at the gaps between a plan's regions.
    let overrun = run("all", Some(&library), Some("libasan.so"), true);
    let found = text(&overrun);
    assert!(!overrun.status.success() && found.contains("AddressSanitizer"), "{found}");
    assert!(found.contains("selftest_out_of_bounds"), "{found}");
}

/// A barrier of a kernel, the units that have it and what they need, and the part of the workload that must notice.
const BARRIERS: [(&str, &[&str], &str); 3] = [
    ("BARRIER_OF_NTT", &["ntt"], "quotients"),
    ("BARRIER_OF_MSM_SORT", &["msm/sort", "msm/scalars", "msm/bn254_g1"], "sums"),
    ("BARRIER_OF_MSM_SUM", &["msm/sort", "msm/scalars", "msm/bn254_g1"], "sums"),
];

#[test]
fn a_missing_barrier_is_caught() {
    for (barrier, units, part) in BARRIERS {
        let right = run(part, None, None, false);
        assert!(right.status.success() && text(&right).contains("1 passed"), "{}", text(&right));
        let planted = build(barrier, &[&format!("-DFOREBAY_PLANT_MISSING_BARRIER={barrier}")], units);
        let wrong = run(part, Some(&planted), None, false);
        // A count that is lost leaves garbage in the sorted entries, which may end the process before it has a sum.
        let crashed = barrier == "BARRIER_OF_MSM_SORT" && wrong.status.code().is_none();
        assert!(!wrong.status.success(), "{barrier}: {}", text(&wrong));
        assert!(crashed || text(&wrong).contains("wrong "), "{barrier}: {}", text(&wrong));
    }
}

/// What the processes above run.
#[test]
#[ignore = "run by the other tests"]
fn workload() {
    if std::env::var_os(WORKLOAD).is_none() {
        return;
    }
    let emulator = match std::env::var_os(LIBRARY) {
        Some(library) => Emulator::load(library.as_ref(), 8 << 20),
        None => Emulator::new(8 << 20),
    };
    let emulator = Arc::new(emulator.unwrap());
    if std::env::var_os(OVERRUN).is_some() {
        overrun(emulator);
        return;
    }
    let part = std::env::var(WORKLOAD).unwrap_or_default();
    if ["all", "quotients"].contains(&&*part) {
        quotients::<Bls12_381>(&emulator);
        quotients::<Bn254>(&emulator);
    }
    if part == "sums" {
        sums_in_g1(&emulator);
    }
    if part == "all" {
        multiplications::<Bls12_381>(&emulator);
        multiplications::<Bn254>(&emulator);
    }
}

/// In one group, so that one unit of kernels is enough.
fn sums_in_g1(emulator: &Arc<Emulator>) {
    let (cpu, device) = backends(emulator, None);
    let scalars = scalars::<Bn254>();
    let points: Vec<<Bn254 as Curve>::G1Affine> = (0..140u64)
        .map(|i| (<Bn254 as Curve>::G1::generator() * <Bn254 as Curve>::Fr::from(i % 50)).to_affine())
        .collect();
    let sum = |backend: &dyn Backend<Bn254>| {
        backend.msm_g1(Bases::from_slice(&points), &scalars).unwrap_or_else(|e| panic!("wrong errors: {e}"))
    };
    for seed in 1..5 {
        emulator.set_seed(seed);
        assert!(sum(&device) == sum(&cpu), "wrong sum");
    }
}

fn backends(emulator: &Arc<Emulator>, shape: Option<Shape>) -> (CpuBackend, CudaBackend) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap_or_else(|e| panic!("{e}"));
    let cpu = CpuBackend::new(Arc::new(pool));
    let device = CudaBackend::new(emulator.clone(), cpu.clone(), Settings { budget: None, shape });
    (cpu, device.unwrap_or_else(|e| panic!("{e}")))
}

/// Of every kind.
fn scalars<C: Curve>() -> Vec<C::Fr> {
    let kinds = |i: u64| {
        let full = (C::Fr::from(i) + C::Fr::from(3)).invert().unwrap_or(C::Fr::ONE);
        [C::Fr::from(i % 2), -C::Fr::from(i), full]
    };
    (0..140u64).map(|i| kinds(i)[i as usize % 3]).collect()
}

fn overrun(emulator: Arc<Emulator>) {
    let device: Arc<dyn Device> = emulator;
    let stream = Stream::new(&device).unwrap_or_else(|e| panic!("{e}"));
    let memory = DeviceMemory::new(&device, 31 * 4).unwrap_or_else(|e| panic!("{e}"));
    let mut args = Args::new().ptr(memory.ptr());
    // SAFETY: none: the last thread writes beyond the block, which is the point.
    let result =
        unsafe { device.launch(stream.id(), "selftest_out_of_bounds", Launch::linear(1, 32), &mut args) };
    println!("nobody noticed: {result:?}");
}

fn quotients<C: Curve>(emulator: &Arc<Emulator>)
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    for (seed, log_n) in [(1, 0), (2, 3), (3, 6), (4, 7), (5, 8)] {
        emulator.set_seed(seed);
        let shape = Some(Shape { max_levels: 4, log_tile: 6 });
        let (cpu, backend) = backends(emulator, shape);
        let spec = DomainSpec { log_n, generator: RootGenerator::SNARKJS };
        let vector = |k: u64| -> Vec<C::Fr> {
            (0..spec.size() as u64).map(|i| -C::Fr::from((i + k) * (i + 7 * k + 1))).collect()
        };
        for basis in [QuotientBasis::OddCosetLagrange, QuotientBasis::Coefficients] {
            let work = |backend: &dyn Backend<C>| {
                let [mut a, mut b, mut c] = [1, 2, 3].map(vector);
                let result = backend.quotient(spec, basis, &mut a, &mut b, &mut c).map(|()| a);
                result.unwrap_or_else(|e| panic!("{e}"))
            };
            assert!(work(&backend) == work(&cpu), "wrong quotient, {basis:?}, 2^{log_n}");
        }
        let mut values = vector(5);
        let coset = Coset::OddRoots;
        for transform in [Transform::CosetForward(coset), Transform::CosetInverse(coset)] {
            Backend::<C>::ntt(&backend, spec, transform, &mut values).unwrap_or_else(|e| panic!("{e}"));
        }
        assert!(values == vector(5), "wrong transform, 2^{log_n}");
    }
}

/// Scalars of every kind and points that meet, in both groups.
fn multiplications<C: Curve>(emulator: &Arc<Emulator>)
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    let (cpu, device) = backends(emulator, None);
    let scalars = scalars::<C>();
    let g1: Vec<C::G1Affine> =
        (0..140u64).map(|i| (C::G1::generator() * C::Fr::from(i % 50)).to_affine()).collect();
    let g2: Vec<C::G2Affine> =
        (0..140u64).map(|i| (C::G2::generator() * C::Fr::from(i % 50)).to_affine()).collect();
    let sums = |backend: &dyn Backend<C>| {
        let g1 = backend.msm_g1(Bases::from_slice(&g1), &scalars).unwrap_or_else(|e| panic!("{e}"));
        (g1, backend.msm_g2(Bases::from_slice(&g2), &scalars).unwrap_or_else(|e| panic!("{e}")))
    };
    assert!(sums(&device) == sums(&cpu), "wrong sum");
}
