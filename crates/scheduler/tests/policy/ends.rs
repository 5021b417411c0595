//! Deadlines, failures, lost devices and budgets that shrink.

use crate::bench::{Bench, SECOND, id, narrow, spec};
use forebay_scheduler::policy::*;

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
