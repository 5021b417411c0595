//! What is resident, and the threads that unmap it.

use super::Engine;
use crate::{
    policy::Run,
    sim::{Reclaim, kind::Kind},
};

impl Engine<'_> {
    /// Hands the partition's regions to their threads.
    pub(super) fn unmap(&mut self, run: Run) {
        for region in 0..self.workload.unmap.regions_gib.len() {
            let busy = self.tasks.iter().any(|t| t.kind == Kind::Unmap(region));
            if self.settings.reclaim == Reclaim::Mutex && busy {
                self.unmap_queue[region].push_back(run);
            } else {
                self.start(run, Kind::Unmap(region));
            }
        }
        if self.workload.unmap.regions_gib.is_empty() {
            let f = self.workload.footprint;
            self.resident -= f.witness_gib + f.evaluated_gib;
        }
    }

    pub(super) fn unmapped(&mut self, region: usize) {
        let regions = &self.workload.unmap.regions_gib;
        let f = self.workload.footprint;
        let share = regions[region] / regions.iter().sum::<f64>();
        self.resident -= share * (f.witness_gib + f.evaluated_gib);
        if let Some(next) = self.unmap_queue[region].pop_front() {
            self.start(next, Kind::Unmap(region));
        }
    }

    pub(super) fn reside(&mut self, gib: f64) {
        self.resident += gib;
        self.meters.peak = self.meters.peak.max(self.resident);
    }
}
