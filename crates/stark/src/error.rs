//! What can go wrong.

use forebay_scheduler::{budget::BudgetError, cancel::Interrupted};
use thiserror::Error;

/// A statement or parameters that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetupError {
    /// A parameter out of its bounds.
    #[error("parameters: {what}")]
    Parameters {
        /// What is asked of it.
        what: &'static str,
    },
    /// A table that cannot be proved.
    #[error("table {table}: {what}")]
    Table {
        /// The table's name.
        table: String,
        /// What is wrong with it.
        what: String,
    },
    /// Messages of different lengths on one bus.
    #[error("bus {bus} carries tuples of {first} and of {second} values")]
    Arity {
        /// The bus.
        bus: u64,
        /// Values of a message seen first.
        first: usize,
        /// Values of another.
        second: usize,
    },
    /// No tables.
    #[error("a statement needs a table")]
    Empty,
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProveError {
    /// The traces or the public part do not have the statement's shape.
    #[error("{0}")]
    Shape(String),
    /// A fingerprint is zero: the challenge met a message. Chance is about 2^−160; another transcript helps.
    #[error("a fingerprint of table {table} is zero in row {row}")]
    ZeroFingerprint {
        /// The table's name.
        table: String,
        /// The row.
        row: usize,
    },
    /// The contributions of all tables and public messages do not sum to zero: messages are missing or left over.
    #[error("the buses do not balance")]
    Unbalanced,
    /// The constraints do not hold: what should be a polynomial of low degree is not.
    #[error("the traces do not satisfy the constraints")]
    Unsatisfied,
    /// There is no memory for the proof, or it was given up while it waited for some.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The proof was given up.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Why a proof is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The bytes are no proof of this key's shape.
    #[error("malformed proof at byte {offset}: {what}")]
    Encoding {
        /// Where the part begins that does not fit.
        offset: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A proof whose parts have other lengths than the key asks for.
    #[error("malformed proof: {0}")]
    Malformed(&'static str),
    /// Public inputs or messages do not have the statement's shape.
    #[error("public part: {0}")]
    Public(&'static str),
    /// Table heights that the key does not allow.
    #[error("table heights: {0}")]
    Heights(&'static str),
    /// Messages could be counted so often that counts wrap around the field.
    #[error("multiplicities could wrap around the field")]
    Weight,
    /// A fingerprint of a public message is zero.
    #[error("a fingerprint is zero")]
    ZeroFingerprint,
    /// The buses do not balance.
    #[error("the buses do not balance")]
    Unbalanced,
    /// The constraints do not hold at the out-of-domain point.
    #[error("the constraints of a table do not hold")]
    Constraints,
    /// The proof of work is missing.
    #[error("the proof of work is not done")]
    Grinding,
    /// Opened rows do not belong to the commitment.
    #[error("an opening does not belong to its commitment")]
    Opening,
    /// A fold or the final polynomial does not fit.
    #[error("the low-degree test fails")]
    LowDegree,
}

impl VerifyError {
    /// The same error of a proof that stands `start` bytes into a file.
    pub(crate) fn moved(self, start: usize) -> VerifyError {
        match self {
            VerifyError::Encoding { offset, what } => VerifyError::Encoding { offset: start + offset, what },
            other => other,
        }
    }
}
