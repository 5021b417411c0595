//! What is measured while the virtual clock runs.

use super::{Point, Report, Settings, Utilisation, Workload, kind::Kind, machine::Machine, report::Tally};

/// What was simulated.
pub(super) struct Simulated<'a> {
    pub(super) machine: &'a Machine,
    pub(super) workload: &'a Workload,
    pub(super) settings: &'a Settings,
    pub(super) point: Point,
}

#[derive(Default)]
pub(super) struct Meters {
    pub(super) stages: [Tally; 7],
    pub(super) synthesis: Tally,
    pub(super) occupancy: Tally,
    pub(super) lock_wait: Tally,
    pub(super) lock_held: Tally,
    pub(super) latency: Tally,
    pub(super) job_synthesis: Tally,
    /// Integrals over time.
    pub(super) slots: f64,
    pub(super) workers: f64,
    pub(super) any_worker: f64,
    pub(super) locks: f64,
    pub(super) cores: f64,
    pub(super) bandwidth: f64,
    pub(super) unmaps: f64,
    pub(super) most_unmaps: usize,
    pub(super) first_taken: Option<f64>,
    pub(super) last_finished: f64,
    pub(super) last_delivered: f64,
    pub(super) peak: f64,
    pub(super) delivered: u64,
}

impl Meters {
    pub(super) fn report(&self, run: &Simulated<'_>) -> Report {
        let m = self;
        let wall = m.last_delivered;
        let jobs = f64::from(run.point.jobs);
        let partitions = jobs * f64::from(run.workload.partitions);
        let devices = f64::from(run.machine.device.count);
        let window = m.last_finished - m.first_taken.unwrap_or(0.0);
        let utilisation = Utilisation {
            synthesis_slots: m.slots / (wall * f64::from(run.settings.pw)),
            device_workers: m.workers / (wall * devices * f64::from(run.settings.gw)),
            device_locks: m.locks / (wall * devices),
            cores: m.cores / wall,
            bandwidth: m.bandwidth / wall,
            memory: m.peak / run.machine.memory.gib,
        };
        let stage = |kind: Kind| m.stages[kind.index()].report();
        Report {
            machine: run.machine.name.clone(),
            workload: run.workload.name.clone(),
            settings: run.settings.to_string(),
            point: run.point,
            wall_s: wall,
            s_per_proof: wall / jobs,
            partitions_per_day: 86_400.0 * partitions / wall,
            avg_prove_s: m.occupancy.sum / jobs,
            avg_device_s: m.occupancy.mean(),
            max_device_s: m.occupancy.max,
            device_util: m.any_worker / window,
            lock_wait_s: m.lock_wait.mean(),
            lock_held_s: m.lock_held.mean(),
            synthesis: m.synthesis.report(),
            job_synthesis_s: (m.job_synthesis.mean(), m.job_synthesis.max),
            witness: stage(Kind::Witness),
            evaluate: stage(Kind::Evaluate),
            prepare: stage(Kind::Prepare),
            quotient: stage(Kind::Quotient),
            device: stage(Kind::Device),
            tail: stage(Kind::Tail),
            finish: stage(Kind::Finish),
            latency_s: (m.latency.mean(), m.latency.max),
            peak_gib: m.peak,
            unmapping: (m.unmaps / wall, m.most_unmaps as f64),
            utilisation,
            saturates_first: utilisation.saturates_first().0,
            delivered: m.delivered,
        }
    }
}
