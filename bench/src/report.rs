//! One row per peer: a table for people, an object a line for machines.

use crate::measure::Sample;
use forebay_msm::CurveId;
use serde_json::json;

/// Ours against one peer.
pub(crate) struct Row {
    pub(crate) bench: String,
    pub(crate) curve: CurveId,
    pub(crate) log_n: u32,
    pub(crate) threads: usize,
    pub(crate) peer: &'static str,
    pub(crate) ours: Sample,
    pub(crate) theirs: Sample,
    /// Whether both gave the same result. A row that says no counts for nothing.
    pub(crate) equal: bool,
}

impl Row {
    /// Peer over ours, in CPU-seconds.
    fn ratio(&self) -> f64 {
        self.theirs.cpu / self.ours.cpu
    }

    /// Prints the row.
    pub(crate) fn print(&self, as_json: bool) {
        if as_json {
            let value = json!({
                "bench": self.bench, "curve": self.curve.name(), "log_n": self.log_n, "threads": self.threads,
                "peer": self.peer, "ours_cpu_s": self.ours.cpu, "peer_cpu_s": self.theirs.cpu,
                "ours_wall_s": self.ours.wall, "peer_wall_s": self.theirs.wall, "ratio": self.ratio(),
                "equal": self.equal,
            });
            println!("{value}");
        } else {
            println!(
                "{:<18} {:<10} 2^{:<3} {:>2} thr  {:<12} ours {:>9.4} s cpu {:>9.4} s wall   peer {:>9.4} s cpu {:>9.4} s wall   {:>6.2}x  {}",
                self.bench,
                self.curve.name(),
                self.log_n,
                self.threads,
                self.peer,
                self.ours.cpu,
                self.ours.wall,
                self.theirs.cpu,
                self.theirs.wall,
                self.ratio(),
                if self.equal { "equal" } else { "NOT EQUAL" },
            );
        }
    }
}
