//! The six points of a proving key that are not per variable, and what makes them sound.

use crate::{
    error::{FormatErrorKind, KeyDefect, Place, PointName, Result},
    vkey::{VerifyingKey, check_not_identity, check_point},
};
use forebay_msm::{Bases, Curve};
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
    /// of the curve's generators in G1 and in G2.
    ///
    /// # Errors
    /// [`FormatErrorKind::Point`] and [`FormatErrorKind::Key`].
    pub fn check(&self) -> Result<(), FormatErrorKind> {
        self.check_each()?;
        match self.mismatch() {
            Some(name) => Err(FormatErrorKind::Key(KeyDefect::Mismatch(name))),
            None => Ok(()),
        }
    }

    /// As [`check`](Self::check), for a key over generators that its maker drew and that are not in the file, as
    /// arkworks does: β and δ are the same multiples of some generators g₁ and g₂. Then e(β₁, δ₂) = e(δ₁, β₂), and no more
    /// can be told from β and δ. Groth16 is sound over any generators.
    ///
    /// # Errors
    /// [`FormatErrorKind::Point`] and [`FormatErrorKind::Key`].
    pub fn check_for_any_generators(&self) -> Result<(), FormatErrorKind> {
        self.check_each()?;
        if same_pairing::<C>((&self.beta1, &self.delta2), (&self.delta1, &self.beta2)) {
            return Ok(());
        }
        // Over the curve's own generators the offender has a name.
        Err(FormatErrorKind::Key(KeyDefect::Mismatch(self.mismatch().unwrap_or("beta"))))
    }

    /// The verification key that has these points and those of the inputs. Nothing is checked.
    pub(crate) fn verifying_key(&self, ic: Vec<C::G1Affine>) -> VerifyingKey<C> {
        let KeyPoints { alpha1, beta2, gamma2, delta2, .. } = *self;
        VerifyingKey { alpha1, beta2, gamma2, delta2, ic }
    }

    /// The same from inputs as they are in memory, with all points checked. `file` is for messages.
    pub(crate) fn checked_verifying_key(
        &self,
        ic: Bases<'_, C::G1Affine>,
        file: &str,
    ) -> Result<VerifyingKey<C>> {
        let mut points = Vec::new();
        ic.copy_into(&mut points);
        let key = self.verifying_key(points);
        key.check().map_err(|kind| Place { file, section: None }.error(kind))?;
        Ok(key)
    }

    fn check_each(&self) -> Result<(), FormatErrorKind> {
        for (point, name) in [(&self.alpha1, "alpha1"), (&self.beta1, "beta1"), (&self.delta1, "delta1")] {
            check_point(point, PointName::Named(name))?;
            check_not_identity(point, name)?;
        }
        for (point, name) in [(&self.beta2, "beta2"), (&self.gamma2, "gamma2"), (&self.delta2, "delta2")] {
            check_point(point, PointName::Named(name))?;
            check_not_identity(point, name)?;
        }
        match self.gamma2 == self.delta2 {
            true => Err(FormatErrorKind::Key(KeyDefect::GammaIsDelta)),
            false => Ok(()),
        }
    }

    /// Which of β and δ is another multiple of the curve's generator in G1 than in G2.
    fn mismatch(&self) -> Option<&'static str> {
        let (g1, g2) = (C::G1Affine::generator(), C::G2Affine::generator());
        [(&self.beta1, &self.beta2, "beta"), (&self.delta1, &self.delta2, "delta")]
            .into_iter()
            .find(|(p, q, _)| !same_pairing::<C>((p, &g2), (&g1, q)))
            .map(|(.., name)| name)
    }
}

/// Whether e(p, q) = e(s, t): e(p, q)·e(−s, t) = 1.
fn same_pairing<C: Curve>((p, q): Pair<'_, C>, (s, t): Pair<'_, C>) -> bool {
    let prepared = <C::Engine as MultiMillerLoop>::G2Prepared::from;
    let (q, t) = (prepared(*q), prepared(*t));
    let result = C::Engine::multi_miller_loop(&[(p, &q), (&-*s, &t)]);
    result.final_exponentiation().is_identity().into()
}

/// What a pairing takes.
type Pair<'a, C> = (&'a <C as Curve>::G1Affine, &'a <C as Curve>::G2Affine);
