//! What can go wrong, one enum per activity.

use crate::Matrix;
use std::io;

/// Why a circuit could not be compiled.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BuildError {
    /// A combination names a variable that the circuit does not have.
    #[error("row {row}, matrix {matrix}: column {column} of a circuit with {variables} variables")]
    ColumnOutOfRange {
        /// The row, counted from zero.
        row: u64,
        /// The matrix.
        matrix: Matrix,
        /// The column that was asked for.
        column: u64,
        /// Inputs (with the constant) plus auxiliary variables.
        variables: u64,
    },
    /// A coefficient names a row beyond the number of rows that was promised.
    #[error("coefficient {index} is in row {row} of a circuit with {rows} rows")]
    RowOutOfRange {
        /// The position of the coefficient in the list.
        index: usize,
        /// Its row.
        row: u64,
        /// The number of rows.
        rows: u64,
    },
    /// A coefficient is in matrix C, but the circuit is compiled without it.
    #[error("row {row} has a combination in C, but the circuit is compiled without C")]
    UnexpectedC {
        /// The row.
        row: u64,
    },
    /// More than 2^32 − 1 variables, rows, coefficients of one list, or 2^29 − 1 distinct coefficients.
    #[error("too many {what}: the limit is {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A circuit has at least one input: the constant one.
    #[error("a circuit has at least one input, the constant one")]
    NoInputs,
}

/// Why an evaluation did not finish. The output buffers then hold unspecified, witness-derived values.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EvalError {
    /// The witness has another length than the circuit has variables.
    #[error("the witness has {found} values, the circuit {expected} variables")]
    WitnessLength {
        /// Variables of the circuit.
        expected: usize,
        /// Values of the witness.
        found: usize,
    },
    /// An output buffer is shorter than the number of rows asked for.
    #[error("output buffer {matrix} has room for {found} of {needed} rows")]
    OutputLength {
        /// Which buffer.
        matrix: Matrix,
        /// Rows asked for.
        needed: usize,
        /// Its length.
        found: usize,
    },
    /// The row range is not inside the circuit.
    #[error("rows {start}..{end} of a circuit with {rows} rows")]
    RowRange {
        /// First row.
        start: usize,
        /// One past the last row.
        end: usize,
        /// Rows of the circuit.
        rows: usize,
    },
    /// The kernels that were asked for by name need a CPU with other instructions.
    #[error(transparent)]
    Kernels(#[from] forebay_msm::KernelsUnavailable),
    /// The checkpoint asked to stop.
    #[error("the evaluation was cancelled at a checkpoint")]
    Cancelled,
    /// The compiled matrices are damaged (a mapped file that was changed in place after it was checked).
    #[error("the compiled circuit is damaged in chunk {chunk}: {what}")]
    Damaged {
        /// The chunk.
        chunk: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Why a cache file was not used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not a compiled circuit.
    #[error("not a compiled circuit (bad magic)")]
    Magic,
    /// Written by another version of the format.
    #[error("format version {found}, expected {expected}")]
    Version {
        /// The version of the file.
        found: u32,
        /// The version that this code reads and writes.
        expected: u32,
    },
    /// Compiled over another field.
    #[error("compiled over another field")]
    Field,
    /// Compiled from another circuit.
    #[error("compiled from another circuit (digest differs)")]
    Digest,
    /// The file is shorter or longer than its header says.
    #[error("the file has {found} bytes, its header says {expected}")]
    Length {
        /// Bytes by the header.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A checksum does not match.
    #[error("checksum of {section} differs")]
    Checksum {
        /// The part of the file.
        section: &'static str,
    },
    /// A part of the file is inconsistent.
    #[error("{section}, offset {offset}: {what}")]
    Invalid {
        /// The part of the file.
        section: &'static str,
        /// Byte offset inside that part.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
}
