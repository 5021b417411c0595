//! Groth16 verification keys, as the JSON that snarkjs writes and reads.
//!
//! `vk_alphabeta_12`, the pairing e(α, β) that snarkjs adds, is accepted and not used: no verifier needs it, snarkjs's
//! included, and it could disagree with α and β. It is not written.

use crate::{
    atomic::{self, Access},
    error::{FormatError, FormatErrorKind, KeyDefect, PointName, Result},
    json::{self, Field, G1Json, G2Json},
    validate::Validation,
};
use forebay_msm::{AffinePoint, Curve};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use std::path::Path;

/// A Groth16 verification key. What [`read`](VerifyingKey::read) and [`ZkeyFile::vkey`](crate::ZkeyFile::vkey) give has
/// been checked: all points are in their groups, α, β, γ and δ are not infinity, and γ ≠ δ.
#[derive(Clone, Debug)]
pub struct VerifyingKey<C: Curve> {
    /// α in G1.
    pub alpha1: C::G1Affine,
    /// β in G2.
    pub beta2: C::G2Affine,
    /// γ in G2.
    pub gamma2: C::G2Affine,
    /// δ in G2.
    pub delta2: C::G2Affine,
    /// The points of the constant 1 and of each public signal.
    pub ic: Vec<C::G1Affine>,
}

impl<C: Curve> PartialEq for VerifyingKey<C> {
    fn eq(&self, other: &Self) -> bool {
        (&self.alpha1, &self.beta2, &self.gamma2, &self.delta2, &self.ic)
            == (&other.alpha1, &other.beta2, &other.gamma2, &other.delta2, &other.ic)
    }
}

impl<C: Curve> Eq for VerifyingKey<C> {}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VkeyJson {
    protocol: String,
    curve: String,
    #[serde(rename = "nPublic")]
    n_public: u32,
    vk_alpha_1: G1Json,
    vk_beta_2: G2Json,
    vk_gamma_2: G2Json,
    vk_delta_2: G2Json,
    #[serde(default, skip_serializing, rename = "vk_alphabeta_12")]
    _alphabeta: Option<IgnoredAny>,
    #[serde(rename = "IC")]
    ic: Vec<G1Json>,
}

impl<C: Curve> VerifyingKey<C> {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Anything wrong with the file, the JSON, the curve, a point or the key.
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_json(&path.display().to_string(), &json::read_file(path)?)
    }

    /// Reads and checks JSON; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As [`VerifyingKey::read`].
    pub fn from_json(name: &str, bytes: &[u8]) -> Result<Self> {
        let j: VkeyJson = json::parse_object(name, bytes)?;
        json::check_kind::<C>(name, &j.protocol, Some(&j.curve))?;
        let expected = u64::from(j.n_public) + 1;
        if j.ic.len() as u64 != expected {
            let kind = FormatErrorKind::Count { what: "points in IC", found: j.ic.len() as u64, expected };
            return Err(FormatError::new(name, kind));
        }
        let field = |f| Field::new(name, f);
        let key = VerifyingKey::<C> {
            alpha1: json::g1::<C>(field("vk_alpha_1"), &j.vk_alpha_1)?,
            beta2: json::g2::<C>(field("vk_beta_2"), &j.vk_beta_2)?,
            gamma2: json::g2::<C>(field("vk_gamma_2"), &j.vk_gamma_2)?,
            delta2: json::g2::<C>(field("vk_delta_2"), &j.vk_delta_2)?,
            ic: j
                .ic
                .iter()
                .enumerate()
                .map(|(i, p)| json::g1::<C>(field("IC").at(i), p))
                .collect::<Result<_>>()?,
        };
        key.check_sanity().map_err(|kind| FormatError::new(name, kind))?;
        Ok(key)
    }

    /// The JSON that snarkjs reads.
    pub fn to_json(&self) -> String {
        json::to_text(&VkeyJson {
            protocol: "groth16".into(),
            curve: C::ID.snarkjs_name().into(),
            n_public: self.n_public() as u32,
            vk_alpha_1: json::g1_json::<C>(&self.alpha1),
            vk_beta_2: json::g2_json::<C>(&self.beta2),
            vk_gamma_2: json::g2_json::<C>(&self.gamma2),
            vk_delta_2: json::g2_json::<C>(&self.delta2),
            _alphabeta: None,
            ic: self.ic.iter().map(json::g1_json::<C>).collect(),
        })
    }

    /// Writes the JSON to a file.
    ///
    /// # Errors
    /// As [`atomic::write`].
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, Access::Public, self.to_json().as_bytes())
    }

    /// Number of public signals.
    pub fn n_public(&self) -> usize {
        self.ic.len().saturating_sub(1)
    }

    /// Checks every point and the key as a whole.
    ///
    /// # Errors
    /// [`FormatErrorKind::Point`], [`FormatErrorKind::Key`], [`FormatErrorKind::Count`] for an empty IC.
    pub fn check(&self) -> Result<(), FormatErrorKind> {
        check_point(&self.alpha1, PointName::Named("alpha1"))?;
        check_point(&self.beta2, PointName::Named("beta2"))?;
        check_point(&self.gamma2, PointName::Named("gamma2"))?;
        check_point(&self.delta2, PointName::Named("delta2"))?;
        for (i, point) in self.ic.iter().enumerate() {
            check_point(point, PointName::Index(i as u64))?;
        }
        if self.ic.is_empty() {
            return Err(FormatErrorKind::Count { what: "points in IC", found: 0, expected: 1 });
        }
        self.check_sanity()
    }

    fn check_sanity(&self) -> Result<(), FormatErrorKind> {
        check_not_identity(&self.alpha1, "alpha1")?;
        check_not_identity(&self.beta2, "beta2")?;
        check_not_identity(&self.gamma2, "gamma2")?;
        check_not_identity(&self.delta2, "delta2")?;
        match self.gamma2 == self.delta2 {
            true => Err(FormatErrorKind::Key(KeyDefect::GammaIsDelta)),
            false => Ok(()),
        }
    }
}

/// Fails if the point is infinity.
pub(crate) fn check_not_identity<A: AffinePoint>(p: &A, name: &'static str) -> Result<(), FormatErrorKind> {
    match bool::from(p.is_identity()) {
        true => Err(FormatErrorKind::Key(KeyDefect::Identity(name))),
        false => Ok(()),
    }
}

/// Fails unless the point is reduced, on the curve and in the subgroup.
pub(crate) fn check_point<A: AffinePoint>(p: &A, point: PointName) -> Result<(), FormatErrorKind> {
    let fail = |check| Err(FormatErrorKind::Point { point, check });
    if !A::coefficients_are_reduced(p.as_raw_bytes()) {
        return fail(Validation::Canonical);
    }
    if !p.is_on_curve() {
        return fail(Validation::OnCurve);
    }
    if !p.is_in_subgroup() {
        return fail(Validation::Subgroup);
    }
    Ok(())
}
