//! A drop-in for `find_cuda_helper` 0.2, which `cust_raw` calls from its build script to link `libcuda`.
//!
//! The published one needs a CUDA toolkit, and the binary then does not start where no driver is installed. This one links a
//! small C file: every driver function is a jump through a table, `cuInit` opens `libcuda.so.1` and fills the table. Without
//! a driver `cuInit` answers 100 (no device); a function that the driver lacks answers 34 (stub library). The names in
//! `symbols.txt` are the functions that `cust_raw` 0.11 declares.
#![warn(missing_docs)]

use std::{env, fmt::Write, fs, path::PathBuf};

/// Links the driver's functions into the crate being built.
///
/// # Panics
/// If the target is not x86-64 Linux or the C compiler fails: a build script has no other way to say so.
pub fn include_cuda() {
    if env::var("CARGO_PKG_NAME").as_deref() != Ok("cust_raw") {
        return; // `cust` calls too, and depends on `cust_raw`
    }
    let target = |key: &str| env::var(key).unwrap_or_default();
    let (arch, os) = (target("CARGO_CFG_TARGET_ARCH"), target("CARGO_CFG_TARGET_OS"));
    assert!(
        (arch.as_str(), os.as_str()) == ("x86_64", "linux"),
        "the CUDA shim is for x86-64 Linux, not {arch} {os}"
    );
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("cuda_shim.c");
    fs::write(&out, shim(include_str!("../symbols.txt"))).expect("OUT_DIR is writable");
    cc::Build::new().file(out).opt_level(2).compile("forebay_cuda_shim");
    println!("cargo:rustc-link-lib=dl");
}

fn shim(symbols: &str) -> String {
    let names: Vec<&str> = symbols.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    let mut c = String::from(include_str!("shim.c"));
    let _ = write!(c, "\n#define COUNT {}\nvoid* forebay_cuda_table[COUNT] = {{", names.len());
    names.iter().for_each(|_| c.push_str("(void*)absent,"));
    c.push_str("};\nstatic const char* const names[COUNT] = {");
    for name in &names {
        let _ = write!(c, "\"{name}\",");
    }
    c.push_str(
        "};\nstatic void fill(void* library) { fill_table(library, forebay_cuda_table, names, COUNT); }\n",
    );
    for (i, name) in names.iter().enumerate() {
        let jump = format!("jmp *forebay_cuda_table+{}(%rip)", 8 * i);
        let _ =
            writeln!(c, "__asm__(\".text\\n.globl {name}\\n.type {name},@function\\n{name}: {jump}\\n\");");
    }
    c
}
