//! One key, one circuit, one backend.

use crate::{
    Blinding, Cancel, Diagnosis, ProveError, ProvingKey, Stage, StageTimes, Stages,
    diagnosis::{Evidence, diagnose},
    groth16::{self, Computed, Evaluations},
    verify,
};
use forebay_formats::{Proof, PublicSignals};
use forebay_msm::{Backend, Curve, ErrorClass, SecretVec};
use forebay_pce::{Checkpoint, Circuit, EvalOptions, EvalStats, Outputs, first_unsatisfied_row};
use rand_core::OsRng;
use rayon::ThreadPool;
use std::{ops::ControlFlow, sync::Arc};

/// Proves statements about one circuit under one key.
pub struct Prover<C: Curve> {
    backend: Arc<dyn Backend<C>>,
    /// What the backend's results are compared with, and proves where they are wrong.
    reference: Option<Arc<dyn Backend<C>>>,
    key: Arc<dyn ProvingKey<C>>,
    circuit: Arc<Circuit<C::Fr>>,
    pool: Arc<ThreadPool>,
}

/// A verified proof and what goes with it.
#[derive(Clone, Debug)]
pub struct Proven<C: Curve> {
    /// The proof. It verified.
    pub proof: Proof<C>,
    /// The public signals, the constant one not included.
    pub public: PublicSignals<C>,
    /// Where the time went.
    pub times: StageTimes,
    /// What the evaluator did.
    pub evaluation: EvalStats,
    /// Of attempts before this one whose proof did not verify: what was computed wrongly.
    pub diagnoses: Vec<Diagnosis>,
}

/// One attempt at a proof.
struct Attempt<C: Curve> {
    proof: Proof<C>,
    accepted: bool,
    /// With the quotient's fingerprint if the backend is a suspect.
    computed: Computed<C>,
    evaluation: EvalStats,
}

impl<C: Curve> Prover<C> {
    /// Joins the parts. The evaluator runs on `pool`; the backend has its own.
    ///
    /// # Errors
    /// If the key contradicts itself, or has another shape than the circuit.
    pub fn new(
        backend: Arc<dyn Backend<C>>,
        key: Arc<dyn ProvingKey<C>>,
        circuit: Arc<Circuit<C::Fr>>,
        pool: Arc<ThreadPool>,
    ) -> Result<Self, ProveError> {
        key.check_shape()?;
        let shape = key.shape();
        let counts = [
            ("variables", shape.num_variables, circuit.num_variables()),
            ("public inputs", shape.num_public + 1, circuit.num_inputs()),
        ];
        for (what, key, circuit) in counts {
            if key != circuit {
                return Err(ProveError::KeyMismatch { what, key, circuit });
            }
        }
        if circuit.num_rows() > shape.domain.size() {
            let (what, key, circuit) = ("rows", shape.domain.size(), circuit.num_rows());
            return Err(ProveError::KeyMismatch { what, key, circuit });
        }
        Ok(Prover { backend, reference: None, key, circuit, pool })
    }

    /// With a reference: if a proof does not verify, what the backend computed is compared with it ([`Diagnosis`]). If the
    /// backend was wrong, it proves once more with fresh r and s, and then the reference does.
    pub fn with_reference(self, reference: impl Into<Option<Arc<dyn Backend<C>>>>) -> Self {
        Prover { reference: reference.into(), ..self }
    }

    /// Proves the assignment `z` (which begins with 1) with fresh blinding from the operating system.
    ///
    /// # Errors
    /// [`ProveError`]. Nothing unverified is returned.
    pub fn prove(&self, z: &[C::Fr]) -> Result<Proven<C>, ProveError> {
        self.prove_with(z, &Blinding::random(&mut OsRng), &Cancel::default(), &|_| ())
    }

    /// [`Self::prove`] with the blinding given, cancellation, and a report as each stage begins: `on_stage` is called on
    /// the thread that runs the stage, and stages may overlap.
    ///
    /// # Errors
    /// As [`Self::prove`], and [`ProveError::Cancelled`].
    pub fn prove_with(
        &self,
        z: &[C::Fr],
        blinding: &Blinding<C::Fr>,
        cancel: &Cancel,
        on_stage: &(dyn Fn(Stage) + Sync),
    ) -> Result<Proven<C>, ProveError> {
        self.check_assignment(z)?;
        let stages = Stages::new(cancel, on_stage);
        let mut diagnoses = Vec::new();
        let first = self.attempt(&*self.backend, z, blinding, &stages)?;
        let made = if first.accepted { first } else { self.again(first, z, &stages, &mut diagnoses)? };
        let public = PublicSignals(z[1..=self.key.shape().num_public].to_vec());
        let (proof, evaluation) = (made.proof, made.evaluation);
        Ok(Proven { proof, public, times: stages.into_times(), evaluation, diagnoses })
    }

    /// Everything once: evaluation, check of the witness, sums, proof, verification.
    fn attempt(
        &self,
        backend: &dyn Backend<C>,
        z: &[C::Fr],
        blinding: &Blinding<C::Fr>,
        stages: &Stages<'_>,
    ) -> Result<Attempt<C>, ProveError> {
        let cancel = stages.cancel();
        let checkpoint =
            || if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let (evaluations, evaluation) = stages.run(Stage::Evaluate, || self.evaluate(z, &checkpoint))?;
        if self.circuit.has_c() {
            stages.run(Stage::Check, || self.check_satisfied(&evaluations))?;
        }
        let marked = self.reference.is_some();
        let sums = || groth16::sums(backend, &*self.key, z, evaluations, marked, stages);
        let computed = self.pool.install(sums)?;
        let proof = groth16::assemble(&*self.key, &computed.sums, computed.v2, blinding);
        let public = &z[1..=self.key.shape().num_public];
        let accepted = stages.run(Stage::Verify, || {
            Ok::<_, ProveError>(verify::verify(self.key.verifying_key(), public, &proof))
        })?;
        Ok(Attempt { proof, accepted, computed, evaluation })
    }

    /// After a proof that does not verify: what was wrong, the backend once more, then the reference. If nothing was wrong,
    /// another attempt would end the same way.
    fn again(
        &self,
        mut failed: Attempt<C>,
        z: &[C::Fr],
        stages: &Stages<'_>,
        diagnoses: &mut Vec<Diagnosis>,
    ) -> Result<Attempt<C>, ProveError> {
        for backend in [Some(&self.backend), self.reference.as_ref()].into_iter().flatten() {
            let Some(diagnosis) = self.diagnose(&failed, z, stages)? else { break };
            let innocent = diagnosis.clears();
            diagnoses.push(diagnosis);
            if innocent {
                break;
            }
            match self.attempt(&**backend, z, &Blinding::random(&mut OsRng), stages) {
                Ok(made) if made.accepted => return Ok(made),
                Ok(made) => failed = made,
                // Not a wrong call: the backend is gone or full, and the reference may not be.
                Err(ProveError::Backend(e)) if e.class() != ErrorClass::Bug => {}
                Err(error) => return Err(error),
            }
        }
        Err(ProveError::Rejected { checked: self.circuit.has_c(), diagnoses: core::mem::take(diagnoses) })
    }

    /// `None` without a reference.
    fn diagnose(
        &self,
        failed: &Attempt<C>,
        z: &[C::Fr],
        stages: &Stages<'_>,
    ) -> Result<Option<Diagnosis>, ProveError> {
        let Computed { sums, v2, quotient } = &failed.computed;
        let (Some(reference), Some(quotient)) = (&self.reference, quotient) else { return Ok(None) };
        let evidence = Evidence { sums, v2: Some(*v2), quotient };
        let cancel = stages.cancel();
        let enter = || if cancel.is_cancelled() { Err(ProveError::Cancelled) } else { Ok(()) };
        let work = || self.compare(&**reference, z, &evidence, &enter);
        stages.run(Stage::Diagnose, || self.pool.install(work)).map(Some)
    }

    /// Compares what the backend computed with what `reference` does.
    pub(crate) fn compare(
        &self,
        reference: &dyn Backend<C>,
        z: &[C::Fr],
        evidence: &Evidence<'_, C>,
        enter: &(dyn Fn() -> Result<(), ProveError> + Sync),
    ) -> Result<Diagnosis, ProveError> {
        let checkpoint = || if enter().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let evaluate = || Ok(self.evaluate(z, &checkpoint)?.0);
        diagnose((&*self.backend, reference), &*self.key, z, evidence, evaluate, enter)
    }

    pub(crate) fn check_assignment(&self, z: &[C::Fr]) -> Result<(), ProveError> {
        let expected = self.circuit.num_variables();
        if z.len() != expected {
            return Err(ProveError::WitnessLength { expected, actual: z.len() });
        }
        if !verify::begins_with_one(z) {
            return Err(ProveError::WitnessConstant);
        }
        Ok(())
    }

    /// A·z, B·z, C·z over the domain. The evaluator calls `checkpoint` every few chunks of rows.
    pub(crate) fn evaluate(
        &self,
        z: &[C::Fr],
        checkpoint: &dyn Checkpoint,
    ) -> Result<(Evaluations<C::Fr>, EvalStats), ProveError> {
        let n = self.key.shape().domain.size();
        let (mut a, mut b, mut c) = (SecretVec::zeros(n), SecretVec::zeros(n), SecretVec::zeros(n));
        let options = EvalOptions::new(&self.pool).with_checkpoint(checkpoint);
        let stats = self.circuit.evaluate(z, Outputs { a: &mut a, b: &mut b, c: &mut c }, options)?;
        Ok((Evaluations { a, b, c }, stats))
    }

    /// The backend.
    pub fn backend(&self) -> &Arc<dyn Backend<C>> {
        &self.backend
    }

    /// The key.
    pub fn key(&self) -> &Arc<dyn ProvingKey<C>> {
        &self.key
    }

    /// The compiled circuit.
    pub fn circuit(&self) -> &Circuit<C::Fr> {
        &self.circuit
    }

    pub(crate) fn check_satisfied(&self, evaluations: &Evaluations<C::Fr>) -> Result<(), ProveError> {
        let Evaluations { a, b, c } = evaluations;
        match first_unsatisfied_row(&self.pool, a, b, c) {
            Some(row) => Err(ProveError::Unsatisfied { row }),
            None => Ok(()),
        }
    }
}
