//! `forebay-stark-bench`: the STARK's comparisons, without the rest of `forebay-bench`.

use clap::Parser;
use forebay_stark_bench::{Command, CountedHeap, Setting, run};

#[global_allocator]
static HEAP: CountedHeap = CountedHeap;

/// Compares forebay-stark with Plonky3 on one workload: interleaved runs, medians, every proof verified.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// One JSON object a line instead of a table
    #[arg(long, global = true)]
    json: bool,
    /// Worker threads of both [default: one per core]
    #[arg(long, global = true)]
    threads: Option<usize>,
    /// Counted rounds
    #[arg(long, global = true, default_value_t = 3)]
    rounds: usize,
    #[command(subcommand)]
    command: Command,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cli.threads.unwrap_or(cores).max(1);
    run(&cli.command, Setting { json: cli.json, threads, rounds: cli.rounds.max(1) })
}
