//! Groth16 as the paper has it: from a satisfying assignment to (A, B, C).
//!
//! With assignment a₀ = 1, a₁ … aₘ, of which ℓ are public, and blinding r, s:
//!
//! ```text
//! A = α + Σ aᵢ·uᵢ(τ) + r·δ                                              in G1
//! B = β + Σ aᵢ·vᵢ(τ) + s·δ                                              in G2 (and in G1, for C)
//! C = Σ_{i>ℓ} aᵢ·(β·uᵢ(τ) + α·vᵢ(τ) + wᵢ(τ))/δ + h(τ)·Z(τ)/δ + s·A + r·B − r·s·δ      in G1
//! ```
//!
//! The five sums are independent, but for the quotient before one of them: see `lanes.rs` for how they overlap.

use crate::{
    ProveError, ProvingKey,
    control::{Stage, Stages},
    diagnosis::Fingerprint,
    lanes::{Task, run_in_lanes},
};
use forebay_formats::Proof;
use forebay_msm::{Backend, BackendError, Curve, ScalarField, SecretVec};
use group::{Curve as _, Group, prime::PrimeCurveAffine};
use rand_core::{CryptoRng, RngCore};

/// The prover's random r and s. Fresh for each proof, over the whole field; wiped on drop.
pub struct Blinding<F: ScalarField> {
    rs: SecretVec<F>,
}

impl<F: ScalarField> Blinding<F> {
    /// Draws r and s uniformly.
    pub fn random(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self::new(F::random(&mut *rng), F::random(rng))
    }

    /// Fixes r and s: for comparing implementations. A proof made with known or repeated blinding is not
    /// zero-knowledge.
    pub fn new(r: F, s: F) -> Self {
        Blinding { rs: vec![r, s].into() }
    }

    fn r(&self) -> F {
        self.rs[0]
    }

    fn s(&self) -> F {
        self.rs[1]
    }
}

/// a = A·z, b = B·z, c = C·z over the whole domain, for the assignment z. Secret.
pub struct Evaluations<F: ScalarField> {
    /// A·z, padded with zeros to the domain's size.
    pub a: SecretVec<F>,
    /// B·z, likewise.
    pub b: SecretVec<F>,
    /// C·z, likewise.
    pub c: SecretVec<F>,
}

/// Makes a proof. `z` is the full assignment, beginning with 1; `evaluations` belong to it.
///
/// # Errors
/// What the backend reports, or [`ProveError::Cancelled`]. The lengths must fit the key
/// ([`ProvingKey::check_shape`]), or a kernel reports a defect.
pub fn prove<C: Curve>(
    backend: &dyn Backend<C>,
    key: &dyn ProvingKey<C>,
    z: &[C::Fr],
    evaluations: Evaluations<C::Fr>,
    blinding: &Blinding<C::Fr>,
    stages: &Stages<'_>,
) -> Result<Proof<C>, ProveError> {
    let computed = sums(backend, key, z, evaluations, false, stages)?;
    Ok(assemble(key, &computed.sums, computed.v2, blinding))
}

/// What a backend computes for a proof.
pub(crate) struct Computed<C: Curve> {
    pub(crate) sums: Sums<C>,
    /// Σ aᵢ·vᵢ(τ) in G2.
    pub(crate) v2: C::G2,
    pub(crate) quotient: Option<Fingerprint<C::Fr>>,
}

/// The five sums, and the quotient's fingerprint if it is wanted.
pub(crate) fn sums<C: Curve>(
    backend: &dyn Backend<C>,
    key: &dyn ProvingKey<C>,
    z: &[C::Fr],
    evaluations: Evaluations<C::Fr>,
    marked: bool,
    stages: &Stages<'_>,
) -> Result<Computed<C>, ProveError> {
    let private = &z[key.shape().num_public + 1..];
    let (mut h_tau, mut l, mut u, mut v1) =
        (C::G1::identity(), C::G1::identity(), C::G1::identity(), C::G1::identity());
    let (mut v2, mut quotient_mark) = (C::G2::identity(), None);
    let tasks: [Task<'_>; 5] = [
        Box::new(|| {
            let Evaluations { mut a, mut b, mut c } = evaluations;
            stages.run(Stage::Quotient, || quotient(backend, key, [&mut a, &mut b, &mut c]))?;
            drop((b, c));
            h_tau =
                stages.run(Stage::MsmH, || msm_h(backend, key, &a, marked.then_some(&mut quotient_mark)))?;
            Ok(())
        }),
        sum(stages, Stage::MsmB2, &mut v2, || backend.msm_g2(key.b2(), z)),
        sum(stages, Stage::MsmL, &mut l, || backend.msm_g1(key.l(), private)),
        sum(stages, Stage::MsmA, &mut u, || backend.msm_g1(key.a(), z)),
        sum(stages, Stage::MsmB1, &mut v1, || backend.msm_g1(key.b1(), z)),
    ];
    run_in_lanes(&backend.capabilities(), tasks.into())?;
    Ok(Computed { sums: Sums { h: h_tau, l, a: u, b1: v1 }, v2, quotient: quotient_mark })
}

/// The sum over the quotient; beside it, on the threads of the current pool, the quotient's fingerprint if there is a place
/// for it.
pub(crate) fn msm_h<C: Curve>(
    backend: &dyn Backend<C>,
    key: &dyn ProvingKey<C>,
    quotient: &[C::Fr],
    mark: Option<&mut Option<Fingerprint<C::Fr>>>,
) -> Result<C::G1, BackendError> {
    let Some(mark) = mark else { return backend.msm_g1(key.h(), quotient) };
    rayon::join(|| backend.msm_g1(key.h(), quotient), || *mark = Some(Fingerprint::of(quotient))).0
}

/// The sums in G1 that a proof is made of. Secret until they are blinded.
pub(crate) struct Sums<C: Curve> {
    /// h(τ)·Z(τ)/δ.
    pub(crate) h: C::G1,
    /// The private variables' sum.
    pub(crate) l: C::G1,
    /// Σ aᵢ·uᵢ(τ).
    pub(crate) a: C::G1,
    /// Σ aᵢ·vᵢ(τ).
    pub(crate) b1: C::G1,
}

/// A, B, C from the sums; `v2` is Σ aᵢ·vᵢ(τ) in G2.
pub(crate) fn assemble<C: Curve>(
    key: &dyn ProvingKey<C>,
    sums: &Sums<C>,
    v2: C::G2,
    blinding: &Blinding<C::Fr>,
) -> Proof<C> {
    let (r, s) = (blinding.r(), blinding.s());
    let vkey = key.verifying_key();
    let (delta1, delta2) = (key.delta1().to_curve(), vkey.delta2.to_curve());
    let a = sums.a + vkey.alpha1 + delta1 * r;
    let b = v2 + vkey.beta2 + delta2 * s;
    let b1 = sums.b1 + key.beta1() + delta1 * s;
    let c = sums.l + sums.h + a * s + b1 * r - delta1 * (r * s);
    Proof { a: a.to_affine(), b: b.to_affine(), c: c.to_affine() }
}

/// A stage that puts one sum in its place.
fn sum<'a, P: Send>(
    stages: &'a Stages<'_>,
    stage: Stage,
    place: &'a mut P,
    msm: impl FnOnce() -> Result<P, BackendError> + Send + 'a,
) -> Task<'a> {
    Box::new(move || {
        *place = stages.run(stage, msm)?;
        Ok(())
    })
}

/// The quotient's values in the basis of the key, as many as the key has h points, in place of a.
pub(crate) fn quotient<C: Curve>(
    backend: &dyn Backend<C>,
    key: &dyn ProvingKey<C>,
    [a, b, c]: [&mut SecretVec<C::Fr>; 3],
) -> Result<(), ProveError> {
    let shape = key.shape();
    backend.quotient(shape.domain, shape.basis, a, b, c)?;
    a.truncate(shape.num_h());
    Ok(())
}
