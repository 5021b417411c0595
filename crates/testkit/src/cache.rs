//! Things made once and kept in `target/clients`, safely shared by threads and processes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The folder of everything this crate makes: `clients` in cargo's target folder.
pub(crate) fn root() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let root = target.join("clients");
    fs::create_dir_all(&root).unwrap_or_else(|e| panic!("{}: {e}", root.display()));
    root.canonicalize().unwrap_or(root)
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository's root")
}

/// The folder `kind/name`, made by `make` if it is not there yet. `make` works in a scratch folder that is renamed
/// when it is done, so an entry is complete or absent. Others who want the same entry wait for a file lock.
pub(crate) fn entry(kind: &str, name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let folder = root().join(kind);
    fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let entry = folder.join(name);
    let lock = File::create(folder.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("a file lock");
    if !entry.exists() {
        let scratch = folder.join(format!("{name}.partial"));
        // What an interrupted run left. Absence is the normal case.
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch).unwrap_or_else(|e| panic!("{}: {e}", scratch.display()));
        make(&scratch);
        fs::rename(&scratch, &entry).unwrap_or_else(|e| panic!("{}: {e}", entry.display()));
    }
    entry
}

/// A short name for these contents.
pub(crate) fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().as_str()[..16].to_owned()
}

/// A file's content.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Writes a file.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::write(path, content).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}
