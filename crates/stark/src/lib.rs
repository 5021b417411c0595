//! LogUp STARKs over Goldilocks: many tables of different heights in one proof, joined by buses.
//!
//! A statement is a list of [`Air`]s; [`setup`] compiles it, [`prove`] proves it on a thread pool, [`verify`] checks a
//! proof. Proofs are succinct and sound; they are not zero-knowledge: opened rows show parts of the traces.
//!
//! The layers, from below: [`field`] and vector kernels; domains, extensions, Merkle trees, transcript; FRI; the bus
//! argument, quotients and openings; prover and verifier. Costs and sources stand at each. `docs/stark.md` has the
//! protocol, the checklist of what a verifier must reject, and measurements.
//!
//! [`Air`]: air::Air

pub mod air;
mod check;
mod domain;
mod error;
pub mod field;
mod fri;
mod hash;
mod layout;
mod lde;
mod logup;
mod machine;
mod merkle;
mod opening;
mod params;
pub mod programs;
mod proof;
mod prover;
mod quotient;
mod security;
mod sharing;
mod simd;
#[cfg(test)]
mod soundness_tests;
mod transcript;
mod tuning;
mod verifier;

pub use check::{Violation, check_traces};
pub use error::{ProveError, SetupError, VerifyError};
pub use hash::Digest;
pub use layout::{Message, Public};
pub use machine::{ProvingKey, VerifyingKey, setup};
pub use params::Parameters;
pub use proof::Proof;
pub use prover::{Observer, Options, TableParallelism, Trace, peak_bytes, prove};
pub use security::{Security, Sizes};
pub use sharing::Shared;
pub use simd::{Level, level};
pub use tuning::Tuning;
pub use verifier::{verify, verify_bytes};
