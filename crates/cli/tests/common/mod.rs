//! Running the command as a user does.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // shared by several test binaries; a test may panic

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The command with a cache of its own, so that tests do not see each other or the user.
pub fn forebay(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.current_dir(folder).arg("--cache-dir").arg(folder.join("cache"));
    command
}

/// Runs with `args`, whatever comes of it.
pub fn run<S: AsRef<std::ffi::OsStr>>(folder: &Path, args: &[S]) -> Output {
    forebay(folder).args(args).output().unwrap()
}

/// Runs with `args` and `--json`; it must succeed.
pub fn succeed<S: AsRef<std::ffi::OsStr>>(folder: &Path, args: &[S]) -> Value {
    let output = forebay(folder).args(args).arg("--json").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs with `args`; it must fail with `status` and one line on standard error, which is returned.
pub fn fail<S: AsRef<std::ffi::OsStr>>(folder: &Path, status: i32, args: &[S]) -> String {
    let output = run(folder, args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "one line: {stderr}");
    stderr.trim_end().to_owned()
}

/// The names of the files in a folder, but for the cache, sorted.
pub fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|n| n != "cache").collect();
    names.sort();
    names
}

/// A fixture of the formats crate: a multiplier circuit with everything that snarkjs made of it.
pub fn fixture(curve: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/tests/fixtures").join(curve).join(name)
}
