//! Where runs and jobs end.

use super::{
    Action, Failure, JobId, PartitionId, Policy, Run,
    state::{Stage, Status},
};

impl Policy {
    /// Fails the jobs whose deadlines have passed.
    pub(super) fn expire(&mut self, out: &mut Vec<Action>) {
        while let Some((deadline, job)) = self.deadlines.first().copied() {
            if deadline > self.now {
                break;
            }
            self.close(job, Failure::Deadline, out);
        }
    }

    /// Ends a run: slot and memory come back, and the partition goes where `next` says.
    pub(super) fn stop_run(&mut self, run: Run, next: Next, out: &mut Vec<Action>) {
        let id = run.partition;
        let Some(job) = self.jobs.get_mut(&id.job) else { return };
        let (rank, f) = (job.rank, job.spec.footprint);
        let part = &mut job.parts[id.index as usize];
        let stage = part.stage;
        part.stage = match next {
            Next::Ready => Stage::Ready,
            Next::Queued | Next::Gone => Stage::Queued,
            Next::Finished => Stage::Finished,
        };
        job.running -= 1;
        job.unfinished -= u32::from(next == Next::Finished);
        let gone = job.status == Status::Stopping && job.running == 0;
        match stage {
            Stage::Synthesising { .. } => {
                self.synthesising.remove(&id);
                if next != Next::Ready {
                    release(id, self.ledger.drop_pending(&f), out);
                }
            }
            Stage::Proving { worker, held, .. } => {
                self.devices[worker.device.0 as usize].workers[worker.slot as usize] = None;
                release(id, self.ledger.drop_held(&f, held.is_some()), out);
            }
            Stage::Queued | Stage::Ready | Stage::Finished => {}
        }
        match next {
            Next::Ready => _ = self.ready.insert((rank, id)),
            Next::Queued => _ = self.queued.insert((rank, id)),
            Next::Finished | Next::Gone => {}
        }
        if gone {
            self.remove(id.job);
        }
    }

    /// Fails a job: what waits is dropped, what runs is asked to stop.
    pub(super) fn close(&mut self, id: JobId, reason: Failure, out: &mut Vec<Action>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let (rank, f, status) = (job.rank, job.spec.footprint, job.status);
        job.status = Status::Stopping;
        if let Some(deadline) = job.spec.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.totals.failed += 1;
        out.push(Action::Fail { job: id, reason });
        if status == Status::Waiting {
            self.waiting_partitions -= u64::from(job.spec.partitions);
            self.waiting.remove(&(rank, id));
            self.jobs.remove(&id);
            return;
        }
        for (index, part) in job.parts.iter_mut().enumerate() {
            let partition = PartitionId { job: id, index: index as u32 };
            match part.stage {
                Stage::Queued => _ = self.queued.remove(&(rank, partition)),
                Stage::Ready => {
                    part.stage = Stage::Queued;
                    self.ready.remove(&(rank, partition));
                    release(partition, self.ledger.drop_pending(&f), out);
                }
                Stage::Synthesising { run } | Stage::Proving { run, .. } => out.push(Action::Abort { run }),
                Stage::Finished => {}
            }
        }
        if job.running == 0 {
            self.remove(id);
        }
    }

    /// Forgets a job that was open.
    pub(super) fn remove(&mut self, id: JobId) {
        let Some(job) = self.jobs.remove(&id) else { return };
        self.open -= 1;
        if let Some(deadline) = job.spec.deadline {
            self.deadlines.remove(&(deadline, id));
        }
    }
}

/// Where a partition goes when its run ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Ready,
    Queued,
    Finished,
    /// Its job has failed.
    Gone,
}

pub(super) fn release(partition: PartitionId, bytes: u64, out: &mut Vec<Action>) {
    if bytes > 0 {
        out.push(Action::Release { partition, bytes });
    }
}
