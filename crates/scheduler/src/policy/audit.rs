//! A recount from scratch, for tests: every sum and every index agrees with the partitions' own states.

use super::{
    Policy,
    state::{Stage, Status},
};

impl Policy {
    /// The first thing that does not add up, if any. Cost: all partitions of the jobs in flight.
    pub fn audit(&self) -> Result<(), String> {
        let (mut queued, mut ready, mut synthesising, mut proving) = (0, 0, 0, 0);
        let (mut bytes, mut open) = (0u64, 0);
        for (id, job) in &self.jobs {
            open += u32::from(job.status != Status::Waiting);
            let (mut running, mut unfinished) = (0, job.spec.partitions * u32::from(job.parts.is_empty()));
            let f = job.spec.footprint;
            let live = job.status != Status::Stopping;
            for part in &job.parts {
                unfinished += u32::from(part.stage != Stage::Finished);
                match part.stage {
                    Stage::Queued => queued += usize::from(live),
                    Stage::Ready => {
                        ready += 1;
                        bytes += f.synthesis();
                    }
                    Stage::Synthesising { .. } => {
                        (synthesising, running) = (synthesising + 1, running + 1);
                        bytes += f.synthesis();
                    }
                    Stage::Proving { held, .. } => {
                        (proving, running) = (proving + 1, running + 1);
                        bytes += f.witness + f.tail + if held.is_some() { 0 } else { f.evaluated };
                    }
                    Stage::Finished => {}
                }
            }
            if running != job.running || unfinished != job.unfinished {
                return Err(format!("{id:?}: {running} run and {unfinished} are unfinished, kept: {job:?}"));
            }
        }
        let busy = self.devices.iter().flat_map(|d| &d.workers).flatten().count();
        let counted = [queued, ready, synthesising, proving, open as usize];
        let kept = [self.queued.len(), self.ready.len(), self.synthesising.len(), busy, self.open as usize];
        if counted != kept {
            return Err(format!("queued, ready, synthesising, proving, open: {counted:?}, kept: {kept:?}"));
        }
        if bytes != self.ledger.committed() {
            return Err(format!("{bytes} bytes committed, kept: {}", self.ledger.committed()));
        }
        if bytes > self.ledger.bound() {
            return Err(format!("{bytes} bytes committed, at most {}", self.ledger.bound()));
        }
        let config = &self.config;
        if synthesising > config.synthesis_slots as usize || self.open > config.jobs_in_flight {
            return Err(format!("{synthesising} synthesise and {} are open, over the limits", self.open));
        }
        if self.jobs.is_empty() && !self.ledger.is_empty() {
            return Err("no jobs, and the ledger is not empty".into());
        }
        Ok(())
    }
}
