//! The emulated kernels under AddressSanitizer and UndefinedBehaviorSanitizer, and with a barrier left out.
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

/// Set if the workload is to run.
const WORKLOAD: &str = "FOREBAY_TEST_WORKLOAD";
/// The library that it uses instead of the one that was built with the crate.
const LIBRARY: &str = "FOREBAY_TEST_EMULATOR";
/// Set if the workload shall write beyond a block of device memory.
const OVERRUN: &str = "FOREBAY_TEST_OVERRUN";

fn compiler() -> String {
    std::env::var("CXX").unwrap_or_else(|_| "c++".into())
}

/// The kernels of these folders (of all, if none is named) and the launcher, with more flags.
fn build(name: &str, flags: &[&str], only: &[&str]) -> PathBuf {
    let cuda = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cuda");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&out).unwrap_or_else(|e| panic!("{}: {e}", out.display()));
    let mut sources = vec![cuda.join("emu/emu.cpp")];
    for folder in std::fs::read_dir(&cuda).into_iter().flatten().flatten() {
        let wanted = only.is_empty() || only.iter().any(|name| folder.file_name() == *name);
        if !wanted {
            continue;
        }
        let files = std::fs::read_dir(folder.path()).into_iter().flatten().flatten().map(|f| f.path());
        sources.extend(files.filter(|path| path.extension().is_some_and(|e| e == "cu")));
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

/// Runs the workload on a library; `preload` is what must be in the process before anything else.
fn run(library: Option<&Path>, preload: Option<&str>, overrun: bool) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|e| panic!("{e}")));
    command.args(["--exact", "workload", "--ignored", "--nocapture"]).env(WORKLOAD, "1");
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
    let clean = run(Some(&library), Some("libasan.so"), false);
    assert!(clean.status.success() && text(&clean).contains("1 passed"), "{}", text(&clean));
    // And the sanitizer does look: at blocks, and at the gaps between a plan's regions.
    let overrun = run(Some(&library), Some("libasan.so"), true);
    let found = text(&overrun);
    assert!(!overrun.status.success() && found.contains("AddressSanitizer"), "{found}");
    assert!(found.contains("selftest_out_of_bounds"), "{found}");
}

#[test]
fn a_missing_barrier_is_caught() {
    let output = run(None, None, false);
    assert!(output.status.success() && text(&output).contains("1 passed"), "{}", text(&output));
    let planted = build("planted", &["-DFOREBAY_PLANT_MISSING_BARRIER"], &["ntt"]);
    let output = run(Some(&planted), None, false);
    assert!(!output.status.success() && text(&output).contains("wrong quotient"), "{}", text(&output));
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
    quotients::<Bls12_381>(&emulator);
    quotients::<Bn254>(&emulator);
    multiplications::<Bls12_381>(&emulator);
    multiplications::<Bn254>(&emulator);
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
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap_or_else(|e| panic!("{e}"));
    let cpu = CpuBackend::new(Arc::new(pool));
    for (seed, log_n) in [(1, 0), (2, 3), (3, 6), (4, 7), (5, 8)] {
        emulator.set_seed(seed);
        let shape = Some(Shape { max_levels: 4, log_tile: 6 });
        let settings = Settings { budget: None, shape };
        let backend =
            CudaBackend::new(emulator.clone(), cpu.clone(), settings).unwrap_or_else(|e| panic!("{e}"));
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
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap_or_else(|e| panic!("{e}"));
    let cpu = CpuBackend::new(Arc::new(pool));
    let settings = Settings { budget: None, shape: None };
    let device = CudaBackend::new(emulator.clone(), cpu.clone(), settings).unwrap_or_else(|e| panic!("{e}"));
    let kinds = |i: u64| {
        let full = (C::Fr::from(i) + C::Fr::from(3)).invert().unwrap_or(C::Fr::ONE);
        [C::Fr::from(i % 2), -C::Fr::from(i), full]
    };
    let scalars: Vec<C::Fr> = (0..140u64).map(|i| kinds(i)[i as usize % 3]).collect();
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
