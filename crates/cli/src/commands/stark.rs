//! `forebay stark`: proves and verifies runs of a small register machine with a LogUp STARK.

use crate::{
    exit::{Failure, Status},
    output,
    session::Session,
};
use clap::{Args, Subcommand, ValueEnum};
use forebay_formats::atomic::{self, Access};
use forebay_scheduler::{
    budget::Budget,
    cancel::{CancelToken, Wait},
    config::Pinning,
    pools::{self, topology},
    probe::MachineReport,
    timeline::{Lane, Timeline},
};
use forebay_stark::{
    Observer, Options, ProveError, Shared, TableParallelism, VerifyError, programs::vm::Receipt,
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// What to do with the STARK.
#[derive(Debug, Subcommand)]
pub(crate) enum StarkCommand {
    /// Run a program and prove its result
    Prove(ProveArgs),
    /// Check such a proof
    Verify(VerifyArgs),
}

/// No proof is longer: those of 2^20 rows have some hundred kilobytes.
const MAX_PROOF: u64 = 64 << 20;

/// The programs that come with Forebay.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Program {
    /// The n-th Fibonacci number modulo 2^64 − 2^32 + 1, in a loop
    Fib,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// Which program
    program: Program,
    /// Iterations of its loop
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    steps: u64,
    /// Where the proof goes
    #[arg(short, long, value_name = "FILE", default_value = "fib.stark")]
    output: PathBuf,
    /// Tables worked on side by side: a number, or as many as threads and the memory budget allow
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = tables)]
    tables: TableParallelism,
    /// Write what happened when: .html (waterfall), .svg or .json (Chrome trace)
    #[arg(long, value_name = "FILE")]
    timeline: Option<PathBuf>,
}

fn tables(text: &str) -> Result<TableParallelism, String> {
    match text.parse() {
        Ok(n @ 1..=64) => Ok(TableParallelism::Fixed(n)),
        _ if text == "auto" => Ok(TableParallelism::Auto),
        _ => Err("a number from 1 to 64, or auto".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The proof
    proof: PathBuf,
}

pub(crate) fn run(session: &Session, command: &StarkCommand) -> Result<(), Failure> {
    match command {
        StarkCommand::Prove(args) => prove(session, args),
        StarkCommand::Verify(args) => verify(session, args),
    }
}

fn prove(session: &Session, args: &ProveArgs) -> Result<(), Failure> {
    let Program::Fib = args.program;
    if let Some(path) = &args.timeline {
        super::batch::check_timeline_name(path)?;
    }
    let machine = MachineReport::read();
    let config = &session.config.scheduler;
    let budget = Budget::new(config.budgets(&machine.limits(None)).map_err(Failure::usage)?);
    let pool = pool(session, &machine)?;
    let (timeline, token) = (Timeline::default(), CancelToken::new());
    let shared = Shared {
        budget: &budget,
        timeline: &timeline,
        wait: Wait::cancelled_by(&token),
        job: 0,
        partition: 0,
        lane: Lane::Worker(0),
    };
    let watch = Watch { session, token: &token };
    let options =
        Options { tables: args.tables, observer: Some(&watch), shared: Some(shared), ..Options::default() };
    let progress = session.output.progress("proving");
    let start = Instant::now();
    let receipt = Receipt::prove(&pool, args.steps, options).map_err(|e| unproved(session, e))?;
    let taken = start.elapsed();
    if let Some(path) = &args.timeline {
        super::batch::write_timeline(&timeline, path)?;
    }
    receipt.verify(&session.pool).map_err(|e| Failure::new(Status::Internal, format!("own proof: {e}")))?;
    drop(progress);
    session.check_cancelled()?;
    let bytes = receipt.to_bytes();
    atomic::write(&args.output, Access::Public, &bytes)?;
    session.output.line(format!(
        "{}: the program gave {} after {} steps; proved in {}, {}",
        args.output.display(),
        receipt.result,
        receipt.iterations,
        output::duration(taken),
        output::bytes(bytes.len() as u64),
    ));
    session.output.result(&json!({
        "proof": args.output, "program": "fib", "steps": receipt.iterations,
        "result": receipt.result.to_string(), "seconds": taken.as_secs_f64(), "bytes": bytes.len(),
    }));
    Ok(())
}

/// The proof's threads, pinned as the configuration says.
fn pool(session: &Session, machine: &MachineReport) -> Result<rayon::ThreadPool, Failure> {
    let (threads, domains) = (session.config.threads, machine.topology.l3_domains());
    let pin = session.config.scheduler.pin == Pinning::L3 && domains.len() > 1;
    let places = if pin { topology::place(&domains, threads, false) } else { Vec::new() };
    let failed = |e| Failure::new(Status::Internal, format!("starting {threads} threads: {e}"));
    pools::pool("stark", threads, places).map_err(failed)
}

/// Gives the proof up between two stages when somebody pressed Ctrl-C.
struct Watch<'a> {
    session: &'a Session,
    token: &'a CancelToken,
}

impl Observer for Watch<'_> {
    fn stage(&self, _: &'static str, _: Instant, _: Instant, _: u64) {
        if self.session.cancel.is_cancelled() {
            self.token.cancel();
        }
    }
}

/// Why there is no proof. The program's own traces are always true: what is left is what was asked for.
fn unproved(session: &Session, e: ProveError) -> Failure {
    match (e, session.check_cancelled()) {
        (ProveError::Interrupted(_), Err(interrupted)) => interrupted,
        (e @ (ProveError::Shape(_) | ProveError::Budget(_)), _) => Failure::usage(e),
        (e, _) => Failure::new(Status::Internal, e),
    }
}

fn verify(session: &Session, args: &VerifyArgs) -> Result<(), Failure> {
    let size = std::fs::metadata(&args.proof).map_err(|e| Failure::io(&args.proof, &e))?.len();
    if size > MAX_PROOF {
        let message = format!("{}: {size} bytes are no proof", args.proof.display());
        return Err(Failure::new(Status::BadInput, message));
    }
    let bytes = std::fs::read(&args.proof).map_err(|e| Failure::io(&args.proof, &e))?;
    let receipt = Receipt::from_bytes(&bytes).map_err(|e| refusal(&args.proof, e))?;
    receipt.verify(&session.pool).map_err(|e| refusal(&args.proof, e))?;
    let security = receipt.security();
    session.output.line(format!(
        "{}: valid: fib gives {} after {} steps ({:.0} bits proven, {:.0} conjectured)",
        args.proof.display(),
        receipt.result,
        receipt.iterations,
        security.provable,
        security.conjectured,
    ));
    session.output.result(&json!({
        "valid": true, "program": "fib", "steps": receipt.iterations, "result": receipt.result.to_string(),
        "provable_bits": security.provable, "conjectured_bits": security.conjectured,
    }));
    Ok(())
}

/// A file that is no proof, or a proof that does not hold.
fn refusal(path: &Path, e: VerifyError) -> Failure {
    let status = match e {
        VerifyError::Encoding { .. }
        | VerifyError::Malformed(_)
        | VerifyError::Heights(_)
        | VerifyError::Public(_) => Status::BadInput,
        _ => Status::Invalid,
    };
    Failure::new(status, format!("{}: {e}", path.display()))
}
