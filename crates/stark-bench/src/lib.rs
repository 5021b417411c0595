//! The STARK beside its peer, and beside its own other settings and revisions.
//!
//! `forebay-bench` has these commands among its own; `forebay-stark-bench` has them alone and builds without the peers
//! of Groth16. Both install [`CountedHeap`].

mod compare;
mod heap;
mod measure;
mod peer;
mod settings;
mod stages;

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
pub use compare::{AblateArgs, CompareArgs, GrowthArgs};
use forebay_stark::{
    Options, Parameters, ProvingKey, Tuning, programs::workload::Workload, prove, setup, verify,
};
pub use heap::CountedHeap;
use measure::{Sample, live, median, sample};
use peer::Peer;
use rayon::ThreadPool;
use serde_json::json;
pub use settings::Without;

/// What to compare.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// STARK: whole proofs, against p3-batch-stark
    Stark {
        /// Logarithms of the rows of the largest table
        #[arg(long, value_delimiter = ',', default_value = "18")]
        log_n: Vec<u32>,
    },
    /// STARK: whole proofs without the peer, with the time of each stage
    Stages {
        /// Logarithm of the rows of the largest table
        #[arg(long, default_value_t = 18)]
        log_n: u32,
    },
    /// STARK: one proof, as one line of JSON: what the comparisons run
    #[command(hide = true)]
    Once {
        /// Logarithm of the rows of the largest table
        #[arg(long, default_value_t = 18)]
        log_n: u32,
        /// What to leave out
        #[arg(long, value_enum)]
        without: Vec<Without>,
    },
    /// STARK: two revisions or two settings
    Compare(CompareArgs),
    /// STARK: every setting left out alone
    Ablate(AblateArgs),
    /// STARK: how cost grows with the rows
    Growth(GrowthArgs),
}

/// Bits of a limb: the range table has 2^16 rows.
const LIMB_BITS: u32 = 16;

/// How comparisons are run.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// One JSON object a line instead of a table.
    pub json: bool,
    /// Worker threads of both.
    pub threads: usize,
    /// Counted rounds.
    pub rounds: usize,
}

/// Runs a comparison and prints what came out.
///
/// # Errors
/// When a proof does not verify, or a process that is measured fails.
pub fn run(command: &Command, setting: Setting) -> Result<()> {
    heap::start();
    let Setting { json, threads, rounds } = setting;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    match command {
        Command::Stark { log_n } => log_n.iter().try_for_each(|&n| compare(&pool, n, rounds, json)),
        Command::Once { log_n, without } => once(&pool, *log_n, without),
        Command::Compare(args) => compare::compare(args, threads, rounds),
        Command::Ablate(args) => compare::ablate(args, threads, rounds),
        Command::Growth(args) => compare::growth(args, threads, rounds),
        Command::Stages { log_n } => stages::run(&pool, *log_n, rounds),
    }
}

/// The statement of a size, compiled.
fn key(pool: &ThreadPool, workload: Workload, parameters: Parameters) -> Result<ProvingKey> {
    let airs = workload.airs();
    let airs: Vec<_> = airs.iter().map(AsRef::as_ref).collect();
    Ok(setup(pool, &airs, parameters)?)
}

fn compare(pool: &ThreadPool, log_n: u32, rounds: usize, as_json: bool) -> Result<()> {
    let workload = Workload { log_n, limb_bits: LIMB_BITS };
    let key = key(pool, workload, Parameters::default())?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut our_bytes, mut their_bytes) = (0, 0);
    for _ in 0..rounds {
        let (run, bytes) = our_run(pool, &key, workload, Tuning::default())?;
        ours.push(run);
        our_bytes = bytes;
        let (run, bytes) = their_run(pool, workload)?;
        theirs.push(run);
        their_bytes = bytes;
    }
    let (a, b) = (median(&ours), median(&theirs));
    if as_json {
        let line = json!({
            "peer": "p3-batch-stark 0.8.0", "log_n": log_n, "rounds": rounds,
            "threads": pool.current_num_threads(),
            "ours_cpu_s": a.cpu, "peer_cpu_s": b.cpu, "ratio": a.cpu / b.cpu,
            "ours_wall_s": a.wall, "peer_wall_s": b.wall,
            "ours_peak_bytes": a.peak, "peer_peak_bytes": b.peak,
            "peak_ratio": a.peak as f64 / b.peak as f64,
            "ours_proof_bytes": our_bytes, "peer_proof_bytes": their_bytes,
        });
        println!("{line}");
    } else {
        println!("2^{log_n} rows        CPU-s     wall s   peak MiB   proof KB");
        let row = |name: &str, s: Sample, bytes: usize| {
            let (peak, kb) = (s.peak as f64 / f64::from(1 << 20), bytes as f64 / 1e3);
            println!("{name:<14} {:>10.3} {:>10.3} {peak:>10.1} {kb:>10.1}", s.cpu, s.wall);
        };
        row("forebay-stark", a, our_bytes);
        row("p3-batch-stark", b, their_bytes);
        println!(
            "ratio          {:>10.3} {:>10.3} {:>10.3} {:>10.3}",
            a.cpu / b.cpu,
            a.wall / b.wall,
            a.peak as f64 / b.peak as f64,
            our_bytes as f64 / their_bytes as f64
        );
    }
    Ok(())
}

/// One proof of ours, verified; traces count as memory, their making does not count as time.
fn our_run(
    pool: &ThreadPool,
    key: &ProvingKey,
    workload: Workload,
    tuning: Tuning,
) -> Result<(Sample, usize)> {
    let options = Options { tuning, ..Options::default() };
    let base = live();
    let (traces, public) = workload.traces();
    let (proof, run) = sample(base, || prove(pool, key, traces, &public, options));
    let proof = proof.context("our proof")?;
    ensure!(verify(key.verifying_key(), &public, &proof).is_ok(), "our proof does not verify");
    Ok((run, proof.to_bytes().len()))
}

fn their_run(pool: &ThreadPool, workload: Workload) -> Result<(Sample, usize)> {
    let base = live();
    let (traces, public) = workload.traces();
    pool.install(|| {
        let peer = Peer::new(Parameters::default(), LIMB_BITS, traces, &public);
        let (proof, run) = sample(base, || peer.prove());
        ensure!(peer.verifies(&proof), "the peer's proof does not verify");
        Ok((run, peer::bytes(&proof)))
    })
}

fn once(pool: &ThreadPool, log_n: u32, without: &[Without]) -> Result<()> {
    let workload = Workload { log_n, limb_bits: LIMB_BITS };
    let (mut tuning, mut parameters) = (Tuning::default(), Parameters::default());
    without.iter().for_each(|w| w.apply(&mut tuning));
    if without.contains(&Without::Arity) {
        parameters.log_arity = 1;
    }
    let key = key(pool, workload, parameters)?;
    let (run, bytes) = our_run(pool, &key, workload, tuning)?;
    let line = json!({ "cpu_s": run.cpu, "wall_s": run.wall, "peak_bytes": run.peak, "proof_bytes": bytes });
    println!("{line}");
    Ok(())
}
