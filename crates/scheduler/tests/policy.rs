//! The policy by hand: small schedules whose every action is known.
#![allow(clippy::unwrap_used)] // a test may panic

use forebay_scheduler::policy::*;
use std::time::Duration;

fn spec(id: u64, priority: u8, partitions: u32) -> JobSpec {
    JobSpec {
        id: JobId(id),
        priority,
        circuit: CircuitId(0),
        partitions,
        footprint: Footprint { witness: 8, evaluated: 12, device: 5, tail: 10 },
        deadline: None,
        submitted: Time::ZERO,
    }
}

/// A policy, a clock that the test moves, and the actions of the last event.
struct Bench {
    policy: Policy,
    now: Time,
    out: Vec<Action>,
}

impl Bench {
    fn new(config: PolicyConfig) -> Bench {
        Bench { policy: Policy::new(config).unwrap(), now: Time::ZERO, out: Vec::new() }
    }

    fn send(&mut self, event: Event) -> Outcome {
        self.out.clear();
        let outcome = self.policy.handle(self.now, event, &mut self.out);
        self.policy.audit().unwrap();
        outcome
    }

    fn synthesising(&self) -> Vec<Run> {
        let run = |a: &Action| if let Action::Synthesise { run } = a { Some(*run) } else { None };
        self.out.iter().filter_map(run).collect()
    }

    fn proving(&self) -> Vec<(Run, WorkerId)> {
        let run =
            |a: &Action| if let Action::Prove { run, worker } = a { Some((*run, *worker)) } else { None };
        self.out.iter().filter_map(run).collect()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn one_partition_from_submission_to_delivery() {
    let mut b = Bench::new(PolicyConfig::default());
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 1))), Outcome::Applied);
    let run = b.synthesising()[0];
    assert_eq!(b.policy.snapshot().host_committed, 20);
    assert_eq!(b.send(Event::Synthesised { run, took: SECOND }), Outcome::Applied);
    let (run, worker) = b.proving()[0];
    assert_eq!(worker, WorkerId { device: DeviceId(0), slot: 0 });
    assert_eq!(b.policy.snapshot().host_committed, 30);
    assert_eq!(b.send(Event::DeviceReleased { run, held: SECOND }), Outcome::Applied);
    assert_eq!(b.out, [Action::Release { partition: run.partition, bytes: 12 }]);
    assert_eq!(b.send(Event::Finished { run }), Outcome::Applied);
    assert_eq!(
        b.out,
        [Action::Release { partition: run.partition, bytes: 18 }, Action::Deliver { job: JobId(1) }]
    );
    assert!(b.policy.is_idle());
    assert_eq!(b.send(Event::Finished { run }), Outcome::Ignored(Ignored::UnknownJob));
}

/// Takes every partition of what is there through both stages, one event at a time, in the order asked for. Returns the
/// order of synthesis, and of proving.
fn drain(b: &mut Bench) -> (Vec<PartitionId>, Vec<PartitionId>) {
    let (mut synthesised, mut proved) = (Vec::new(), Vec::new());
    let mut pending: std::collections::VecDeque<Action> = b.out.drain(..).collect();
    while let Some(action) = pending.pop_front() {
        b.now = b.now + SECOND;
        match action {
            Action::Synthesise { run } => {
                synthesised.push(run.partition);
                assert_eq!(b.send(Event::Synthesised { run, took: SECOND }), Outcome::Applied);
            }
            Action::Prove { run, .. } => {
                proved.push(run.partition);
                assert_eq!(b.send(Event::Finished { run }), Outcome::Applied);
            }
            _ => continue,
        }
        pending.extend(b.out.drain(..));
    }
    (synthesised, proved)
}

fn id(job: u64, index: u32) -> PartitionId {
    PartitionId { job: JobId(job), index }
}

/// One slot, one worker, no pacing: what runs is one line.
fn narrow() -> PolicyConfig {
    PolicyConfig {
        workers_per_device: 1,
        synthesis_slots: 1,
        look_ahead: 1,
        pacing: Pacing::Off,
        aging: Duration::MAX,
        ..PolicyConfig::default()
    }
}

#[test]
fn priority_then_arrival_then_partition_at_both_stages() {
    let mut b = Bench::new(narrow());
    let mut out = Vec::new();
    for (job, priority) in [(1, 0), (2, 1), (3, 0), (4, 2)] {
        assert_eq!(b.send(Event::Submitted(spec(job, priority, 2))), Outcome::Applied);
        out.append(&mut b.out);
    }
    b.out = out;
    let (synthesised, proved) = drain(&mut b);
    // Job 1 had started when the others came; its second partition waits for those with higher priority.
    let line = [id(1, 0), id(4, 0), id(4, 1), id(2, 0), id(2, 1), id(1, 1), id(3, 0), id(3, 1)];
    assert_eq!(synthesised, line);
    assert_eq!(proved, line);
    assert!(b.policy.is_idle());
}

/// The bound of the module's documentation: with jobs of priority 5 coming faster than they can be served, a job of
/// priority 0 is overtaken by those submitted within 5·aging of it, and by no later one.
#[test]
fn aging_bounds_the_wait() {
    let aging = Duration::from_secs(10);
    let mut b = Bench::new(PolicyConfig { aging, jobs_in_flight: 1, ..narrow() });
    let mut started = Vec::new();
    let mut runs = std::collections::VecDeque::new();
    for second in 0..400u64 {
        b.now = Time(second * 1_000_000_000);
        let priority = if second == 3 { 0 } else { 5 };
        let job = JobSpec { submitted: b.now, ..spec(second, priority, 1) };
        assert_eq!(b.send(Event::Submitted(job)), Outcome::Applied);
        let mut actions = b.out.clone();
        // A partition takes two seconds, so every other job is left waiting.
        if second % 2 == 1
            && let Some(run) = runs.pop_front()
        {
            assert_eq!(b.send(Event::Synthesised { run, took: SECOND }), Outcome::Applied);
            let (run, _) = b.proving()[0];
            assert_eq!(b.send(Event::Finished { run }), Outcome::Applied);
            actions.append(&mut b.out);
        }
        for action in actions {
            if let Action::Synthesise { run } = action {
                started.push(run.partition.job.0);
                runs.push_back(run);
            }
        }
    }
    let place = started.iter().position(|j| *j == 3).unwrap();
    assert!(started[..place].iter().all(|j| *j <= 53), "{:?}", &started[..place]);
    // It was overtaken by those that may, and starvation would have been real: many jobs wait for ever.
    assert!(place > 20 && b.policy.snapshot().jobs_waiting > 150);
}

#[test]
fn the_head_of_the_line_is_not_bypassed() {
    let mut b = Bench::new(PolicyConfig { host_bytes: 100, pacing: Pacing::Off, ..PolicyConfig::default() });
    let with = |job, footprint| Event::Submitted(JobSpec { footprint, ..spec(job, 0, 1) });
    let large = Footprint { witness: 60, evaluated: 20, device: 0, tail: 10 };
    let small = Footprint { witness: 1, evaluated: 1, device: 0, tail: 1 };
    assert_eq!(b.send(with(1, large)), Outcome::Applied);
    let run = b.synthesising()[0];
    assert_eq!(b.send(with(2, large)), Outcome::Applied);
    assert_eq!(b.send(with(3, small)), Outcome::Applied);
    assert!(b.out.is_empty());
    assert_eq!(b.policy.snapshot().hold, Hold::Memory);
    assert_eq!(b.send(Event::Failed { run, severity: Severity::Fatal }), Outcome::Applied);
    let started: Vec<u64> = b.synthesising().iter().map(|r| r.partition.job.0).collect();
    assert_eq!(started, [2, 3]);
}

#[test]
fn what_cannot_run_is_refused_at_once() {
    let config = PolicyConfig {
        host_bytes: 100,
        device_bytes: 50,
        queue_limit: 1,
        partitions_limit: 4,
        synthesis_slots: 1,
        jobs_in_flight: 1,
        ..PolicyConfig::default()
    };
    let mut b = Bench::new(config);
    b.now = Time(10);
    let host = Footprint { witness: 80, evaluated: 20, device: 0, tail: 1 };
    let device = Footprint { device: 51, ..Footprint::default() };
    let huge = Footprint { witness: u64::MAX, evaluated: u64::MAX, device: 0, tail: u64::MAX };
    for (job, reason) in [
        (spec(1, 0, 0), Refusal::NoPartitions),
        (spec(1, 0, 5), Refusal::TooManyPartitions { partitions: 5, limit: 4 }),
        (JobSpec { footprint: host, ..spec(1, 0, 1) }, Refusal::HostBytes { need: 101, budget: 100 }),
        (JobSpec { footprint: huge, ..spec(1, 0, 1) }, Refusal::HostBytes { need: u64::MAX, budget: 100 }),
        (JobSpec { footprint: device, ..spec(1, 0, 1) }, Refusal::DeviceBytes { need: 51, budget: 50 }),
        (JobSpec { deadline: Some(Time(10)), ..spec(1, 0, 1) }, Refusal::Deadline),
    ] {
        assert_eq!(b.send(Event::Submitted(job)), Outcome::Applied);
        assert_eq!(b.out, [Action::Refuse { job: JobId(1), reason }]);
    }
    for job in 1..=2 {
        assert_eq!(b.send(Event::Submitted(spec(job, 0, 1))), Outcome::Applied);
    }
    assert_eq!(b.send(Event::Submitted(spec(2, 0, 1))), Outcome::Ignored(Ignored::DuplicateJob));
    assert_eq!(b.send(Event::Submitted(spec(3, 0, 1))), Outcome::Applied);
    assert_eq!(b.out, [Action::Refuse { job: JobId(3), reason: Refusal::QueueFull { limit: 1 } }]);
    assert_eq!(b.send(Event::Drain), Outcome::Applied);
    assert_eq!(b.send(Event::Submitted(spec(4, 0, 1))), Outcome::Applied);
    assert_eq!(b.out, [Action::Refuse { job: JobId(4), reason: Refusal::Draining }]);
    assert_eq!(b.policy.snapshot().totals.refused, 8);
}

#[test]
fn a_deadline_wakes_fails_and_aborts() {
    let mut b = Bench::new(PolicyConfig { pacing: Pacing::Off, ..PolicyConfig::default() });
    let deadline = Some(Time(1_000));
    assert_eq!(b.send(Event::Submitted(JobSpec { deadline, ..spec(1, 0, 2) })), Outcome::Applied);
    assert_eq!(b.send(Event::Submitted(spec(2, 0, 1))), Outcome::Applied);
    let first = Run { partition: id(1, 0), ticket: 1 };
    let second = Run { partition: id(1, 1), ticket: 2 };
    assert_eq!(b.send(Event::Synthesised { run: first, took: SECOND }), Outcome::Applied);
    let (proving, _) = b.proving()[0];
    assert_eq!(b.policy.next_wakeup(), deadline);
    b.now = Time(1_000);
    assert_eq!(b.send(Event::Tick), Outcome::Applied);
    assert_eq!(
        b.out,
        [
            Action::Fail { job: JobId(1), reason: Failure::Deadline },
            Action::Abort { run: proving },
            Action::Abort { run: second },
        ]
    );
    assert_eq!(b.policy.next_wakeup(), None);
    assert_eq!((b.policy.snapshot().jobs_stopping, b.policy.snapshot().jobs_open), (1, 2));
    // One stops, the other finishes before it notices: neither is delivered, and all comes back.
    assert_eq!(b.send(Event::Aborted { run: second }), Outcome::Applied);
    assert_eq!(b.send(Event::Finished { run: proving }), Outcome::Applied);
    assert_eq!(b.out, [Action::Release { partition: id(1, 0), bytes: 30 }]);
    assert_eq!((b.policy.snapshot().jobs_open, b.policy.snapshot().host_committed), (1, 20));
    assert_eq!(b.send(Event::Aborted { run: second }), Outcome::Ignored(Ignored::UnknownJob));
}

#[test]
fn failures_are_retried_from_synthesis() {
    let mut b = Bench::new(PolicyConfig { attempts: 4, ..PolicyConfig::default() });
    let failed = |run| Event::Failed { run, severity: Severity::Retryable };
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 1))), Outcome::Applied);
    let mut run = b.synthesising()[0];
    // Before the device is released, and after: a device works on a, b, c in place, so both begin again.
    for released in [false, true] {
        assert_eq!(b.send(Event::Synthesised { run, took: SECOND }), Outcome::Applied);
        let (proving, _) = b.proving()[0];
        let stale = b.send(Event::Synthesised { run, took: SECOND });
        assert_eq!(stale, Outcome::Ignored(Ignored::StaleRun));
        let wrong = b.send(Event::Synthesised { run: proving, took: SECOND });
        assert_eq!(wrong, Outcome::Ignored(Ignored::WrongStage));
        if released {
            assert_eq!(b.send(Event::DeviceReleased { run: proving, held: SECOND }), Outcome::Applied);
            let twice = b.send(Event::DeviceReleased { run: proving, held: SECOND });
            assert_eq!(twice, Outcome::Ignored(Ignored::WrongStage));
        }
        assert_eq!(b.send(failed(proving)), Outcome::Applied);
        run = b.synthesising()[0];
        assert_eq!(b.policy.snapshot().host_committed, 20);
        assert_eq!(b.send(Event::Finished { run: proving }), Outcome::Ignored(Ignored::StaleRun));
    }
    // In synthesis itself, and once too often.
    assert_eq!(b.send(failed(run)), Outcome::Applied);
    let run = b.synthesising()[0];
    assert_eq!(b.send(failed(run)), Outcome::Applied);
    let reason = Failure::Partition { index: 0, attempts: 4 };
    assert_eq!(
        b.out,
        [Action::Release { partition: id(1, 0), bytes: 20 }, Action::Fail { job: JobId(1), reason }]
    );
    assert!(b.policy.is_idle());
    assert_eq!(b.policy.snapshot().totals.retries, 3);
}

#[test]
fn a_lost_device_moves_its_work_and_the_last_one_fails_it() {
    let mut b = Bench::new(PolicyConfig { devices: 2, attempts: 1, ..PolicyConfig::default() });
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 1))), Outcome::Applied);
    let run = b.synthesising()[0];
    assert_eq!(b.send(Event::Synthesised { run, took: SECOND }), Outcome::Applied);
    let (run, worker) = b.proving()[0];
    assert_eq!(b.send(Event::DeviceLost(worker.device)), Outcome::Applied);
    assert_eq!(b.out, [Action::Abort { run }]);
    assert_eq!(b.send(Event::DeviceLost(worker.device)), Outcome::Ignored(Ignored::Device));
    // It was not the partition's fault: it goes on although only one attempt is allowed.
    assert_eq!(b.send(Event::Failed { run, severity: Severity::Fatal }), Outcome::Applied);
    let run = b.synthesising()[0];
    assert_eq!(b.send(Event::Synthesised { run, took: SECOND }), Outcome::Applied);
    let (run, other) = b.proving()[0];
    assert_ne!(worker.device, other.device);
    assert_eq!(b.send(Event::DeviceLost(other.device)), Outcome::Applied);
    assert_eq!(b.out, [Action::Fail { job: JobId(1), reason: Failure::NoDevice }, Action::Abort { run }]);
    assert_eq!(b.send(Event::Aborted { run }), Outcome::Applied);
    assert!(b.policy.is_idle());
    assert_eq!(b.send(Event::Submitted(spec(2, 0, 1))), Outcome::Applied);
    assert_eq!(b.out, [Action::Refuse { job: JobId(2), reason: Refusal::NoDevice }]);
    assert_eq!(b.send(Event::DeviceRestored(other.device)), Outcome::Applied);
    assert_eq!(b.send(Event::DeviceRestored(DeviceId(9))), Outcome::Ignored(Ignored::Device));
    assert_eq!(b.send(Event::Submitted(spec(3, 0, 1))), Outcome::Applied);
    assert_eq!(b.synthesising().len(), 1);
}

#[test]
fn a_shrunk_budget_fails_what_cannot_fit_and_lets_the_rest_finish() {
    let mut b = Bench::new(PolicyConfig { host_bytes: 200, pacing: Pacing::Off, ..PolicyConfig::default() });
    let large = Footprint { witness: 50, evaluated: 50, device: 0, tail: 50 };
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 2))), Outcome::Applied);
    let runs = b.synthesising();
    assert_eq!(b.send(Event::Submitted(JobSpec { footprint: large, ..spec(2, 0, 1) })), Outcome::Applied);
    let doomed = b.synthesising()[0];
    assert_eq!(b.send(Event::BudgetChanged { host: 35, device: 100 }), Outcome::Applied);
    let reason = Failure::BudgetShrunk { need: 150, budget: 35 };
    assert_eq!(b.out, [Action::Fail { job: JobId(2), reason }, Action::Abort { run: doomed }]);
    assert_eq!(b.send(Event::Aborted { run: doomed }), Outcome::Applied);
    // Both of the other job were admitted before: they finish, one worker at a time.
    for run in runs {
        assert_eq!(b.send(Event::Synthesised { run, took: SECOND }), Outcome::Applied);
    }
    let first = Run { partition: id(1, 0), ticket: 4 };
    assert_eq!(b.policy.snapshot().proving, 1);
    assert_eq!(b.send(Event::Finished { run: first }), Outcome::Applied);
    let (second, _) = b.proving()[0];
    assert_eq!(b.send(Event::Finished { run: second }), Outcome::Applied);
    assert_eq!(b.out.last(), Some(&Action::Deliver { job: JobId(1) }));
    assert!(b.policy.is_idle());
}

/// A partition that failed on the device waits for the host, and others pass it on their way to the device.
#[test]
fn what_failed_on_devices_goes_to_the_host() {
    let mut b =
        Bench::new(PolicyConfig { host_after: Some(1), synthesis_slots: 4, look_ahead: 8, ..narrow() });
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 4))), Outcome::Applied);
    let first = b.synthesising();
    let ready = |b: &mut Bench, run: Run| {
        assert_eq!(b.send(Event::Synthesised { run, took: SECOND }), Outcome::Applied);
        b.proving().first().copied()
    };
    let fail = |b: &mut Bench, run: Run| {
        assert_eq!(b.send(Event::Failed { run, severity: Severity::Retryable }), Outcome::Applied);
        b.synthesising()[0]
    };
    let (run, worker) = ready(&mut b, first[0]).unwrap();
    assert_eq!((run.partition, worker.device), (id(1, 0), DeviceId(0)));
    let again = fail(&mut b, run);
    let (other, worker) = ready(&mut b, first[1]).unwrap();
    assert_eq!((other.partition, worker.device), (id(1, 1), DeviceId(0)));
    let (hosted, worker) = ready(&mut b, again).unwrap();
    assert_eq!((hosted.partition, worker), (id(1, 0), WorkerId { device: DeviceId(1), slot: 0 }));
    let again = fail(&mut b, other);
    assert_eq!(ready(&mut b, again), None, "the host is busy");
    let (passing, worker) = ready(&mut b, first[2]).unwrap();
    assert_eq!((passing.partition, worker.device), (id(1, 2), DeviceId(0)));
    assert_eq!(b.send(Event::Finished { run: hosted }), Outcome::Applied);
    assert_eq!(b.proving()[0].0.partition, id(1, 1));
    // The host is no device: it is not lost, and not restored.
    assert_eq!(b.send(Event::DeviceLost(DeviceId(1))), Outcome::Ignored(Ignored::Device));
    assert_eq!(b.send(Event::DeviceRestored(DeviceId(1))), Outcome::Ignored(Ignored::Device));
}

/// Few proofs are not held back, however busy the device: their memory is not missed.
#[test]
fn pacing_begins_where_memory_would_pile_up() {
    let config = PolicyConfig {
        synthesis_slots: 50,
        look_ahead: 50,
        host_bytes: 1000,
        pacing: Pacing::DEFAULT,
        ..PolicyConfig::default()
    };
    let mut b = Bench::new(config);
    let (synthesis, interval) = (SECOND * 30, SECOND * 3);
    assert_eq!(b.send(Event::Calibrated { circuit: CircuitId(0), synthesis, interval }), Outcome::Applied);
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 50))), Outcome::Applied);
    // Each commits 20 bytes and will want 10 more: the 25th would be beyond half of the budget.
    assert_eq!(b.synthesising().len(), 24);
    assert_eq!(b.policy.snapshot().hold, Hold::Pacing(None));
}

#[test]
fn pacing_starts_what_the_device_will_want_and_no_more() {
    let pacing = Pacing::JustInTime { free: 0.0, headroom: 0.0, reserve: 1.0, spacing: 0.0 };
    let config = PolicyConfig { synthesis_slots: 50, look_ahead: 50, pacing, ..PolicyConfig::default() };
    let mut b = Bench::new(config);
    let (synthesis, interval) = (SECOND * 30, SECOND * 3);
    let calibrated = Event::Calibrated { circuit: CircuitId(0), synthesis, interval };
    assert_eq!(b.send(calibrated), Outcome::Applied);
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 50))), Outcome::Applied);
    // Σ I < S + I: eleven in the pipeline.
    assert_eq!(b.synthesising().len(), 11);
    assert_eq!(b.policy.snapshot().hold, Hold::Pacing(None));
    let run = Run { partition: id(1, 0), ticket: 1 };
    assert_eq!(b.send(Event::Synthesised { run, took: synthesis }), Outcome::Applied);
    // A worker took it out of the pipeline, so one more starts.
    assert_eq!((b.proving().len(), b.synthesising().len()), (1, 1));
}

#[test]
fn pacing_spaces_starts_and_says_when_to_wake() {
    let pacing = Pacing::JustInTime { free: 0.0, headroom: 0.5, reserve: 1.0, spacing: 0.5 };
    let config = PolicyConfig { synthesis_slots: 50, look_ahead: 50, pacing, ..PolicyConfig::default() };
    let mut b = Bench::new(config);
    let calibrated =
        Event::Calibrated { circuit: CircuitId(0), synthesis: SECOND * 30, interval: SECOND * 3 };
    assert_eq!(b.send(calibrated), Outcome::Applied);
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 50))), Outcome::Applied);
    for n in 0..10u32 {
        assert_eq!(b.synthesising().len(), 1, "{n}");
        let next = b.now + Duration::from_millis(1500);
        assert_eq!(
            (b.policy.snapshot().hold, b.policy.next_wakeup()),
            (Hold::Pacing(Some(next)), Some(next))
        );
        b.now = Time(next.0 - 1);
        assert_eq!(b.send(Event::Tick), Outcome::Applied);
        assert!(b.out.is_empty());
        b.now = next;
        assert_eq!(b.send(Event::Tick), Outcome::Applied);
    }
}

#[test]
fn measured_durations_are_weighted_means_per_circuit() {
    let mut b = Bench::new(PolicyConfig::default());
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 3))), Outcome::Applied);
    for (ticket, seconds) in [(1, 8), (2, 16)] {
        let run = Run { partition: id(1, ticket as u32 - 1), ticket };
        assert_eq!(b.send(Event::Synthesised { run, took: SECOND * seconds }), Outcome::Applied);
    }
    assert_eq!(b.policy.measured(CircuitId(0)), (Some(SECOND * 9), None));
    assert_eq!(b.policy.measured(CircuitId(1)), (None, None));
}

#[test]
fn nonsense_configurations_are_refused() {
    let refused = |change: fn(&mut PolicyConfig)| {
        let mut config = PolicyConfig::default();
        change(&mut config);
        Policy::new(config).unwrap_err().to_string()
    };
    assert!(refused(|c| c.devices = 0).contains("devices"));
    assert!(refused(|c| c.workers_per_device = 5000).contains("workers_per_device"));
    assert!(refused(|c| c.queue_limit = 0).contains("queue_limit"));
    assert!(refused(|c| c.attempts = 0).contains("attempts"));
    let nan = |c: &mut PolicyConfig| {
        c.pacing = Pacing::JustInTime { free: 0.0, headroom: f64::NAN, reserve: 1.0, spacing: 0.0 };
    };
    assert!(refused(nan).contains("headroom"));
    let mut b = Bench::new(PolicyConfig::default());
    // Events about what never was.
    let run = Run { partition: id(7, 7), ticket: 7 };
    assert_eq!(b.send(Event::Panicked { run }), Outcome::Ignored(Ignored::UnknownJob));
    assert_eq!(b.send(Event::Cancelled(JobId(7))), Outcome::Ignored(Ignored::UnknownJob));
    assert_eq!(b.send(Event::DeviceLost(DeviceId(7))), Outcome::Ignored(Ignored::Device));
    // Time that runs backwards stands still.
    b.now = Time(100);
    assert_eq!(b.send(Event::Tick), Outcome::Applied);
    b.now = Time(50);
    assert_eq!(b.send(Event::Submitted(JobSpec { submitted: Time::MAX, ..spec(1, 0, 1) })), Outcome::Applied);
    assert_eq!(b.synthesising().len(), 1);
}

/// A job cannot claim a submission in the future, by which it would lose its place, nor one in the past of others'.
#[test]
fn a_submission_in_the_future_is_one_now() {
    let mut b = Bench::new(PolicyConfig { jobs_in_flight: 1, ..narrow() });
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 1))), Outcome::Applied);
    let mut out = b.out.clone();
    assert_eq!(b.send(Event::Submitted(JobSpec { submitted: Time(100), ..spec(2, 0, 1) })), Outcome::Applied);
    b.now = Time(60);
    assert_eq!(b.send(Event::Submitted(JobSpec { submitted: Time(50), ..spec(3, 0, 1) })), Outcome::Applied);
    std::mem::swap(&mut out, &mut b.out);
    assert_eq!(drain(&mut b).0, [id(1, 0), id(2, 0), id(3, 0)]);
}

#[test]
fn devices_share_the_work() {
    let config = PolicyConfig {
        devices: 2,
        workers_per_device: 2,
        synthesis_slots: 4,
        pacing: Pacing::Off,
        ..PolicyConfig::default()
    };
    let mut b = Bench::new(config);
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 5))), Outcome::Applied);
    let mut devices = Vec::new();
    for run in b.synthesising() {
        assert_eq!(b.send(Event::Synthesised { run, took: SECOND }), Outcome::Applied);
        devices.push(b.proving()[0].1.device.0);
    }
    assert_eq!(devices, [0, 1, 0, 1]);
}

/// Each circuit is paced by its own durations: what is ahead counts with its own interval.
#[test]
fn circuits_are_paced_by_their_own_durations() {
    let pacing = Pacing::JustInTime { free: 0.0, headroom: 0.0, reserve: 1.0, spacing: 0.0 };
    let config = PolicyConfig { synthesis_slots: 99, look_ahead: 99, pacing, ..PolicyConfig::default() };
    let mut b = Bench::new(config);
    for (circuit, synthesis, interval) in [(0, 10, 5), (1, 60, 1)] {
        let (synthesis, interval) = (SECOND * synthesis, SECOND * interval);
        let calibrated = Event::Calibrated { circuit: CircuitId(circuit), synthesis, interval };
        assert_eq!(b.send(calibrated), Outcome::Applied);
    }
    // 10 + 5 s of work in steps of 5.
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 9))), Outcome::Applied);
    assert_eq!(b.synthesising().len(), 3);
    // A job of the slow circuit and of higher priority: 60 + 1 s of work, 15 of which are there, in steps of 1.
    let slow = JobSpec { circuit: CircuitId(1), ..spec(2, 9, 99) };
    assert_eq!(b.send(Event::Submitted(slow)), Outcome::Applied);
    assert_eq!(b.synthesising().len(), 46);
}

/// At the very moment of its deadline, a job fails once; the second submission that came with it does not count.
#[test]
fn a_second_submission_at_the_deadline_is_a_duplicate() {
    let mut b = Bench::new(PolicyConfig::default());
    let job = JobSpec { deadline: Some(Time(1_000)), ..spec(1, 0, 1) };
    assert_eq!(b.send(Event::Submitted(job)), Outcome::Applied);
    let run = b.synthesising()[0];
    b.now = Time(1_000);
    assert_eq!(b.send(Event::Submitted(job)), Outcome::Ignored(Ignored::DuplicateJob));
    assert_eq!(b.out, [Action::Fail { job: JobId(1), reason: Failure::Deadline }, Action::Abort { run }]);
}
