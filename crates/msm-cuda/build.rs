//! Compiles the kernels of `cuda/`: with feature `cuda` by nvcc, a fatbin per `.cu` file; with feature `emulator` by the
//! host's C++ compiler, one shared object of all of them.

use std::{
    collections::hash_map::DefaultHasher,
    env, fs,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

/// Machine code for A100, RTX 40, H100/H200, B200 and RTX 50; PTX of the last for what comes after.
const TARGETS: [&str; 5] = ["80", "89", "90", "100", "120"];

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let cuda = manifest.join("../../cuda");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", cuda.display());
    let units = units(&cuda);
    if env::var_os("CARGO_FEATURE_EMULATOR").is_some() {
        emulator(&cuda, &units, &out);
    }
    if env::var_os("CARGO_FEATURE_CUDA").is_some() {
        fatbins(&cuda, &units, &out);
    }
}

/// One translation unit: `cuda/<folder>/<stem>.cu`.
struct Unit {
    path: PathBuf,
    folder: PathBuf,
    name: String,
}

fn units(cuda: &Path) -> Vec<Unit> {
    let mut units = Vec::new();
    for folder in sorted(cuda).into_iter().filter(|path| path.is_dir()) {
        for path in sorted(&folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "cu")) {
            let part = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let name = format!("{}_{}", part(&folder), part(&path));
            units.push(Unit { path, folder: folder.clone(), name });
        }
    }
    units
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| fail(&format!("{}: {e}", folder.display())));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// One object per unit, beside each other, then one shared object.
fn emulator(cuda: &Path, units: &[Unit], out: &Path) {
    let compiler = cc::Build::new().cpp(true).opt_level(2).warnings(false).debug(false).get_compiler();
    let mut sources: Vec<(&Path, &str)> = units.iter().map(|u| (u.path.as_path(), u.name.as_str())).collect();
    let runtime = cuda.join("emu/emu.cpp");
    sources.push((&runtime, "emu"));
    let mut objects = Vec::new();
    let children: Vec<_> = sources
        .iter()
        .map(|(path, name)| {
            let object = out.join(format!("{name}.emu.o"));
            let mut command = compiler.to_command();
            command.args(["-std=c++20", "-fPIC", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-c"]);
            command
                .args(["-Wno-unknown-pragmas", "-I"])
                .arg(cuda)
                .args(["-x", "c++"])
                .arg(path)
                .arg("-o")
                .arg(&object);
            objects.push(object);
            (command.spawn(), command)
        })
        .collect();
    for (child, command) in children {
        let status = child.and_then(|mut child| child.wait());
        finish(status.map(|s| s.success()), &command);
    }
    let library = out.join("libforebay_emulator.so");
    let mut link = compiler.to_command();
    link.arg("-shared").args(&objects).arg("-lpthread").arg("-o").arg(&library);
    finish(link.status().map(|s| s.success()), &link);
    println!("cargo:rustc-env=FOREBAY_EMULATOR_LIBRARY={}", library.display());
}

fn fatbins(cuda: &Path, units: &[Unit], out: &Path) {
    println!("cargo:rerun-if-env-changed=FOREBAY_CUDA");
    let nvcc = find_nvcc(cuda);
    let mut list = String::from("&[\n");
    for unit in units {
        let fatbin = out.join(format!("{}.fatbin", unit.name));
        fatbin_of(&nvcc, cuda, unit, &fatbin);
        list += &format!("    ({:?}, include_bytes!({:?})),\n", unit.name, fatbin.display().to_string());
    }
    fs::write(out.join("modules.rs"), list + "]\n").unwrap_or_else(|e| fail(&e.to_string()));
}

/// Compiles a unit unless the cache has it: what the unit may include, the compiler and the flags are the key.
fn fatbin_of(nvcc: &Nvcc, cuda: &Path, unit: &Unit, fatbin: &Path) {
    let mut flags = vec!["-std=c++17".to_owned(), "-O3".into(), "-Xptxas=-v".into(), "-fatbin".into()];
    flags.push(format!("--threads={}", env::var("NUM_JOBS").unwrap_or_else(|_| "2".into())));
    for target in TARGETS {
        let ptx = if Some(&target) == TARGETS.last() { format!(",compute_{target}") } else { String::new() };
        flags.push(format!("-gencode=arch=compute_{target},code=[sm_{target}{ptx}]"));
    }
    let mut hasher = DefaultHasher::new();
    (&nvcc.version, &flags[..4], &flags[5..]).hash(&mut hasher);
    for folder in [cuda, &cuda.join("field"), &cuda.join("curve"), &unit.folder] {
        let headers = if folder.is_dir() { sorted(folder) } else { Vec::new() };
        for path in headers.iter().filter(|path| path.extension().is_some_and(|e| e == "cuh")) {
            (path, fs::read(path).unwrap_or_default()).hash(&mut hasher);
        }
    }
    fs::read(&unit.path).unwrap_or_default().hash(&mut hasher);
    let stem = nvcc.cache.join(format!("{}-{:016x}", unit.name, hasher.finish()));
    let (cached, log) = (stem.with_extension("fatbin"), stem.with_extension("log"));
    if !cached.is_file() {
        compile(nvcc, cuda, unit, &flags, (&cached, &log));
    }
    fs::copy(&cached, fatbin).unwrap_or_else(|e| fail(&format!("{}: {e}", cached.display())));
    fs::copy(&log, fatbin.with_extension("log")).unwrap_or_else(|e| fail(&format!("{}: {e}", log.display())));
}

/// Leaves the fatbin and what ptxas said, complete or not at all.
fn compile(nvcc: &Nvcc, cuda: &Path, unit: &Unit, flags: &[String], (cached, log): (&Path, &Path)) {
    fs::create_dir_all(&nvcc.cache).unwrap_or_else(|e| fail(&format!("{}: {e}", nvcc.cache.display())));
    let partial = cached.with_extension(format!("partial-{}", std::process::id()));
    let mut command = Command::new(&nvcc.path);
    command.args(flags).arg("-I").arg(cuda).arg("-o").arg(&partial).arg(&unit.path);
    let output = command.output().unwrap_or_else(|e| fail(&format!("{command:?}: {e}")));
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        fail(&format!("{command:?}: {}\n{text}", output.status));
    }
    fs::write(log, text).and_then(|()| fs::rename(&partial, cached)).unwrap_or_else(|e| fail(&e.to_string()));
}

struct Nvcc {
    path: PathBuf,
    version: String,
    /// Where compiled units are kept.
    cache: PathBuf,
}

/// What cuda/setup made, in `FOREBAY_CUDA` or in `target/cuda`. A toolkit that happens to be installed is not used: its
/// version would decide about the machine code.
fn find_nvcc(cuda: &Path) -> Nvcc {
    let dir = env::var_os("FOREBAY_CUDA").map_or_else(|| cuda.join("../target/cuda"), PathBuf::from);
    let lib = dir.join("lib");
    let pythons = if lib.is_dir() { sorted(&lib) } else { Vec::new() };
    let found = pythons
        .iter()
        .map(|python| python.join("site-packages/nvidia/cu13/bin/nvcc"))
        .find(|nvcc| nvcc.is_file());
    let Some(path) = found else {
        fail(&format!(
            "feature `cuda` needs the pinned nvcc, and {} does not hold it.\nRun:  cuda/setup\n(a virtual environment of \
             about 400 MB in target/cuda; elsewhere: cuda/setup DIR, and FOREBAY_CUDA=DIR for the build)",
            dir.display()
        ))
    };
    println!("cargo:rerun-if-changed={}", path.display());
    let version = Command::new(&path).arg("--version").output();
    let version = version.unwrap_or_else(|e| fail(&format!("{}: {e}", path.display()))).stdout;
    Nvcc { path, version: String::from_utf8_lossy(&version).into_owned(), cache: dir.join("cache") }
}

fn finish(success: std::io::Result<bool>, command: &Command) {
    match success {
        Ok(true) => {}
        Ok(false) => fail(&format!("{command:?} failed")),
        Err(e) => fail(&format!("{command:?}: {e}")),
    }
}

fn fail(message: &str) -> ! {
    eprintln!("\n{message}\n");
    std::process::exit(1);
}
