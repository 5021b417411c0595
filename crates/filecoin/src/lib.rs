//! Filecoin's proofs through Forebay.

mod blank;
pub mod circuit;
mod engine;
mod error;
mod hasher;
pub mod inputs;
mod job;
pub mod keys;
mod porep;
mod poseidon;
mod post;
pub mod sample;
mod scale;
pub mod setup;

pub use engine::{Engine, Loaded, Pending, proof_bytes};
pub use error::Error;
pub use job::FilecoinJob;
pub use scale::{Evaluated, evaluate, synthetic_witness};
