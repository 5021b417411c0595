//! Bytes and times of critical stages, in isolation and under load, and the closed loop that sets k from them.

use super::adaptive::{Controller, Sample};
use super::protocol::{BandwidthGate, Hold, Mode};
use crate::sync::{Arc, Mutex};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A stage as it runs by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Bytes it moves.
    pub bytes: u64,
    /// Time it takes.
    pub time: Duration,
}

/// What was seen of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageReport {
    /// Runs that were measured.
    pub runs: u64,
    /// Bytes that they moved.
    pub bytes: u64,
    /// Time that they took.
    pub time: Duration,
    /// The inflation of the last run, if there is a baseline.
    pub last_inflation: Option<f64>,
    /// The worst inflation.
    pub worst_inflation: Option<f64>,
}

/// The critical stages of a gate. Clones are one table.
#[derive(Clone, Debug)]
pub struct Stages {
    gate: BandwidthGate,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    baselines: BTreeMap<&'static str, Baseline>,
    reports: BTreeMap<&'static str, StageReport>,
    controller: Option<Controller>,
}

impl Stages {
    /// Measures only.
    pub fn new(gate: BandwidthGate) -> Self {
        Stages { gate, table: Arc::default() }
    }

    /// Sets the gate's k after every measured stage.
    pub fn adaptive(gate: BandwidthGate, controller: Controller) -> Self {
        gate.set_mode(Mode::Park(controller.k()));
        let table = Table { controller: Some(controller), ..Table::default() };
        Stages { gate, table: Arc::new(Mutex::new(table)) }
    }

    /// Says how a stage runs by itself. A later baseline replaces an earlier one.
    pub fn set_baseline(&self, stage: &'static str, baseline: Baseline) {
        self.table.lock().baselines.insert(stage, baseline);
    }

    /// The baseline of a stage.
    pub fn baseline(&self, stage: &'static str) -> Option<Baseline> {
        self.table.lock().baselines.get(stage).copied()
    }

    /// Begins a critical stage: holds the gate.
    pub fn begin(&self, stage: &'static str) -> StageHold {
        StageHold { stages: self.clone(), stage, start: Instant::now(), _hold: self.gate.hold() }
    }

    /// What was seen of each stage.
    pub fn report(&self) -> BTreeMap<&'static str, StageReport> {
        self.table.lock().reports.clone()
    }

    /// The gate.
    pub fn gate(&self) -> &BandwidthGate {
        &self.gate
    }

    /// Takes a measured stage in. Returns its inflation over the baseline.
    pub fn record(&self, stage: &'static str, bytes: u64, time: Duration, limited: bool) -> Option<f64> {
        let mut table = self.table.lock();
        let inflation = table.baselines.get(stage).and_then(|base| inflation(base, bytes, time));
        let report = table.reports.entry(stage).or_default();
        report.runs += 1;
        report.bytes += bytes;
        report.time += time;
        report.last_inflation = inflation.or(report.last_inflation);
        report.worst_inflation = [inflation, report.worst_inflation].into_iter().flatten().reduce(f64::max);
        let k = match (inflation, &mut table.controller) {
            (Some(inflation), Some(controller)) => Some(controller.observe(Sample { inflation, limited })),
            _ => None,
        };
        drop(table);
        if let Some(k) = k.filter(|k| self.gate.mode() != Mode::Park(*k)) {
            self.gate.set_mode(Mode::Park(k));
        }
        inflation
    }
}

/// Time per byte over the baseline's. `None` where either moves nothing or takes no time.
fn inflation(base: &Baseline, bytes: u64, time: Duration) -> Option<f64> {
    let per_byte = |bytes: u64, time: Duration| (bytes > 0).then(|| time.as_secs_f64() / bytes as f64);
    let ratio = per_byte(bytes, time)? / per_byte(base.bytes, base.time)?;
    (ratio.is_finite() && ratio > 0.0).then_some(ratio)
}

/// A critical stage that runs. Dropped without [`finish`](Self::finish) (an error, a panic) it counts for nothing.
#[must_use = "dropping it ends the stage"]
#[derive(Debug)]
pub struct StageHold {
    stages: Stages,
    stage: &'static str,
    start: Instant,
    _hold: Hold,
}

impl StageHold {
    /// The stage is done and has moved this many bytes. Returns its inflation over the baseline.
    pub fn finish(self, bytes: u64) -> Option<f64> {
        let gate = &self.stages.gate;
        let limited = match gate.mode() {
            Mode::Park(k) => gate.running() >= k || gate.parked() > 0,
            Mode::Off | Mode::Yield => false,
        };
        self.stages.record(self.stage, bytes, self.start.elapsed(), limited)
    }
}
