//! Many proofs in flight: the stages of a Groth16 proof as the scheduler runs them.
//!
//! ```text
//! witness ─► evaluate ─► check │ quotient ─► MSMs h, l, a, b₁ │ MSM b₂ ─► assemble ─► verify
//!  host, gated                 │ device, under its lock       │ host, bandwidth kept free
//! ```
//!
//! A [`ProofJob`] is one request: partitions that are witnesses of one circuit under one key, each a Groth16 proof of its own.
//! Jobs of different circuits and curves share one [`Executor`](forebay_scheduler::executor::Executor). What leaves it
//! was verified.

mod footprint;
mod job;

pub use footprint::footprint;
pub use job::{Partition, ProofJob, Witnesses};
