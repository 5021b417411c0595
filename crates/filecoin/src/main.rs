//! The `forebay-filecoin` command, which `forebay filecoin` runs.

mod commands;
mod sweep;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::TypedValueParser as _};
use forebay_filecoin::circuit::{CircuitId, ProofKind, SectorSize};
use std::{path::PathBuf, process::ExitCode};

/// Big blocks are recycled while proofs are made; everything else gives them back.
#[global_allocator]
static BLOCKS: forebay_scheduler::BigBlocks = forebay_scheduler::BigBlocks::new();

/// Filecoin's proofs through Forebay.
#[derive(Parser)]
#[command(name = "forebay-filecoin", version)]
struct Cli {
    /// Where compiled circuits and converted keys are kept [default: forebay-filecoin in the user's cache folder]
    #[arg(long, global = true, env = "FOREBAY_FILECOIN_CACHE")]
    cache: Option<PathBuf>,
    /// Threads; 0 takes every core.
    #[arg(long, global = true, default_value_t = 0)]
    threads: usize,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a proof, and ask filecoin-proofs whether it accepts it.
    Prove {
        #[command(flatten)]
        circuit: CircuitArgs,
        /// PoRep: the output of commit phase 1. PoSt: randomness, prover id and vanilla proofs. Both JSON.
        #[arg(long)]
        input: PathBuf,
        /// Where the proof goes, 192 bytes per partition.
        #[arg(long)]
        output: PathBuf,
        /// PoRep: what `verify_seal` has to know besides the input. Without it each partition is verified by itself.
        #[command(flatten)]
        seal: SealArgs,
    },
    /// Compile a circuit from its blank synthesis and keep it.
    Compile {
        #[command(flatten)]
        circuit: CircuitArgs,
    },
    /// Evaluate a compiled circuit on a synthetic witness, in windows of rows.
    Evaluate {
        #[command(flatten)]
        circuit: CircuitArgs,
        /// Write a, b and c into this folder.
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Generate parameters from a seed. Whoever knows the seed can forge proofs: for tests.
    InsecureSetup {
        #[command(flatten)]
        circuit: CircuitArgs,
        /// The seed.
        #[arg(long, default_value_t = forebay_filecoin::setup::TEST_SEED)]
        seed: u64,
    },
    /// Seal sectors of 2 KiB from random data and write an input for `prove`.
    Sample {
        /// The kind of proof.
        kind: Kind,
        /// Where the input goes.
        #[arg(long)]
        output: PathBuf,
        /// What everything is drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Window PoSt: partitions.
        #[arg(long, default_value_t = 2, value_parser = partitions())]
        partitions: usize,
    },
    /// Measure throughput, latency and memory with more and more proofs in flight.
    Sweep {
        #[command(flatten)]
        circuit: CircuitArgs,
        /// An input as for `prove` [default: sectors of 2 KiB sealed for it].
        #[arg(long)]
        input: Option<PathBuf>,
        /// Window PoSt without an input: partitions.
        #[arg(long, default_value_t = 2, value_parser = partitions())]
        partitions: usize,
        #[command(flatten)]
        options: forebay_sweep::Options,
    },
}

/// Partitions: a seal of two sectors takes some tenths of a second.
fn partitions() -> impl clap::builder::TypedValueParser<Value = usize> {
    clap::value_parser!(u16).range(1..=256).map(usize::from)
}

#[derive(Args)]
struct CircuitArgs {
    /// The kind of proof.
    kind: Kind,
    /// The sector size: 2KiB, 8MiB, 512MiB, 32GiB or 64GiB.
    #[arg(long)]
    sector_size: SectorSize,
}

#[derive(Args)]
#[group(requires_all = ["prover_id", "sector_id", "porep_id"])]
struct SealArgs {
    /// The prover's id, 64 hexadecimal digits.
    #[arg(long, value_parser = commands::hex32)]
    prover_id: Option<[u8; 32]>,
    /// The sector's number.
    #[arg(long)]
    sector_id: Option<u64>,
    /// The PoRep id, 64 hexadecimal digits.
    #[arg(long, value_parser = commands::hex32)]
    porep_id: Option<[u8; 32]>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Porep,
    WinningPost,
    WindowPost,
}

impl From<Kind> for ProofKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Porep => ProofKind::Porep,
            Kind::WinningPost => ProofKind::WinningPost,
            Kind::WindowPost => ProofKind::WindowPost,
        }
    }
}

impl CircuitArgs {
    fn id(&self) -> CircuitId {
        CircuitId { kind: self.kind.into(), sector_size: self.sector_size }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let cache = cli.cache.clone().unwrap_or_else(commands::default_cache);
    let session = commands::Session { cache, threads: cli.threads };
    let result = match cli.command {
        Command::Prove { circuit, input, output, seal } => {
            session.prove(circuit.id(), &input, &output, &seal)
        }
        Command::Compile { circuit } => session.compile(circuit.id()),
        Command::Evaluate { circuit, output } => session.evaluate(circuit.id(), output.as_deref()),
        Command::InsecureSetup { circuit, seed } => commands::insecure_setup(circuit.id(), seed, cli.threads),
        Command::Sample { kind, output, seed, partitions } => {
            commands::sample(kind.into(), partitions, &output, seed)
        }
        Command::Sweep { circuit, input, partitions, options } => session
            .sweep(circuit.id(), input.as_deref(), partitions, &options, cli.json)
            .map(|()| serde_json::Value::Null),
    };
    match result {
        Ok(result) => {
            commands::print(&result, cli.json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("forebay-filecoin: {error:#}");
            ExitCode::FAILURE
        }
    }
}
