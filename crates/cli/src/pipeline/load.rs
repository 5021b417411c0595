//! Circuits, keys and witnesses of jobs: opened and checked once, whatever runs them.

use super::Engine;
use crate::{
    exit::Failure,
    keys::{self, AnyKey, Key, KeyFile},
    session::Session,
    witness::Generator,
};
use forebay_formats::{Validation, WtnsFile};
use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend, Curve, SecretVec};
use forebay_msm_cuda::CudaBackend;
use forebay_pce::Circuit;
use forebay_prover::{
    Cancel, ProveError, Prover,
    pipeline::{Partition, ProofJob, Witnesses, footprint},
};
use forebay_scheduler::{
    executor::{JobError, JobHandle, Request, StageContext},
    policy::{CircuitId, Footprint},
};
use rayon::ThreadPool;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use zeroize::Zeroizing;

/// Where one partition's witness comes from.
pub(crate) enum WitnessSource {
    /// A `.wtns` file.
    File(PathBuf),
    /// The circuit's generator and an input.
    Generated(Arc<Generator>, Zeroizing<Vec<u8>>),
}

impl WitnessSource {
    /// Bytes that making the witness takes beside the witness itself.
    fn memory_bytes(&self) -> u64 {
        match self {
            WitnessSource::File(_) => 0,
            WitnessSource::Generated(generator, _) => generator.memory_bytes(),
        }
    }
}

/// The memory of a witness generator is kept from run to run, one for each that ran at the same time: so a partition has
/// it as long as it has its witness.
fn with_generator(mut footprint: Footprint, bytes: u64) -> Footprint {
    footprint.witness = footprint.witness.saturating_add(bytes);
    footprint
}

/// A circuit with its key and witnesses, on a curve known only when the key was opened.
pub(crate) enum Loaded {
    Bls12_381(LoadedOn<Bls12_381>),
    Bn254(LoadedOn<Bn254>),
}

/// The same, on `C`.
pub(crate) struct LoadedOn<C: Curve> {
    pub(crate) key: Key<C>,
    pub(crate) circuit: Arc<Circuit<C::Fr>>,
    pub(crate) witnesses: Arc<Vec<WitnessSource>>,
}

impl Loaded {
    /// Opens a key, checks it to `level` and compiles its circuit.
    pub(crate) fn open(
        session: &Session,
        key: &Path,
        r1cs: Option<&Path>,
        level: Validation,
        witnesses: Vec<WitnessSource>,
    ) -> Result<Loaded, Failure> {
        Ok(match AnyKey::open(key)? {
            AnyKey::Bls12_381(file) => Loaded::Bls12_381(open(session, file, r1cs, level, witnesses)?),
            AnyKey::Bn254(file) => Loaded::Bn254(open(session, file, r1cs, level, witnesses)?),
            AnyKey::Params(_) => return Err(keys::must_be_converted(key)),
        })
    }

    /// Binds the circuit to an engine's threads. Jobs are submitted from there, any number of times.
    pub(crate) fn bind(&self, engine: &Engine, circuit: CircuitId) -> Result<Bound, Failure> {
        Ok(match self {
            Loaded::Bls12_381(loaded) => Bound::Bls12_381(loaded.bind(engine, circuit)?),
            Loaded::Bn254(loaded) => Bound::Bn254(loaded.bind(engine, circuit)?),
        })
    }

    pub(crate) fn partitions(&self) -> usize {
        match self {
            Loaded::Bls12_381(loaded) => loaded.witnesses.len(),
            Loaded::Bn254(loaded) => loaded.witnesses.len(),
        }
    }

    /// Fails if the key's file changed since it was opened: proofs made meanwhile are not to be trusted.
    pub(crate) fn check_unchanged(&self) -> Result<(), Failure> {
        match self {
            Loaded::Bls12_381(loaded) => loaded.key.check_unchanged(),
            Loaded::Bn254(loaded) => loaded.key.check_unchanged(),
        }
    }
}

fn open<C: Curve>(
    session: &Session,
    file: KeyFile<C>,
    r1cs: Option<&Path>,
    level: Validation,
    witnesses: Vec<WitnessSource>,
) -> Result<LoadedOn<C>, Failure> {
    let key = keys::validate(session, file, level)?;
    session.check_cancelled()?;
    let (circuit, _) = keys::compiled(session, &key, r1cs)?;
    session.check_cancelled()?;
    Ok(LoadedOn { key: key.key, circuit: Arc::new(circuit), witnesses: Arc::new(witnesses) })
}

impl<C: Curve> LoadedOn<C>
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    fn bind(&self, engine: &Engine, circuit: CircuitId) -> Result<BoundOn<C>, Failure> {
        let backend = engine.backends.of::<C>();
        let key = self.key.proving();
        let pool = Arc::clone(&engine.executor.pools().synthesis);
        let prover = Prover::new(Arc::clone(&backend), key, Arc::clone(&self.circuit), Arc::clone(&pool))?;
        let generator = self.witnesses.iter().map(WitnessSource::memory_bytes).max().unwrap_or(0);
        let source = Source { witnesses: Arc::clone(&self.witnesses), pool };
        let request = Request {
            priority: 0,
            circuit,
            partitions: u32::try_from(self.witnesses.len()).unwrap_or(u32::MAX),
            footprint: with_generator(footprint(&prover), generator),
            deadline: None,
        };
        let host = engine.backends.reference().unwrap_or(backend);
        Ok(BoundOn { job: Arc::new(ProofJob::new(Arc::new(prover), host, Box::new(source))), request })
    }
}

/// A job that can be submitted, again and again.
pub(crate) enum Bound {
    Bls12_381(BoundOn<Bls12_381>),
    Bn254(BoundOn<Bn254>),
}

pub(crate) struct BoundOn<C: Curve> {
    job: Arc<ProofJob<C>>,
    request: Request,
}

impl Bound {
    pub(crate) fn submit(&self, engine: &Engine, priority: u8, deadline: Option<Duration>) -> Pending {
        match self {
            Bound::Bls12_381(b) => Pending::Bls12_381(b.submit(engine, priority, deadline)),
            Bound::Bn254(b) => Pending::Bn254(b.submit(engine, priority, deadline)),
        }
    }
}

impl<C: Curve> BoundOn<C> {
    fn submit(&self, engine: &Engine, priority: u8, deadline: Option<Duration>) -> JobHandle<ProofJob<C>> {
        let request = Request { priority, deadline, ..self.request };
        engine.executor.submit(request, Arc::clone(&self.job))
    }
}

/// A submitted job.
pub(crate) enum Pending {
    Bls12_381(JobHandle<ProofJob<Bls12_381>>),
    Bn254(JobHandle<ProofJob<Bn254>>),
}

/// One partition's proof and public signals as snarkjs writes them.
pub(crate) struct Texts {
    pub(crate) proof: String,
    pub(crate) public: String,
}

impl Pending {
    pub(crate) fn cancel(&self) {
        match self {
            Pending::Bls12_381(handle) => handle.cancel(),
            Pending::Bn254(handle) => handle.cancel(),
        }
    }

    /// Waits for at most `time`; `None` if the job is still open.
    pub(crate) fn wait_for(&self, time: Duration) -> Option<Result<Vec<Texts>, Failure>> {
        match self {
            Pending::Bls12_381(handle) => handle.wait_for(time).map(texts),
            Pending::Bn254(handle) => handle.wait_for(time).map(texts),
        }
    }
}

fn texts<C: Curve>(result: Result<Vec<Partition<C>>, JobError<ProveError>>) -> Result<Vec<Texts>, Failure> {
    let text = |p: Partition<C>| {
        for diagnosis in &p.diagnoses {
            tracing::warn!(%diagnosis, "a proof did not verify and was made again");
        }
        Texts { proof: p.proof.to_json(), public: p.public.to_json() }
    };
    Ok(result?.into_iter().map(text).collect())
}

/// The witnesses of a job's partitions, read or computed when their turn comes.
struct Source {
    witnesses: Arc<Vec<WitnessSource>>,
    pool: Arc<ThreadPool>,
}

impl<C: Curve> Witnesses<C> for Source {
    fn witness(&self, partition: u32, cx: &StageContext<'_>) -> Result<SecretVec<C::Fr>, ProveError> {
        match &self.witnesses[partition as usize] {
            WitnessSource::File(path) => Ok(WtnsFile::open(path)?.witness::<C>(&self.pool)?),
            WitnessSource::Generated(generator, input) => {
                let cancel = Cancel::default();
                let flag = cancel.clone();
                let _linked = cx.cancel.on_cancel(Arc::new(move || flag.cancel()));
                generator.calculate::<C>(input, &cancel).map_err(|e| match cancel.is_cancelled() {
                    true => ProveError::Cancelled,
                    false => ProveError::Witness(Box::new(e)),
                })
            }
        }
    }
}
