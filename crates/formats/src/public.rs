//! Public signals, as the JSON that snarkjs writes and reads: an array of decimal strings, outputs first.

use crate::{
    atomic::{self, Access},
    error::Result,
    json::{self, Decimal, Field},
};
use forebay_msm::Curve;
use std::path::Path;

/// The public signals of a proof, in the order of the circuit's wires, without the constant 1.
#[derive(Clone, Debug)]
pub struct PublicSignals<C: Curve>(pub Vec<C::Fr>);

impl<C: Curve> PartialEq for PublicSignals<C> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<C: Curve> Eq for PublicSignals<C> {}

impl<C: Curve> PublicSignals<C> {
    /// Reads a file.
    ///
    /// # Errors
    /// Anything wrong with the file, the JSON or a number.
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_json(&path.display().to_string(), &json::read_file(path)?)
    }

    /// Reads JSON; `name` stands for the path in messages.
    ///
    /// # Errors
    /// As [`PublicSignals::read`].
    pub fn from_json(name: &str, bytes: &[u8]) -> Result<Self> {
        let decimals: Vec<Decimal> = json::parse(name, bytes)?;
        let field = Field::new(name, "signal");
        let signal = |(i, d): (usize, &Decimal)| json::scalar(field.at(i), d);
        decimals.iter().enumerate().map(signal).collect::<Result<_>>().map(PublicSignals)
    }

    /// The JSON that snarkjs reads.
    pub fn to_json(&self) -> String {
        json::to_text(&self.0.iter().map(json::scalar_decimal).collect::<Vec<_>>())
    }

    /// Writes the JSON to a file.
    ///
    /// # Errors
    /// As [`atomic::write`].
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, Access::Public, self.to_json().as_bytes())
    }
}
