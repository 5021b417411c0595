//! The bandwidth gate: evaluators give way while a bandwidth-critical stage runs.
//!
//! A critical stage (the host MSM tail above all) takes a [`Hold`]. Evaluators (sparse matrix rows, witness synthesis)
//! pass a checkpoint every few chunks. What happens there while somebody holds is the [`Mode`]'s business: nothing, a
//! yield, or parking until at most k evaluators run.
//!
//! - [`protocol`]: the states, and why nobody parks for ever; [`Evaluator`] for a worker that registers itself.
//! - [`evaluation`]: the same for rayon loops, whose threads nobody registers.
//! - [`adaptive`]: how k follows from measured inflation, as a pure function of samples.
//! - `company`: whether evaluators ran beside a stage.
//! - `baseline`: what a stage takes by itself, per circuit.
//! - [`stages`]: bytes and times of critical stages, in isolation and under load, and the closed loop.
//! - [`ffi`]: the C ABI.

pub mod adaptive;
mod baseline;
mod company;
pub mod evaluation;
pub mod ffi;
pub mod protocol;
pub mod stages;

pub use adaptive::{Controller, ControllerOptions, Sample};
pub use baseline::{Baseline, StageKey};
pub use evaluation::Evaluation;
pub use protocol::{BandwidthGate, Evaluator, GateFlag, GateStats, Hold, Mode};
pub use stages::{HostKernels, LEARNING, Measured, StageHold, StageReport, Stages};
