//! A thin Groth16 prover.
//!
//! Jens Groth, "On the Size of Pairing-based Non-interactive Arguments", EUROCRYPT 2016 (eprint 2016/260). The heavy
//! work is elsewhere: the matrices in `forebay-pce`, the kernels behind `forebay_msm::Backend`, the files in
//! `forebay-formats`. What is left here reads like the paper:
//!
//! - [`groth16`]: from evaluations and a witness to A, B, C, with explicit r and s;
//! - [`verify`]: the pairing equation;
//! - [`Prover`]: one key, one circuit, one backend; checks the witness, draws the blinding, proves, verifies; if a proof does
//!   not verify, finds out which kernel computed wrongly ([`Diagnosis`]) and proves again;
//! - [`pipeline`]: many proofs in flight, on the scheduler's executor;
//! - [`key`]: what a proving key must offer, whatever file it came from;
//! - [`circuit`]: compiles the evaluator from an r1cs or from a key;
//! - [`setup`]: development keys straight from constraints. Whoever ran it can forge proofs.

pub mod circuit;
mod control;
mod diagnosis;
mod error;
pub mod groth16;
pub mod key;
mod lanes;
pub mod pipeline;
mod prover;
pub mod setup;
pub mod verify;

pub use control::{Cancel, Stage, StageSpan, StageTimes, Stages};
pub use diagnosis::Diagnosis;
pub use error::ProveError;
pub use groth16::Blinding;
pub use key::ProvingKey;
pub use prover::{Proven, Prover};
