//! Backends that compute one thing wrongly: the culprit is named, and what is delivered verifies.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::Field;
use forebay_msm::{
    Backend, BackendError, Bases, Bls12_381, Bn254, Capabilities, CpuBackend, Curve, SecretVec,
    backend::{DomainSpec, QuotientBasis, Transform},
};
use forebay_prover::{
    Cancel, Diagnosis, ProveError, Prover, ProvingKey, Stage,
    circuit::{compile_source, compile_zkey},
    key::ZkeyKey,
    pipeline::{ProofJob, Witnesses, footprint},
    setup::{Convention, InMemoryKey, development_key, write_zkey},
    verify::verify,
};
use forebay_reference::random::RandomCircuit;
use forebay_scheduler::{
    config::Config,
    executor::{Devices, Executor, JobError, Parts, Request, StageContext},
    policy::{CircuitId, Failure},
    probe::MachineReport,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rayon::ThreadPool;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

/// What a proof is made of, as a backend sees it.
const PARTS: [Stage; 6] =
    [Stage::Quotient, Stage::MsmH, Stage::MsmL, Stage::MsmA, Stage::MsmB1, Stage::MsmB2];

/// The CPU's kernels, except that one part of a proof comes out wrong, so many times.
struct Corrupt<C: Curve> {
    inner: CpuBackend,
    key: Arc<InMemoryKey<C>>,
    target: Option<Stage>,
    times: AtomicUsize,
    quotients: AtomicUsize,
}

impl<C: Curve> Corrupt<C> {
    fn new(key: &Arc<InMemoryKey<C>>, target: Option<Stage>, times: usize) -> Arc<Self> {
        let (inner, key) = (CpuBackend::new(pool()), Arc::clone(key));
        Arc::new(Corrupt { inner, key, target, times: times.into(), quotients: 0.into() })
    }

    /// Whether this part is to be wrong, this time.
    fn strikes(&self, part: Stage) -> bool {
        let left = |n: usize| n.checked_sub(1);
        self.target == Some(part) && self.times.fetch_update(SeqCst, SeqCst, left).is_ok()
    }

    fn part(&self, bases: &Bases<'_, C::G1Affine>) -> Stage {
        let at = bases.as_bytes().as_ptr();
        let key = &*self.key;
        let parts = [
            (Stage::MsmH, ProvingKey::h(key)),
            (Stage::MsmL, ProvingKey::l(key)),
            (Stage::MsmA, ProvingKey::a(key)),
            (Stage::MsmB1, ProvingKey::b1(key)),
        ];
        parts.into_iter().find(|(_, bases)| bases.as_bytes().as_ptr() == at).unwrap().0
    }
}

impl<C: Curve> Backend<C> for Corrupt<C>
where
    CpuBackend: Backend<C>,
{
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "corrupt", is_device: true, ..Backend::<C>::capabilities(&self.inner) }
    }

    fn scratch_bytes(&self, n: usize) -> usize {
        Backend::<C>::scratch_bytes(&self.inner, n)
    }

    fn msm_g1(&self, bases: Bases<'_, C::G1Affine>, scalars: &[C::Fr]) -> Result<C::G1, BackendError> {
        let sum = Backend::<C>::msm_g1(&self.inner, bases, scalars)?;
        Ok(if self.strikes(self.part(&bases)) { sum + sum } else { sum })
    }

    fn msm_g2(&self, bases: Bases<'_, C::G2Affine>, scalars: &[C::Fr]) -> Result<C::G2, BackendError> {
        let sum = Backend::<C>::msm_g2(&self.inner, bases, scalars)?;
        Ok(if self.strikes(Stage::MsmB2) { sum + sum } else { sum })
    }

    fn ntt(&self, spec: DomainSpec, transform: Transform, values: &mut [C::Fr]) -> Result<(), BackendError> {
        Backend::<C>::ntt(&self.inner, spec, transform, values)
    }

    fn quotient(
        &self,
        spec: DomainSpec,
        basis: QuotientBasis,
        a: &mut [C::Fr],
        b: &mut [C::Fr],
        c: &mut [C::Fr],
    ) -> Result<(), BackendError> {
        self.quotients.fetch_add(1, SeqCst);
        Backend::<C>::quotient(&self.inner, spec, basis, a, b, c)?;
        if self.strikes(Stage::Quotient) {
            a[0] += C::Fr::ONE;
        }
        Ok(())
    }
}

fn pool() -> Arc<ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap())
}

struct Case<C: Curve> {
    circuit: RandomCircuit<C::Fr>,
    key: Arc<InMemoryKey<C>>,
}

impl<C: Curve> Case<C>
where
    CpuBackend: Backend<C>,
{
    fn new(rows: usize) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(rows as u64);
        let circuit = RandomCircuit::<C::Fr>::new(rows, 2, &mut rng);
        let key = development_key(&circuit, Convention::SNARKJS, rng, &pool(), &Cancel::default()).unwrap();
        Case { circuit, key: Arc::new(key) }
    }

    fn prover(&self, backend: Arc<dyn Backend<C>>) -> Prover<C> {
        let key = Arc::clone(&self.key) as Arc<dyn ProvingKey<C>>;
        Prover::new(backend, key, Arc::new(compile_source(&self.circuit).unwrap()), pool()).unwrap()
    }

    fn verifies(&self, proof: &forebay_formats::Proof<C>) -> bool {
        verify(&self.key.vkey, &self.circuit.z[1..=2], proof)
    }
}

fn cpu<C: Curve>() -> Arc<dyn Backend<C>>
where
    CpuBackend: Backend<C>,
{
    Arc::new(CpuBackend::new(pool()))
}

/// The culprit alone, everything else compared; over a wrong quotient there is nothing to compare.
fn names(diagnosis: &Diagnosis, culprit: Stage, g2: bool) {
    assert_eq!(diagnosis.wrong, [culprit], "{diagnosis}");
    let compared = PARTS.len() - usize::from(culprit == Stage::Quotient) - usize::from(!g2);
    assert_eq!((diagnosis.compared.len(), diagnosis.suspect), (compared, "corrupt"), "{diagnosis}");
    assert!(diagnosis.failed.is_none() && !diagnosis.clears());
}

fn each_part_is_named<C: Curve>()
where
    CpuBackend: Backend<C>,
{
    let case = Case::<C>::new(60);
    for part in PARTS {
        // Wrong once: the second attempt is the suspect's. Wrong whenever asked: the reference's, after two.
        for (times, attempts) in [(1, 1), (usize::MAX, 2)] {
            let suspect = Corrupt::new(&case.key, Some(part), times);
            let prover = case.prover(suspect.clone()).with_reference(cpu());
            let proven = prover.prove(&case.circuit.z).unwrap();
            assert!(case.verifies(&proven.proof), "{part}, {times} times");
            assert_eq!(proven.diagnoses.len(), attempts, "{part}, {times} times");
            proven.diagnoses.iter().for_each(|d| names(d, part, true));
            assert_eq!(suspect.quotients.load(SeqCst), 2, "the suspect has two attempts");
        }
    }
}

#[test]
fn each_part_is_named_on_bls12_381() {
    each_part_is_named::<Bls12_381>();
}

#[test]
fn each_part_is_named_on_bn254() {
    each_part_is_named::<Bn254>();
}

#[test]
fn a_right_backend_is_asked_once_and_compared_with_nothing() {
    let case = Case::<Bn254>::new(60);
    let suspect = Corrupt::new(&case.key, None, 0);
    let proven = case.prover(suspect.clone()).with_reference(cpu()).prove(&case.circuit.z).unwrap();
    assert!(proven.diagnoses.is_empty() && suspect.quotients.load(SeqCst) == 1);
}

#[test]
fn without_a_reference_nothing_wrong_leaves_either() {
    let case = Case::<Bn254>::new(60);
    let prover = case.prover(Corrupt::new(&case.key, Some(Stage::MsmA), 1));
    match prover.prove(&case.circuit.z) {
        Err(ProveError::Rejected { checked: true, diagnoses }) => assert!(diagnoses.is_empty()),
        other => panic!("{:?}", other.map(drop)),
    }
}

/// The backend is cleared, so the proof is not tried again.
#[test]
fn a_bad_witness_is_not_the_backends_fault() {
    let case = Case::<Bn254>::new(60);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("circuit.zkey");
    write_zkey(&path, &case.key, &case.circuit).unwrap();
    let file = forebay_formats::ZkeyFile::<Bn254>::open(&path, forebay_formats::Load::Auto).unwrap();
    let circuit = Arc::new(compile_zkey(&file).unwrap());
    let suspect = Arc::new(CpuBackend::new(pool()));
    let key = Arc::new(ZkeyKey::new(file).unwrap());
    let prover = Prover::new(suspect, key, circuit, pool()).unwrap().with_reference(cpu());
    let mut z = case.circuit.z.clone();
    *z.last_mut().unwrap() += <Bn254 as Curve>::Fr::ONE;
    match prover.prove(&z) {
        Err(ProveError::Rejected { checked: false, diagnoses }) => {
            assert_eq!(diagnoses.len(), 1, "one attempt");
            assert!(diagnoses[0].clears() && diagnoses[0].compared.len() == PARTS.len());
        }
        other => panic!("{:?}", other.map(drop)),
    }
}

struct Copies<C: Curve>(Vec<C::Fr>);

impl<C: Curve> Witnesses<C> for Copies<C> {
    fn witness(&self, _: u32, _: &StageContext<'_>) -> Result<SecretVec<C::Fr>, ProveError> {
        Ok(self.0.clone().into())
    }
}

/// Two partitions through an executor with one device, whose `part` is wrong so often; and the policy's attempts.
fn in_the_pipeline(
    case: &Case<Bn254>,
    (part, times, attempts): (Stage, usize, u32),
) -> Result<Vec<Vec<Diagnosis>>, JobError<ProveError>> {
    let config = Config { synthesis: 2, msm: 2, pw: 2, gw: 1, ..Config::default() };
    let devices = Devices { count: 1, memory: Some(1 << 30) };
    let mut parts = Parts::from_config(&config, &MachineReport::read(), devices).unwrap();
    parts.policy.attempts = attempts;
    parts.policy.host_after = parts.policy.host_after.filter(|after| *after < attempts);
    let executor = Executor::start(parts).unwrap();
    let prover = Arc::new(case.prover(Corrupt::new(&case.key, Some(part), times)));
    let footprint = footprint(&*prover);
    let job = ProofJob::new(prover, cpu(), Box::new(Copies::<Bn254>(case.circuit.z.clone())));
    let request = Request { priority: 0, circuit: CircuitId(1), partitions: 2, footprint, deadline: None };
    let partitions = executor.submit(request, Arc::new(job)).wait()?;
    partitions.iter().for_each(|p| assert!(case.verifies(&p.proof), "{part}, {times} times"));
    assert_eq!((executor.usage().used.host, executor.overcommits()), (0, 0));
    let spans = executor.timeline().spans();
    let diagnosed = spans.iter().filter(|span| span.stage == "diagnose").count();
    let diagnoses: Vec<Vec<Diagnosis>> = partitions.into_iter().map(|p| p.diagnoses).collect();
    assert_eq!(diagnosed, diagnoses.iter().map(Vec::len).sum::<usize>());
    Ok(diagnoses)
}

/// The pipeline's G2 sum is the host's own.
#[test]
fn the_pipeline_names_each_part_and_goes_on() {
    let case = Case::<Bn254>::new(60);
    for part in PARTS.into_iter().filter(|part| *part != Stage::MsmB2) {
        let once = in_the_pipeline(&case, (part, 1, 3)).unwrap();
        assert_eq!(once.iter().map(Vec::len).sum::<usize>(), 1, "{part}");
        let always = in_the_pipeline(&case, (part, usize::MAX, 3)).unwrap();
        assert!(always.iter().all(|d| d.len() <= 2) && always.iter().any(|d| !d.is_empty()), "{part}");
        once.iter().chain(&always).flatten().for_each(|d| names(d, part, false));
    }
}

#[test]
fn a_job_that_fails_says_what_was_wrong() {
    let case = Case::<Bn254>::new(60);
    match in_the_pipeline(&case, (Stage::MsmL, usize::MAX, 1)) {
        Err(JobError::Failed {
            failure: Failure::Partition { attempts: 1, .. },
            error: Some((_, error)),
        }) => {
            assert!(error.to_string().contains("the backend computed wrongly"), "{error}");
            assert!(error.to_string().contains("1 of 5 results differ: msm l"), "{error}");
            assert!(matches!(error, ProveError::Rejected { checked: true, .. }));
        }
        other => panic!("{:?}", other.map(drop)),
    }
}
