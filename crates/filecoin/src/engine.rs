//! Jobs through the prover's pipeline.

use crate::{
    Error,
    circuit::CircuitId,
    job::FilecoinJob,
    keys::{self, Caches, Fetched, KeyFetched},
};
use forebay_formats::{Proof, Validation};
use forebay_msm::{Backend, Bls12_381, CpuBackend, SecretVec};
use forebay_prover::{
    ProveError, Prover, ProvingKey,
    pipeline::{ProofJob, Witnesses, footprint},
};
use forebay_scheduler::{
    config::Config,
    executor::{Devices, Executor, JobHandle, Parts, Request, StageContext},
    policy,
    probe::MachineReport,
};
use group::GroupEncoding;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// A circuit with its key, ready to prove.
pub struct Loaded {
    /// The prover.
    pub prover: Arc<Prover<Bls12_381>>,
    /// Where the circuit came from.
    pub circuit: Fetched,
    /// Where the key came from.
    pub key: KeyFetched,
    name: policy::CircuitId,
}

/// An executor with the circuits and keys that its jobs have needed so far.
pub struct Engine {
    executor: Executor,
    backend: Arc<CpuBackend>,
    caches: Caches,
    level: Validation,
    loaded: Mutex<HashMap<CircuitId, Arc<Loaded>>>,
}

/// A submitted job.
pub struct Pending(JobHandle<ProofJob<Bls12_381>>);

impl Engine {
    /// Starts the scheduler. Keys are checked to `level` when they are converted.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::Start`].
    pub fn start(config: &Config, caches: Caches, level: Validation) -> Result<Engine, Error> {
        let parts =
            Parts::from_config(config, &MachineReport::read(), Devices::CPU).map_err(Error::config)?;
        let backend = Arc::new(CpuBackend::new(Arc::clone(&parts.pools.msm)));
        let executor = Executor::start(parts).map_err(Error::start)?;
        Ok(Engine { executor, backend, caches, level, loaded: Mutex::default() })
    }

    /// The scheduler's executor: its timeline, its gauges.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// The circuit with its key; from memory after the first time.
    ///
    /// # Errors
    /// As [`keys::circuit`] and [`keys::key`].
    pub fn load(&self, id: CircuitId) -> Result<Arc<Loaded>, Error> {
        let mut all = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = all.get(&id) {
            return Ok(Arc::clone(loaded));
        }
        let pool = Arc::clone(&self.executor.pools().synthesis);
        let (circuit, from) = keys::circuit(id, &self.caches, &pool)?;
        let (key, key_from) = keys::key(id, &circuit, &self.caches, self.level, &pool)?;
        let backend = Arc::clone(&self.backend) as Arc<dyn Backend<Bls12_381>>;
        let key = Arc::new(key) as Arc<dyn ProvingKey<Bls12_381>>;
        let prover = Arc::new(Prover::new(backend, key, Arc::new(circuit), pool)?);
        let name = policy::CircuitId(all.len() as u64);
        let loaded = Arc::new(Loaded { prover, circuit: from, key: key_from, name });
        all.insert(id, Arc::clone(&loaded));
        Ok(loaded)
    }

    /// Hands a job in.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn submit(&self, job: Arc<FilecoinJob>) -> Result<Pending, Error> {
        let loaded = self.load(job.circuit())?;
        let request = Request {
            priority: 0,
            circuit: loaded.name,
            partitions: u32::try_from(job.partitions()).unwrap_or(u32::MAX),
            footprint: footprint(&loaded.prover),
            deadline: None,
        };
        let source = Source {
            job,
            prover: Arc::clone(&loaded.prover),
            pool: Arc::clone(&self.executor.pools().synthesis),
        };
        let host = Arc::clone(&self.backend) as Arc<dyn Backend<Bls12_381>>;
        let work = ProofJob::new(Arc::clone(&loaded.prover), host, Box::new(source));
        Ok(Pending(self.executor.submit(request, Arc::new(work))))
    }

    /// Hands a job in and waits: the proof as filecoin-proofs reads it.
    ///
    /// # Errors
    /// As [`submit`](Self::submit) and [`Pending::wait`].
    pub fn prove(&self, job: FilecoinJob) -> Result<Vec<u8>, Error> {
        self.submit(Arc::new(job))?.wait()
    }
}

impl Pending {
    /// Waits for the proof, as filecoin-proofs reads it. Each partition was verified.
    ///
    /// # Errors
    /// [`Error::Job`].
    pub fn wait(self) -> Result<Vec<u8>, Error> {
        let partitions = self.0.wait()?;
        Ok(partitions.iter().flat_map(|p| proof_bytes(&p.proof)).collect())
    }

    /// Gives the job up.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// A proof as bellperson writes it: A, B, C compressed, 192 bytes.
pub fn proof_bytes(proof: &Proof<Bls12_381>) -> Vec<u8> {
    [proof.a.to_bytes().as_ref(), proof.b.to_bytes().as_ref(), proof.c.to_bytes().as_ref()].concat()
}

/// The witnesses of a job, each synthesised in its turn, in the pool of the evaluators.
struct Source {
    job: Arc<FilecoinJob>,
    prover: Arc<Prover<Bls12_381>>,
    pool: Arc<rayon::ThreadPool>,
}

impl Witnesses<Bls12_381> for Source {
    fn witness(&self, partition: u32, _: &StageContext<'_>) -> Result<SecretVec<blstrs::Scalar>, ProveError> {
        let circuit = self.prover.circuit();
        let (inputs, aux) = (circuit.num_inputs(), circuit.num_aux());
        self.pool
            .install(|| self.job.witness(partition as usize, inputs, aux))
            .map_err(|e| ProveError::Witness(Box::new(e)))
    }
}
