//! The state machine: what is where, and what each event does to it.

use super::{
    Action, CircuitId, DeviceId, Event, Failure, Footprint, Ignored, JobId, JobSpec, Outcome, PartitionId,
    PolicyConfig, PolicyConfigError, Refusal, Run, Severity, Time, WorkerId, memory::Ledger, pacing::Pacer,
    schedule::Hold,
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
    pub(super) devices: Vec<Device>,
    pub(super) ledger: Ledger,
    pub(super) pacer: Pacer,
    pub(super) open: u32,
    pub(super) hold: Hold,
    next_ticket: u64,
    next_arrival: u64,
    draining: bool,
    pub(super) totals: Totals,
}

impl Policy {
    /// An empty policy; all devices are usable.
    pub fn new(config: PolicyConfig) -> Result<Policy, PolicyConfigError> {
        config.validate()?;
        let device = Device { up: true, workers: vec![None; config.workers_per_device as usize] };
        Ok(Policy {
            now: Time::ZERO,
            jobs: BTreeMap::new(),
            waiting: BTreeSet::new(),
            waiting_partitions: 0,
            queued: BTreeSet::new(),
            ready: BTreeSet::new(),
            synthesising: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            devices: vec![device; config.devices as usize],
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
        self.expire(actions);
        if let Some(run) = event.ends() {
            // Its job's deadline passed while it ended: there is nothing left to abort.
            let stopped = Action::Abort { run };
            if let Some(i) = actions[before..].iter().position(|a| *a == stopped) {
                actions.remove(before + i);
            }
        }
        let outcome = match self.apply(event, actions) {
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
        self.devices.iter().map(|d| u32::from(d.up)).sum()
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

    fn submit(&mut self, mut spec: JobSpec, out: &mut Vec<Action>) -> Result<(), Ignored> {
        if self.jobs.contains_key(&spec.id) {
            return Err(Ignored::DuplicateJob);
        }
        if let Some(reason) = self.refusal(&spec) {
            self.totals.refused += 1;
            out.push(Action::Refuse { job: spec.id, reason });
            return Ok(());
        }
        spec.submitted = spec.submitted.min(self.now);
        let aging = i128::try_from(self.config.aging.as_nanos()).unwrap_or(i128::MAX >> 9);
        let rank = (i128::from(spec.submitted.0) - i128::from(spec.priority) * aging, self.next_arrival);
        self.next_arrival += 1;
        self.totals.submitted += 1;
        self.waiting.insert((rank, spec.id));
        self.waiting_partitions += u64::from(spec.partitions);
        if let Some(deadline) = spec.deadline {
            self.deadlines.insert((deadline, spec.id));
        }
        let unfinished = spec.partitions;
        let job = Job { spec, rank, status: Status::Waiting, parts: Vec::new(), unfinished, running: 0 };
        self.jobs.insert(spec.id, job);
        Ok(())
    }

    fn refusal(&self, spec: &JobSpec) -> Option<Refusal> {
        let (f, config) = (&spec.footprint, &self.config);
        let (host, device) = (self.ledger.budget(), config.device_bytes);
        if self.draining {
            Some(Refusal::Draining)
        } else if spec.partitions == 0 {
            Some(Refusal::NoPartitions)
        } else if spec.partitions > config.partitions_limit {
            Some(Refusal::TooManyPartitions { partitions: spec.partitions, limit: config.partitions_limit })
        } else if f.host_peak() > host {
            Some(Refusal::HostBytes { need: f.host_peak(), budget: host })
        } else if f.device > device {
            Some(Refusal::DeviceBytes { need: f.device, budget: device })
        } else if spec.deadline.is_some_and(|d| d <= self.now) {
            Some(Refusal::Deadline)
        } else if self.devices_up() == 0 {
            Some(Refusal::NoDevice)
        } else if self.waiting.len() >= config.queue_limit {
            Some(Refusal::QueueFull { limit: config.queue_limit })
        } else {
            None
        }
    }

    /// The job and partition of a run that is current.
    fn current(&mut self, run: Run) -> Result<(&mut Job, Stage), Ignored> {
        let job = self.jobs.get_mut(&run.partition.job).ok_or(Ignored::UnknownJob)?;
        let part = job.parts.get(run.partition.index as usize).ok_or(Ignored::StaleRun)?;
        match part.stage {
            Stage::Synthesising { run: current } | Stage::Proving { run: current, .. } if current == run => {
                let stage = part.stage;
                Ok((job, stage))
            }
            _ => Err(Ignored::StaleRun),
        }
    }

    fn synthesised(&mut self, run: Run, took: Duration, out: &mut Vec<Action>) -> Result<(), Ignored> {
        let (job, stage) = self.current(run)?;
        if !matches!(stage, Stage::Synthesising { .. }) {
            return Err(Ignored::WrongStage);
        }
        let (circuit, stopping) = (job.spec.circuit, job.status == Status::Stopping);
        self.pacer.synthesised(circuit, took);
        if stopping {
            self.stop_run(run, Next::Gone, out);
        } else {
            self.stop_run(run, Next::Ready, out);
        }
        Ok(())
    }

    fn device_released(&mut self, run: Run, held: Duration, out: &mut Vec<Action>) -> Result<(), Ignored> {
        let (job, stage) = self.current(run)?;
        let Stage::Proving { run, worker, since, held: None } = stage else {
            return Err(Ignored::WrongStage);
        };
        let f = job.spec.footprint;
        job.parts[run.partition.index as usize].stage =
            Stage::Proving { run, worker, since, held: Some(held) };
        self.ledger.release_evaluated(&f);
        release(run.partition, f.evaluated, out);
        Ok(())
    }

    fn finished(&mut self, run: Run, out: &mut Vec<Action>) -> Result<(), Ignored> {
        let now = self.now;
        let workers = self.config.workers_per_device;
        let (job, stage) = self.current(run)?;
        let Stage::Proving { since, held, .. } = stage else { return Err(Ignored::WrongStage) };
        let (circuit, stopping) = (job.spec.circuit, job.status == Status::Stopping);
        self.pacer.proved(circuit, (now.since(since) / workers).max(held.unwrap_or_default()));
        if stopping {
            self.stop_run(run, Next::Gone, out);
            return Ok(());
        }
        self.stop_run(run, Next::Finished, out);
        let id = run.partition.job;
        if self.jobs.get(&id).is_some_and(|j| j.unfinished == 0) {
            self.remove(id);
            self.totals.delivered += 1;
            out.push(Action::Deliver { job: id });
        }
        Ok(())
    }

    fn failed(&mut self, run: Run, severity: Severity, out: &mut Vec<Action>) -> Result<(), Ignored> {
        let limit = self.config.attempts;
        let (job, stage) = self.current(run)?;
        let id = run.partition;
        if job.status == Status::Stopping {
            self.stop_run(run, Next::Gone, out);
            return Ok(());
        }
        let part = &mut job.parts[id.index as usize];
        if !part.displaced {
            part.failures += 1;
        }
        let displaced = std::mem::take(&mut part.displaced);
        let failures = part.failures;
        let again = displaced || (severity == Severity::Retryable && failures < limit);
        // a, b, c are still there until the device is released: no need to synthesise again.
        let kept = matches!(stage, Stage::Proving { held: None, .. });
        let next = if kept && again { Next::Ready } else { Next::Queued };
        self.stop_run(run, next, out);
        if again {
            self.totals.retries += 1;
        } else {
            self.close(id.job, Failure::Partition { index: id.index, attempts: failures }, out);
        }
        Ok(())
    }

    fn panicked(&mut self, run: Run, out: &mut Vec<Action>) -> Result<(), Ignored> {
        let (job, _) = self.current(run)?;
        let stopping = job.status == Status::Stopping;
        self.stop_run(run, if stopping { Next::Gone } else { Next::Queued }, out);
        if !stopping {
            self.close(run.partition.job, Failure::Panicked { index: run.partition.index }, out);
        }
        Ok(())
    }

    fn cancelled(&mut self, job: JobId, out: &mut Vec<Action>) -> Result<(), Ignored> {
        match self.jobs.get(&job) {
            Some(j) if j.status != Status::Stopping => {
                self.close(job, Failure::Cancelled, out);
                Ok(())
            }
            _ => Err(Ignored::UnknownJob),
        }
    }

    fn expire(&mut self, out: &mut Vec<Action>) {
        while let Some((deadline, job)) = self.deadlines.first().copied() {
            if deadline > self.now {
                break;
            }
            self.close(job, Failure::Deadline, out);
        }
    }

    fn budget_changed(&mut self, host: u64, device: u64, out: &mut Vec<Action>) {
        self.ledger.set_budget(host);
        self.config.device_bytes = device;
        let too_large = |f: &Footprint| {
            if f.host_peak() > host {
                Some(Failure::BudgetShrunk { need: f.host_peak(), budget: host })
            } else if f.device > device {
                Some(Failure::BudgetShrunk { need: f.device, budget: device })
            } else {
                None
            }
        };
        let doomed: Vec<_> = self
            .jobs
            .iter()
            .filter(|(_, j)| j.status != Status::Stopping)
            .filter_map(|(id, j)| too_large(&j.spec.footprint).map(|reason| (*id, reason)))
            .collect();
        for (job, reason) in doomed {
            self.close(job, reason, out);
        }
    }

    fn device_lost(&mut self, device: DeviceId, out: &mut Vec<Action>) -> Result<(), Ignored> {
        let state = self.devices.get_mut(device.0 as usize).filter(|d| d.up).ok_or(Ignored::Device)?;
        state.up = false;
        let runs: Vec<Run> = state.workers.iter().flatten().copied().collect();
        if self.devices_up() == 0 {
            let alive = |j: &&Job| j.status != Status::Stopping;
            let all: Vec<_> = self.jobs.values().filter(alive).map(|j| j.spec.id).collect();
            for job in all {
                self.close(job, Failure::NoDevice, out);
            }
            return Ok(());
        }
        for run in runs {
            let Ok((job, stage)) = self.current(run) else { continue };
            if matches!(stage, Stage::Proving { held: None, .. }) && job.status == Status::Open {
                job.parts[run.partition.index as usize].displaced = true;
                out.push(Action::Abort { run });
            }
        }
        Ok(())
    }

    fn device_restored(&mut self, device: DeviceId) -> Result<(), Ignored> {
        let state = self.devices.get_mut(device.0 as usize).filter(|d| !d.up).ok_or(Ignored::Device)?;
        state.up = true;
        Ok(())
    }

    /// Ends a run: slot and memory come back, and the partition goes where `next` says.
    fn stop_run(&mut self, run: Run, next: Next, out: &mut Vec<Action>) {
        let id = run.partition;
        let Some(job) = self.jobs.get_mut(&id.job) else { return };
        let (rank, f) = (job.rank, job.spec.footprint);
        let part = &mut job.parts[id.index as usize];
        let stage = part.stage;
        part.stage = match next {
            Next::Ready => Stage::Ready,
            Next::Queued | Next::Gone => Stage::Queued,
            Next::Finished => Stage::Finished,
        };
        job.running -= 1;
        job.unfinished -= u32::from(next == Next::Finished);
        let gone = job.status == Status::Stopping && job.running == 0;
        match stage {
            Stage::Synthesising { .. } => {
                self.synthesising.remove(&id);
                if next != Next::Ready {
                    release(id, self.ledger.drop_pending(&f), out);
                }
            }
            Stage::Proving { worker, held, .. } => {
                self.devices[worker.device.0 as usize].workers[worker.slot as usize] = None;
                if next == Next::Ready {
                    self.ledger.put_back(&f);
                    release(id, f.tail, out);
                } else {
                    release(id, self.ledger.drop_held(&f, held.is_some()), out);
                }
            }
            Stage::Queued | Stage::Ready | Stage::Finished => {}
        }
        match next {
            Next::Ready => _ = self.ready.insert((rank, id)),
            Next::Queued => _ = self.queued.insert((rank, id)),
            Next::Finished | Next::Gone => {}
        }
        if gone {
            self.remove(id.job);
        }
    }

    /// Fails a job: what waits is dropped, what runs is asked to stop.
    fn close(&mut self, id: JobId, reason: Failure, out: &mut Vec<Action>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let (rank, f, status) = (job.rank, job.spec.footprint, job.status);
        job.status = Status::Stopping;
        if let Some(deadline) = job.spec.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.totals.failed += 1;
        out.push(Action::Fail { job: id, reason });
        if status == Status::Waiting {
            self.waiting_partitions -= u64::from(job.spec.partitions);
            self.waiting.remove(&(rank, id));
            self.jobs.remove(&id);
            return;
        }
        for (index, part) in job.parts.iter_mut().enumerate() {
            let partition = PartitionId { job: id, index: index as u32 };
            match part.stage {
                Stage::Queued => _ = self.queued.remove(&(rank, partition)),
                Stage::Ready => {
                    part.stage = Stage::Queued;
                    self.ready.remove(&(rank, partition));
                    release(partition, self.ledger.drop_pending(&f), out);
                }
                Stage::Synthesising { run } | Stage::Proving { run, .. } => out.push(Action::Abort { run }),
                Stage::Finished => {}
            }
        }
        if job.running == 0 {
            self.remove(id);
        }
    }

    /// Forgets a job that was open.
    fn remove(&mut self, id: JobId) {
        let Some(job) = self.jobs.remove(&id) else { return };
        self.open -= 1;
        if let Some(deadline) = job.spec.deadline {
            self.deadlines.remove(&(deadline, id));
        }
    }
}

/// Where a partition goes when its run ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Ready,
    Queued,
    Finished,
    /// Its job has failed.
    Gone,
}

fn release(partition: PartitionId, bytes: u64, out: &mut Vec<Action>) {
    if bytes > 0 {
        out.push(Action::Release { partition, bytes });
    }
}
