//! `forebay-bench`: ours beside each peer, interleaved, results compared.

mod circuits;
mod inputs;
mod measure;
mod memory;
mod msm;
mod ntt;
mod options;
mod peers;
mod prove;
mod report;
mod rerun;
mod spmv;

use clap::Parser;
use options::{Cli, Command, Setting};

/// The system's allocator, but for the STARK's comparisons, which ask it to count.
#[global_allocator]
static HEAP: forebay_stark_bench::CountedHeap = forebay_stark_bench::CountedHeap;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let Command::MemoryChild(child) = &cli.command {
        return memory::child(&cli, child);
    }
    if let Command::Stark(command) = &cli.command {
        let (json, rounds) = (cli.json, cli.rounds.max(1));
        let run = |threads| {
            forebay_stark_bench::run(command, forebay_stark_bench::Setting { json, threads, rounds })
        };
        return cli.threads().into_iter().try_for_each(run);
    }
    // Peers with pools of their own read their size once, from the environment: a process per number of threads.
    let Some(threads) = rerun::threads_of_this_process(&cli.threads()) else {
        return rerun::for_each(&cli.threads());
    };
    let setting = Setting::new(&cli, threads)?;
    match &cli.command {
        Command::Msm(args) => msm::compare(&setting, args),
        Command::Ntt(args) => ntt::compare(&setting, args),
        Command::Prove(args) => prove::compare(&setting, args),
        Command::Spmv(args) => spmv::compare(&setting, args),
        Command::Memory(args) => memory::compare(&setting, args),
        Command::MemoryChild(_) | Command::Stark(_) => Ok(()),
    }
}
