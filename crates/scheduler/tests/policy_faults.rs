//! Random schedules with injected faults. An executor on a virtual clock drives the policy through errors, panics, slow
//! stages, cancels, deadlines, lost devices, budgets that move, and events that come twice or late. It keeps its own
//! books and checks every action against them. Everything follows from the seed.
#![allow(clippy::unwrap_used)] // a test may panic

use forebay_scheduler::policy::*;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    time::Duration,
};

type Rank = (i128, u64);

/// Where a partition is, by the executor's own books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Queued,
    Synthesising,
    Ready,
    Proving { released: bool },
    Finished,
}

#[derive(Debug)]
struct Job {
    spec: JobSpec,
    rank: Rank,
    parts: Vec<At>,
    opened: bool,
    resolved: bool,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    worker: Option<WorkerId>,
    aborted: bool,
}

struct Faults {
    error: f64,
    fatal: f64,
    panic: f64,
    slow: f64,
    cancel: f64,
    deadline: f64,
    budget: f64,
    device: f64,
    repeat: f64,
}

const CALM: Faults = Faults {
    error: 0.0,
    fatal: 0.0,
    panic: 0.0,
    slow: 0.0,
    cancel: 0.0,
    deadline: 0.0,
    budget: 0.0,
    device: 0.0,
    repeat: 0.0,
};

const STORM: Faults = Faults {
    error: 0.08,
    fatal: 0.01,
    panic: 0.01,
    slow: 0.05,
    cancel: 0.1,
    deadline: 0.2,
    budget: 0.03,
    device: 0.01,
    repeat: 0.2,
};

struct Executor {
    policy: Policy,
    config: PolicyConfig,
    faults: Faults,
    rng: ChaCha8Rng,
    now: Time,
    /// Reversed by negation of time: (−time, −sequence) would do, `Reverse` says it.
    queue: BinaryHeap<std::cmp::Reverse<(Time, u64)>>,
    events: BTreeMap<u64, Event>,
    next: u64,
    past: Vec<Event>,
    jobs: BTreeMap<JobId, Job>,
    running: BTreeMap<Run, Running>,
    budget: u64,
    /// Bytes that may be committed: the budget, or what was committed when it shrank.
    bound: u64,
    committed: u64,
    arrivals: u64,
    up: BTreeSet<u32>,
    delivered: u64,
    failed: u64,
    refused: u64,
}

impl Executor {
    fn new(seed: u64, faults: Faults) -> Executor {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let budget = rng.gen_range(60..400);
        let (free, spacing) = (rng.gen_range(0.0..1.0), rng.gen_range(0.0..1.0));
        let paced = Pacing::JustInTime { free, headroom: 0.25, reserve: 2.0, spacing };
        let pacing = if rng.gen_bool(0.5) { Pacing::Off } else { paced };
        let config = PolicyConfig {
            devices: rng.gen_range(1..4),
            workers_per_device: rng.gen_range(1..4),
            synthesis_slots: rng.gen_range(1..8),
            jobs_in_flight: rng.gen_range(1..6),
            look_ahead: rng.gen_range(1..10),
            host_bytes: budget,
            device_bytes: 100,
            attempts: rng.gen_range(1..4),
            host_after: rng.gen_bool(0.5).then(|| rng.gen_range(1..3)),
            aging: Duration::from_millis(rng.gen_range(1..5000)),
            pacing,
            queue_limit: 1000,
            partitions_limit: 64,
        };
        Executor {
            policy: Policy::new(config.clone()).unwrap(),
            up: (0..config.devices).collect(),
            config,
            faults,
            rng,
            now: Time::ZERO,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            next: 0,
            past: Vec::new(),
            jobs: BTreeMap::new(),
            running: BTreeMap::new(),
            budget,
            bound: budget,
            committed: 0,
            arrivals: 0,
            delivered: 0,
            failed: 0,
            refused: 0,
        }
    }

    fn at(&mut self, time: Time, event: Event) {
        self.next += 1;
        self.queue.push(std::cmp::Reverse((time, self.next)));
        self.events.insert(self.next, event);
    }

    fn duration(&mut self) -> Duration {
        let base = Duration::from_millis(self.rng.gen_range(1..100));
        if self.rng.gen_bool(self.faults.slow) { base * 50 } else { base }
    }

    fn submit_jobs(&mut self, count: u64) {
        let mut t = Time::ZERO;
        for id in 0..count {
            t = t + Duration::from_millis(self.rng.gen_range(0..60));
            let r = &mut self.rng;
            let footprint = Footprint {
                witness: r.gen_range(0..20),
                evaluated: r.gen_range(0..30),
                device: r.gen_range(0..110),
                tail: r.gen_range(0..25),
            };
            let deadline =
                r.gen_bool(self.faults.deadline).then(|| t + Duration::from_millis(r.gen_range(1..3000)));
            let spec = JobSpec {
                id: JobId(id),
                priority: r.gen_range(0..4),
                circuit: CircuitId(r.gen_range(0..3)),
                partitions: r.gen_range(1..9),
                footprint,
                deadline,
                submitted: t,
            };
            self.at(t, Event::Submitted(spec));
            if self.rng.gen_bool(self.faults.cancel) {
                let later = t + Duration::from_millis(self.rng.gen_range(0..1500));
                self.at(later, Event::Cancelled(JobId(id)));
            }
        }
    }

    /// Runs until nothing is left to happen.
    fn run(&mut self) {
        loop {
            let event = self.queue.peek().map(|r| r.0.0);
            let wakeup = self.policy.next_wakeup();
            match (event, wakeup) {
                (None, None) => break,
                (e, Some(w)) if e.is_none_or(|e| w < e) => {
                    self.now = self.now.max(w);
                    assert_eq!(self.send(Event::Tick), Outcome::Applied);
                    assert!(self.policy.next_wakeup().is_none_or(|w| w > self.now), "the same time again");
                }
                _ => {
                    let std::cmp::Reverse((time, n)) = self.queue.pop().unwrap();
                    let event = self.events.remove(&n).unwrap();
                    self.now = self.now.max(time);
                    self.happen(event);
                }
            }
            self.disturb();
            self.check_progress();
        }
    }

    /// Whatever is unresolved has something running, or a start that pacing put off.
    fn check_progress(&self) {
        let unresolved = self.jobs.values().filter(|j| !j.resolved).count();
        if unresolved > 0 && self.running.is_empty() {
            let hold = self.policy.snapshot().hold;
            assert!(matches!(hold, Hold::Pacing(Some(_))), "{unresolved} wait on nothing: {hold:?}");
        }
    }

    /// Only what still runs can end or release its device; a job may have ended before its caller cancels it.
    fn happen(&mut self, event: Event) {
        let gone = run_of(&event).is_some_and(|run| !self.running.contains_key(&run));
        if !gone {
            let outcome = self.send(event);
            let expected = outcome == Outcome::Applied || matches!(event, Event::Cancelled(_));
            assert!(expected, "{event:?}: {outcome:?}");
        }
    }

    fn send(&mut self, event: Event) -> Outcome {
        self.before(&event);
        let mut actions = Vec::new();
        let outcome = self.policy.handle(self.now, event, &mut actions);
        self.past.push(event);
        for action in actions {
            self.act(action);
        }
        self.policy.audit().unwrap();
        let snapshot = self.policy.snapshot();
        assert_eq!(snapshot.host_committed, self.committed);
        assert!(self.committed <= self.bound, "{} of {} bytes", self.committed, self.bound);
        assert_eq!(snapshot.synthesising, self.count(At::Synthesising));
        assert!(snapshot.synthesising <= self.config.synthesis_slots as usize);
        assert!(snapshot.synthesising + snapshot.ready <= self.config.look_ahead as usize);
        assert!(snapshot.jobs_open <= self.config.jobs_in_flight as usize);
        if self.exposure() <= self.budget {
            self.bound = self.budget;
        }
        outcome
    }

    /// Books that change because the event is true, before the policy answers.
    fn before(&mut self, event: &Event) {
        if let Some(run) = event.ends()
            && self.running.remove(&run).is_some()
        {
            let part =
                &mut self.jobs.get_mut(&run.partition.job).unwrap().parts[run.partition.index as usize];
            let failed = !matches!(event, Event::Synthesised { .. } | Event::Finished { .. });
            *part = match (*part, failed) {
                (At::Synthesising, false) => At::Ready,
                (At::Proving { .. }, false) => At::Finished,
                _ => At::Queued,
            };
        }
        match event {
            Event::DeviceReleased { run, .. } if self.running.contains_key(run) => {
                let job = self.jobs.get_mut(&run.partition.job).unwrap();
                job.parts[run.partition.index as usize] = At::Proving { released: true };
            }
            Event::Submitted(spec) if !self.jobs.contains_key(&spec.id) => {
                let aging = self.config.aging.as_nanos() as i128;
                let submitted = spec.submitted.min(self.now);
                let rank = (i128::from(submitted.0) - i128::from(spec.priority) * aging, self.arrivals);
                self.arrivals += 1;
                let parts = vec![At::Queued; spec.partitions as usize];
                self.jobs.insert(spec.id, Job { spec: *spec, rank, parts, opened: false, resolved: false });
            }
            Event::BudgetChanged { host, .. } => {
                self.bound = self.exposure().max(*host);
                self.budget = *host;
            }
            _ => {}
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Synthesise { run } => self.synthesise(run),
            Action::Prove { run, worker } => self.prove(run, worker),
            Action::Abort { run } => {
                self.running.get_mut(&run).unwrap().aborted = true;
                // It stops when it notices, unless its usual end comes first.
                let soon = self.now + Duration::from_millis(self.rng.gen_range(0..20));
                self.at(soon, Event::Aborted { run });
            }
            Action::Release { bytes, .. } => self.committed -= bytes,
            Action::Deliver { job } => {
                let job = self.resolve(job);
                assert!(job.parts.iter().all(|p| *p == At::Finished), "{job:?}");
                self.delivered += 1;
            }
            Action::Fail { job, .. } => {
                self.resolve(job);
                self.failed += 1;
            }
            Action::Refuse { job, .. } => {
                assert!(!self.resolve(job).opened);
                self.refused += 1;
            }
        }
    }

    /// Every job ends once.
    fn resolve(&mut self, id: JobId) -> &Job {
        let job = self.jobs.get_mut(&id).unwrap();
        assert!(!job.resolved, "{id:?} ended twice");
        job.resolved = true;
        // What waits is dropped with it.
        for part in job.parts.iter_mut().filter(|p| **p == At::Ready) {
            *part = At::Queued;
        }
        job
    }

    fn synthesise(&mut self, run: Run) {
        self.check_best_synthesis(run.partition);
        let end = self.now + self.duration();
        let job = self.jobs.get_mut(&run.partition.job).unwrap();
        assert!(!job.resolved && job.parts[run.partition.index as usize] == At::Queued);
        job.parts[run.partition.index as usize] = At::Synthesising;
        job.opened = true;
        self.committed += job.spec.footprint.synthesis();
        assert!(self.running.insert(run, Running { worker: None, aborted: false }).is_none());
        let took = end.since(self.now);
        let event = self.end(run, Event::Synthesised { run, took });
        self.at(end, event);
    }

    fn prove(&mut self, run: Run, worker: WorkerId) {
        self.check_best_proof(run.partition);
        let busy = self.running.values().any(|r| r.worker == Some(worker));
        let host = WorkerId { device: self.config.host(), slot: 0 };
        let stands_in = self.config.host_after.is_some() && worker == host;
        assert!(!busy && (stands_in || self.up.contains(&worker.device.0)), "{worker:?}");
        let released = self.now + self.duration();
        let end = released + self.duration();
        let job = self.jobs.get_mut(&run.partition.job).unwrap();
        assert!(!job.resolved && job.parts[run.partition.index as usize] == At::Ready);
        job.parts[run.partition.index as usize] = At::Proving { released: false };
        self.committed += job.spec.footprint.tail;
        assert!(self.running.insert(run, Running { worker: Some(worker), aborted: false }).is_none());
        if self.rng.gen_bool(0.9) {
            self.at(released, Event::DeviceReleased { run, held: released.since(self.now) });
        }
        let event = self.end(run, Event::Finished { run });
        let early = !matches!(event, Event::Finished { .. }) && self.rng.gen_bool(0.5);
        self.at(if early { released } else { end }, event);
    }

    /// How a stage ends.
    fn end(&mut self, run: Run, well: Event) -> Event {
        let x: f64 = self.rng.r#gen();
        let f = &self.faults;
        if x < f.error {
            Event::Failed { run, severity: Severity::Retryable }
        } else if x < f.error + f.fatal {
            Event::Failed { run, severity: Severity::Fatal }
        } else if x < f.error + f.fatal + f.panic {
            Event::Panicked { run }
        } else {
            well
        }
    }

    /// No partition that may start has a better place in line.
    fn check_best_synthesis(&self, id: PartitionId) {
        let open = self.jobs.values().filter(|j| j.opened && self.alive(j)).count();
        let room = open < self.config.jobs_in_flight as usize;
        let may = |j: &&Job| !j.resolved && (j.opened || room);
        let best = self.first(At::Queued, may);
        assert_eq!(best, Some(id));
    }

    /// Where the host stands in, partitions for it and for devices pass each other: `tests/policy.rs` has that order.
    fn check_best_proof(&self, id: PartitionId) {
        if self.config.host_after.is_some() {
            return;
        }
        assert_eq!(self.first(At::Ready, |j| !j.resolved), Some(id));
    }

    fn first(&self, at: At, may: impl Fn(&&Job) -> bool) -> Option<PartitionId> {
        let of = |j: &Job| {
            let index = j.parts.iter().position(|p| *p == at)?;
            Some((j.rank, PartitionId { job: j.spec.id, index: index as u32 }))
        };
        self.jobs.values().filter(may).filter_map(of).min().map(|(_, id)| id)
    }

    /// A failed job counts until its stages have stopped.
    fn alive(&self, job: &Job) -> bool {
        !job.resolved || self.running.keys().any(|r| r.partition.job == job.spec.id)
    }

    fn count(&self, at: At) -> usize {
        self.jobs.values().flat_map(|j| &j.parts).filter(|p| **p == at).count()
    }

    fn exposure(&self) -> u64 {
        let (mut base, mut tails, mut pending) = (0, 0, 0);
        for job in self.jobs.values() {
            let f = job.spec.footprint;
            for part in &job.parts {
                match part {
                    At::Synthesising | At::Ready => {
                        base += f.synthesis();
                        pending = pending.max(f.tail);
                    }
                    At::Proving { released } => {
                        base += f.witness + if *released { 0 } else { f.evaluated };
                        tails += f.tail;
                    }
                    At::Queued | At::Finished => {}
                }
            }
        }
        base + pending.max(tails)
    }

    /// Things that come from outside.
    fn disturb(&mut self) {
        if self.jobs.values().all(|j| j.resolved) && self.queue.is_empty() {
            return;
        }
        if self.rng.gen_bool(self.faults.repeat) && !self.past.is_empty() {
            let event = *self.past.choose(&mut self.rng).unwrap();
            self.repeat(event);
        }
        if self.rng.gen_bool(self.faults.budget) {
            let host = self.rng.gen_range(30..500);
            let device = self.rng.gen_range(80..120);
            assert_eq!(self.send(Event::BudgetChanged { host, device }), Outcome::Applied);
        }
        if self.rng.gen_bool(self.faults.device) {
            let device = self.rng.gen_range(0..self.config.devices);
            let event = if self.up.remove(&device) {
                Event::DeviceLost(DeviceId(device))
            } else {
                self.up.insert(device);
                Event::DeviceRestored(DeviceId(device))
            };
            assert_eq!(self.send(event), Outcome::Applied);
        }
    }

    /// An event about a run that is over, or about a job that is alive, changes nothing.
    fn repeat(&mut self, event: Event) {
        let over = run_of(&event).is_some_and(|r| !self.running.contains_key(&r));
        let Event::Submitted(spec) = event else {
            if over {
                let outcome = self.send(event);
                assert!(matches!(outcome, Outcome::Ignored(_)), "{event:?}");
            }
            return;
        };
        if self.jobs.get(&spec.id).is_some_and(|j| self.alive(j)) {
            assert_eq!(self.send(event), Outcome::Ignored(Ignored::DuplicateJob));
        }
    }
}

fn run_of(event: &Event) -> Option<Run> {
    match event {
        Event::DeviceReleased { run, .. } => Some(*run),
        _ => event.ends(),
    }
}

fn check(seed: u64, faults: Faults, jobs: u64) -> Executor {
    let mut e = Executor::new(seed, faults);
    e.submit_jobs(jobs);
    e.run();
    assert!(e.running.is_empty() && e.policy.is_idle(), "seed {seed}: {:?}", e.policy.snapshot());
    assert!(e.jobs.values().all(|j| j.resolved), "seed {seed}");
    assert_eq!(e.delivered + e.failed + e.refused, jobs, "seed {seed}");
    let s = e.policy.snapshot();
    assert_eq!((s.totals.delivered, s.totals.failed, s.totals.refused), (e.delivered, e.failed, e.refused));
    assert_eq!(
        (s.jobs_waiting, s.jobs_open, s.queued, s.synthesising, s.ready, s.proving, s.host_committed),
        (0, 0, 0, 0, 0, 0, 0)
    );
    e
}

#[test]
fn without_faults_every_job_that_fits_is_delivered() {
    let mut delivered = 0;
    for seed in 0..100 {
        let e = check(seed, CALM, 40);
        assert_eq!(e.failed, 0, "seed {seed}");
        delivered += e.delivered;
    }
    assert!(delivered > 2500, "{delivered}");
}

#[test]
fn every_job_ends_once_whatever_happens() {
    let (mut delivered, mut failed, mut refused, mut retries) = (0, 0, 0, 0);
    for seed in 1000..1400 {
        let e = check(seed, STORM, 40);
        delivered += e.delivered;
        failed += e.failed;
        refused += e.refused;
        retries += e.policy.snapshot().totals.retries;
    }
    // The storm leaves enough of each to mean something.
    assert!(
        delivered > 1000 && failed > 1000 && refused > 1000 && retries > 1000,
        "{delivered} {failed} {refused} {retries}"
    );
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let history = |seed| check(seed, STORM, 30).past;
    assert_eq!(history(7), history(7));
    assert_ne!(history(7), history(8));
}
