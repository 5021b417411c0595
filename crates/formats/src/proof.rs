//! Groth16 proofs, as the JSON that snarkjs writes and reads.

use crate::{
    atomic::{self, Access},
    error::Result,
    json::{self, Field, G1Json, G2Json},
};
use forebay_msm::Curve;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A Groth16 proof. What [`read`](Proof::read) gives has been checked: all points are in their groups.
#[derive(Clone, Debug)]
pub struct Proof<C: Curve> {
    /// A in G1.
    pub a: C::G1Affine,
    /// B in G2.
    pub b: C::G2Affine,
    /// C in G1.
    pub c: C::G1Affine,
}

impl<C: Curve> PartialEq for Proof<C> {
    fn eq(&self, other: &Self) -> bool {
        (&self.a, &self.b, &self.c) == (&other.a, &other.b, &other.c)
    }
}

impl<C: Curve> Eq for Proof<C> {}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofJson {
    pi_a: G1Json,
    pi_b: G2Json,
    pi_c: G1Json,
    protocol: String,
    /// Some provers leave it out.
    curve: Option<String>,
}

impl<C: Curve> Proof<C> {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Anything wrong with the file, the JSON, the curve or a point.
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_json(&path.display().to_string(), &json::read_file(path)?)
    }

    /// Reads and checks JSON; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As [`Proof::read`].
    pub fn from_json(name: &str, bytes: &[u8]) -> Result<Self> {
        let j: ProofJson = json::parse_object(name, bytes)?;
        json::check_kind::<C>(name, &j.protocol, j.curve.as_deref())?;
        Ok(Proof {
            a: json::g1::<C>(Field::new(name, "pi_a"), &j.pi_a)?,
            b: json::g2::<C>(Field::new(name, "pi_b"), &j.pi_b)?,
            c: json::g1::<C>(Field::new(name, "pi_c"), &j.pi_c)?,
        })
    }

    /// The JSON that snarkjs reads.
    pub fn to_json(&self) -> String {
        json::to_text(&ProofJson {
            pi_a: json::g1_json::<C>(&self.a),
            pi_b: json::g2_json::<C>(&self.b),
            pi_c: json::g1_json::<C>(&self.c),
            protocol: "groth16".into(),
            curve: Some(C::ID.snarkjs_name().into()),
        })
    }

    /// Writes the JSON to a file.
    ///
    /// # Errors
    /// As [`atomic::write`].
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, Access::Public, self.to_json().as_bytes())
    }
}
