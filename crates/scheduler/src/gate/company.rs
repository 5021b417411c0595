//! Who ran beside a critical stage.
//!
//! Two looks at the gate, when the stage begins and when it ends, tell whether evaluators ran in between: either some ran
//! already and were not held back, or the gate let one pass. With k = 0 all evaluators come to rest at their next
//! checkpoint, so a stage under it counts as run by itself: the checkpoints are a few chunks apart, which is little against
//! a stage that is worth a hold.

use super::protocol::{BandwidthGate, Mode};

/// One look. It is about evaluators alone: other critical stages are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    passes: u64,
    parks: u64,
    parked: u32,
    running: u32,
    open: u32,
    mode: Mode,
}

impl BandwidthGate {
    /// Looks at the evaluators.
    pub(super) fn look(&self) -> Look {
        let state = self.inner.state.lock();
        Look {
            passes: state.passes,
            parks: state.stats.parks,
            parked: state.parked,
            running: state.running(),
            open: state.open,
            mode: self.mode(),
        }
    }
}

impl Look {
    /// Whether evaluators ran between `self` and `end`.
    pub(super) fn beside(&self, end: &Look) -> bool {
        let at_rest = self.mode == Mode::Park(0) || (self.running == 0 && self.open == 0);
        !at_rest || end.passes != self.passes
    }

    /// Whether k held evaluators back between `self` and `end`, or as many ran as it allows.
    pub(super) fn limited(&self, end: &Look) -> bool {
        match end.mode {
            Mode::Park(k) => {
                let parked = self.parked > 0 || end.parked > 0 || end.parks != self.parks;
                parked || (k > 0 && end.running >= k)
            }
            Mode::Off | Mode::Yield => false,
        }
    }
}
