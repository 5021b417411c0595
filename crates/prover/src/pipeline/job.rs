//! The stages themselves.

use crate::{
    Blinding, Diagnosis, ProveError, Prover,
    diagnosis::{Evidence, Fingerprint},
    groth16::{self, Evaluations, Sums},
    pipeline::footprint::{self, msm_bytes},
    verify,
};
use forebay_formats::{Proof, PublicSignals};
use forebay_msm::{Backend, BackendError, Curve, ErrorClass, ScalarField, SecretVec};
use forebay_scheduler::{
    device::DeviceId,
    executor::{StageContext, StageError, Work},
    timeline::Recording,
};
use rand_core::OsRng;
use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Where the witnesses of a job come from. Asked once per attempt of a partition, in the synthesis stage, so that no
/// witness is in memory before its turn.
pub trait Witnesses<C: Curve>: Send + Sync {
    /// The full assignment of a partition, beginning with 1.
    ///
    /// # Errors
    /// Whatever hinders it; no message may hold a value of the witness.
    fn witness(&self, partition: u32, cx: &StageContext<'_>) -> Result<SecretVec<C::Fr>, ProveError>;
}

/// One request: partitions of one circuit under one key.
pub struct ProofJob<C: Curve> {
    prover: Arc<Prover<C>>,
    host: Arc<dyn Backend<C>>,
    witnesses: Box<dyn Witnesses<C>>,
    /// What was found out about proofs that did not verify, by partition, until one does.
    diagnoses: Mutex<HashMap<u32, Vec<Diagnosis>>>,
}

/// A partition that waits for a device. Its buffers are secret and wipe themselves.
pub struct Ready<F: ScalarField> {
    z: SecretVec<F>,
    evaluations: Evaluations<F>,
}

/// A partition that left the device.
pub struct Tail<C: Curve> {
    z: SecretVec<C::Fr>,
    sums: Sums<C>,
    /// There if the sums are a device's, which the host's kernels can be compared with.
    quotient: Option<Fingerprint<C::Fr>>,
}

/// A verified proof and its public signals.
#[derive(Clone, Debug)]
pub struct Partition<C: Curve> {
    /// The proof. It verified.
    pub proof: Proof<C>,
    /// The public signals, the constant one not included.
    pub public: PublicSignals<C>,
    /// Of attempts before this one whose proof did not verify: what was computed wrongly.
    pub diagnoses: Vec<Diagnosis>,
}

impl<C: Curve> ProofJob<C> {
    /// A job of `prover`, whose backend is the device. The tail runs on `host`; without a device both are the CPU's, and the
    /// same one. If a proof does not verify, what the device computed is compared with what `host` does.
    pub fn new(prover: Arc<Prover<C>>, host: Arc<dyn Backend<C>>, witnesses: Box<dyn Witnesses<C>>) -> Self {
        ProofJob { prover, host, witnesses, diagnoses: Mutex::default() }
    }

    /// A map of finished diagnoses is whole whatever panicked elsewhere.
    fn diagnoses(&self) -> MutexGuard<'_, HashMap<u32, Vec<Diagnosis>>> {
        self.diagnoses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Curve> Work for ProofJob<C> {
    type Ready = Ready<C::Fr>;
    type Tail = Tail<C>;
    type Output = Partition<C>;
    type Error = ProveError;

    fn synthesise(
        &self,
        partition: u32,
        cx: &StageContext<'_>,
    ) -> Result<Self::Ready, StageError<ProveError>> {
        let z = timed(cx, "witness", |_| self.witnesses.witness(partition, cx).map_err(classify))?;
        self.prover.check_assignment(&z)?;
        cx.check()?;
        let evaluations = timed(cx, "evaluate", |recording| self.evaluate(&z, recording, cx))?;
        if self.prover.circuit().has_c() {
            cx.check()?;
            timed(cx, "check", |_| self.prover.check_satisfied(&evaluations).map_err(classify))?;
        }
        Ok(Ready { z, evaluations })
    }

    fn device(
        &self,
        ready: Self::Ready,
        _device: DeviceId,
        cx: &StageContext<'_>,
    ) -> Result<Self::Tail, StageError<ProveError>> {
        self.sums(&**self.prover.backend(), !Arc::ptr_eq(self.prover.backend(), &self.host), ready, cx)
    }

    fn on_host(
        &self,
        ready: Self::Ready,
        cx: &StageContext<'_>,
    ) -> Result<Self::Tail, StageError<ProveError>> {
        self.sums(&*self.host, false, ready, cx)
    }

    fn tail(&self, tail: Self::Tail, cx: &StageContext<'_>) -> Result<Self::Output, StageError<ProveError>> {
        let key = &**self.prover.key();
        let Tail { z, sums, quotient } = tail;
        let v2 = timed(cx, "msm b2", |recording| {
            recording.add_bytes(msm_bytes::<C::G2Affine, C::Fr>(z.len()));
            self.host.msm_g2(key.b2(), &z).map_err(|e| classify(e.into()))
        })?;
        let proof = groth16::assemble(key, &sums, v2, &Blinding::random(&mut OsRng));
        let public = PublicSignals(z[1..=key.shape().num_public].to_vec());
        let accepted = timed(cx, "verify", |_| Ok(verify::verify(key.verifying_key(), &public.0, &proof)))?;
        if accepted {
            cx.reclaimer.defer(z);
            let diagnoses = self.diagnoses().remove(&cx.partition).unwrap_or_default();
            return Ok(Partition { proof, public, diagnoses });
        }
        let Some(quotient) = quotient else {
            // The constraints were checked, so a kernel computed wrongly, and may not do so again.
            let checked = self.prover.circuit().has_c();
            let error = ProveError::Rejected { checked, diagnoses: Vec::new() };
            return Err(if checked { StageError::Retryable(error) } else { StageError::Fatal(error) });
        };
        Err(self.rejected(&z, &Evidence { sums: &sums, v2: None, quotient: &quotient }, cx))
    }

    fn device_is_host(&self) -> bool {
        !self.prover.backend().capabilities().is_device
    }

    fn tail_bytes(&self) -> u64 {
        footprint::tail_bytes(&**self.prover.key())
    }
}

impl<C: Curve> ProofJob<C> {
    /// Finds out what the device computed wrongly. If anything, the policy tries again, on the device and then on the host, each
    /// time with fresh r and s, and counts it against the device; if nothing, another attempt would end the same way.
    fn rejected(
        &self,
        z: &[C::Fr],
        evidence: &Evidence<'_, C>,
        cx: &StageContext<'_>,
    ) -> StageError<ProveError> {
        let enter = || if cx.cancel.is_cancelled() { Err(ProveError::Cancelled) } else { Ok(()) };
        let compare = || self.prover.compare(&*self.host, z, evidence, &enter);
        let diagnosis = timed(cx, "diagnose", |_| cx.pools.msm.install(compare).map_err(classify));
        let diagnosis = match diagnosis {
            Ok(diagnosis) => diagnosis,
            Err(error) => return error,
        };
        let innocent = diagnosis.clears();
        let mut all = self.diagnoses();
        let diagnoses = all.entry(cx.partition).or_default();
        diagnoses.push(diagnosis);
        let checked = self.prover.circuit().has_c();
        let error = ProveError::Rejected { checked, diagnoses: diagnoses.clone() };
        if innocent { StageError::Fatal(error) } else { StageError::Retryable(error) }
    }

    /// The quotient and the MSMs over it and the witness, by one backend's kernels; and the quotient's fingerprint if the
    /// backend is a suspect.
    fn sums(
        &self,
        backend: &dyn Backend<C>,
        suspect: bool,
        ready: Ready<C::Fr>,
        cx: &StageContext<'_>,
    ) -> Result<Tail<C>, StageError<ProveError>> {
        let Ready { z, evaluations } = ready;
        let key = &**self.prover.key();
        let private = &z[key.shape().num_public + 1..];
        let Evaluations { a, b, c } = evaluations;
        let mut a = a;
        let (mut b, mut c) = (b, c);
        timed(cx, "quotient", |_| {
            groth16::quotient(backend, key, [&mut a, &mut b, &mut c]).map_err(classify)
        })?;
        cx.reclaimer.defer((b, c));
        let mut quotient = None;
        let msm = |name, terms, work: Sum<'_, C>| -> Result<C::G1, StageError<ProveError>> {
            cx.check()?;
            timed(cx, name, |recording| {
                recording.add_bytes(msm_bytes::<C::G1Affine, C::Fr>(terms));
                work().map_err(|e| classify(e.into()))
            })
        };
        let h = msm("msm h", a.len(), &mut || match suspect {
            true => cx.pools.msm.install(|| groth16::msm_h(backend, key, &a, Some(&mut quotient))),
            false => groth16::msm_h(backend, key, &a, None),
        })?;
        cx.reclaimer.defer(a);
        let l = msm("msm l", private.len(), &mut || backend.msm_g1(key.l(), private))?;
        let u = msm("msm a", z.len(), &mut || backend.msm_g1(key.a(), &z))?;
        let b1 = msm("msm b1", z.len(), &mut || backend.msm_g1(key.b1(), &z))?;
        Ok(Tail { z, sums: Sums { h, l, a: u, b1 }, quotient })
    }

    /// A·z, B·z, C·z. Every few chunks the evaluator passes the gate, which may hold it up, and honours cancellation.
    fn evaluate(
        &self,
        z: &[C::Fr],
        recording: &mut Recording<'_>,
        cx: &StageContext<'_>,
    ) -> Result<Evaluations<C::Fr>, StageError<ProveError>> {
        let evaluation = cx.gate.evaluation(cx.cancel.clone());
        let checkpoint = || match evaluation.checkpoint() {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let (evaluations, stats) = self.prover.evaluate(z, &checkpoint).map_err(classify)?;
        recording.add_bytes(stats.bytes_read + stats.bytes_written);
        Ok(evaluations)
    }
}

/// One multiplication in G1.
type Sum<'a, C> = &'a mut dyn FnMut() -> Result<<C as Curve>::G1, BackendError>;

/// Runs a stage within the stage, and writes down when and how it ended.
fn timed<'a, T>(
    cx: &StageContext<'a>,
    name: &'static str,
    work: impl FnOnce(&mut Recording<'a>) -> Result<T, StageError<ProveError>>,
) -> Result<T, StageError<ProveError>> {
    let mut recording = cx.record(name);
    let result = work(&mut recording);
    if result.is_err() {
        recording.failed();
    }
    result
}

/// What the scheduler may do about an error.
fn classify(error: ProveError) -> StageError<ProveError> {
    match &error {
        ProveError::Cancelled => StageError::Cancelled,
        ProveError::Backend(backend) => by_class(backend.class(), error),
        _ => StageError::Fatal(error),
    }
}

fn by_class(class: ErrorClass, error: ProveError) -> StageError<ProveError> {
    match class {
        ErrorClass::Retryable | ErrorClass::OutOfMemory => StageError::Retryable(error),
        ErrorClass::DeviceLost => StageError::DeviceLost(error),
        ErrorClass::Bug => StageError::Fatal(error),
    }
}
