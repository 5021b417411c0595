//! Circuits and keys from their caches: compiled once, converted once.
//!
//! | file | named by | made from |
//! |---|---|---|
//! | `circuits/….pce` | [`CircuitId::digest`] | the blank circuit |
//! | `keys/….fbk` | the digest of the verifying part of the parameters | filecoin-proofs' `.params` |
//! | `keys/….validated` | the key file and its stamp | the checks of [`NativeKeyFile::validate_once`] |

use crate::{
    Error,
    blank::{WithBlank, with_blank},
    circuit::CircuitId,
};
use bellpepper_core_02::Circuit as Synthesis;
use blstrs::Scalar as Fr;
use forebay_formats::{Digest, Load, NativeKeyFile, Outcome, ParamsFile, ValidatedStore, Validation};
use forebay_msm::Bls12_381;
use forebay_pce::{
    Circuit,
    bellpepper::CompileCs,
    cache::{self, CacheOutcome},
};
use forebay_prover::key::{NativeKey, densities_of};
use rayon::ThreadPool;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Where compiled circuits and converted keys are kept.
#[derive(Clone, Debug)]
pub struct Caches {
    /// Compiled circuits.
    pub circuits: PathBuf,
    /// Native keys, and records of those that were checked.
    pub keys: PathBuf,
}

impl Caches {
    /// The folders below `folder`, which are created.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn below(folder: &Path) -> Result<Self, Error> {
        let caches = Caches { circuits: folder.join("circuits"), keys: folder.join("keys") };
        std::fs::create_dir_all(&caches.circuits).map_err(Error::io(&caches.circuits))?;
        // The store gives the folder the mode that it needs.
        ValidatedStore::open(&caches.keys)?;
        Ok(caches)
    }

    /// Where a compiled circuit is kept.
    ///
    /// # Errors
    /// As [`CircuitId::digest`].
    pub fn circuit_path(&self, id: CircuitId) -> Result<PathBuf, Error> {
        Ok(self.circuits.join(format!("{}.pce", Digest(id.digest()?))))
    }
}

/// Whether something came from its cache, and how long that took.
#[derive(Clone, Copy, Debug)]
pub struct Fetched {
    /// Whether it was there.
    pub hit: bool,
    /// Wall time.
    pub time: Duration,
}

struct Compile;

impl WithBlank for Compile {
    type Output = Circuit<Fr>;
    fn apply<C: Synthesis<Fr> + Send>(self, circuit: C) -> Result<Self::Output, Error> {
        let mut cs = CompileCs::new();
        circuit.synthesize(&mut cs)?;
        Ok(cs.finish(true)?)
    }
}

/// Compiles the circuit from its blank synthesis, with the rows xᵢ·0 = 0 that bellperson appends. Memory grows with the
/// output alone.
///
/// # Errors
/// What filecoin-proofs or the compiler reports.
pub fn compile(id: CircuitId) -> Result<Circuit<Fr>, Error> {
    with_blank(id, Compile)
}

/// The compiled circuit, from the cache if it is there.
///
/// # Errors
/// As [`compile`]. A file that can't be written is no error.
pub fn circuit(id: CircuitId, caches: &Caches, pool: &ThreadPool) -> Result<(Circuit<Fr>, Fetched), Error> {
    let start = Instant::now();
    let digest = id.digest()?;
    let path = caches.circuit_path(id)?;
    let (circuit, outcome) = cache::load_or_build(&path, &digest, pool, || compile(id))?;
    let hit = matches!(outcome, CacheOutcome::Hit);
    Ok((circuit, Fetched { hit, time: start.elapsed() }))
}

/// What loading a key took.
#[derive(Clone, Copy, Debug)]
pub struct KeyFetched {
    /// Converting the parameters, which happens once.
    pub conversion: Option<Duration>,
    /// Opening the native key and checking it, or finding that it was checked.
    pub load: Fetched,
}

/// The native key of the circuit's parameters, converted if that was not done before. Every point is checked to `level` when the
/// file is first loaded, and not again while it is the same file.
///
/// # Errors
/// [`Error::NoParameters`]; what is wrong with the files.
pub fn key(
    id: CircuitId,
    circuit: &Circuit<Fr>,
    caches: &Caches,
    level: Validation,
    pool: &ThreadPool,
) -> Result<(NativeKey<Bls12_381>, KeyFetched), Error> {
    let path = id.params_path()?;
    if !path.exists() {
        return Err(Error::NoParameters { circuit: id, path });
    }
    let start = Instant::now();
    let params = ParamsFile::open(&path, Load::Auto)?;
    let native = caches.keys.join(format!("{}.fbk", params.verifying_digest()));
    let mut conversion = None;
    if !native.exists() {
        params.write_native(&native, &densities_of(circuit), Validation::Canonical, pool)?;
        params.check_unchanged()?;
        conversion = Some(start.elapsed());
    }
    let start = Instant::now();
    let store = ValidatedStore::open(&caches.keys)?;
    let file = NativeKeyFile::<Bls12_381>::open(&native, Load::Auto)?;
    let outcome = file.validate_once(level, pool, &store)?;
    let key = NativeKey::new(file)?;
    let load = Fetched { hit: outcome == Outcome::Remembered, time: start.elapsed() };
    Ok((key, KeyFetched { conversion, load }))
}
