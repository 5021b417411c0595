//! What a caller may watch and steer while a proof is made.

use crate::ProveError;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// The stages of a proof, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// a = A·z, b = B·z, c = C·z.
    Evaluate,
    /// Looking for an unsatisfied row.
    Check,
    /// The quotient: transforms and the pointwise step.
    Quotient,
    /// MSM over the quotient's points.
    MsmH,
    /// MSM over the private variables' points.
    MsmL,
    /// MSM over u in G1.
    MsmA,
    /// MSM over v in G1.
    MsmB1,
    /// MSM over v in G2.
    MsmB2,
    /// The pairing check.
    Verify,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 9] = [
        Stage::Evaluate,
        Stage::Check,
        Stage::Quotient,
        Stage::MsmH,
        Stage::MsmL,
        Stage::MsmA,
        Stage::MsmB1,
        Stage::MsmB2,
        Stage::Verify,
    ];

    /// A short name, for tables and progress.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Evaluate => "evaluate",
            Stage::Check => "check",
            Stage::Quotient => "quotient",
            Stage::MsmH => "msm h",
            Stage::MsmL => "msm l",
            Stage::MsmA => "msm a",
            Stage::MsmB1 => "msm b1",
            Stage::MsmB2 => "msm b2",
            Stage::Verify => "verify",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Asks a proof to stop. Cheap to clone; all clones are one flag. Honoured between stages and, in the evaluator, every
/// few chunks of rows.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The flag itself, for code that knows nothing of this type.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where the time of one proof went, by stage.
#[derive(Clone, Debug, Default)]
pub struct StageTimes(Vec<(Stage, Duration)>);

impl StageTimes {
    /// The stages that ran, in the order in which they did.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> + '_ {
        self.0.iter().copied()
    }

    /// The sum.
    pub fn total(&self) -> Duration {
        self.0.iter().map(|(_, d)| *d).sum()
    }
}

/// Runs stages: reports each, honours cancellation before it, and records its time.
pub struct Stages<'a> {
    cancel: &'a Cancel,
    on_enter: &'a (dyn Fn(Stage) + Sync),
    times: StageTimes,
}

impl<'a> Stages<'a> {
    /// `on_enter` is called on the proving thread as each stage begins.
    pub fn new(cancel: &'a Cancel, on_enter: &'a (dyn Fn(Stage) + Sync)) -> Self {
        Stages { cancel, on_enter, times: StageTimes::default() }
    }

    /// The flag that is honoured.
    pub fn cancel(&self) -> &'a Cancel {
        self.cancel
    }

    /// Runs one stage.
    ///
    /// # Errors
    /// [`ProveError::Cancelled`] if that was asked for before the stage began, or what `work` reports.
    pub fn run<T, E>(&mut self, stage: Stage, work: impl FnOnce() -> Result<T, E>) -> Result<T, ProveError>
    where
        ProveError: From<E>,
    {
        if self.cancel.is_cancelled() {
            return Err(ProveError::Cancelled);
        }
        (self.on_enter)(stage);
        let start = Instant::now();
        let value = work()?;
        self.times.0.push((stage, start.elapsed()));
        Ok(value)
    }

    /// What was recorded.
    pub fn into_times(self) -> StageTimes {
        self.times
    }
}
