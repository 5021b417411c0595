//! What runs next, and what is refused.

use crate::bench::{Bench, SECOND, drain, id, narrow, spec};
use forebay_scheduler::policy::*;
use std::time::Duration;

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
