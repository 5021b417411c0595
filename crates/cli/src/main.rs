//! The `forebay` command: prove, verify, set up, inspect. `forebay --help` lists what there is.

mod args;
mod assets;
mod backend;
mod commands;
mod config;
mod exit;
mod keys;
mod output;
mod pipeline;
mod session;
mod witness;
mod workload;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use exit::Failure;
use session::Session;
use std::process::ExitCode;

/// Big blocks are recycled while many proofs are in flight; a single proof gives them back.
#[global_allocator]
static BLOCKS: forebay_scheduler::BigBlocks = forebay_scheduler::BigBlocks::new();

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging();
    let json = cli.global.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::report_failure(json, &failure);
            ExitCode::from(failure.status as u8)
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut Cli::command(), "forebay", &mut std::io::stdout());
        return Ok(());
    }
    if let Command::Filecoin { arguments } = &cli.command {
        return commands::filecoin::run(arguments);
    }
    let session = Session::start(&cli.global)?;
    match cli.command {
        Command::Demo(args) => commands::demo::run(&session, &args),
        Command::Prove(args) => commands::prove::run(&session, &args),
        Command::Verify(args) => commands::verify::run(&session, &args),
        Command::Setup(args) => commands::setup::run(&session, &args),
        Command::Inspect(args) => commands::inspect::run(&session, &args),
        Command::Compile(args) => commands::compile::run(&session, &args),
        Command::Convert(args) => commands::convert::run(&session, &args),
        Command::Export { what } => commands::export::run(&session, &what),
        Command::Sweep(args) => commands::sweep::run(&session, &args),
        Command::Stark { what } => commands::stark::run(&session, &what),
        Command::Simulate(args) => commands::simulate::run(&session, &args),
        Command::Doctor(args) => commands::doctor::run(&session, &args),
        Command::Filecoin { .. } | Command::Completions { .. } => unreachable!("handled above"),
    }
}

/// Logs go to standard error, filtered by `FOREBAY_LOG` (warnings only by default). They hold sizes and public data.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("FOREBAY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
