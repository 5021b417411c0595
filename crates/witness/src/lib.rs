//! Runs a circom witness generator in-process: a compiled circuit (`circuit.wasm`) and an input (`input.json`) go in,
//! the witness comes out. No node, no files.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use forebay_msm::{Bn254, Curve};
//! use forebay_witness::{Inputs, RunOptions, WitnessGenerator};
//!
//! let generator = WitnessGenerator::from_bytes(&std::fs::read("circuit.wasm")?)?;
//! let inputs = Inputs::from_json(&std::fs::read("input.json")?)?;
//! let witness = generator.calculate::<<Bn254 as Curve>::Fr>(&inputs, RunOptions::default())?;
//! assert_eq!(witness.len(), generator.witness_len());
//! # Ok(())
//! # }
//! ```
//!
//! - [`WitnessGenerator`] compiles a module once and runs it for many inputs, from many threads.
//! - [`Inputs`] reads the JSON as circom's own `witness_calculator.js` does.
//! - A witness is a [`SecretVec`](forebay_msm::SecretVec), which is wiped when it is dropped.
//!
//! # Trust
//! The module may be anybody's. It gets no WASI and no host function but the four that circom's ABI has; its memory
//! and, if the caller says so, its time are limited; whatever it returns is checked to be a vector of reduced field
//! elements that starts with 1. That it belongs to the circuit of a key is for the prover to check, against the
//! constraints.
//!
//! # Secrets
//! The memory of an instance is zeroed before the next run gets it, on errors too, and so are the parsed inputs. No error
//! carries an input or a witness value. What a circuit prints with `log()` may, so it is dropped unless the caller
//! passes a sink. Machine registers and the stack are not wiped.

mod abi;
mod error;
mod generator;
mod host;
mod inputs;
mod memory;
mod number;
mod runtime;
mod ticker;

pub use error::{CircuitError, InputError, WitnessError};
pub use generator::{RunOptions, WitnessGenerator};
pub use host::LogSink;
pub use inputs::Inputs;
