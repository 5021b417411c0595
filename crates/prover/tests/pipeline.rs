//! Proofs of several circuits on both curves through one executor: each verifies, one that fails leaves the others alone,
//! and a backend that errs is tried again.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::Field;
use forebay_msm::{
    Backend, BackendError, Bases, Bls12_381, Bn254, Capabilities, CpuBackend, Curve, ErrorClass, SecretVec,
    backend::{DomainSpec, QuotientBasis, Transform},
};
use forebay_prover::{
    Cancel, ProveError, Prover, ProvingKey,
    circuit::compile_source,
    pipeline::{ProofJob, Witnesses, footprint},
    setup::{Convention, InMemoryKey, development_key},
    verify::verify,
};
use forebay_reference::random::RandomCircuit;
use forebay_scheduler::{
    config::Config,
    executor::{Devices, Executor, JobError, JobHandle, Parts, Request, StageContext},
    gate::{LEARNING, StageKey},
    policy::{CircuitId, Failure, Refusal},
    probe::MachineReport,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A circuit with its key, ready to run on an executor.
struct Case<C: Curve> {
    circuit: RandomCircuit<C::Fr>,
    key: Arc<InMemoryKey<C>>,
    prover: Arc<Prover<C>>,
    backend: Arc<dyn Backend<C>>,
}

/// Copies of one witness, the last of them spoilt where that is asked for.
struct Copies<C: Curve> {
    z: Vec<C::Fr>,
    spoilt: Option<u32>,
}

impl<C: Curve> Witnesses<C> for Copies<C> {
    fn witness(&self, partition: u32, _: &StageContext<'_>) -> Result<SecretVec<C::Fr>, ProveError> {
        let mut z = self.z.clone();
        if self.spoilt == Some(partition) {
            *z.last_mut().unwrap() += C::Fr::ONE;
        }
        Ok(z.into())
    }
}

fn executor() -> Executor {
    executor_on(Devices::CPU)
}

fn executor_on(devices: Devices) -> Executor {
    executor_with(2, devices)
}

fn executor_with(gw: usize, devices: Devices) -> Executor {
    let config = Config { synthesis: 2, msm: 2, pw: 3, gw, ..Config::default() };
    let parts = Parts::from_config(&config, &MachineReport::read(), devices).unwrap();
    Executor::start(parts).unwrap()
}

impl<C: Curve> Case<C>
where
    CpuBackend: Backend<C>,
{
    fn new(executor: &Executor, rows: usize) -> Self {
        let backend = Arc::new(CpuBackend::new(Arc::clone(&executor.pools().msm)));
        Self::on(executor, rows, backend)
    }

    fn on(executor: &Executor, rows: usize, backend: Arc<dyn Backend<C>>) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(rows as u64);
        let circuit = RandomCircuit::<C::Fr>::new(rows, 2, &mut rng);
        let pool = Arc::clone(&executor.pools().synthesis);
        let key = Arc::new(
            development_key::<C>(&circuit, Convention::SNARKJS, rng, &pool, &Cancel::default()).unwrap(),
        );
        let compiled = Arc::new(compile_source(&circuit).unwrap());
        let shape = Arc::clone(&key) as Arc<dyn ProvingKey<C>>;
        let prover = Arc::new(Prover::new(Arc::clone(&backend), shape, compiled, pool).unwrap());
        Case { circuit, key, prover, backend }
    }

    fn submit(&self, executor: &Executor, partitions: u32, spoilt: Option<u32>) -> JobHandle<ProofJob<C>> {
        let witnesses = Box::new(Copies::<C> { z: self.circuit.z.clone(), spoilt });
        let job = ProofJob::new(Arc::clone(&self.prover), Arc::clone(&self.backend), witnesses);
        let footprint = footprint(&*self.prover);
        let circuit = CircuitId(self.circuit.z.len() as u64);
        executor
            .submit(Request { priority: 0, circuit, partitions, footprint, deadline: None }, Arc::new(job))
    }

    fn check(&self, handle: JobHandle<ProofJob<C>>, partitions: usize) {
        let proofs = handle.wait().unwrap();
        assert_eq!(proofs.len(), partitions);
        for (i, p) in proofs.iter().enumerate() {
            assert_eq!(p.public.0, self.circuit.z[1..=2]);
            assert!(verify(&self.key.vkey, &p.public.0, &p.proof));
            assert!(proofs[..i].iter().all(|other| other.proof != p.proof), "fresh blinding for each");
        }
    }
}

fn nothing_is_left(executor: &Executor) {
    assert_eq!((executor.usage().used.host, executor.overcommits()), (0, 0));
    assert!(!executor.stages().gate().is_held());
}

#[test]
fn circuits_and_curves_share_an_executor() {
    let executor = executor();
    let (small, large) = (Case::<Bn254>::new(&executor, 30), Case::<Bn254>::new(&executor, 3000));
    let other = Case::<Bls12_381>::new(&executor, 500);
    let first = (
        small.submit(&executor, 3, None),
        large.submit(&executor, 2, None),
        other.submit(&executor, 4, None),
    );
    let second = (small.submit(&executor, 1, None), other.submit(&executor, 2, None));
    small.check(first.0, 3);
    large.check(first.1, 2);
    other.check(first.2, 4);
    small.check(second.0, 1);
    other.check(second.1, 2);
    let stages =
        ["witness", "evaluate", "check", "quotient", "msm h", "msm l", "msm a", "msm b1", "msm b2", "verify"];
    let spans = executor.timeline().spans();
    for stage in stages {
        assert_eq!(spans.iter().filter(|s| s.stage == stage && s.ok).count(), 12, "{stage}");
    }
    nothing_is_left(&executor);
}

/// The gate's closed loop acts on real proofs: each circuit's tails are measured against a baseline of their own.
#[test]
fn tails_are_measured_per_circuit() {
    let executor = executor_with(1, Devices::CPU);
    let (small, large) = (Case::<Bn254>::new(&executor, 30), Case::<Bn254>::new(&executor, 3000));
    let runs = u64::from(LEARNING) + 3;
    let jobs = (small.submit(&executor, runs as u32, None), large.submit(&executor, runs as u32, None));
    small.check(jobs.0, runs as usize);
    large.check(jobs.1, runs as usize);
    let report = executor.stages().report();
    assert_eq!(report.len(), 2);
    let mut per_run = Vec::new();
    for case in [&small, &large] {
        let stage = StageKey { circuit: case.circuit.z.len() as u64, stage: "tail" };
        let seen = report[&stage];
        assert_eq!((seen.runs, seen.judged), (runs, runs - u64::from(LEARNING)), "{stage:?}");
        assert!(seen.alone >= u64::from(LEARNING) && seen.last_inflation.is_some(), "{seen:?}");
        let baseline = executor.stages().baseline(stage).unwrap();
        assert_eq!(baseline.bytes * runs, seen.bytes);
        per_run.push(baseline.bytes);
    }
    let terms = (large.circuit.z.len() - small.circuit.z.len()) as u64;
    // A point in G2 and a scalar per variable; what the verification moves is the same for both.
    let term = (size_of::<<Bn254 as Curve>::G2Affine>() + size_of::<<Bn254 as Curve>::Fr>()) as u64;
    assert!(per_run[0] > 0);
    assert_eq!(per_run[1] - per_run[0], terms * term);
    assert!(executor.stages().k().is_some());
    nothing_is_left(&executor);
}

#[test]
fn a_bad_witness_fails_its_job_with_the_constraint() {
    let executor = executor();
    let case = Case::<Bn254>::new(&executor, 300);
    let (good, bad) = (case.submit(&executor, 3, None), case.submit(&executor, 3, Some(1)));
    match bad.wait() {
        Err(JobError::Failed { failure: Failure::Partition { index: 1, .. }, error: Some((1, error)) }) => {
            assert!(matches!(error, ProveError::Unsatisfied { .. }), "{error}");
        }
        other => panic!("{:?}", other.map(|p| p.len())),
    }
    case.check(good, 3);
    nothing_is_left(&executor);
}

#[test]
fn what_never_fits_is_refused() {
    let executor = executor();
    let case = Case::<Bn254>::new(&executor, 300);
    executor.set_budget(1000, u64::MAX);
    match case.submit(&executor, 1, None).wait() {
        Err(JobError::Refused(Refusal::HostBytes { budget: 1000, .. })) => (),
        other => panic!("{:?}", other.map(|p| p.len())),
    }
    nothing_is_left(&executor);
}

/// A device that errs: the n-th MSM fails, or gives a wrong point.
struct Faulty {
    inner: CpuBackend,
    calls: AtomicUsize,
    fail: usize,
    lie: usize,
    /// Every MSM fails.
    dead: bool,
}

impl Backend<Bn254> for Faulty {
    fn capabilities(&self) -> Capabilities {
        Backend::<Bn254>::capabilities(&self.inner)
    }

    fn scratch_bytes(&self, n: usize) -> usize {
        Backend::<Bn254>::scratch_bytes(&self.inner, n)
    }

    fn msm_g1(
        &self,
        bases: Bases<'_, <Bn254 as Curve>::G1Affine>,
        scalars: &[<Bn254 as Curve>::Fr],
    ) -> Result<<Bn254 as Curve>::G1, BackendError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.dead || call == self.fail {
            return Err(BackendError::new(ErrorClass::Retryable, "msm", "planted"));
        }
        let sum = Backend::<Bn254>::msm_g1(&self.inner, bases, scalars)?;
        Ok(if call == self.lie { sum + sum } else { sum })
    }

    fn msm_g2(
        &self,
        bases: Bases<'_, <Bn254 as Curve>::G2Affine>,
        scalars: &[<Bn254 as Curve>::Fr],
    ) -> Result<<Bn254 as Curve>::G2, BackendError> {
        Backend::<Bn254>::msm_g2(&self.inner, bases, scalars)
    }

    fn ntt(
        &self,
        domain: DomainSpec,
        transform: Transform,
        values: &mut [<Bn254 as Curve>::Fr],
    ) -> Result<(), BackendError> {
        Backend::<Bn254>::ntt(&self.inner, domain, transform, values)
    }

    fn quotient(
        &self,
        domain: DomainSpec,
        basis: QuotientBasis,
        a: &mut [<Bn254 as Curve>::Fr],
        b: &mut [<Bn254 as Curve>::Fr],
        c: &mut [<Bn254 as Curve>::Fr],
    ) -> Result<(), BackendError> {
        Backend::<Bn254>::quotient(&self.inner, domain, basis, a, b, c)
    }
}

#[test]
fn a_device_that_errs_or_lies_is_tried_again() {
    let executor = executor();
    let inner = || CpuBackend::new(Arc::clone(&executor.pools().msm));
    for (fail, lie) in [(2, usize::MAX), (usize::MAX, 1), (0, 5)] {
        let backend = Arc::new(Faulty { inner: inner(), calls: AtomicUsize::new(0), fail, lie, dead: false });
        let case = Case::<Bn254>::on(&executor, 100, backend);
        case.check(case.submit(&executor, 3, None), 3);
    }
    nothing_is_left(&executor);
}

/// A device that never works is taken out of use, and the host's kernels make the proofs.
#[test]
fn the_host_proves_where_the_device_fails() {
    let executor = executor_on(Devices { count: 1, memory: Some(1 << 30) });
    let host = Arc::new(CpuBackend::new(Arc::clone(&executor.pools().msm)));
    let inner = CpuBackend::new(Arc::clone(&executor.pools().msm));
    let (fail, lie) = (usize::MAX, usize::MAX);
    let device = Arc::new(Faulty { inner, calls: AtomicUsize::new(0), fail, lie, dead: true });
    let calls = Arc::clone(&device);
    let case = Case::<Bn254> { backend: host, ..Case::on(&executor, 100, device) };
    case.check(case.submit(&executor, 3, None), 3);
    assert_eq!(executor.snapshot().devices_up, 0);
    let before = calls.calls.load(Ordering::SeqCst);
    case.check(case.submit(&executor, 2, None), 2);
    assert_eq!(calls.calls.load(Ordering::SeqCst), before, "a device out of use is not asked");
    nothing_is_left(&executor);
}
