//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use forebay_msm::{CpuBackend, CurveId, Kernels};
use std::{path::PathBuf, sync::Arc};

/// Compares Forebay with its peers: interleaved runs, medians, equal results checked, ratios in CPU-seconds.
///
/// A row's ratio is the peer's CPU-seconds over ours. With --json each row is one object: bench, curve, log_n, threads,
/// peer, ours_cpu_s, peer_cpu_s, ours_wall_s, peer_wall_s, ratio, equal; the rows of `memory` have ours_peak_bytes and
/// peer_peak_bytes as well. The STARK's comparisons stand alone: see docs/stark.md.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// One JSON object a line instead of a table
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Worker threads, ours and the peers' [default: one per core]
    #[arg(long, global = true, value_delimiter = ',')]
    threads: Vec<usize>,
    /// Counted rounds, after one that is not
    #[arg(long, global = true, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Which kernels of ours
    #[arg(long, global = true, value_enum, default_value = "auto")]
    kernels: KernelsArg,
    /// Whom to compare with [default: every one that runs in this process]
    #[arg(long, global = true, value_enum, value_delimiter = ',')]
    peers: Vec<Peer>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Multi-scalar multiplication
    Msm(MsmArgs),
    /// Forward transforms over the scalar field, natural order in and out
    Ntt(NttArgs),
    /// Whole proofs on one key
    Prove(ProveArgs),
    /// A·z, B·z, C·z: the evaluator against plain sparse matrices
    #[command(alias = "evaluate")]
    Spmv(SpmvArgs),
    /// Peak memory of a proof, each prover in a process of its own
    Memory(ProveArgs),
    /// One prover of `memory`
    #[command(hide = true)]
    MemoryChild(ChildArgs),
    #[command(flatten)]
    Stark(forebay_stark_bench::Command),
}

#[derive(Args)]
pub(crate) struct MsmArgs {
    /// Which curves [default: both]
    #[arg(long, value_enum, value_delimiter = ',')]
    curve: Vec<CurveArg>,
    /// Which groups
    #[arg(long, value_enum, value_delimiter = ',', default_value = "g1")]
    pub(crate) group: Vec<GroupArg>,
    /// Logarithms of the number of terms
    #[arg(long, value_delimiter = ',', default_value = "16")]
    pub(crate) log_n: Vec<u32>,
    /// What the scalars are like
    #[arg(long, value_enum, value_delimiter = ',', default_value = "uniform")]
    pub(crate) scalars: Vec<Scalars>,
}

#[derive(Args)]
pub(crate) struct NttArgs {
    /// Which curves' scalar fields [default: both]
    #[arg(long, value_enum, value_delimiter = ',')]
    curve: Vec<CurveArg>,
    /// Logarithms of the sizes
    #[arg(long, value_delimiter = ',', default_value = "18")]
    pub(crate) log_n: Vec<u32>,
}

#[derive(Args)]
pub(crate) struct ProveArgs {
    /// Which curves [default: both]
    #[arg(long, value_enum, value_delimiter = ',')]
    curve: Vec<CurveArg>,
    /// Logarithms of the number of constraints of the chain
    #[arg(long, value_delimiter = ',', default_value = "16")]
    pub(crate) log_n: Vec<u32>,
    /// The circuits: a multiplication chain with full-width values, or circom's SHA-256 of 4096 bits
    #[arg(long, value_enum, value_delimiter = ',', default_value = "chain")]
    pub(crate) circuit: Vec<CircuitArg>,
}

#[derive(Args)]
pub(crate) struct SpmvArgs {
    /// Which curves [default: both]
    #[arg(long, value_enum, value_delimiter = ',')]
    curve: Vec<CurveArg>,
    /// Logarithms of the number of constraints of the chain
    #[arg(long, value_delimiter = ',', default_value = "18")]
    pub(crate) log_n: Vec<u32>,
    /// The circuits, if no file is named
    #[arg(long, value_enum, value_delimiter = ',', default_value = "chain,sha256")]
    pub(crate) circuit: Vec<CircuitArg>,
    /// A circuit in a file, on its own curve
    #[arg(requires = "witness")]
    pub(crate) r1cs: Option<PathBuf>,
    /// A witness of it
    pub(crate) witness: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ChildArgs {
    /// Which prover
    #[arg(value_enum)]
    pub(crate) prover: ChildProver,
    #[arg(value_enum)]
    pub(crate) curve: CurveArg,
    /// Where its files are
    pub(crate) files: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChildProver {
    Forebay,
    Ark,
    Snarkjs,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum CurveArg {
    #[value(name = "bls12-381")]
    Bls12_381,
    #[value(name = "bn254")]
    Bn254,
}

impl CurveArg {
    pub(crate) fn id(self) -> CurveId {
        match self {
            CurveArg::Bls12_381 => CurveId::Bls12_381,
            CurveArg::Bn254 => CurveId::Bn254,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum GroupArg {
    G1,
    G2,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum CircuitArg {
    Chain,
    Sha256,
}

#[derive(Clone, Copy, ValueEnum)]
enum KernelsArg {
    Auto,
    Portable,
    Avx2,
    Ifma,
}

/// Distributions of scalars.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scalars {
    /// Full width.
    Uniform,
    /// 98 % zeros and ones, as in a Filecoin witness.
    Filecoin,
    /// All the same.
    Equal,
    /// 64 bits.
    Short,
}

/// Whom we are compared with.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    Blst,
    Blstrs,
    Bellperson,
    /// ark-ec, ark-poly or ark-groth16.
    Ark,
    Halo2curves,
    PlainCsr,
    /// node's process and start-up included
    Snarkjs,
    /// Our own portable kernels
    Portable,
}

/// What every comparison needs to know.
pub(crate) struct Setting {
    pub(crate) json: bool,
    pub(crate) threads: usize,
    pub(crate) rounds: usize,
    pub(crate) pool: Arc<rayon::ThreadPool>,
    kernels: Kernels,
    peers: Vec<Peer>,
}

impl Cli {
    /// Without repetitions.
    pub(crate) fn threads(&self) -> Vec<usize> {
        if self.threads.is_empty() {
            return vec![std::thread::available_parallelism().map_or(1, usize::from)];
        }
        self.threads.iter().map(|t| (*t).max(1)).collect()
    }
}

impl Setting {
    pub(crate) fn new(cli: &Cli, threads: usize) -> anyhow::Result<Self> {
        let kernels = match cli.kernels {
            KernelsArg::Auto => Kernels::Auto,
            KernelsArg::Portable => Kernels::Portable,
            KernelsArg::Avx2 => Kernels::Avx2,
            KernelsArg::Ifma => Kernels::Ifma,
        };
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?);
        let (rounds, peers) = (cli.rounds.max(1), cli.peers.clone());
        Ok(Setting { json: cli.json, threads, rounds, pool, kernels, peers })
    }

    /// Whether to compare with this peer.
    pub(crate) fn wants(&self, peer: Peer) -> bool {
        match self.peers.is_empty() {
            true => !matches!(peer, Peer::Snarkjs | Peer::Portable),
            false => self.peers.contains(&peer),
        }
    }

    /// Our backend with the kernels asked for.
    pub(crate) fn backend(&self) -> anyhow::Result<CpuBackend> {
        Ok(CpuBackend::with_kernels(Arc::clone(&self.pool), Arc::default(), self.kernels)?)
    }

    /// Our backend with the portable kernels.
    pub(crate) fn portable(&self) -> anyhow::Result<CpuBackend> {
        Ok(CpuBackend::with_kernels(Arc::clone(&self.pool), Arc::default(), Kernels::Portable)?)
    }

    /// The name of a benchmark of ours: it says which kernels, unless the CPU chose.
    pub(crate) fn named(&self, bench: &str) -> String {
        match self.kernels {
            Kernels::Auto => bench.to_owned(),
            Kernels::Portable => format!("{bench} portable"),
            Kernels::Avx2 => format!("{bench} avx2"),
            Kernels::Ifma => format!("{bench} ifma"),
        }
    }

    pub(crate) fn kernels_argument(&self) -> &'static str {
        match self.kernels {
            Kernels::Auto => "auto",
            Kernels::Portable => "portable",
            Kernels::Avx2 => "avx2",
            Kernels::Ifma => "ifma",
        }
    }
}

fn ids(curves: &[CurveArg]) -> Vec<CurveId> {
    if curves.is_empty() {
        return CurveId::ALL.to_vec();
    }
    curves.iter().map(|c| c.id()).collect()
}

macro_rules! curves {
    ($($args:ty),*) => {$(
        impl $args {
            /// The curves asked for, or both.
            pub(crate) fn curves(&self) -> Vec<CurveId> {
                ids(&self.curve)
            }
        }
    )*};
}
curves!(MsmArgs, NttArgs, ProveArgs, SpmvArgs);
