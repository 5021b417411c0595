//! `forebay-bench`: ours beside each peer, in one process, interleaved, results compared.

mod evaluate;
mod measure;
mod peers;
mod prove;
mod report;

use clap::{Parser, Subcommand, ValueEnum};
use forebay_msm::CurveId;
use std::{path::PathBuf, sync::Arc};

/// Compares Forebay with its peers: interleaved runs, medians, equal results checked, ratios in CPU-seconds.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// One JSON object a line instead of a table
    #[arg(long, global = true)]
    json: bool,
    /// Worker threads of ours and of the peers that can be told [default: one per core]
    #[arg(long, global = true)]
    threads: Option<usize>,
    /// Counted rounds
    #[arg(long, global = true, default_value_t = 3)]
    rounds: usize,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Whole proofs of a multiplication chain, against ark-groth16 and bellperson, on one key
    Prove {
        /// Which curve [default: both]
        #[arg(long, value_enum)]
        curve: Option<CurveArg>,
        /// Logarithms of the number of constraints
        #[arg(long, value_delimiter = ',', default_value = "16")]
        log_n: Vec<u32>,
    },
    /// The evaluator against plain CSR with 32-byte coefficients, on a circuit and a witness
    Evaluate {
        /// The circuit
        r1cs: PathBuf,
        /// A witness of it
        witness: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum CurveArg {
    #[value(name = "bls12-381")]
    Bls12_381,
    #[value(name = "bn254")]
    Bn254,
}

/// What every comparison needs to know.
struct Setting {
    json: bool,
    threads: usize,
    rounds: usize,
    pool: Arc<rayon::ThreadPool>,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cli.threads.unwrap_or(cores).max(1);
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?);
    let setting = Setting { json: cli.json, threads, rounds: cli.rounds.max(1), pool };
    match cli.command {
        Command::Prove { curve, log_n } => {
            for log_n in log_n {
                for id in curves(curve) {
                    prove::compare(&setting, id, log_n)?;
                }
            }
            Ok(())
        }
        Command::Evaluate { r1cs, witness } => evaluate::compare(&setting, &r1cs, &witness),
    }
}

fn curves(curve: Option<CurveArg>) -> Vec<CurveId> {
    match curve {
        Some(CurveArg::Bls12_381) => vec![CurveId::Bls12_381],
        Some(CurveArg::Bn254) => vec![CurveId::Bn254],
        None => CurveId::ALL.to_vec(),
    }
}
