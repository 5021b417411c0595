//! The pre-compiled circuit evaluator.
//!
//! A rank-1 constraint system is compiled once into a [`Circuit`]: sparse matrices A, B, C in a compressed form made for
//! being evaluated. [`Circuit::evaluate`] then computes a = A·w, b = B·w, c = C·w for a witness w, in parallel, into
//! buffers of the caller, and reads several times fewer bytes than plain CSR with 32-byte coefficients.
//!
//! - [`CircuitBuilder`] compiles rows as they come; [`Circuit::from_coefficients`] compiles the coefficient list of a
//!   snarkjs key; `bellpepper::CompileCs` (feature `bellpepper`) compiles any `bellpepper-core` circuit.
//! - [`cache`] keeps compiled circuits in files that are memory-mapped and never trusted.
//!
//! The README beside this crate's manifest has the format and the argument why the arithmetic cannot overflow.
#![warn(missing_docs)]

#[cfg(feature = "bellpepper")]
pub mod bellpepper;
mod builder;
pub mod cache;
mod chunk;
mod circuit;
mod coefficients;
mod density;
mod dictionary;
mod encode;
mod error;
mod evaluate;
mod file;
mod kernel;
#[cfg(feature = "plain")]
pub mod plain;
mod reduce;
mod satisfied;
mod simd;
mod stream;
mod validate;

pub use builder::{CircuitBuilder, Shape};
pub use chunk::ROWS_PER_CHUNK;
pub use circuit::{Circuit, Matrix};
pub use coefficients::Coefficient;
pub use density::{BitSet, Density};
pub use error::{BuildError, EvalError, FileError};
pub use evaluate::{CHECKPOINT_EVERY, Checkpoint, EvalOptions, EvalStats, Outputs};
pub use satisfied::first_unsatisfied_row;
pub use stream::Window;
