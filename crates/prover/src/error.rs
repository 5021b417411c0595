use crate::Diagnosis;
use forebay_msm::BackendError;

/// Why a proof was not made. No message holds a value of the witness.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The witness has another length than the circuit has variables.
    #[error("the witness has {actual} values, the circuit has {expected} variables")]
    WitnessLength {
        /// Variables of the circuit.
        expected: usize,
        /// Values in the witness.
        actual: usize,
    },
    /// The first value of a witness is the constant one.
    #[error("the witness does not begin with the constant 1")]
    WitnessConstant,
    /// The witness violates a constraint.
    #[error("the witness does not satisfy the circuit: constraint {row} is the first that fails")]
    Unsatisfied {
        /// The first unsatisfied row, counted from 0 in the order of the r1cs.
        row: usize,
    },
    /// The key is for a circuit of another shape.
    #[error(
        "the key and the circuit do not belong together: {what} differ ({key} in the key, {circuit} in the circuit)"
    )]
    KeyMismatch {
        /// What was compared.
        what: &'static str,
        /// The key's count.
        key: usize,
        /// The circuit's count.
        circuit: usize,
    },
    /// The key is for another circuit of the same shape.
    #[error("the key and the circuit do not belong together: matrix {matrix} differs")]
    KeyMatrixMismatch {
        /// `A` or `B`.
        matrix: char,
    },
    /// The counts of a key contradict each other.
    #[error("the key contradicts itself: {what} has {actual} points where {expected} are needed")]
    KeyShape {
        /// Which points.
        what: &'static str,
        /// How many the header asks for.
        expected: usize,
        /// How many there are.
        actual: usize,
    },
    /// The finished proof does not verify and was discarded.
    #[error(
        "the proof does not verify and was discarded: {}",
        rejection(*.checked, .diagnoses)
    )]
    Rejected {
        /// Whether the witness was checked against the constraints before.
        checked: bool,
        /// What was found out about the backend, of each attempt. Empty where there is no other backend to compare with.
        diagnoses: Vec<Diagnosis>,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A kernel failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The evaluator failed.
    #[error("evaluating the circuit: {0}")]
    Evaluate(#[source] forebay_pce::EvalError),
    /// A file was wrong.
    #[error(transparent)]
    Format(#[from] forebay_formats::FormatError),
    /// The constraints can't be compiled.
    #[error("compiling the circuit: {0}")]
    Compile(#[from] forebay_pce::BuildError),
    /// The witness can't be had.
    #[error("the witness: {0}")]
    Witness(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The setup was asked for something that can't be.
    #[error("setup: {0}")]
    Setup(String),
}

impl From<forebay_pce::EvalError> for ProveError {
    fn from(e: forebay_pce::EvalError) -> Self {
        match e {
            forebay_pce::EvalError::Cancelled => ProveError::Cancelled,
            other => ProveError::Evaluate(other),
        }
    }
}

/// Why a proof did not verify, as far as that is known.
fn rejection(checked: bool, diagnoses: &[Diagnosis]) -> String {
    let found: Vec<String> = diagnoses.iter().map(Diagnosis::to_string).collect();
    let cause = match (diagnoses.iter().any(|d| !d.wrong.is_empty()), checked) {
        (true, _) => "the backend computed wrongly",
        (false, true) => "the key's points do not fit the circuit, or the machine computed wrongly",
        (false, false) => {
            "the witness does not satisfy the circuit, or the key's points do not fit it; give the r1cs to learn which \
             constraint fails"
        }
    };
    if found.is_empty() { cause.to_owned() } else { format!("{cause} ({})", found.join("; ")) }
}
