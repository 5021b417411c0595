//! The six points of a proving key that are not per variable, and what makes them sound.

use crate::{
    error::{FormatErrorKind, KeyDefect, PointName},
    vkey::{check_not_identity, check_point},
};
use forebay_msm::Curve;
use group::{Group, prime::PrimeCurveAffine};
use pairing::{MillerLoopResult, MultiMillerLoop};

/// α, β, γ and δ of a proving key.
#[derive(Clone, Debug)]
pub struct KeyPoints<C: Curve> {
    /// α in G1.
    pub alpha1: C::G1Affine,
    /// β in G1.
    pub beta1: C::G1Affine,
    /// β in G2.
    pub beta2: C::G2Affine,
    /// γ in G2.
    pub gamma2: C::G2Affine,
    /// δ in G1.
    pub delta1: C::G1Affine,
    /// δ in G2.
    pub delta2: C::G2Affine,
}

impl<C: Curve> PartialEq for KeyPoints<C> {
    fn eq(&self, other: &Self) -> bool {
        (&self.alpha1, &self.beta1, &self.delta1) == (&other.alpha1, &other.beta1, &other.delta1)
            && (&self.beta2, &self.gamma2, &self.delta2) == (&other.beta2, &other.gamma2, &other.delta2)
    }
}

impl<C: Curve> Eq for KeyPoints<C> {}

impl<C: Curve> KeyPoints<C> {
    /// Checks that the points are in their groups and not infinity, that γ ≠ δ, and that β and δ are the same multiples
    /// in G1 and in G2.
    ///
    /// # Errors
    /// [`FormatErrorKind::Point`] and [`FormatErrorKind::Key`].
    pub fn check(&self) -> Result<(), FormatErrorKind> {
        for (point, name) in [(&self.alpha1, "alpha1"), (&self.beta1, "beta1"), (&self.delta1, "delta1")] {
            check_point(point, PointName::Named(name))?;
            check_not_identity(point, name)?;
        }
        for (point, name) in [(&self.beta2, "beta2"), (&self.gamma2, "gamma2"), (&self.delta2, "delta2")] {
            check_point(point, PointName::Named(name))?;
            check_not_identity(point, name)?;
        }
        if self.gamma2 == self.delta2 {
            return Err(FormatErrorKind::Key(KeyDefect::GammaIsDelta));
        }
        for (p, q, name) in [(&self.beta1, &self.beta2, "beta"), (&self.delta1, &self.delta2, "delta")] {
            if !same_scalar::<C>(p, q) {
                return Err(FormatErrorKind::Key(KeyDefect::Mismatch(name)));
            }
        }
        Ok(())
    }
}

/// Whether p = s·G1 and q = s·G2 for one s: e(p, G2)·e(−G1, q) = 1.
fn same_scalar<C: Curve>(p: &C::G1Affine, q: &C::G2Affine) -> bool {
    let prepared = <C::Engine as MultiMillerLoop>::G2Prepared::from;
    let (g2, q) = (prepared(C::G2Affine::generator()), prepared(*q));
    let result = C::Engine::multi_miller_loop(&[(p, &g2), (&-C::G1Affine::generator(), &q)]);
    result.final_exponentiation().is_identity().into()
}
