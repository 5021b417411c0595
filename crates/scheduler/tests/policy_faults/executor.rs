//! A policy on a virtual clock, with a queue of events that will happen.

use crate::{
    books::{At, Job, Running},
    faults::{Faults, run_of},
};
use forebay_scheduler::policy::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    time::Duration,
};

pub(crate) struct Executor {
    pub(crate) policy: Policy,
    pub(crate) config: PolicyConfig,
    pub(crate) faults: Faults,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) now: Time,
    /// Reversed by negation of time: (−time, −sequence) would do, `Reverse` says it.
    pub(crate) queue: BinaryHeap<std::cmp::Reverse<(Time, u64)>>,
    pub(crate) events: BTreeMap<u64, Event>,
    pub(crate) next: u64,
    pub(crate) past: Vec<Event>,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    pub(crate) running: BTreeMap<Run, Running>,
    pub(crate) budget: u64,
    /// Bytes that may be committed: the budget, or what was committed when it shrank.
    pub(crate) bound: u64,
    pub(crate) committed: u64,
    pub(crate) arrivals: u64,
    pub(crate) up: BTreeSet<u32>,
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) refused: u64,
}

impl Executor {
    pub(crate) fn new(seed: u64, faults: Faults) -> Executor {
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

    pub(crate) fn at(&mut self, time: Time, event: Event) {
        self.next += 1;
        self.queue.push(std::cmp::Reverse((time, self.next)));
        self.events.insert(self.next, event);
    }

    pub(crate) fn submit_jobs(&mut self, count: u64) {
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
    pub(crate) fn run(&mut self) {
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

    /// Only what still runs can end or release its device; a job may have ended before its caller cancels it.
    pub(crate) fn happen(&mut self, event: Event) {
        let gone = run_of(&event).is_some_and(|run| !self.running.contains_key(&run));
        if !gone {
            let outcome = self.send(event);
            let expected = outcome == Outcome::Applied || matches!(event, Event::Cancelled(_));
            assert!(expected, "{event:?}: {outcome:?}");
        }
    }

    pub(crate) fn send(&mut self, event: Event) -> Outcome {
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
}
