//! What happened when: every stage's start, end, bytes and wait reason.
//!
//! A [`Timeline`] is an append-only log of [`Span`]s with a bounded length. Recording takes one short lock per stage (a
//! stage lasts milliseconds or more), so there is nothing lock-free here. Times are offsets from the timeline's start:
//! threads read a clock, the simulator passes its virtual time, and everything downstream is the same.
//!
//! - [`analysis`]: utilisation of devices, idle gaps, inflation of stages against isolation.
//! - [`svg`], [`html`], [`chrome`]: the waterfall as a picture, as a self-contained page, and as a trace that
//!   `chrome://tracing` and Perfetto open.

pub mod analysis;
pub mod chart;
pub mod chrome;
pub mod html;
pub mod svg;

pub use analysis::{Baselines, DeviceUse, Gap, StageSummary};

use serde::Serialize;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Spans kept before new ones are counted and dropped: a day of work at ten spans a second, 100 MB.
pub const DEFAULT_CAPACITY: usize = 1 << 20;

/// Where a stage ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// A slot that makes witnesses and evaluates circuits.
    Synthesis(u32),
    /// A device's worker: what it does on the host, before and after the device.
    Worker(u32),
    /// A device, while its lock is held.
    Device(u32),
    /// The thread that delivers and reclaims.
    Host,
}

impl Lane {
    /// A name for a reader.
    pub fn label(self) -> String {
        match self {
            Lane::Synthesis(i) => format!("synthesis {i}"),
            Lane::Worker(i) => format!("worker {i}"),
            Lane::Device(i) => format!("device {i}"),
            Lane::Host => "host".to_owned(),
        }
    }
}

/// Why a stage did not begin at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitReason {
    /// Memory: the budget was spoken for.
    Budget,
    /// The bandwidth gate was closed.
    Gate,
    /// The device was taken.
    DeviceLock,
    /// No worker was free.
    Worker,
}

impl WaitReason {
    /// A short name.
    pub const fn name(self) -> &'static str {
        match self {
            WaitReason::Budget => "budget",
            WaitReason::Gate => "gate",
            WaitReason::DeviceLock => "device lock",
            WaitReason::Worker => "worker",
        }
    }
}

/// One stage of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The job's number.
    pub job: u64,
    /// The partition within the job.
    pub partition: u32,
    /// The stage's name.
    pub stage: &'static str,
    /// Where it ran.
    pub lane: Lane,
    /// When it began, from the timeline's start.
    pub start: Duration,
    /// When it ended.
    pub end: Duration,
    /// Bytes it read and wrote, by its own account; 0 if unknown.
    pub bytes: u64,
    /// What it waited for before it began, and for how long.
    pub waited: Option<(WaitReason, Duration)>,
    /// Whether it ended as it should.
    pub ok: bool,
}

impl Span {
    /// How long it ran.
    pub fn length(&self) -> Duration {
        self.end.saturating_sub(self.start)
    }
}

/// A log of spans.
#[derive(Debug)]
pub struct Timeline {
    epoch: Instant,
    capacity: usize,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    spans: Vec<Span>,
    dropped: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }
}

impl Timeline {
    /// A timeline that keeps at most `capacity` spans and starts now.
    pub fn with_capacity(capacity: usize) -> Self {
        Timeline { epoch: Instant::now(), capacity, log: Mutex::default() }
    }

    /// The time since the start.
    pub fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Adds a span whose times are known.
    pub fn record(&self, span: Span) {
        let mut log = self.log();
        if log.spans.len() < self.capacity {
            log.spans.push(span);
        } else {
            log.dropped += 1;
        }
    }

    /// Begins a span that ends when the guard is dropped. A guard dropped by a panic records a failed stage.
    pub fn begin(&self, job: u64, partition: u32, stage: &'static str, lane: Lane) -> Recording<'_> {
        let start = self.now();
        let span = Span { job, partition, stage, lane, start, end: start, bytes: 0, waited: None, ok: true };
        Recording { timeline: self, span }
    }

    /// All spans so far, by their start.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = self.log().spans.clone();
        spans.sort_by_key(|s| (s.start, s.job, s.partition));
        spans
    }

    /// Spans that did not fit.
    pub fn dropped(&self) -> u64 {
        self.log().dropped
    }

    /// Takes all spans out; recording goes on. For a service that writes them elsewhere.
    pub fn drain(&self) -> Vec<Span> {
        std::mem::take(&mut self.log().spans)
    }

    /// A panic inside the lock can only come from allocation; the log is a list of finished records either way.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A span that is still running.
#[must_use = "the span ends when this is dropped"]
#[derive(Debug)]
pub struct Recording<'a> {
    timeline: &'a Timeline,
    span: Span,
}

impl Recording<'_> {
    /// Counts bytes that the stage moves.
    pub fn add_bytes(&mut self, bytes: u64) {
        self.span.bytes += bytes;
    }

    /// Says what the stage waited for before it began.
    pub fn waited(&mut self, reason: WaitReason, how_long: Duration) {
        if !how_long.is_zero() {
            self.span.waited = Some((reason, how_long));
        }
    }

    /// Marks the stage as failed or given up.
    pub fn failed(&mut self) {
        self.span.ok = false;
    }

    /// Time since the stage began.
    pub fn elapsed(&self) -> Duration {
        self.timeline.now().saturating_sub(self.span.start)
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        self.span.end = self.timeline.now();
        self.span.ok &= !std::thread::panicking();
        self.timeline.record(self.span.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_records_its_stage() {
        let timeline = Timeline::default();
        let mut recording = timeline.begin(7, 2, "evaluate", Lane::Synthesis(0));
        recording.add_bytes(10);
        recording.add_bytes(5);
        recording.waited(WaitReason::Budget, Duration::from_millis(3));
        drop(recording);
        let [span] = &timeline.spans()[..] else { panic!("one span") };
        assert_eq!((span.job, span.partition, span.stage, span.bytes, span.ok), (7, 2, "evaluate", 15, true));
        assert_eq!(span.waited, Some((WaitReason::Budget, Duration::from_millis(3))));
        assert!(span.end >= span.start);
    }

    #[test]
    fn a_panic_leaves_a_failed_span() {
        let timeline = Timeline::default();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _recording = timeline.begin(0, 0, "verify", Lane::Worker(0));
            panic!("planted");
        }));
        assert!(outcome.is_err());
        assert!(!timeline.spans()[0].ok);
    }

    #[test]
    fn the_log_is_bounded() {
        let timeline = Timeline::with_capacity(2);
        (0..5).for_each(|i| drop(timeline.begin(i, 0, "x", Lane::Host)));
        assert_eq!((timeline.spans().len(), timeline.dropped()), (2, 3));
        assert_eq!(timeline.drain().len(), 2);
        assert!(timeline.spans().is_empty());
    }
}
