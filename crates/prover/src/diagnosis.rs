//! Which kernel computed wrongly, asked after a proof that does not verify.
//!
//! The sums of a proof and its quotient depend on witness and key, not on the blinding. So what a *suspect* backend made of
//! them is compared with what a *reference* (the CPU's kernels) makes of them, one after the other: the quotient, and the five
//! multiplications. The sums themselves are kept until the proof is verified. The quotient is too large for that; of it a
//! [`Fingerprint`] is kept: the polynomial with its values as coefficients, at a random point, which differs for another
//! quotient but with probability n/r < 2^−200 (Schwartz, "Fast Probabilistic Algorithms for Verification of Polynomial
//! Identities", J. ACM 1980).
//!
//! Cost of a proof that verifies: the fingerprint, one product per value of the quotient, made while the backend multiplies.
//! Cost of a diagnosis: the evaluation, the quotient and the multiplications on the reference, and memory for a, b and c, which
//! no budget knows; so diagnoses take turns.

use crate::{
    ProveError, ProvingKey, Stage,
    groth16::{self, Evaluations, Sums},
};
use forebay_msm::{Backend, Curve, ScalarField, SecretVec};
use rand_core::OsRng;
use rayon::prelude::*;
use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

/// Coefficients per task of a fingerprint: 2^12 products are about 50 µs, beside some of rayon's.
const TASK: usize = 1 << 12;

/// One at a time in the process: see the module's documentation.
static TURN: Mutex<()> = Mutex::new(());

/// Who computed what of a proof that did not verify. Names alone: nothing of the witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The backend that the proof came from.
    pub suspect: &'static str,
    /// The backend that it was compared with.
    pub reference: &'static str,
    /// What was compared, in order. The multiplication over a wrong quotient is not: its input was wrong.
    pub compared: Vec<Stage>,
    /// Those of them that differ.
    pub wrong: Vec<Stage>,
    /// Why the comparison ended early, if it did: the reference failed.
    pub failed: Option<String>,
}

impl Diagnosis {
    /// Whether everything was compared and nothing differs: the suspect computed rightly.
    pub fn clears(&self) -> bool {
        self.wrong.is_empty() && self.failed.is_none()
    }

    fn record(&mut self, stage: Stage, agrees: bool) {
        self.compared.push(stage);
        if !agrees {
            self.wrong.push(stage);
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |stages: &[Stage]| stages.iter().map(|s| s.name()).collect::<Vec<_>>().join(", ");
        write!(f, "{} against {}: ", self.suspect, self.reference)?;
        match self.wrong.as_slice() {
            [] => write!(f, "no difference in {} results", self.compared.len())?,
            wrong => {
                write!(f, "{} of {} results differ: {}", wrong.len(), self.compared.len(), names(wrong))?
            }
        }
        match &self.failed {
            Some(why) => write!(f, "; the comparison ended early: {why}"),
            None => Ok(()),
        }
    }
}

/// The quotient's mark: a random point and the polynomial's value there. Secret.
pub(crate) struct Fingerprint<F: ScalarField>(SecretVec<F>);

impl<F: ScalarField> Fingerprint<F> {
    /// Of these values, on the threads of the current pool.
    pub(crate) fn of(values: &[F]) -> Self {
        let point = F::random(OsRng);
        Fingerprint(vec![point, at(values, point)].into())
    }

    fn matches(&self, values: &[F]) -> bool {
        at(values, self.0[0]) == self.0[1]
    }
}

/// Σ values\[i\]·point^i.
fn at<F: ScalarField>(values: &[F], point: F) -> F {
    let horner = |values: &[F], x: F| values.iter().rev().fold(F::ZERO, |sum, v| sum * x + v);
    let tasks: Vec<F> = values.par_chunks(TASK).map(|chunk| horner(chunk, point)).collect();
    horner(&SecretVec::from(tasks), point.pow_vartime([TASK as u64]))
}

/// What a suspect computed of one proof.
pub(crate) struct Evidence<'a, C: Curve> {
    pub(crate) sums: &'a Sums<C>,
    /// The sum in G2, if the suspect made it.
    pub(crate) v2: Option<C::G2>,
    pub(crate) quotient: &'a Fingerprint<C::Fr>,
}

/// Compares `evidence` with what `reference` computes from `z` and from the evaluations that `evaluate` gives. `enter` is
/// called before each comparison, and may end the whole.
///
/// # Errors
/// What `enter` reports. An error of the reference is written into the diagnosis.
pub(crate) fn diagnose<C: Curve>(
    (suspect, reference): (&dyn Backend<C>, &dyn Backend<C>),
    key: &dyn ProvingKey<C>,
    z: &[C::Fr],
    evidence: &Evidence<'_, C>,
    evaluate: impl FnOnce() -> Result<Evaluations<C::Fr>, ProveError>,
    enter: &(dyn Fn() -> Result<(), ProveError> + Sync),
) -> Result<Diagnosis, ProveError> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut diagnosis = Diagnosis {
        suspect: suspect.capabilities().name,
        reference: reference.capabilities().name,
        compared: Vec::new(),
        wrong: Vec::new(),
        failed: None,
    };
    let compare = || -> Result<(), ProveError> {
        let private = &z[key.shape().num_public + 1..];
        let sums = evidence.sums;
        for (stage, bases, scalars, found) in [
            (Stage::MsmL, key.l(), private, sums.l),
            (Stage::MsmA, key.a(), z, sums.a),
            (Stage::MsmB1, key.b1(), z, sums.b1),
        ] {
            enter()?;
            diagnosis.record(stage, reference.msm_g1(bases, scalars)? == found);
        }
        if let Some(v2) = evidence.v2 {
            enter()?;
            diagnosis.record(Stage::MsmB2, reference.msm_g2(key.b2(), z)? == v2);
        }
        enter()?;
        let Evaluations { mut a, mut b, mut c } = evaluate()?;
        groth16::quotient(reference, key, [&mut a, &mut b, &mut c])?;
        drop((b, c));
        let same = evidence.quotient.matches(&a);
        diagnosis.record(Stage::Quotient, same);
        enter()?;
        if same {
            diagnosis.record(Stage::MsmH, reference.msm_g1(key.h(), &a)? == sums.h);
        }
        Ok(())
    };
    match compare() {
        Ok(()) => {}
        Err(ProveError::Cancelled) => return Err(ProveError::Cancelled),
        Err(error) => diagnosis.failed = Some(error.to_string()),
    }
    Ok(diagnosis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::Field;
    use forebay_msm::{Bn254, Curve};

    type Fr = <Bn254 as Curve>::Fr;

    #[test]
    fn a_fingerprint_is_a_polynomial_at_a_point() {
        for n in [0, 1, 2, TASK - 1, TASK, TASK + 1, 3 * TASK + 5] {
            let values: Vec<Fr> = (0..n as u64).map(|i| Fr::from(i * i + 3)).collect();
            let point = Fr::from(7);
            let slow = values.iter().rev().fold(Fr::ZERO, |sum, v| sum * point + v);
            assert_eq!(at(&values, point), slow, "{n} values");
            let print = Fingerprint::of(&values);
            assert!(print.matches(&values));
            for i in [0, n / 2, n.saturating_sub(1)].into_iter().filter(|i| *i < n) {
                let mut other = values.clone();
                other[i] += Fr::ONE;
                assert!(!print.matches(&other), "value {i} of {n}");
            }
        }
    }

    #[test]
    fn a_diagnosis_says_names_and_counts() {
        let mut diagnosis = Diagnosis {
            suspect: "cuda",
            reference: "cpu-ifma",
            compared: Vec::new(),
            wrong: Vec::new(),
            failed: None,
        };
        diagnosis.record(Stage::MsmL, true);
        assert!(diagnosis.clears());
        assert_eq!(diagnosis.to_string(), "cuda against cpu-ifma: no difference in 1 results");
        diagnosis.record(Stage::MsmH, false);
        assert_eq!(diagnosis.to_string(), "cuda against cpu-ifma: 1 of 2 results differ: msm h");
        diagnosis.failed = Some("msm_g1: none (out of memory)".into());
        assert!(!diagnosis.clears() && diagnosis.to_string().ends_with("(out of memory)"));
    }
}
