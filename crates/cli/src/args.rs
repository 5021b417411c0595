//! The command line.

use crate::commands::{simulate::SimulateArgs, stark::StarkCommand};
use clap::{Args, Parser, Subcommand, ValueEnum, builder::TypedValueParser};
use forebay_formats::Validation;
use forebay_msm::CurveId;
use std::path::PathBuf;

/// Forebay proves circom circuits with Groth16 on BLS12-381 and BN254.
///
/// Exit status: 0 success · 1 internal error · 2 wrong usage or configuration · 3 malformed or unsuitable input file ·
/// 4 the witness does not satisfy the circuit, or can't be computed · 5 the proof does not verify · 6 a file can't be
/// read or written · 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Print one JSON object for machines instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Worker threads (0 = one per core) [default: 0, or the configuration's]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Configuration file [default: ./forebay.toml if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where compiled circuits and records of validated keys are kept [default: the user's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// What proofs run on
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(crate) backend: BackendArg,
    /// Neither read nor write the cache
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,
}

/// What proofs run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendArg {
    /// A GPU if this binary and this machine have one, the CPU otherwise
    Auto,
    /// The CPU
    Cpu,
    /// The first NVIDIA GPU; without one, an error
    Cuda,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prove and verify a built-in circuit on both curves: the place to start
    Demo(DemoArgs),
    /// Make a proof from a key and a witness
    Prove(ProveArgs),
    /// Check a proof against a verification key
    Verify(VerifyArgs),
    /// Make a DEVELOPMENT key from an r1cs, in seconds: never for production
    #[command(visible_alias = "dev-setup")]
    Setup(SetupArgs),
    /// Say what a file is, its sizes, and whether it is sane
    Inspect(InspectArgs),
    /// Compile the evaluator of a circuit ahead of the first proof
    Compile(CompileArgs),
    /// Turn a proving key of snarkjs, bellperson or arkworks into Forebay's own, which is used in place
    Convert(ConvertArgs),
    /// Take one thing out of another
    Export {
        #[command(subcommand)]
        what: Export,
    },
    /// Measure throughput, latency and memory with more and more proofs in flight
    Sweep(SweepArgs),
    /// Prove and verify runs of a small register machine with a LogUp STARK
    Stark {
        #[command(subcommand)]
        what: StarkCommand,
    },
    /// Filecoin's proofs: runs the program `forebay-filecoin`, which is installed by itself, with what follows
    #[command(disable_help_flag = true)]
    Filecoin {
        /// See `forebay filecoin --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Predict what many proofs in flight do, on a model of a machine
    Simulate(SimulateArgs),
    /// Look at the machine and recommend a configuration for it
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Only this curve [default: both]
    #[arg(long, value_enum)]
    pub(crate) curve: Option<CurveArg>,
    /// Where the files go
    #[arg(long, short, value_name = "DIR", default_value = "forebay-demo")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// The proving key: .zkey, Forebay's .fbk, or arkworks' (the latter two with --r1cs); or give --jobs
    #[arg(required_unless_present = "jobs")]
    pub(crate) key: Option<PathBuf>,
    /// The witness (.wtns); or give --wasm and --input
    #[arg(required_unless_present_any = ["wasm", "jobs"], conflicts_with_all = ["wasm", "input"])]
    pub(crate) witness: Option<PathBuf>,
    /// The circuit's witness generator, run in this process
    #[arg(long, value_name = "FILE", requires = "input")]
    pub(crate) wasm: Option<PathBuf>,
    /// The circuit's input for --wasm (JSON; `-` reads standard input)
    #[arg(long, value_name = "FILE", requires = "wasm")]
    pub(crate) input: Option<PathBuf>,
    /// The circuit; with it a bad witness is refused with the first constraint that fails
    #[arg(long, value_name = "FILE")]
    pub(crate) r1cs: Option<PathBuf>,
    /// Where the proof goes
    #[arg(long, short = 'o', value_name = "FILE", default_value = "proof.json")]
    pub(crate) proof: PathBuf,
    /// Where the public signals go
    #[arg(long, short = 'p', value_name = "FILE", default_value = "public.json")]
    pub(crate) public: PathBuf,
    /// How far to check the key; a level that was passed once is remembered
    #[arg(long, value_enum)]
    pub(crate) validation: Option<ValidationArg>,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}

/// Many proofs in flight.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many proofs in flight")]
pub(crate) struct BatchArgs {
    /// A batch file (TOML) that names keys, witnesses and where proofs go: see docs/scheduling.md
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "witness", "wasm", "input", "r1cs"])]
    pub(crate) jobs: Option<PathBuf>,
    /// Jobs requested: the batch is repeated until there are so many [default: once]
    #[arg(long, short = 'c', value_name = "N", requires = "jobs")]
    pub(crate) count: Option<usize>,
    /// Jobs in flight at once [default: the configuration's]
    #[arg(long, short = 'j', value_name = "N", requires = "jobs")]
    pub(crate) in_flight: Option<usize>,
    /// Write what happened when: .html (waterfall), .svg or .json (Chrome trace)
    #[arg(long, value_name = "FILE", requires = "jobs")]
    pub(crate) timeline: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// The proving key, as for `prove` [default: a development key for the built-in circuit]
    pub(crate) key: Option<PathBuf>,
    /// Witnesses (.wtns), used in turn for the partitions
    #[arg(requires = "key")]
    pub(crate) witnesses: Vec<PathBuf>,
    /// The circuit of the key; with it evaluations are checked
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) r1cs: Option<PathBuf>,
    /// The built-in circuit's curve
    #[arg(long, value_enum, default_value = "bls12-381", conflicts_with = "key")]
    pub(crate) curve: CurveArg,
    /// Partitions per proof
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=4096).map(usize::from))]
    pub(crate) partitions: usize,
    #[command(flatten)]
    pub(crate) options: forebay_sweep::Options,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Write the recommended configuration
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "forebay.toml")]
    pub(crate) write: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "write")]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The verification key (.json, bellperson's .vk) or a proving key of any kind
    pub(crate) key: PathBuf,
    /// The public signals
    pub(crate) public: PathBuf,
    /// The proof
    pub(crate) proof: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    /// The circuit
    pub(crate) r1cs: PathBuf,
    /// Where the key goes [default: the circuit's name with .INSECURE-DEV.zkey]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Where the verification key goes [default: the key's name with .vkey.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) vkey: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Any file: r1cs, wtns, pce, wasm, a proving or verification key of any kind, proof, public signals
    pub(crate) file: PathBuf,
    /// How far to check a key's points
    #[arg(long, value_enum, default_value = "subgroup")]
    pub(crate) validation: ValidationArg,
}

#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// An r1cs, or a zkey (which lacks the matrix C)
    pub(crate) circuit: PathBuf,
    /// Where the compiled circuit goes [default: the circuit's name with .pce]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The proving key: .zkey, bellperson's .params, arkworks' uncompressed; told by its contents
    pub(crate) key: PathBuf,
    /// Where Forebay's key goes [default: the key's name with .fbk]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The key's circuit, an r1cs or a compiled one (.pce): bellperson's parameters leave points out, and it tells which
    #[arg(long, value_name = "FILE")]
    pub(crate) circuit: Option<PathBuf>,
    /// Also write the verification key: bellperson's if the name ends in .vk, else snarkjs's JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) vkey: Option<PathBuf>,
    /// How far to check the key's points
    #[arg(long, value_enum)]
    pub(crate) validation: Option<ValidationArg>,
    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// What can be exported.
#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// The verification key of a proving key, as snarkjs writes it
    Vkey {
        /// The proving key, of any kind; or bellperson's .vk
        key: PathBuf,
        /// Where the verification key goes
        #[arg(long, short, value_name = "FILE", default_value = "verification_key.json")]
        output: PathBuf,
    },
}

/// A curve by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CurveArg {
    /// BLS12-381
    #[value(name = "bls12-381", alias = "bls12381")]
    Bls12_381,
    /// BN254, circom's bn128
    #[value(name = "bn254", alias = "bn128")]
    Bn254,
}

impl From<CurveArg> for CurveId {
    fn from(v: CurveArg) -> Self {
        match v {
            CurveArg::Bls12_381 => CurveId::Bls12_381,
            CurveArg::Bn254 => CurveId::Bn254,
        }
    }
}

/// A level of validation by name.
#[derive(Debug, Clone, Copy, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ValidationArg {
    /// Section lengths and counts
    Structure,
    /// … and every coordinate below the modulus
    Canonical,
    /// … and every point on its curve
    OnCurve,
    /// … and in the subgroup of prime order
    Subgroup,
}

impl From<ValidationArg> for Validation {
    fn from(v: ValidationArg) -> Self {
        match v {
            ValidationArg::Structure => Validation::Structure,
            ValidationArg::Canonical => Validation::Canonical,
            ValidationArg::OnCurve => Validation::OnCurve,
            ValidationArg::Subgroup => Validation::Subgroup,
        }
    }
}
