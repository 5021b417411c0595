//! What can go wrong.

use crate::circuit::{CircuitId, SectorSize};
use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// filecoin-proofs refused.
    #[error("filecoin-proofs: {0:#}")]
    Filecoin(anyhow::Error),
    /// A size that filecoin-proofs has no numbers for.
    #[error("filecoin-proofs has no numbers for sectors of {0}")]
    UnknownSize(SectorSize),
    /// There are no parameters.
    #[error("{circuit}: there are no parameters at {path}")]
    NoParameters {
        /// The circuit.
        circuit: CircuitId,
        /// Where they should be.
        path: PathBuf,
    },
    /// Writing or reading a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Synthesis, or bellperson, failed.
    #[error("synthesis: {0}")]
    Synthesis(#[from] bellpepper_core_02::SynthesisError),
    /// A sector size that no parameters were published for.
    #[error("no parameters were published for sectors of {0} bytes")]
    UnsupportedSize(u64),
    /// Vanilla proofs are missing.
    #[error("vanilla proofs are missing, or not those of the partitions")]
    NoVanillaProofs,
    /// A partition that does not exist.
    #[error("there is no partition {partition}: there are {count}")]
    NoPartition {
        /// The one asked for.
        partition: usize,
        /// How many there are.
        count: usize,
    },
    /// A synthesis allocated other variables than the circuit has.
    #[error("the witness has {} inputs and {} auxiliary variables where the circuit has {} and {}", .found[0], .found[1], .expected[0], .expected[1])]
    Witness {
        /// Inputs and auxiliary variables of the circuit.
        expected: [usize; 2],
        /// Those allocated.
        found: [usize; 2],
    },
    /// JSON that is not what it should be.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A file that is not what it should be.
    #[error(transparent)]
    Format(#[from] forebay_formats::FormatError),
    /// The circuit can't be compiled.
    #[error("compiling the circuit: {0}")]
    Compile(#[from] forebay_pce::BuildError),
    /// The circuit can't be evaluated.
    #[error("evaluating the circuit: {0}")]
    Evaluate(#[from] forebay_pce::EvalError),
    /// The prover refused.
    #[error(transparent)]
    Prove(#[from] forebay_prover::ProveError),
    /// The scheduler's configuration makes no sense on this machine.
    #[error("configuration: {0}")]
    Config(String),
    /// The scheduler did not start.
    #[error("starting: {0}")]
    Start(String),
    /// A job failed.
    #[error("{0}")]
    Job(#[from] forebay_scheduler::executor::JobError<forebay_prover::ProveError>),
}

impl Error {
    /// An error of filecoin-proofs.
    pub(crate) fn filecoin(error: anyhow::Error) -> Self {
        Error::Filecoin(error)
    }

    pub(crate) fn config(error: impl std::fmt::Display) -> Self {
        Error::Config(error.to_string())
    }

    pub(crate) fn start(error: impl std::fmt::Display) -> Self {
        Error::Start(error.to_string())
    }

    /// An error of the operating system about `path`.
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Error::Io { path: path.to_path_buf(), source }
    }
}
