//! What goes wrong, and how often.

use crate::executor::Executor;
use forebay_scheduler::policy::*;
use rand::{Rng, seq::SliceRandom};
use std::time::Duration;

pub(crate) struct Faults {
    pub(crate) error: f64,
    pub(crate) fatal: f64,
    pub(crate) panic: f64,
    pub(crate) slow: f64,
    pub(crate) cancel: f64,
    pub(crate) deadline: f64,
    pub(crate) budget: f64,
    pub(crate) device: f64,
    pub(crate) repeat: f64,
}

pub(crate) const CALM: Faults = Faults {
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

pub(crate) const STORM: Faults = Faults {
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

impl Executor {
    pub(crate) fn duration(&mut self) -> Duration {
        let base = Duration::from_millis(self.rng.gen_range(1..100));
        if self.rng.gen_bool(self.faults.slow) { base * 50 } else { base }
    }

    /// How a stage ends.
    pub(crate) fn end(&mut self, run: Run, well: Event) -> Event {
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

    /// Things that come from outside.
    pub(crate) fn disturb(&mut self) {
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
    pub(crate) fn repeat(&mut self, event: Event) {
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

pub(crate) fn run_of(event: &Event) -> Option<Run> {
    match event {
        Event::DeviceReleased { run, .. } => Some(*run),
        _ => event.ends(),
    }
}
