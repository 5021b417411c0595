//! `forebay sweep`: how throughput, latency and memory behave as more proofs are in flight.

use crate::{
    args::{SweepArgs, SweepFormat},
    exit::Failure,
    output,
    session::Session,
    sweep::{
        measure, report,
        report::Row,
        settings::{self, Setting},
        workload,
    },
};
use forebay_formats::atomic::{self, Access};
use forebay_scheduler::{probe::MachineReport, sim::Point};
use serde_json::Value;

/// Runs of each row of an ablation: the fewest that have a median and a spread.
const ABLATION_ROUNDS: usize = 3;

pub(crate) fn run(session: &Session, args: &SweepArgs) -> Result<(), Failure> {
    let machine = MachineReport::read();
    let settings = settings_of(session, args, &machine)?;
    let points = &args.points;
    let workload = workload::open(session, args)?;
    let out = &session.output;
    let rounds = args.rounds.unwrap_or(if args.ablate { ABLATION_ROUNDS } else { 1 });
    out.line(format!("{}; {rounds} runs of each", workload.name));
    out.line(format!(
        "a proof is a job of {} partitions; isolation is one job at a time",
        workload.loaded.partitions()
    ));

    let progress = out.progress("isolation");
    let baselines = measure::isolation(session, &machine, &workload.loaded, &settings[0])?;
    let cases: Vec<(&Setting, Point)> =
        settings.iter().flat_map(|s| points.iter().map(move |p| (s, *p))).collect();
    let mut rows: Vec<Row> = cases.iter().map(|_| Row { runs: Vec::new() }).collect();
    // Interleaved: whatever else the machine does hits all cases alike.
    for round in 0..rounds {
        for ((setting, point), row) in cases.iter().zip(&mut rows) {
            progress.say(&format!("round {} of {rounds}: {} {point}", round + 1, setting.name));
            let sample = measure::run(session, &machine, &workload.loaded, setting, *point, &baselines)?;
            out.result(&serde_json::to_value(&sample).unwrap_or(Value::Null));
            row.runs.push(sample);
        }
    }
    drop(progress);
    workload.loaded.check_unchanged()?;
    match args.format {
        SweepFormat::Markdown => out.line(report::markdown(&rows)),
        SweepFormat::Csv => out.line(report::csv(&rows)),
    }
    if let Some(path) = &args.html {
        let page = report::page(&workload.name, &rows, &baselines);
        atomic::write(path, Access::Public, page.as_bytes())?;
        out.line(format!("wrote {} ({})", path.display(), output::bytes(page.len() as u64)));
    }
    Ok(())
}

fn settings_of(
    session: &Session,
    args: &SweepArgs,
    machine: &MachineReport,
) -> Result<Vec<Setting>, Failure> {
    let mut config = session.config.scheduler.clone();
    args.set.iter().try_for_each(|assignment| settings::set(&mut config, assignment))?;
    if args.ablate {
        return settings::ablation(&config, machine.topology.cpus.len());
    }
    Ok(vec![Setting { name: "as configured".to_owned(), config }])
}
