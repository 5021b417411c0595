//! What each event does.

use super::{
    Action, DeviceId, Failure, Footprint, Ignored, JobId, JobSpec, Policy, Refusal, Run, Severity,
    lifecycle::{Next, release},
    state::{Device, Job, Stage, Status},
};
use std::time::Duration;

impl Policy {
    pub(super) fn submit(&mut self, mut spec: JobSpec, out: &mut Vec<Action>) -> Result<(), Ignored> {
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
        } else if self.devices_up() == 0 && config.host_after.is_none() {
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

    pub(super) fn synthesised(
        &mut self,
        run: Run,
        took: Duration,
        out: &mut Vec<Action>,
    ) -> Result<(), Ignored> {
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

    pub(super) fn device_released(
        &mut self,
        run: Run,
        held: Duration,
        out: &mut Vec<Action>,
    ) -> Result<(), Ignored> {
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

    pub(super) fn finished(&mut self, run: Run, out: &mut Vec<Action>) -> Result<(), Ignored> {
        let now = self.now;
        let (workers, host) = (self.config.workers_per_device, self.config.host());
        let (job, stage) = self.current(run)?;
        let Stage::Proving { since, held, worker, .. } = stage else { return Err(Ignored::WrongStage) };
        let (circuit, stopping) = (job.spec.circuit, job.status == Status::Stopping);
        if worker.device != host {
            self.pacer.proved(circuit, (now.since(since) / workers).max(held.unwrap_or_default()));
        }
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

    pub(super) fn failed(
        &mut self,
        run: Run,
        severity: Severity,
        out: &mut Vec<Action>,
    ) -> Result<(), Ignored> {
        let limit = self.config.attempts;
        let (job, _) = self.current(run)?;
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
        // A device works on a, b, c in place, so a failed attempt leaves nothing to begin again from but the job.
        self.stop_run(run, Next::Queued, out);
        if again {
            self.totals.retries += 1;
        } else {
            self.close(id.job, Failure::Partition { index: id.index, attempts: failures }, out);
        }
        Ok(())
    }

    pub(super) fn panicked(&mut self, run: Run, out: &mut Vec<Action>) -> Result<(), Ignored> {
        let (job, _) = self.current(run)?;
        let stopping = job.status == Status::Stopping;
        self.stop_run(run, if stopping { Next::Gone } else { Next::Queued }, out);
        if !stopping {
            self.close(run.partition.job, Failure::Panicked { index: run.partition.index }, out);
        }
        Ok(())
    }

    pub(super) fn cancelled(&mut self, job: JobId, out: &mut Vec<Action>) -> Result<(), Ignored> {
        match self.jobs.get(&job) {
            Some(j) if j.status != Status::Stopping => {
                self.close(job, Failure::Cancelled, out);
                Ok(())
            }
            _ => Err(Ignored::UnknownJob),
        }
    }

    pub(super) fn budget_changed(&mut self, host: u64, device: u64, out: &mut Vec<Action>) {
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

    /// A device, which the host is not.
    fn device_mut(&mut self, device: DeviceId) -> Option<&mut Device> {
        self.devices.get_mut(device.0 as usize).filter(|_| device != self.config.host())
    }

    pub(super) fn device_lost(&mut self, device: DeviceId, out: &mut Vec<Action>) -> Result<(), Ignored> {
        let state = self.device_mut(device).filter(|d| d.up).ok_or(Ignored::Device)?;
        state.up = false;
        let runs: Vec<Run> = state.workers.iter().flatten().copied().collect();
        if self.devices_up() == 0 && self.config.host_after.is_none() {
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

    pub(super) fn device_restored(&mut self, device: DeviceId) -> Result<(), Ignored> {
        let state = self.device_mut(device).filter(|d| !d.up).ok_or(Ignored::Device)?;
        state.up = true;
        Ok(())
    }
}
