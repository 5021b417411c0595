//! The bandwidth gate: evaluators give way while a bandwidth-critical stage runs.
//!
//! A critical stage (the host MSM tail above all) takes a [`Hold`]. Evaluators (sparse matrix rows, witness synthesis)
//! pass a checkpoint every few chunks. What happens there while somebody holds is the [`Mode`]'s business: nothing, a
//! yield, or parking until at most k evaluators run.
//!
//! - [`protocol`]: the states, and why nobody parks for ever; [`Evaluator`] for a worker that registers itself.
//! - [`evaluation`]: the same for rayon loops, whose threads nobody registers.
//! - [`adaptive`]: how k follows from measured inflation, as a pure function of samples.
//! - [`stages`]: bytes and times of critical stages, in isolation and under load.
//! - [`ffi`]: the C ABI.

pub mod adaptive;
pub mod evaluation;
pub mod ffi;
pub mod protocol;
pub mod stages;

pub use adaptive::{Controller, ControllerOptions, Sample};
pub use evaluation::Evaluation;
pub use protocol::{BandwidthGate, Evaluator, GateFlag, GateStats, Hold, Mode};
pub use stages::{Baseline, StageHold, StageReport, Stages};
