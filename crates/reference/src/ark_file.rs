//! Keys of arkworks in files, in its own uncompressed format: for provers that run in processes of their own.

use crate::ark::{ArkCurve, ArkKey};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, SerializationError};
use forebay_msm::backend::{DomainSpec, QuotientBasis, RootGenerator};
use forebay_prover::key::KeyShape;
use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::Path,
};

impl<C: ArkCurve> ArkKey<C> {
    /// The `ark_groth16::ProvingKey` alone, uncompressed.
    pub fn key_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.key.serialize_uncompressed(&mut out).expect("memory");
        out
    }

    /// Writes the key and its matrices.
    ///
    /// # Errors
    /// Of writing.
    pub fn save(&self, path: &Path) -> Result<(), SerializationError> {
        let mut out = BufWriter::new(File::create(path)?);
        let shape = self.shape;
        let basis = shape.basis == QuotientBasis::Coefficients;
        let counts = [shape.num_variables, shape.num_public, self.num_constraints].map(|n| n as u64);
        (counts, shape.domain.log_n, shape.domain.generator.0, basis).serialize_uncompressed(&mut out)?;
        self.key.serialize_uncompressed(&mut out)?;
        self.matrices.serialize_uncompressed(&mut out)?;
        Ok(out.flush()?)
    }

    /// Reads what [`ArkKey::save`] wrote. Points are not checked.
    ///
    /// # Errors
    /// Of reading.
    pub fn load(path: &Path) -> Result<Self, SerializationError> {
        let mut input = BufReader::new(File::open(path)?);
        type Head = ([u64; 3], u32, u64, bool);
        let (counts, log_n, generator, coefficients) = Head::deserialize_uncompressed_unchecked(&mut input)?;
        let [num_variables, num_public, num_constraints] = counts.map(|n| n as usize);
        let basis = match coefficients {
            true => QuotientBasis::Coefficients,
            false => QuotientBasis::OddCosetLagrange,
        };
        let domain = DomainSpec { log_n, generator: RootGenerator(generator) };
        Ok(ArkKey {
            shape: KeyShape { num_variables, num_public, domain, basis },
            num_constraints,
            key: CanonicalDeserialize::deserialize_uncompressed_unchecked(&mut input)?,
            matrices: CanonicalDeserialize::deserialize_uncompressed_unchecked(&mut input)?,
        })
    }
}
