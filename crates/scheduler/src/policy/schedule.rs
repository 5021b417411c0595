//! Starting what can be started, best rank first.

use super::{
    Action, JobId, PartitionId, Policy, Time, WorkerId,
    job::DeviceId,
    pacing::Verdict,
    state::{Part, Rank, Stage, Status},
};

/// Why no further synthesis starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Nothing is waiting.
    Idle,
    /// All synthesis slots are taken.
    Slots,
    /// Synthesising and ready partitions have reached the look-ahead.
    LookAhead,
    /// The best candidate does not fit beside what is committed.
    Memory,
    /// The device is busy for longer than a synthesis takes, or the next start is due later: then.
    Pacing(Option<Time>),
    /// Jobs wait, and as many as allowed are in flight.
    JobsInFlight,
}

/// Who synthesises next.
#[derive(Clone, Copy)]
enum Candidate {
    /// A partition of a job in flight.
    Queued(Rank, PartitionId),
    /// The first partition of a job that waits.
    Waiting(Rank, JobId),
}

impl Policy {
    pub(super) fn schedule(&mut self, out: &mut Vec<Action>) {
        self.feed_devices(out);
        self.hold = loop {
            match self.next_synthesis() {
                Ok(candidate) => self.synthesise(candidate, out),
                Err(hold) => break hold,
            }
        };
    }

    fn feed_devices(&mut self, out: &mut Vec<Action>) {
        while let Some(((rank, id), worker)) = self.next_proof() {
            let Some(job) = self.jobs.get(&id.job) else { return };
            let f = job.spec.footprint;
            if !self.ledger.can_take(&f) {
                return;
            }
            self.ready.remove(&(rank, id));
            self.ledger.take(&f);
            let run = self.ticket(id);
            self.devices[worker.device.0 as usize].workers[worker.slot as usize] = Some(run);
            self.start(id, Stage::Proving { run, worker, since: self.now, held: None });
            out.push(Action::Prove { run, worker });
        }
    }

    /// The best ready partition that has an idle worker of its kind: of a device, or of the host.
    fn next_proof(&self) -> Option<((Rank, PartitionId), WorkerId)> {
        let (device, host) = (self.idle_worker(false), self.idle_worker(true));
        if device.is_none() && host.is_none() {
            return None;
        }
        let worker = |id: PartitionId| if self.on_host(id) { host } else { device };
        self.ready.iter().find_map(|entry| Some((*entry, worker(entry.1)?)))
    }

    /// Whether the host does the device's part of it.
    fn on_host(&self, id: PartitionId) -> bool {
        let Some(limit) = self.config.host_after else { return false };
        let part = self.jobs.get(&id.job).and_then(|job| job.parts.get(id.index as usize));
        self.devices_up() == 0 || part.is_some_and(|part| part.failures >= limit)
    }

    /// An idle worker of the usable device with the fewest busy ones; or the host's.
    fn idle_worker(&self, host: bool) -> Option<WorkerId> {
        let idle = |(d, device): (usize, &super::state::Device)| {
            let wanted = host == (d == self.config.host().0 as usize);
            let slot = device.workers.iter().position(Option::is_none).filter(|_| device.up && wanted)?;
            let busy = device.workers.iter().flatten().count();
            Some((busy, WorkerId { device: DeviceId(d as u32), slot: slot as u32 }))
        };
        self.devices.iter().enumerate().filter_map(idle).min_by_key(|(busy, _)| *busy).map(|(_, w)| w)
    }

    fn next_synthesis(&self) -> Result<Candidate, Hold> {
        let candidate = self.candidate()?;
        if self.synthesising.len() >= self.config.synthesis_slots as usize {
            return Err(Hold::Slots);
        }
        if self.synthesising.len() + self.ready.len() >= self.config.look_ahead as usize {
            return Err(Hold::LookAhead);
        }
        let job = match candidate {
            Candidate::Queued(_, id) => id.job,
            Candidate::Waiting(_, job) => job,
        };
        let Some(job) = self.jobs.get(&job) else { return Err(Hold::Idle) };
        if !self.ledger.admits(&job.spec.footprint) {
            return Err(Hold::Memory);
        }
        if self.ledger.within(&job.spec.footprint, self.pacer.free()) {
            return Ok(candidate);
        }
        let ahead = self.synthesising.iter().chain(self.ready.iter().map(|(_, id)| id));
        let circuits = ahead.filter_map(|id| self.jobs.get(&id.job)).map(|j| j.spec.circuit);
        let (circuit, slots) = (job.spec.circuit, self.config.synthesis_slots);
        match self.pacer.admits(self.now, circuit, self.devices_up(), slots, circuits) {
            Verdict::Start => Ok(candidate),
            Verdict::Enough => Err(Hold::Pacing(None)),
            Verdict::At(t) => Err(Hold::Pacing(Some(t))),
        }
    }

    fn candidate(&self) -> Result<Candidate, Hold> {
        let queued = self.queued.first().map(|(rank, id)| Candidate::Queued(*rank, *id));
        let waiting = self.waiting.first().map(|(rank, id)| Candidate::Waiting(*rank, *id));
        let room = self.open < self.config.jobs_in_flight;
        match (queued, waiting.filter(|_| room)) {
            (Some(Candidate::Queued(q, _)), Some(w @ Candidate::Waiting(r, _))) if r < q => Ok(w),
            (Some(q), _) => Ok(q),
            (None, Some(w)) => Ok(w),
            (None, None) if waiting.is_some() => Err(Hold::JobsInFlight),
            (None, None) => Err(Hold::Idle),
        }
    }

    fn synthesise(&mut self, candidate: Candidate, out: &mut Vec<Action>) {
        let (rank, id) = match candidate {
            Candidate::Queued(rank, id) => (rank, id),
            Candidate::Waiting(rank, job) => {
                self.open(rank, job);
                (rank, PartitionId { job, index: 0 })
            }
        };
        self.queued.remove(&(rank, id));
        let Some(job) = self.jobs.get(&id.job) else { return };
        self.ledger.admit(&job.spec.footprint);
        self.pacer.started(self.now);
        self.synthesising.insert(id);
        let run = self.ticket(id);
        self.start(id, Stage::Synthesising { run });
        out.push(Action::Synthesise { run });
    }

    fn open(&mut self, rank: Rank, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.status = Status::Open;
        job.parts =
            vec![Part { stage: Stage::Queued, failures: 0, displaced: false }; job.spec.partitions as usize];
        self.open += 1;
        self.waiting.remove(&(rank, id));
        self.waiting_partitions -= u64::from(job.spec.partitions);
        self.queued.extend((0..job.spec.partitions).map(|index| (rank, PartitionId { job: id, index })));
    }

    fn start(&mut self, id: PartitionId, stage: Stage) {
        if let Some(job) = self.jobs.get_mut(&id.job) {
            job.parts[id.index as usize].stage = stage;
            job.running += 1;
        }
    }
}
