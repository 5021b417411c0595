//! A policy, a clock that a test moves, and the jobs it is given.

use forebay_scheduler::policy::*;
use std::time::Duration;

pub(crate) fn spec(id: u64, priority: u8, partitions: u32) -> JobSpec {
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
pub(crate) struct Bench {
    pub(crate) policy: Policy,
    pub(crate) now: Time,
    pub(crate) out: Vec<Action>,
}

impl Bench {
    pub(crate) fn new(config: PolicyConfig) -> Bench {
        Bench { policy: Policy::new(config).unwrap(), now: Time::ZERO, out: Vec::new() }
    }

    pub(crate) fn send(&mut self, event: Event) -> Outcome {
        self.out.clear();
        let outcome = self.policy.handle(self.now, event, &mut self.out);
        self.policy.audit().unwrap();
        outcome
    }

    pub(crate) fn synthesising(&self) -> Vec<Run> {
        let run = |a: &Action| if let Action::Synthesise { run } = a { Some(*run) } else { None };
        self.out.iter().filter_map(run).collect()
    }

    pub(crate) fn proving(&self) -> Vec<(Run, WorkerId)> {
        let run =
            |a: &Action| if let Action::Prove { run, worker } = a { Some((*run, *worker)) } else { None };
        self.out.iter().filter_map(run).collect()
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Takes every partition of what is there through both stages, one event at a time, in the order asked for. Returns the
/// order of synthesis, and of proving.
pub(crate) fn drain(b: &mut Bench) -> (Vec<PartitionId>, Vec<PartitionId>) {
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

pub(crate) fn id(job: u64, index: u32) -> PartitionId {
    PartitionId { job: JobId(job), index }
}

/// One slot, one worker, no pacing: what runs is one line.
pub(crate) fn narrow() -> PolicyConfig {
    PolicyConfig {
        workers_per_device: 1,
        synthesis_slots: 1,
        look_ahead: 1,
        pacing: Pacing::Off,
        aging: Duration::MAX,
        ..PolicyConfig::default()
    }
}
