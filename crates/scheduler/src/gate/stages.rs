//! Bytes and times of critical stages, in isolation and under load, and the closed loop that sets k from them.
//!
//! In mode adaptive the first [`LEARNING`] runs of a stage of each circuit hold all evaluators back (k = 0): they show what
//! the stage takes by itself. From then on every run is compared with the baseline of its circuit, and the
//! [`Controller`] makes k of the ratio. All circuits share one k, because all share the machine.

use super::adaptive::{Controller, Sample};
use super::baseline::{Baseline, Recent, StageKey, Window};
use super::company::Look;
use super::protocol::{BandwidthGate, Hold, Mode};
use crate::sync::{Arc, Mutex};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Runs with all evaluators held back, per circuit and stage. More than one, because the first has cold caches and maps its
/// buffers; few, because evaluators stand still for as long.
pub const LEARNING: u32 = 3;

/// What was seen of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageReport {
    /// Runs that were measured.
    pub runs: u64,
    /// Of these, the ones that no evaluator ran beside.
    pub alone: u64,
    /// Of these, the ones that shared the host with other partitions' kernels.
    pub shared: u64,
    /// Of these, the ones that the controller was told of.
    pub judged: u64,
    /// Bytes that they moved.
    pub bytes: u64,
    /// Time that they took.
    pub time: Duration,
    /// The inflation of the last run, if there is a baseline.
    pub last_inflation: Option<f64>,
    /// The worst inflation.
    pub worst_inflation: Option<f64>,
}

/// A run of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Bytes that it moved; 0 if nobody knows.
    pub bytes: u64,
    /// Time that it took.
    pub time: Duration,
    /// Whether k held evaluators back, or as many ran as it allows.
    pub limited: bool,
    /// Whether evaluators ran beside it.
    pub beside: bool,
    /// Whether other partitions' kernels ran on the host beside it, so that its time says nothing of evaluators.
    pub shared: bool,
}

/// The critical stages of a gate. Clones are one table.
#[derive(Clone, Debug)]
pub struct Stages {
    gate: BandwidthGate,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    stages: Recent<Seen>,
    controller: Option<Controller>,
    /// Stages that run now to learn from.
    learning: u32,
    kernels: Kernels,
}

/// Who uses the host's kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Kernels {
    users: u32,
    /// All that ever came.
    came: u64,
}

impl Kernels {
    fn enter(&mut self) -> Kernels {
        self.users += 1;
        self.came += 1;
        *self
    }

    /// Whether somebody else was there at any time since `entered`.
    fn shared_since(&self, entered: &Kernels) -> bool {
        entered.users > 1 || self.came != entered.came
    }
}

#[derive(Debug, Default)]
struct Seen {
    window: Window,
    report: StageReport,
    lessons: u32,
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

    /// Says how a stage runs by itself: nothing is held back to learn it. A later baseline replaces an earlier one, and
    /// runs correct it.
    pub fn set_baseline(&self, stage: StageKey, baseline: Baseline) {
        let mut table = self.table.lock();
        let seen = table.stages.entry(stage);
        seen.window.set(baseline);
        seen.lessons = LEARNING;
    }

    /// The baseline of a stage.
    pub fn baseline(&self, stage: StageKey) -> Option<Baseline> {
        self.table.lock().stages.get(&stage).and_then(|seen| seen.window.least())
    }

    /// Begins a critical stage: holds the gate.
    pub fn begin(&self, stage: StageKey) -> StageHold {
        let kernels = self.host_kernels();
        let learns = self.table.lock().learn(stage, &self.gate);
        let hold = self.gate.hold();
        let look = self.gate.look();
        StageHold { kernels, stage, start: Instant::now(), look, learns, _hold: hold }
    }

    /// Says, until it is dropped, that the host's kernels work for a partition: where the host stands in for a device, or is
    /// the device.
    pub fn host_kernels(&self) -> HostKernels {
        let entered = self.table.lock().kernels.enter();
        HostKernels { stages: self.clone(), entered }
    }

    /// What was seen of each stage.
    pub fn report(&self) -> BTreeMap<StageKey, StageReport> {
        self.table.lock().stages.iter().map(|(stage, seen)| (stage, seen.report)).collect()
    }

    /// The evaluators that may run beside a critical stage, if measurements set them.
    pub fn k(&self) -> Option<u32> {
        self.table.lock().controller.as_ref().map(Controller::k)
    }

    /// The gate.
    pub fn gate(&self) -> &BandwidthGate {
        &self.gate
    }

    /// Takes a measured stage in. Returns its inflation over the baseline.
    pub fn record(&self, stage: StageKey, run: Measured) -> Option<f64> {
        self.table.lock().record(stage, run, &self.gate)
    }
}

impl Table {
    /// Whether this run of the stage is one to learn from. If so, all evaluators are held back from now on.
    fn learn(&mut self, stage: StageKey, gate: &BandwidthGate) -> bool {
        if self.controller.is_none() {
            return false;
        }
        let seen = self.stages.entry(stage);
        if seen.lessons >= LEARNING {
            return false;
        }
        seen.lessons += 1;
        self.learning += 1;
        self.apply(gate);
        true
    }

    fn learnt(&mut self, gate: &BandwidthGate) {
        self.learning -= 1;
        self.apply(gate);
    }

    fn record(&mut self, stage: StageKey, run: Measured, gate: &BandwidthGate) -> Option<f64> {
        let Seen { window, report, .. } = self.stages.entry(stage);
        let Measured { bytes, time, limited, beside, shared } = run;
        let taken = Baseline { bytes, time };
        let inflation = window.least().and_then(|least| least.inflation(&taken));
        window.take(taken, !beside && !shared);
        report.runs += 1;
        report.alone += u64::from(!beside);
        report.shared += u64::from(shared);
        report.bytes = report.bytes.saturating_add(bytes);
        report.time = report.time.saturating_add(time);
        report.last_inflation = inflation.or(report.last_inflation);
        report.worst_inflation = [inflation, report.worst_inflation].into_iter().flatten().reduce(f64::max);
        // While somebody learns, k is not what evaluators obey, so the run says nothing about it.
        let says_something = self.learning == 0 && !shared;
        if let (Some(inflation), Some(controller), true) = (inflation, &mut self.controller, says_something) {
            controller.observe(Sample { inflation, limited, beside });
            report.judged += 1;
            self.apply(gate);
        }
        inflation
    }

    /// Makes the gate obey. Under the table's lock, so that the last to decide is the last to set.
    fn apply(&self, gate: &BandwidthGate) {
        let Some(controller) = &self.controller else { return };
        let mode = Mode::Park(if self.learning > 0 { 0 } else { controller.k() });
        if gate.mode() != mode {
            gate.set_mode(mode);
        }
    }
}

/// A critical stage that runs. Dropped without [`finish`](Self::finish) (an error, a panic) it counts for nothing.
#[must_use = "dropping it ends the stage"]
#[derive(Debug)]
pub struct StageHold {
    kernels: HostKernels,
    stage: StageKey,
    start: Instant,
    look: Look,
    /// Whether evaluators are held back for it until it is dropped.
    learns: bool,
    _hold: Hold,
}

impl StageHold {
    /// The stage is done and has moved this many bytes. Returns its inflation over the baseline.
    pub fn finish(self, bytes: u64) -> Option<f64> {
        let time = self.start.elapsed();
        let stages = &self.kernels.stages;
        let end = stages.gate.look();
        let (limited, beside) = (self.look.limited(&end), self.look.beside(&end));
        let shared = self.kernels.shared();
        stages.record(self.stage, Measured { bytes, time, limited, beside, shared })
    }
}

impl Drop for StageHold {
    fn drop(&mut self) {
        if self.learns {
            let stages = &self.kernels.stages;
            stages.table.lock().learnt(&stages.gate);
        }
    }
}

/// Kernels that work on the host.
#[must_use = "dropping it ends the work"]
#[derive(Debug)]
pub struct HostKernels {
    stages: Stages,
    entered: Kernels,
}

impl HostKernels {
    fn shared(&self) -> bool {
        self.stages.table.lock().kernels.shared_since(&self.entered)
    }
}

impl Drop for HostKernels {
    fn drop(&mut self) {
        self.stages.table.lock().kernels.users -= 1;
    }
}
