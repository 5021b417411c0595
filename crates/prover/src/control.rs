//! What a caller may watch and steer while a proof is made.

use crate::ProveError;
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
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
    /// After a proof that does not verify: which kernel computed wrongly.
    Diagnose,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 10] = [
        Stage::Evaluate,
        Stage::Check,
        Stage::Quotient,
        Stage::MsmH,
        Stage::MsmL,
        Stage::MsmA,
        Stage::MsmB1,
        Stage::MsmB2,
        Stage::Verify,
        Stage::Diagnose,
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
            Stage::Diagnose => "diagnose",
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

/// When a stage ran, from the moment at which the proof began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageSpan {
    /// Which.
    pub stage: Stage,
    /// When it began.
    pub start: Duration,
    /// When it ended.
    pub end: Duration,
}

/// Where the time of one proof went, by stage. Stages may overlap: time in which several run is divided evenly among
/// them, so that the stages' times add up to the time that passed.
#[derive(Clone, Debug, Default)]
pub struct StageTimes {
    /// By start.
    spans: Vec<StageSpan>,
}

impl StageTimes {
    fn new(mut spans: Vec<StageSpan>) -> Self {
        spans.sort_by_key(|span| span.start);
        StageTimes { spans }
    }

    /// The stages that ran, in the order in which they began, each with its share of the time.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> + '_ {
        self.spans.iter().map(|span| (span.stage, self.share(span)))
    }

    /// When each stage ran, in the order in which they began.
    pub fn spans(&self) -> &[StageSpan] {
        &self.spans
    }

    /// The time in which any stage ran: the sum of all shares.
    pub fn total(&self) -> Duration {
        self.iter().map(|(_, time)| time).sum()
    }

    /// Between two neighbouring starts or ends the set of running stages is constant.
    fn share(&self, span: &StageSpan) -> Duration {
        let mut edges: Vec<Duration> = self.spans.iter().flat_map(|s| [s.start, s.end]).collect();
        edges.retain(|edge| (span.start..=span.end).contains(edge));
        edges.sort();
        let piece = |edges: &[Duration]| {
            let running = self.spans.iter().filter(|s| s.start <= edges[0] && edges[1] <= s.end).count();
            (edges[1] - edges[0]) / running.max(1) as u32
        };
        edges.windows(2).map(piece).sum()
    }
}

/// Runs stages, several at a time if need be: reports each, honours cancellation before it, and records its time.
pub struct Stages<'a> {
    cancel: &'a Cancel,
    on_enter: &'a (dyn Fn(Stage) + Sync),
    began: Instant,
    spans: Mutex<Vec<StageSpan>>,
}

impl<'a> Stages<'a> {
    /// `on_enter` is called as each stage begins, on the thread that runs it.
    pub fn new(cancel: &'a Cancel, on_enter: &'a (dyn Fn(Stage) + Sync)) -> Self {
        Stages { cancel, on_enter, began: Instant::now(), spans: Mutex::default() }
    }

    /// The flag that is honoured.
    pub fn cancel(&self) -> &'a Cancel {
        self.cancel
    }

    /// Runs one stage.
    ///
    /// # Errors
    /// [`ProveError::Cancelled`] if that was asked for before the stage began, or what `work` reports.
    pub fn run<T, E>(&self, stage: Stage, work: impl FnOnce() -> Result<T, E>) -> Result<T, ProveError>
    where
        ProveError: From<E>,
    {
        if self.cancel.is_cancelled() {
            return Err(ProveError::Cancelled);
        }
        (self.on_enter)(stage);
        let start = self.began.elapsed();
        let value = work()?;
        let span = StageSpan { stage, start, end: self.began.elapsed() };
        // A list of finished spans is consistent whatever panicked elsewhere.
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).push(span);
        Ok(value)
    }

    /// What was recorded.
    pub fn into_times(self) -> StageTimes {
        StageTimes::new(self.spans.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_stages_share_the_time() {
        let span = |stage, start, end| StageSpan {
            stage,
            start: Duration::from_secs(start),
            end: Duration::from_secs(end),
        };
        // Alone 0..2, two of them 2..6, alone 6..7, nobody 7..8, alone 8..9.
        let times = StageTimes::new(vec![
            span(Stage::MsmB2, 2, 7),
            span(Stage::Verify, 8, 9),
            span(Stage::Quotient, 0, 6),
        ]);
        let shares: Vec<_> = times.iter().map(|(stage, time)| (stage, time.as_secs())).collect();
        assert_eq!(shares, [(Stage::Quotient, 4), (Stage::MsmB2, 3), (Stage::Verify, 1)]);
        assert_eq!(times.total(), Duration::from_secs(8));
        assert_eq!(times.spans()[0], span(Stage::Quotient, 0, 6));
    }
}
