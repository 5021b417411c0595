//! One key, one circuit, one backend.

use crate::{
    Blinding, Cancel, ProveError, ProvingKey, Stage, StageTimes, Stages,
    groth16::{self, Evaluations},
    verify,
};
use forebay_formats::{Proof, PublicSignals};
use forebay_msm::{Backend, Curve, SecretVec};
use forebay_pce::{Checkpoint, Circuit, EvalOptions, EvalStats, Outputs, first_unsatisfied_row};
use rand_core::OsRng;
use rayon::ThreadPool;
use std::{ops::ControlFlow, sync::Arc};

/// Proves statements about one circuit under one key.
pub struct Prover<C: Curve> {
    backend: Arc<dyn Backend<C>>,
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
        Ok(Prover { backend, key, circuit, pool })
    }

    /// Proves the assignment `z` (which begins with 1) with fresh blinding from the operating system.
    ///
    /// # Errors
    /// [`ProveError`]. Nothing unverified is returned.
    pub fn prove(&self, z: &[C::Fr]) -> Result<Proven<C>, ProveError> {
        self.prove_with(z, &Blinding::random(&mut OsRng), &Cancel::default(), &|_| ())
    }

    /// [`Self::prove`] with the blinding given, cancellation, and a report as each stage begins.
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
        let mut stages = Stages::new(cancel, on_stage);
        let checkpoint =
            || if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let (evaluations, evaluation) = stages.run(Stage::Evaluate, || self.evaluate(z, &checkpoint))?;
        if self.circuit.has_c() {
            stages.run(Stage::Check, || self.check_satisfied(&evaluations))?;
        }
        let proof = groth16::prove(&*self.backend, &*self.key, z, evaluations, blinding, &mut stages)?;
        let public = &z[1..=self.key.shape().num_public];
        let accepted = stages.run(Stage::Verify, || {
            Ok::<_, ProveError>(verify::verify(self.key.verifying_key(), public, &proof))
        })?;
        if !accepted {
            return Err(ProveError::Rejected { checked: self.circuit.has_c() });
        }
        Ok(Proven { proof, public: PublicSignals(public.to_vec()), times: stages.into_times(), evaluation })
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
