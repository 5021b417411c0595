//! The verifier's equation: e(A, B) = e(α, β) · e(Σ aᵢ·ICᵢ, γ) · e(C, δ).

use ff::Field;
use forebay_formats::{Proof, VerifyingKey};
use forebay_msm::Curve;
use group::{Curve as _, Group, prime::PrimeCurveAffine};
use pairing::{MillerLoopResult, MultiMillerLoop};

/// Whether `proof` shows that `public` (the constant one not included) belongs to a satisfying assignment.
///
/// False also if the number of inputs is not the key's. The points must be in their groups: the readers of
/// `forebay-formats` see to that.
pub fn verify<C: Curve>(vkey: &VerifyingKey<C>, public: &[C::Fr], proof: &Proof<C>) -> bool {
    let Some((constant, rest)) = vkey.ic.split_first() else { return false };
    if rest.len() != public.len() {
        return false;
    }
    let inputs = rest.iter().zip(public).fold(constant.to_curve(), |acc, (point, x)| acc + *point * x);

    let prepared = |q: &C::G2Affine| <C::Engine as MultiMillerLoop>::G2Prepared::from(*q);
    let terms = [
        (proof.a, prepared(&proof.b)),
        (-vkey.alpha1, prepared(&vkey.beta2)),
        (-inputs.to_affine(), prepared(&vkey.gamma2)),
        (-proof.c, prepared(&vkey.delta2)),
    ];
    let terms = terms.each_ref().map(|(p, q)| (p, q));
    C::Engine::multi_miller_loop(&terms).final_exponentiation().is_identity().into()
}

/// Whether the first value of a full assignment is the constant one.
pub(crate) fn begins_with_one<F: Field>(witness: &[F]) -> bool {
    witness.first() == Some(&F::ONE)
}
