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
