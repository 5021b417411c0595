//! The witness of a proof: from a file, or computed in this process.

use crate::{
    exit::{Failure, Status},
    session::Session,
};
use forebay_msm::{Curve, SecretVec};
use forebay_prover::Cancel;
use forebay_witness::{Inputs, RunOptions, WitnessError, WitnessGenerator};

/// A compiled witness generator and its file's name.
pub(crate) struct Generator {
    name: String,
    generator: WitnessGenerator,
}

impl Generator {
    /// Compiles a module; `name` stands for it in messages.
    pub(crate) fn compile(module: &[u8], name: &str) -> Result<Self, Failure> {
        let generator = WitnessGenerator::from_bytes(module).map_err(|e| failure(name, &e))?;
        Ok(Generator { name: name.to_owned(), generator })
    }

    /// Bytes that a run holds beside the witness.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.generator.memory_bytes() as u64
    }

    /// The witness of an input in JSON.
    pub(crate) fn run<C: Curve>(&self, session: &Session, input: &[u8]) -> Result<SecretVec<C::Fr>, Failure> {
        self.calculate::<C>(input, &session.cancel).map_err(|e| failure(&self.name, &e))
    }

    /// The same, with a flag of its own.
    pub(crate) fn calculate<C: Curve>(
        &self,
        input: &[u8],
        cancel: &Cancel,
    ) -> Result<SecretVec<C::Fr>, WitnessError> {
        let inputs = Inputs::from_json(input)?;
        let options = RunOptions { cancel: Some(cancel.flag()), ..RunOptions::default() };
        self.generator.calculate::<C::Fr>(&inputs, options)
    }
}

/// A generator that is no generator is a bad file; an input that it refuses is a bad witness.
fn failure(name: &str, e: &WitnessError) -> Failure {
    let status = match e {
        WitnessError::InvalidModule { .. }
        | WitnessError::NotCircom { .. }
        | WitnessError::WrongField { .. } => Status::BadInput,
        WitnessError::Cancelled => Status::Interrupted,
        _ => Status::BadWitness,
    };
    Failure::new(status, format!("{name}: {e}"))
}
