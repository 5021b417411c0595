//! The pinned npm packages, installed once.

use crate::cache::{digest, entry, read, repository, write};
use crate::process::run;
use forebay_msm::CurveId;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The folder of the circom sources, `circuits/` of the repository.
pub fn circuits_dir() -> PathBuf {
    repository().join("circuits")
}

/// The folder of the Poseidon constants for the curve's scalar field.
pub(crate) fn poseidon_constants_dir(curve: CurveId) -> PathBuf {
    circuits_dir().join("poseidon").join(curve.name())
}

/// Makes the Poseidon constants again with `circuits/poseidon/constants.mjs` and compares them with those committed.
/// Panics with a list if any differs.
pub fn poseidon_constants_check() {
    let circuits = circuits_dir();
    let script = circuits.join("poseidon/constants.mjs");
    run("node", &[script.as_os_str(), "--check".as_ref()], &circuits).expect_success();
}

/// Rebuilds the demo assets with `circuits/build.mjs` and compares them with those committed. Panics with a list if
/// any differs.
pub fn build_assets_check() {
    let circuits = circuits_dir();
    let script = circuits.join("build.mjs");
    let args = [script.as_os_str(), "--check".as_ref(), "--modules".as_ref(), node_modules().as_os_str()];
    run("node", &args, &circuits).expect_success();
}

/// The `node_modules` folder with the packages that the lock file pins.
pub(crate) fn node_modules() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let (package, lock) = manifests();
        let folder = entry("npm", &digest(&[&package, &lock]), |folder| {
            write(&folder.join("package.json"), &package);
            write(&folder.join("package-lock.json"), &lock);
            // No package of the lock file needs an install script, and none shall run.
            run("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder).expect_success();
        });
        folder.join("node_modules")
    })
}

/// Names the set of packages: part of the key of everything that they make.
pub(crate) fn versions() -> String {
    let (package, lock) = manifests();
    digest(&[&package, &lock])
}

fn manifests() -> (Vec<u8>, Vec<u8>) {
    let circuits = circuits_dir();
    (read(&circuits.join("package.json")), read(&circuits.join("package-lock.json")))
}
