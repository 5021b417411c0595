//! `forebay sweep`: how throughput, latency and memory behave as more proofs are in flight.

use crate::{
    BLOCKS,
    args::SweepArgs,
    exit::Failure,
    output::{self, Output, Progress},
    session::Session,
    workload,
};
use forebay_formats::atomic::{self, Access};
use forebay_scheduler::probe::MachineReport;
use forebay_sweep::{Listener, Sample, Workload as _, settings};
use serde_json::Value;

pub(crate) fn run(session: &Session, args: &SweepArgs) -> Result<(), Failure> {
    let machine = MachineReport::read();
    let (options, threads) = (&args.options, machine.topology.cpus.len());
    let settings = settings::of(&session.config.scheduler, options, threads).map_err(Failure::usage)?;
    let workload = workload::open(session, &machine, args)?;
    let out = &session.output;
    out.line(format!("{}; {} runs of each", workload.name(), options.rounds()));
    out.line(format!(
        "a proof is a job of {} partitions; isolation is one job at a time",
        workload.partitions()
    ));

    let told = Told { out, progress: out.progress("starting") };
    let sweep = forebay_sweep::run(&workload, &settings, options, &BLOCKS, &told)?;
    drop(told);
    workload.loaded.check_unchanged()?;
    out.line(sweep.table(options.format));
    if let Some(path) = &options.html {
        let page = sweep.page();
        atomic::write(path, Access::Public, page.as_bytes())?;
        out.line(format!("wrote {} ({})", path.display(), output::bytes(page.len() as u64)));
    }
    Ok(())
}

/// Tells what is being done, and a line for machines per run.
struct Told<'a> {
    out: &'a Output,
    progress: Progress,
}

impl Listener for Told<'_> {
    fn doing(&self, what: &str) {
        self.progress.say(what);
    }

    fn sample(&self, sample: &Sample) {
        self.out.result(&serde_json::to_value(sample).unwrap_or(Value::Null));
    }
}
