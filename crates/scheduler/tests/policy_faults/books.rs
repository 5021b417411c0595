//! The executor's own books, and what every action is checked against.

use crate::executor::Executor;
use forebay_scheduler::policy::*;
use rand::Rng;
use std::time::Duration;

pub(crate) type Rank = (i128, u64);

/// Where a partition is, by the executor's own books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Queued,
    Synthesising,
    Ready,
    Proving { released: bool },
    Finished,
}

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) spec: JobSpec,
    pub(crate) rank: Rank,
    pub(crate) parts: Vec<At>,
    /// Failed runs of each partition that the device it ran on was not lost under.
    pub(crate) failures: Vec<u32>,
    pub(crate) opened: bool,
    pub(crate) resolved: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pub(crate) worker: Option<WorkerId>,
    pub(crate) aborted: bool,
    /// Its device was lost under it, before it was done with it.
    pub(crate) displaced: bool,
}

impl Executor {
    /// Whatever is unresolved has something running, or a start that pacing put off.
    pub(crate) fn check_progress(&self) {
        let unresolved = self.jobs.values().filter(|j| !j.resolved).count();
        if unresolved > 0 && self.running.is_empty() {
            let hold = self.policy.snapshot().hold;
            assert!(matches!(hold, Hold::Pacing(Some(_))), "{unresolved} wait on nothing: {hold:?}");
        }
    }

    /// Books that change because the event is true, before the policy answers.
    pub(crate) fn before(&mut self, event: &Event) {
        if let Some(run) = event.ends()
            && let Some(running) = self.running.remove(&run)
        {
            let (job, index) = (self.jobs.get_mut(&run.partition.job).unwrap(), run.partition.index as usize);
            if matches!(event, Event::Failed { .. }) && !running.displaced {
                job.failures[index] += 1;
            }
            let part = &mut job.parts[index];
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
                let failures = vec![0; parts.len()];
                let job = Job { spec: *spec, rank, parts, failures, opened: false, resolved: false };
                self.jobs.insert(spec.id, job);
            }
            Event::DeviceLost(device) => {
                for (run, running) in &mut self.running {
                    let part = self.jobs[&run.partition.job].parts[run.partition.index as usize];
                    let on_it = running.worker.is_some_and(|worker| worker.device == *device);
                    running.displaced |= on_it && part == At::Proving { released: false };
                }
            }
            Event::BudgetChanged { host, .. } => {
                self.bound = self.exposure().max(*host);
                self.budget = *host;
            }
            _ => {}
        }
    }

    pub(crate) fn act(&mut self, action: Action) {
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
    pub(crate) fn resolve(&mut self, id: JobId) -> &Job {
        let job = self.jobs.get_mut(&id).unwrap();
        assert!(!job.resolved, "{id:?} ended twice");
        job.resolved = true;
        // What waits is dropped with it.
        for part in job.parts.iter_mut().filter(|p| **p == At::Ready) {
            *part = At::Queued;
        }
        job
    }

    pub(crate) fn synthesise(&mut self, run: Run) {
        self.check_best_synthesis(run.partition);
        let end = self.now + self.duration();
        let job = self.jobs.get_mut(&run.partition.job).unwrap();
        assert!(!job.resolved && job.parts[run.partition.index as usize] == At::Queued);
        job.parts[run.partition.index as usize] = At::Synthesising;
        job.opened = true;
        self.committed += job.spec.footprint.synthesis();
        assert!(
            self.running.insert(run, Running { worker: None, aborted: false, displaced: false }).is_none()
        );
        let took = end.since(self.now);
        let event = self.end(run, Event::Synthesised { run, took });
        self.at(end, event);
    }

    pub(crate) fn prove(&mut self, run: Run, worker: WorkerId) {
        self.check_best_proof(run.partition, worker);
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
        assert!(
            self.running
                .insert(run, Running { worker: Some(worker), aborted: false, displaced: false })
                .is_none()
        );
        if self.rng.gen_bool(0.9) {
            self.at(released, Event::DeviceReleased { run, held: released.since(self.now) });
        }
        let event = self.end(run, Event::Finished { run });
        let early = !matches!(event, Event::Finished { .. }) && self.rng.gen_bool(0.5);
        self.at(if early { released } else { end }, event);
    }

    /// No partition that may start has a better place in line.
    pub(crate) fn check_best_synthesis(&self, id: PartitionId) {
        let open = self.jobs.values().filter(|j| j.opened && self.alive(j)).count();
        let room = open < self.config.jobs_in_flight as usize;
        let may = |j: &&Job| !j.resolved && (j.opened || room);
        let best = self.first(At::Queued, |j, _| may(&j));
        assert_eq!(best, Some(id));
    }

    /// The worker is of the kind that the partition is for, and no ready partition for that kind has a better place in line.
    pub(crate) fn check_best_proof(&self, id: PartitionId, worker: WorkerId) {
        let host = worker.device == self.config.host();
        let of_kind = |j: &Job, index| !j.resolved && self.on_host(j, index) == host;
        assert_eq!(self.first(At::Ready, of_kind), Some(id), "on {worker:?}");
    }

    /// Whether the host stands in: all devices are gone, or the partition failed often enough.
    fn on_host(&self, job: &Job, index: usize) -> bool {
        self.config.host_after.is_some_and(|limit| self.up.is_empty() || job.failures[index] >= limit)
    }

    pub(crate) fn first(&self, at: At, may: impl Fn(&Job, usize) -> bool) -> Option<PartitionId> {
        let of = |j: &Job| {
            let index = (0..j.parts.len()).find(|i| j.parts[*i] == at && may(j, *i))?;
            Some((j.rank, PartitionId { job: j.spec.id, index: index as u32 }))
        };
        self.jobs.values().filter_map(of).min().map(|(_, id)| id)
    }

    /// A failed job counts until its stages have stopped.
    pub(crate) fn alive(&self, job: &Job) -> bool {
        !job.resolved || self.running.keys().any(|r| r.partition.job == job.spec.id)
    }

    pub(crate) fn count(&self, at: At) -> usize {
        self.jobs.values().flat_map(|j| &j.parts).filter(|p| **p == at).count()
    }

    pub(crate) fn exposure(&self) -> u64 {
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
}
