//! What tests and benchmarks compare Forebay with. No product depends on this crate.
//!
//! - [`ark`]: arkworks' Groth16 on Forebay's keys, for equality of proofs;
//! - [`chain`] and [`random`]: circuits with satisfying assignments.

pub mod ark;
mod ark_file;
mod ark_setup;
pub mod chain;
pub mod random;
