//! The state machine: what is where.

use super::{
    Action, CircuitId, Event, Ignored, JobId, JobSpec, Outcome, PartitionId, PolicyConfig, PolicyConfigError,
    Run, Severity, Time, WorkerId, memory::Ledger, pacing::Pacer, schedule::Hold,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Place in line, smaller first: submitted − priority·aging in nanoseconds, then arrival.
pub(super) type Rank = (i128, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    Synthesising { run: Run },
    Ready,
    Proving { run: Run, worker: WorkerId, since: Time, held: Option<Duration> },
    Finished,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) stage: Stage,
    /// Runs that failed.
    pub(super) failures: u32,
    /// Its device went away under it: the next end of its run is not its fault.
    pub(super) displaced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// No partition was started.
    Waiting,
    /// Started; counts as in flight.
    Open,
    /// Failed, and some of its stages are still stopping; counts as in flight.
    Stopping,
}

#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) spec: JobSpec,
    pub(super) rank: Rank,
    pub(super) status: Status,
    /// Empty while waiting.
    pub(super) parts: Vec<Part>,
    pub(super) unfinished: u32,
    pub(super) running: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) up: bool,
    pub(super) workers: Vec<Option<Run>>,
}

/// Counts over the policy's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Jobs taken.
    pub submitted: u64,
    /// Jobs refused.
    pub refused: u64,
    /// Jobs delivered.
    pub delivered: u64,
    /// Jobs failed.
    pub failed: u64,
    /// Runs started again after a failure.
    pub retries: u64,
}

/// What is where, now. Every number is a count of something that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Jobs of which nothing was started.
    pub jobs_waiting: usize,
    /// Jobs in flight, at most `jobs_in_flight`.
    pub jobs_open: usize,
    /// Those of them that have failed and whose stages are still stopping.
    pub jobs_stopping: usize,
    /// Partitions that wait for their synthesis.
    pub queued: u64,
    /// Partitions that synthesise.
    pub synthesising: usize,
    /// Partitions that wait for a device.
    pub ready: usize,
    /// Partitions that a device worker has.
    pub proving: usize,
    /// Host bytes committed.
    pub host_committed: u64,
    /// The host budget.
    pub host_budget: u64,
    /// Usable devices.
    pub devices_up: usize,
    /// Why no further synthesis was started.
    pub hold: Hold,
    /// Since the start.
    pub totals: Totals,
}

/// The policy. See the module's documentation.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(super) config: PolicyConfig,
    pub(super) now: Time,
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) waiting: BTreeSet<(Rank, JobId)>,
    pub(super) waiting_partitions: u64,
    pub(super) queued: BTreeSet<(Rank, PartitionId)>,
    pub(super) ready: BTreeSet<(Rank, PartitionId)>,
    pub(super) synthesising: BTreeSet<PartitionId>,
    pub(super) deadlines: BTreeSet<(Time, JobId)>,
    /// The last one is the host, if it stands in.
    pub(super) devices: Vec<Device>,
    pub(super) ledger: Ledger,
    pub(super) pacer: Pacer,
    pub(super) open: u32,
    pub(super) hold: Hold,
    pub(super) next_ticket: u64,
    pub(super) next_arrival: u64,
    pub(super) draining: bool,
    pub(super) totals: Totals,
}

impl Policy {
    /// An empty policy; all devices are usable.
    pub fn new(config: PolicyConfig) -> Result<Policy, PolicyConfigError> {
        config.validate()?;
        let device = Device { up: true, workers: vec![None; config.workers_per_device as usize] };
        let mut devices = vec![device; config.devices as usize];
        devices.extend(config.host_after.map(|_| Device { up: true, workers: vec![None] }));
        Ok(Policy {
            now: Time::ZERO,
            jobs: BTreeMap::new(),
            waiting: BTreeSet::new(),
            waiting_partitions: 0,
            queued: BTreeSet::new(),
            ready: BTreeSet::new(),
            synthesising: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            devices,
            ledger: Ledger::new(config.host_bytes),
            pacer: Pacer::new(config.pacing),
            open: 0,
            hold: Hold::Idle,
            next_ticket: 0,
            next_arrival: 0,
            draining: false,
            totals: Totals::default(),
            config,
        })
    }

    /// Takes an event and appends what is to be done. Time that runs backwards is read as standing still. Deadlines
    /// that have passed at `now` are acted on before the event.
    pub fn handle(&mut self, now: Time, event: Event, actions: &mut Vec<Action>) -> Outcome {
        self.now = self.now.max(now);
        let before = actions.len();
        // Of a job that ends now by its deadline, a second submission is a duplicate, not a new job.
        let duplicate = matches!(&event, Event::Submitted(spec) if self.jobs.contains_key(&spec.id));
        self.expire(actions);
        if let Some(run) = event.ends() {
            // Its job's deadline passed while it ended: there is nothing left to abort.
            let stopped = Action::Abort { run };
            if let Some(i) = actions[before..].iter().position(|a| *a == stopped) {
                actions.remove(before + i);
            }
        }
        let applied = if duplicate { Err(Ignored::DuplicateJob) } else { self.apply(event, actions) };
        let outcome = match applied {
            Ok(()) => Outcome::Applied,
            Err(reason) => Outcome::Ignored(reason),
        };
        self.schedule(actions);
        outcome
    }

    /// When [`Event::Tick`] is due at the latest: the next deadline, or the next start that pacing put off.
    pub fn next_wakeup(&self) -> Option<Time> {
        let deadline = self.deadlines.first().map(|(t, _)| *t);
        let start = if let Hold::Pacing(start) = self.hold { start } else { None };
        deadline.into_iter().chain(start).min()
    }

    /// What is where, now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            jobs_waiting: self.waiting.len(),
            jobs_open: self.open as usize,
            jobs_stopping: self.jobs.values().filter(|j| j.status == Status::Stopping).count(),
            queued: self.queued.len() as u64 + self.waiting_partitions,
            synthesising: self.synthesising.len(),
            ready: self.ready.len(),
            proving: self.devices.iter().flat_map(|d| &d.workers).flatten().count(),
            host_committed: self.ledger.committed(),
            host_budget: self.ledger.budget(),
            devices_up: self.devices_up() as usize,
            hold: self.hold,
            totals: self.totals,
        }
    }

    /// The measured mean synthesis time of a circuit, and the device's interval per partition.
    pub fn measured(&self, circuit: CircuitId) -> (Option<Duration>, Option<Duration>) {
        self.pacer.means(circuit)
    }

    /// Whether nothing is queued, running or committed.
    pub fn is_idle(&self) -> bool {
        self.jobs.is_empty() && self.ledger.is_empty()
    }

    pub(super) fn devices_up(&self) -> u32 {
        self.devices.iter().take(self.config.devices as usize).map(|d| u32::from(d.up)).sum()
    }

    pub(super) fn ticket(&mut self, partition: PartitionId) -> Run {
        self.next_ticket += 1;
        Run { partition, ticket: self.next_ticket }
    }

    fn apply(&mut self, event: Event, out: &mut Vec<Action>) -> Result<(), Ignored> {
        match event {
            Event::Submitted(spec) => self.submit(spec, out),
            Event::Synthesised { run, took } => self.synthesised(run, took, out),
            Event::DeviceReleased { run, held } => self.device_released(run, held, out),
            Event::Finished { run } => self.finished(run, out),
            Event::Failed { run, severity } => self.failed(run, severity, out),
            Event::Aborted { run } => self.failed(run, Severity::Retryable, out),
            Event::Panicked { run } => self.panicked(run, out),
            Event::Cancelled(job) => self.cancelled(job, out),
            Event::BudgetChanged { host, device } => {
                self.budget_changed(host, device, out);
                Ok(())
            }
            Event::DeviceLost(device) => self.device_lost(device, out),
            Event::DeviceRestored(device) => self.device_restored(device),
            Event::Calibrated { circuit, synthesis, interval } => {
                self.pacer.calibrate(circuit, synthesis, interval);
                Ok(())
            }
            Event::Drain => {
                self.draining = true;
                Ok(())
            }
            Event::Tick => Ok(()),
        }
    }
}
