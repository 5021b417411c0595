//! `forebay prove --jobs`: many proofs in flight.

use super::prove::write_pair;
use crate::{
    args::ProveArgs,
    exit::{Failure, Status},
    output,
    pipeline::{
        Engine,
        batch::{self, BatchJob},
        load::{Pending, Texts},
        progress,
    },
    session::Session,
};
use forebay_scheduler::{
    policy::CircuitId,
    probe::MachineReport,
    timeline::{Baselines, Timeline, chrome, html, svg},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How often the progress line is renewed, and a request to stop is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// A job on its way.
struct Open {
    /// The job's place in the batch file.
    index: usize,
    output: PathBuf,
    pending: Pending,
    submitted: Instant,
}

pub(crate) fn run(session: &Session, args: &ProveArgs, file: &Path) -> Result<(), Failure> {
    let level = args.validation.unwrap_or(session.config.validation);
    let jobs = batch::open(session, file, level.into())?;
    let mut config = session.config.scheduler.clone();
    if let Some(in_flight) = args.batch.in_flight {
        config.in_flight = in_flight;
    }
    let engine = Engine::start(&config, &MachineReport::read(), session.wanted)?;
    session.output.line(format!("backend  {}", engine.backends.reason()));
    let start = Instant::now();
    let open = submit(&engine, &jobs, args.batch.count.unwrap_or(jobs.len()))?;
    let requested = open.len();
    let (results, worst) = collect(session, &engine, open)?;
    jobs.iter().try_for_each(|job| job.loaded.check_unchanged())?;
    if let Some(path) = &args.batch.timeline {
        write_timeline(engine.executor.timeline(), path)?;
    }
    let time = start.elapsed();
    let done = results.iter().filter(|r| r["verified"] == true).count();
    session.output.line(format!(
        "{done} of {requested} jobs proved and verified in {}: {} per job",
        output::duration(time),
        output::duration(time / requested.max(1) as u32),
    ));
    session.output.result(&json!({ "jobs": results, "total_s": time.as_secs_f64() }));
    worst.map_or(Ok(()), Err)
}

/// Hands `count` jobs in: the batch, again and again.
fn submit(engine: &Engine, jobs: &[BatchJob], count: usize) -> Result<Vec<Open>, Failure> {
    let bound: Vec<_> = jobs
        .iter()
        .enumerate()
        .map(|(i, job)| job.loaded.bind(engine, CircuitId(i as u64)))
        .collect::<Result<_, _>>()?;
    let one = |n: usize| {
        let (index, round) = (n % jobs.len(), n / jobs.len());
        let job = &jobs[index];
        let mut output = job.output.clone();
        if round > 0 {
            output.as_mut_os_string().push(format!("-{round}"));
        }
        let pending = bound[index].submit(engine, job.priority, job.deadline);
        Open { index, output, pending, submitted: Instant::now() }
    };
    Ok((0..count).map(one).collect())
}

/// Waits for all jobs and writes what is done. One that fails doesn't keep the others from finishing; the first
/// failure is returned beside the results.
fn collect(
    session: &Session,
    engine: &Engine,
    mut open: Vec<Open>,
) -> Result<(Vec<Value>, Option<Failure>), Failure> {
    let progress = session.output.progress("starting");
    let (requested, mut results, mut worst, mut stopping) = (open.len(), Vec::new(), None, false);
    while !open.is_empty() {
        progress.say(&progress::line(engine, requested - open.len(), requested));
        if session.cancel.is_cancelled() && !stopping {
            stopping = true;
            open.iter().for_each(|job| job.pending.cancel());
        }
        let mut patience = LOOK;
        open.retain(|job| {
            // The first look waits, the others don't.
            let Some(outcome) = job.pending.wait_for(std::mem::take(&mut patience)) else { return true };
            let (result, failure) = report(session, job, outcome);
            results.push(result);
            worst = worst.take().or(failure);
            false
        });
    }
    if stopping {
        worst = Some(Failure::new(Status::Interrupted, "interrupted; finished jobs were written"));
    }
    Ok((results, worst))
}

fn report(session: &Session, job: &Open, outcome: Result<Vec<Texts>, Failure>) -> (Value, Option<Failure>) {
    let time = job.submitted.elapsed();
    let folder = job.output.display();
    match outcome.and_then(|texts| write(&job.output, &texts).map(|()| texts.len())) {
        Ok(partitions) => {
            session.output.line(format!(
                "  {folder}: {partitions} proofs, verified, {} after the request",
                output::duration(time)
            ));
            let result = json!({
                "job": job.index, "output": job.output, "partitions": partitions, "verified": true,
                "latency_s": time.as_secs_f64(),
            });
            (result, None)
        }
        Err(failure) => {
            session.output.line(format!("  {folder}: failed: {failure}"));
            let result = json!({
                "job": job.index, "output": job.output, "verified": false, "error": failure.to_string(),
            });
            (result, Some(failure))
        }
    }
}

fn write(folder: &Path, texts: &[Texts]) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| Failure::io(folder, &e))?;
    for (i, text) in texts.iter().enumerate() {
        let (proof, public) =
            (folder.join(format!("proof-{i}.json")), folder.join(format!("public-{i}.json")));
        write_pair((&proof, &text.proof), (&public, &text.public))?;
    }
    Ok(())
}

/// Refuses a name that no timeline can be written to, before the work is done.
pub(crate) fn check_timeline_name(path: &Path) -> Result<(), Failure> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("html" | "svg" | "json") => Ok(()),
        _ => Err(Failure::usage("--timeline: the file's name should end in .html, .svg or .json")),
    }
}

/// Writes the timeline in the manner that the file's name asks for.
pub(crate) fn write_timeline(timeline: &Timeline, path: &Path) -> Result<(), Failure> {
    check_timeline_name(path)?;
    let spans = timeline.spans();
    let text = match path.extension().and_then(|e| e.to_str()) {
        Some("html") => html::report("Forebay timeline", &spans, &Baselines::default()),
        Some("svg") => svg::waterfall(&spans, 1600),
        _ => chrome::trace(&spans),
    };
    Ok(forebay_formats::atomic::write(path, forebay_formats::atomic::Access::Public, text.as_bytes())?)
}
