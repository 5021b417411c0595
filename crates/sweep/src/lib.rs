//! Measuring many proofs in flight: points and settings, whatever is proved.
//!
//! A [`Workload`] starts an executor for a configuration and proves jobs on it. [`run`] goes through the cases in turn, so
//! that whatever else the machine does hits all of them alike, and gives a [`Sweep`]: a table, or a page with charts.
//!
//! # Cost
//! That of the proofs: a warm-up of up to six passes of 2·j jobs, then c jobs, per case and round; three jobs for the isolated
//! lengths of stages before.

mod measure;
mod options;
mod report;
pub mod settings;

pub use measure::Sample;
pub use options::{Format, Options};
pub use settings::{Setting, SettingError};

use forebay_scheduler::{BigBlocks, config::Config, executor::Executor, sim::Point, timeline::Baselines};
use report::Row;

/// What is proved again and again: jobs of so many partitions.
pub trait Workload {
    /// What can go wrong.
    type Error: From<Overcommitted>;
    /// The workload on an executor.
    type Running<'a>: Running<Error = Self::Error>
    where
        Self: 'a;

    /// Its name, for headings.
    fn name(&self) -> String;

    /// Partitions of one job.
    fn partitions(&self) -> usize;

    /// Starts an executor as `config` asks for.
    ///
    /// # Errors
    /// What hinders it.
    fn start(&self, config: &Config) -> Result<Self::Running<'_>, Self::Error>;
}

/// A workload on an executor.
pub trait Running {
    /// What can go wrong.
    type Error;

    /// The executor that the jobs run on, and no others.
    fn executor(&self) -> &Executor;

    /// Hands so many jobs in and waits for all of them.
    ///
    /// # Errors
    /// The first failure, or the wish to stop.
    fn prove(&self, jobs: u32) -> Result<(), Self::Error>;
}

/// The policy's books and the budget's disagreed: a defect.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the budget refused what the policy had counted on")]
pub struct Overcommitted;

/// Who wants to know how it goes.
pub trait Listener {
    /// What is being measured now.
    fn doing(&self, _what: &str) {}

    /// A run is done.
    fn sample(&self, _sample: &Sample) {}
}

/// What was measured.
pub struct Sweep {
    name: String,
    rows: Vec<Row>,
    baselines: Baselines,
}

/// Runs every setting at every point, in turn, [`Options::rounds`] times. `blocks` is the allocator of the process.
///
/// # Errors
/// The workload's.
pub fn run<W: Workload>(
    workload: &W,
    settings: &[Setting],
    options: &Options,
    blocks: &BigBlocks,
    listener: &dyn Listener,
) -> Result<Sweep, W::Error> {
    let name = workload.name();
    let mut baselines = Baselines::default();
    if let Some(first) = settings.first() {
        listener.doing("isolation");
        baselines = measure::isolation(workload, blocks, first)?;
    }
    let cases: Vec<(&Setting, Point)> =
        settings.iter().flat_map(|s| options.points.iter().map(move |p| (s, *p))).collect();
    let mut rows: Vec<Row> = cases.iter().map(|_| Row { runs: Vec::new() }).collect();
    let rounds = options.rounds();
    for round in 1..=rounds {
        for ((setting, point), row) in cases.iter().zip(&mut rows) {
            listener.doing(&format!("round {round} of {rounds}: {} {point}", setting.name));
            let sample = measure::run(workload, blocks, setting, *point, &baselines)?;
            listener.sample(&sample);
            row.runs.push(sample);
        }
    }
    Ok(Sweep { name, rows, baselines })
}

impl Sweep {
    /// The table: a row per case, of the run with the median time.
    pub fn table(&self, format: Format) -> String {
        match format {
            Format::Markdown => report::markdown(&self.rows),
            Format::Csv => report::csv(&self.rows),
        }
    }

    /// A page in HTML: the table, charts, and the waterfall of the last case.
    pub fn page(&self) -> String {
        report::page(&self.name, &self.rows, &self.baselines)
    }
}
