//! The options that commands share.

use clap::builder::TypedValueParser;
use forebay_scheduler::sim::Point;
use std::path::PathBuf;

/// What to measure, and how to tell it.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Points c×j: c proofs requested, j in flight
    #[arg(
        long = "point",
        value_name = "CxJ",
        value_delimiter = ',',
        default_value = "1x1,5x5,10x10,15x15,20x15"
    )]
    pub points: Vec<Point>,
    /// Runs of each case, in turn with the others; their median counts [default: 1, with --ablate 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=99).map(usize::from))]
    pub rounds: Option<usize>,
    /// Change a setting: gate=off|yield|park:k|adaptive, reclaim=unbounded|mutex|arena, msm_threads, synthesis_threads, gw, pw,
    /// look_ahead, pacing=jit|off, huge_pages=on|off, pinning=on|off
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Also with each intervention changed alone
    #[arg(long)]
    pub ablate: bool,
    /// The table's format
    #[arg(long, value_enum, default_value = "markdown")]
    pub format: Format,
    /// Write a page with charts and a waterfall
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Runs of each row of an ablation: the fewest that have a median and a spread.
const ABLATION_ROUNDS: usize = 3;

impl Options {
    /// Runs of each case.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.ablate { ABLATION_ROUNDS } else { 1 })
    }
}

/// How the table is printed. `--json` prints a line per run instead.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Format {
    /// A table in Markdown
    Markdown,
    /// Comma-separated values
    Csv,
}
