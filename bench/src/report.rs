//! One row per peer: a table for people, an object a line for machines.

use crate::{
    measure::{Outcome, Sample},
    options::Setting,
};
use anyhow::Context;
use forebay_msm::CurveId;
use serde_json::json;

/// What was compared.
pub(crate) struct Subject {
    pub(crate) bench: String,
    pub(crate) curve: CurveId,
    pub(crate) log_n: u32,
}

/// Ours against one peer.
pub(crate) struct Row {
    pub(crate) peer: &'static str,
    pub(crate) ours: Sample,
    pub(crate) theirs: Sample,
    /// Whether both gave the same result. A row that says no counts for nothing.
    pub(crate) equal: bool,
    /// Peak resident bytes, ours and theirs, where they were measured.
    pub(crate) peaks: Option<[u64; 2]>,
}

impl Row {
    /// Peer over ours, in CPU-seconds.
    fn ratio(&self) -> f64 {
        self.theirs.cpu / self.ours.cpu
    }
}

impl Subject {
    pub(crate) fn new(setting: &Setting, bench: &str, curve: CurveId, log_n: u32) -> Self {
        Subject { bench: setting.named(bench), curve, log_n }
    }

    /// Rows of the peers, whose outcomes follow ours.
    ///
    /// # Errors
    /// If a contender failed or a result differs.
    pub(crate) fn print_all<T: PartialEq>(
        &self,
        setting: &Setting,
        outcomes: Vec<Outcome<anyhow::Result<T>>>,
    ) -> anyhow::Result<()> {
        let mut outcomes = outcomes.into_iter();
        let ours = outcomes.next().context("our own run")?;
        let result = ours.result?;
        let mut differing = Vec::new();
        for peer in outcomes {
            let equal = peer.result.with_context(|| peer.name)? == result;
            if !equal {
                differing.push(peer.name);
            }
            let row = Row { peer: peer.name, ours: ours.median, theirs: peer.median, equal, peaks: None };
            self.print(setting, &row);
        }
        anyhow::ensure!(differing.is_empty(), "{}: other results from {differing:?}", self.bench);
        Ok(())
    }

    /// Prints a row.
    pub(crate) fn print(&self, setting: &Setting, row: &Row) {
        match setting.json {
            true => println!("{}", self.object(setting.threads, row)),
            false => println!("{}", self.line(setting.threads, row)),
        }
    }

    fn object(&self, threads: usize, row: &Row) -> serde_json::Value {
        let mut value = json!({
            "bench": self.bench, "curve": self.curve.name(), "log_n": self.log_n, "threads": threads,
            "peer": row.peer, "ours_cpu_s": row.ours.cpu, "peer_cpu_s": row.theirs.cpu,
            "ours_wall_s": row.ours.wall, "peer_wall_s": row.theirs.wall, "ratio": row.ratio(),
            "equal": row.equal,
        });
        if let Some([ours, theirs]) = row.peaks {
            value["ours_peak_bytes"] = ours.into();
            value["peer_peak_bytes"] = theirs.into();
        }
        value
    }

    fn line(&self, threads: usize, row: &Row) -> String {
        let verdict = if row.equal { "equal" } else { "NOT EQUAL" };
        let busy = match row.ours.busy {
            0.0 => String::new(),
            busy => format!("   our threads busy {:.1} %", 100.0 * busy),
        };
        let peaks = row.peaks.map_or_else(String::new, |[ours, theirs]| {
            format!("   peak {} and {} MB", ours / 1_000_000, theirs / 1_000_000)
        });
        format!(
            "{:<22} {:<9} 2^{:<2} {:>2} thr  {:<12} ours {:>9.4} s cpu {:>9.4} s wall   peer {:>9.4} s cpu {:>9.4} s wall \
             {:>7.2}x  {verdict}{busy}{peaks}",
            self.bench,
            self.curve.name(),
            self.log_n,
            threads,
            row.peer,
            row.ours.cpu,
            row.ours.wall,
            row.theirs.cpu,
            row.theirs.wall,
            row.ratio(),
        )
    }
}
