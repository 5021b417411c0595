//! What a proof shares with others: the scheduler's memory budget, its timeline, and the wish to stop.
//!
//! A proof reserves its whole peak before it allocates anything of its own, so it never waits for memory while it holds
//! some; the traces, which the caller made, count in it. The peak follows from the heights and from how much is worked
//! on side by side; where a budget is too small for all threads, fewer columns and tables are.

use crate::{
    error::ProveError,
    field::EXTENSION_DEGREE,
    fri::Schedule,
    layout::{Layout, ROUNDS, Round},
    lde::Arena,
    machine::VerifyingKey,
    merkle::TreeSettings,
    prover::TableParallelism,
    tuning::Tuning,
};
use forebay_scheduler::{
    budget::{Amounts, Budget, Reservation},
    cancel::Wait,
    timeline::{Lane, Span, Timeline, WaitReason},
};
use std::time::{Duration, Instant};

/// The scheduler's parts that a proof takes part in, and as whom.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// Where the proof's peak is reserved.
    pub budget: &'a Budget,
    /// Where its stages are recorded.
    pub timeline: &'a Timeline,
    /// How long to wait for the budget. A cancelled or late proof also ends between two stages.
    pub wait: Wait<'a>,
    /// The job's number on the timeline.
    pub job: u64,
    /// The partition's number on the timeline.
    pub partition: u32,
    /// The lane of the timeline.
    pub lane: Lane,
}

/// A proof's place: its reservation, and how long it waited for that.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    shared: Shared<'a>,
    waited: Duration,
    _reservation: Reservation,
}

impl<'a> Admission<'a> {
    /// Reserves `bytes`, waiting for them.
    pub(crate) fn new(shared: Shared<'a>, bytes: u64) -> Result<Admission<'a>, ProveError> {
        let start = Instant::now();
        let reservation = shared.budget.reserve(Amounts::host(bytes), shared.wait)?;
        Ok(Admission { shared, waited: start.elapsed(), _reservation: reservation })
    }

    /// Records a stage that ended. The first says how long the proof waited for memory.
    pub(crate) fn record(&mut self, stage: &'static str, start: Instant, end: Instant, bytes: u64) {
        let Shared { timeline, job, partition, lane, .. } = self.shared;
        let now = timeline.now();
        let since_the_epoch = |at: Instant| now.saturating_sub(at.elapsed());
        let waited = std::mem::take(&mut self.waited);
        timeline.record(Span {
            job,
            partition,
            stage,
            lane,
            start: since_the_epoch(start),
            end: since_the_epoch(end),
            bytes,
            waited: (!waited.is_zero()).then_some((WaitReason::Budget, waited)),
            ok: true,
        });
    }

    /// Fails when the proof is no longer wanted.
    pub(crate) fn check(&self) -> Result<(), ProveError> {
        self.shared.wait.interrupted().map_or(Ok(()), |why| Err(why.into()))
    }
}

/// How much is worked on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SideBySide {
    /// Tables, in the rounds that go table by table.
    pub(crate) tables: usize,
    /// Columns, in transforms: each takes a scratch buffer.
    pub(crate) columns: usize,
}

/// Working memory of a thread for each table that is worked on, besides columns: blocks of the quotient (some forty
/// columns of 256 rows) and of the bus columns (eight of 1024).
const THREAD_BUFFERS: u64 = 192 << 10;

impl SideBySide {
    /// As much as threads and setting allow; with `auto`, less where the peak would not fit into `total`.
    pub(crate) fn new(
        setting: TableParallelism,
        threads: usize,
        total: u64,
        peak: impl Fn(SideBySide) -> u64,
    ) -> SideBySide {
        let mut side = match setting {
            TableParallelism::Auto => SideBySide { tables: (threads / 3).max(1), columns: threads },
            TableParallelism::Fixed(n) => return SideBySide { tables: n.max(1), columns: threads },
        };
        while peak(side) > total && side != (SideBySide { tables: 1, columns: 1 }) {
            side = SideBySide { tables: (side.tables / 2).max(1), columns: (side.columns / 2).max(1) };
        }
        side
    }
}

/// Bytes of a proof at its peak, traces included: an upper bound, within a tenth where all threads are busy at once
/// (`tests/memory.rs`). Choices other than dropped tree levels count as by default.
pub(crate) fn peak(
    key: &VerifyingKey,
    layout: &Layout,
    side: SideBySide,
    threads: usize,
    tuning: Tuning,
) -> u64 {
    let words = |log: u32| 8u64 << log;
    let extended = |log_rows: u32| log_rows + layout.log_blowup;
    let arena = |round: Round| Arena::bytes_of(layout.shapes(round));
    let settings = TreeSettings::new(key.parameters.log_cap, tuning);
    // All stored levels of a tree are twice its lowest.
    let tree = |log: u32| 64u64 << log.saturating_sub(settings.dropped);
    let round_tree = |round: Round| layout.shapes(round).iter().map(|s| s.0).max().map_or(0, tree);
    let tallest = layout.log_height();

    let traces: u64 =
        key.tables.iter().zip(&layout.log_rows).map(|(t, &log)| t.width as u64 * words(log)).sum();
    let domains = words(tallest) + layout.groups.iter().map(|g| words(extended(g.log_rows))).sum::<u64>();
    let buffers = (threads * side.tables.min(key.tables.len())) as u64 * THREAD_BUFFERS;
    let scratch = side.columns as u64 * words(tallest);
    let codewords: u64 =
        layout.groups.iter().map(|g| EXTENSION_DEGREE as u64 * words(extended(g.log_rows))).sum();
    // Each fold leaves a codeword and the tree over the groups of the one before.
    let schedule = Schedule::new(&key.parameters, layout);
    let fold = |log: u32| EXTENSION_DEGREE as u64 * words(log) + tree(log);
    let folds: u64 = schedule.layers().map(|(log, arity)| fold(log - arity)).sum();

    let committed = |round: Round| arena(round) + round_tree(round);
    let until_buses = traces + committed(Round::Main) + arena(Round::Aux) + scratch / 2;
    let own = ROUNDS.into_iter().filter(|&r| r != Round::Preprocessed);
    let until_queries = own.map(committed).sum::<u64>() + scratch + codewords + folds;
    domains + buffers + until_buses.max(until_queries)
}
