//! `forebay simulate`: the scheduler's policy on a virtual clock, with a model of a machine.

use crate::{
    exit::{Failure, Status},
    session::Session,
};
use clap::Args;
use forebay_scheduler::sim::{self, Machine, Point, Report, SimError, Workload};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `forebay simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The machine (.toml) [default: the machine of the published measurements]
    machine: Option<PathBuf>,
    /// The workload (.toml) [default: the published one]
    workload: Option<PathBuf>,
    /// Jobs requested x in flight, such as 20x15; may be repeated [default: the workload's]
    #[arg(long, value_name = "CxJ")]
    point: Vec<Point>,
    /// Workers per device
    #[arg(long)]
    gw: Option<u32>,
    /// Partitions that synthesise at once
    #[arg(long)]
    pw: Option<u32>,
    /// A setting, such as gate=park:2, reclaim=arena, msm_threads=32, pacing=jit; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Simulate this many machines, each with its share of the workload's arrivals, and sum up
    #[arg(long, value_name = "N", conflicts_with = "point", requires = "jobs_per_day")]
    machines: Option<u32>,
    /// Jobs that come to all machines in a day
    #[arg(long, value_name = "N")]
    jobs_per_day: Option<f64>,
}

pub(crate) fn run(session: &Session, args: &SimulateArgs) -> Result<(), Failure> {
    let machine = match &args.machine {
        Some(path) => Machine::from_toml(&read(path)?).map_err(|e| bad_file(path, &e))?,
        None => Machine::shipped(),
    };
    let workload = match &args.workload {
        Some(path) => Workload::from_toml(&read(path)?).map_err(|e| bad_file(path, &e))?,
        None => Workload::shipped(),
    };
    let mut settings = workload.settings.clone();
    let counts = [("gw", args.gw), ("pw", args.pw)];
    for (key, value) in counts.into_iter().filter_map(|(key, n)| Some((key, n?.to_string()))) {
        settings.set(key, &value).map_err(Failure::usage)?;
    }
    args.set.iter().try_for_each(|pair| settings.set_pair(pair)).map_err(Failure::usage)?;

    if let (Some(machines), Some(jobs)) = (args.machines, args.jobs_per_day) {
        let fleet =
            sim::run_fleet(&machine, &workload, &settings, machines, jobs, 1.0).map_err(Failure::usage)?;
        session.output.line(format!(
            "{machines} machines, {} partitions in {:.1} h; latency {:.0} s, longest {:.0} s; peak {:.0} GiB; \
             busiest: {} {:.0} %",
            fleet.partitions,
            fleet.hours,
            fleet.latency_s.0,
            fleet.latency_s.1,
            fleet.peak_gib,
            fleet.saturates_first.0,
            100.0 * fleet.saturates_first.1,
        ));
        session.output.result(&json!(fleet));
        return Ok(());
    }
    let default = Point { jobs: workload.jobs, in_flight: workload.in_flight };
    let points = if args.point.is_empty() { &[default][..] } else { &args.point };
    let mut reports: Vec<Report> = Vec::new();
    for point in points {
        session.check_cancelled()?;
        let report = sim::run(&machine, &workload, &settings, *point).map_err(Failure::usage)?;
        session.output.line(report.to_markdown());
        reports.push(report);
    }
    session.output.result(&json!({ "reports": reports }));
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| Failure::io(path, &e))
}

fn bad_file(path: &Path, error: &SimError) -> Failure {
    Failure::new(Status::BadInput, format!("{}: {error}", path.display()))
}
