//! What can go wrong. No variant carries an input or a witness value.

use std::fmt;
use std::time::Duration;

/// An input file that is not one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InputError {
    /// The text is not JSON.
    #[error("the input is not valid JSON: line {line}, column {column}")]
    Json {
        /// Line of the first error, from 1.
        line: usize,
        /// Column of the first error, from 1; 0 at the end of a line.
        column: usize,
    },
    /// The JSON is an array or a single value.
    #[error("the input is not a JSON object of signal names and values")]
    NotAnObject,
    /// One name occurs twice.
    #[error("input signal {signal:?} is given twice")]
    Duplicate {
        /// The signal's name.
        signal: String,
    },
    /// A value that is neither an integer, a string that holds one, nor a boolean.
    #[error(
        "input signal {signal:?}: value {index} is not an integer; write decimal or 0x… text, or a whole number"
    )]
    NotAnInteger {
        /// The signal's name.
        signal: String,
        /// Position among the signal's values, row-major, from 0.
        index: usize,
    },
    /// An array holds both numbers and objects.
    #[error("input signal {signal:?} mixes values and objects in one array")]
    MixedArray {
        /// The signal's name.
        signal: String,
    },
}

/// Why a circuit refused its input: circom's own error codes, with the template and line that it reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitError {
    /// The code that circom passes to its exception handler, 1 to 7.
    pub code: i32,
    /// Where: template names and source lines, innermost first. Empty if the circuit reported none.
    pub trace: Vec<String>,
}

impl CircuitError {
    /// Whether a constraint or an `assert` did not hold: the input is well-formed but does not satisfy the circuit.
    pub fn is_assert(&self) -> bool {
        self.code == 4
    }
}

impl fmt::Display for CircuitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The wording of `witness_calculator.js`.
        f.write_str(match self.code {
            1 => "signal not found",
            2 => "too many signals set",
            3 => "signal already set",
            4 => "an assertion or constraint does not hold",
            5 => "not enough memory",
            6 => "input signal array access exceeds the size",
            7 => "out of bounds array access",
            _ => "unknown error",
        })?;
        for (i, place) in self.trace.iter().enumerate() {
            write!(f, "{}{place}", if i == 0 { ": " } else { " < " })?;
        }
        Ok(())
    }
}

/// Why there is no witness.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The bytes are not a WebAssembly module that the runtime accepts.
    #[error("not a valid WebAssembly module: {reason}")]
    InvalidModule {
        /// The validator's message: an offset and a rule.
        reason: String,
    },
    /// A WebAssembly module, but not a witness generator of circom 2.
    #[error("not a circom 2 witness generator: {reason}")]
    NotCircom {
        /// What is missing or in the way.
        reason: String,
    },
    /// The circuit was compiled for another field.
    #[error("the circuit was compiled for {found}, but the witness is wanted over {wanted}")]
    WrongField {
        /// The module's prime: a curve's name, or its size.
        found: String,
        /// The caller's: a curve's name, or its size.
        wanted: String,
    },
    /// The input file is malformed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The circuit has no input of this name.
    #[error("the circuit has no input signal {signal:?}")]
    UnknownSignal {
        /// The name in the input file.
        signal: String,
    },
    /// A signal got fewer or more values than it has.
    #[error("input signal {signal:?} has {wanted} value(s), but {found} are given")]
    WrongLength {
        /// The signal's name.
        signal: String,
        /// Values in the input file.
        found: usize,
        /// Values that the circuit wants.
        wanted: usize,
    },
    /// Some inputs are not given.
    #[error("{found} of the circuit's {wanted} input values are given")]
    MissingInputs {
        /// Values in the input file.
        found: usize,
        /// Values that the circuit wants.
        wanted: usize,
    },
    /// The circuit refused its input.
    #[error("the circuit refused the input: {0}")]
    Circuit(CircuitError),
    /// The module asked for more memory than it may have.
    #[error("the witness generator wants {wanted} bytes of memory; the limit is {limit}")]
    MemoryLimit {
        /// Bytes asked for.
        wanted: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The time limit passed.
    #[error("the witness generator ran longer than {limit:?}")]
    Timeout {
        /// The time allowed.
        limit: Duration,
    },
    /// The caller's cancel flag was raised.
    #[error("cancelled")]
    Cancelled,
    /// The module crashed: a division by zero, an access outside its memory, a stack overflow, `unreachable`.
    #[error("the witness generator crashed: {reason}")]
    Trap {
        /// The kind of trap.
        reason: String,
    },
    /// The module handed out something that is no witness.
    #[error("the witness generator returned no valid witness: {reason}")]
    InvalidWitness {
        /// The rule that is broken, and where.
        reason: String,
    },
    /// The system refused the thread that interrupts runs.
    #[error("no thread for the clock that ends a run")]
    NoThread,
    /// The host cannot allocate the witness.
    #[error("no memory for a witness of {values} values")]
    OutOfMemory {
        /// Field elements of the witness.
        values: usize,
    },
}

/// Text from a module, made harmless for a terminal or a log: printable ASCII, at most `limit` characters.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    text.chars().take(limit).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
