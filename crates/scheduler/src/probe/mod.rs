//! What machine this is, and which configuration fits it.

mod bandwidth;
mod machine;
mod recommend;

pub use bandwidth::{BandwidthOptions, Point, knee, measure};
pub use machine::{HugePages, MachineReport};
pub use recommend::{Reason, Recommendation, recommend};
