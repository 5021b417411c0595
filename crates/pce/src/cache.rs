//! Compiled circuits kept in files.
//!
//! A cache file is never trusted: magic, version, field, digest, lengths and all checksums are verified at each load, and
//! then every row is decoded once to see that its columns, coefficients and rows are in range. Checksums are not left out
//! to save time: a flipped column that stays in range would otherwise give wrong proofs until someone deletes the file.
//! Both passes run in parallel and at the speed of memory. Whatever is wrong is a miss, and the circuit is built again.
//!
//! A checksum is no signature. Who can write the cache folder can replace a circuit by another one; proofs made with it
//! do not verify, and nothing worse happens.

use crate::circuit::Circuit;
use crate::error::FileError;
use crate::file;
use forebay_msm::ScalarField;
use rayon::ThreadPool;
use std::io;
use std::path::Path;

/// Whether the cache served.
#[derive(Debug)]
pub enum CacheOutcome {
    /// The circuit is the file's.
    Hit,
    /// The circuit was built.
    Miss {
        /// Why the file did not serve; [`FileError::Io`] with `NotFound` if there was none.
        reason: FileError,
        /// Why the new file could not be written, if it could not. The circuit is good all the same.
        not_saved: Option<io::Error>,
    },
}

impl CacheOutcome {
    /// Whether the file served.
    pub fn is_hit(&self) -> bool {
        matches!(self, CacheOutcome::Hit)
    }
}

/// Loads the circuit with this digest from `path`, or builds it and writes the file.
///
/// `digest` names the source of the circuit (such as the blake3 of its r1cs file); a file with another digest is a miss.
/// Several processes may do this at once: files are replaced by renaming, and the last one stays. A mapped file keeps
/// serving after it was replaced.
///
/// # Errors
/// Only what `build` returns.
pub fn load_or_build<F: ScalarField, E>(
    path: &Path,
    digest: &[u8; 32],
    pool: &ThreadPool,
    build: impl FnOnce() -> Result<Circuit<F>, E>,
) -> Result<(Circuit<F>, CacheOutcome), E> {
    match load(path, digest, pool) {
        Ok(circuit) => Ok((circuit, CacheOutcome::Hit)),
        Err(reason) => {
            let circuit = build()?;
            let not_saved = save(&circuit, path, digest, pool).err();
            Ok((circuit, CacheOutcome::Miss { reason, not_saved }))
        }
    }
}

/// Loads the circuit with this digest from `path`; its rows are used from the memory map.
///
/// # Errors
/// Whatever is wrong with the file.
pub fn load<F: ScalarField>(
    path: &Path,
    digest: &[u8; 32],
    pool: &ThreadPool,
) -> Result<Circuit<F>, FileError> {
    file::load(path, digest, pool)
}

/// Writes `circuit` to `path`, atomically: readers see the old file or the whole new one.
///
/// # Errors
/// Those of the file system.
pub fn save<F: ScalarField>(
    circuit: &Circuit<F>,
    path: &Path,
    digest: &[u8; 32],
    pool: &ThreadPool,
) -> io::Result<()> {
    file::write(circuit, digest, path, pool)
}

/// What a file says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The modulus of its field, little-endian.
    pub modulus: [u8; 32],
    /// The digest of what it was compiled from.
    pub digest: [u8; 32],
}

/// Reads the header of the file at `path`: enough to know how to [`load`] it.
///
/// # Errors
/// If it is not a compiled circuit of this version.
pub fn identify(path: &Path) -> Result<Identity, FileError> {
    file::identify(path)
}
