//! Many machines: jobs are dealt out at random, so each machine is simulated by itself with its share of the arrivals.

use super::{Arrivals, Machine, Point, Report, Settings, SimError, Workload, run};
use serde::Serialize;

/// The outcome of [`run_fleet`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FleetReport {
    /// Machines.
    pub machines: u32,
    /// Partitions finished.
    pub partitions: u64,
    /// Until the last machine was done, in hours.
    pub hours: f64,
    /// Mean and longest from submission to delivery.
    pub latency_s: (f64, f64),
    /// The largest peak of a machine.
    pub peak_gib: f64,
    /// The machine that used a resource most: the resource's name and use.
    pub saturates_first: (&'static str, f64),
    /// Every machine.
    pub reports: Vec<Report>,
}

/// Simulates `machines` of one kind, to which `jobs_per_day` jobs come in all over `days`.
pub fn run_fleet(
    machine: &Machine,
    workload: &Workload,
    settings: &Settings,
    machines: u32,
    jobs_per_day: f64,
    days: f64,
) -> Result<FleetReport, SimError> {
    super::error::within("machines", machines.into(), 1.0, 100_000.0, "from 1 to 100000")?;
    let share = jobs_per_day / f64::from(machines);
    let jobs = (share * days).round().clamp(1.0, 1e6) as u32;
    let mut reports = Vec::new();
    for i in 0..machines {
        let seed = workload.seed.wrapping_add(i.into());
        let workload =
            Workload { seed, arrivals: Some(Arrivals { jobs_per_day: share }), ..workload.clone() };
        reports.push(run(machine, &workload, settings, Point { jobs, in_flight: workload.in_flight })?);
    }
    let longest = |f: fn(&Report) -> f64| reports.iter().map(f).fold(0.0, f64::max);
    let mut used: Vec<_> = reports.iter().map(|r| r.utilisation.saturates_first()).collect();
    used.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(FleetReport {
        machines,
        partitions: reports.iter().map(|r| r.delivered).sum::<u64>() * u64::from(workload.partitions),
        hours: longest(|r| r.wall_s) / 3600.0,
        latency_s: (
            reports.iter().map(|r| r.latency_s.0).sum::<f64>() / f64::from(machines),
            longest(|r| r.latency_s.1),
        ),
        peak_gib: longest(|r| r.peak_gib),
        saturates_first: used[0],
        reports,
    })
}
