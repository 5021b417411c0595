//! What a simulation tells.

use super::Point;
use serde::Serialize;
use std::fmt::Write;

/// Durations of one stage, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StageReport {
    /// How often it ran.
    pub count: u64,
    /// Mean.
    pub mean_s: f64,
    /// Longest.
    pub max_s: f64,
    /// Mean over its duration alone on the machine.
    pub inflation: f64,
}

/// A peak of this share of memory leaves no room for one more partition of twenty GiB on the shipped machine.
const FULL: f64 = 0.974;

/// Share of the time from start to end, 0 to 1, that a resource was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Utilisation {
    /// Synthesis slots.
    pub synthesis_slots: f64,
    /// Device workers.
    pub device_workers: f64,
    /// Device locks.
    pub device_locks: f64,
    /// Throughput of the cores.
    pub cores: f64,
    /// Attainable memory bandwidth.
    pub bandwidth: f64,
    /// Host memory at its peak.
    pub memory: f64,
}

impl Utilisation {
    /// The resource that limits: the most used one. Memory is a peak and not a mean, so it counts only if full.
    pub fn saturates_first(&self) -> (&'static str, f64) {
        let ranked = self.ranked();
        let limits = |(name, used): &(&str, f64)| *name != "memory" || *used >= FULL;
        ranked.iter().copied().find(limits).unwrap_or(ranked[0])
    }

    /// The resources and their names, the most used first.
    pub fn ranked(&self) -> Vec<(&'static str, f64)> {
        let mut all = vec![
            ("synthesis slots", self.synthesis_slots),
            ("device workers", self.device_workers),
            ("device locks", self.device_locks),
            ("cores", self.cores),
            ("memory bandwidth", self.bandwidth),
            ("memory", self.memory),
        ];
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }
}

/// The outcome of [`run`](super::run).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The machine's name.
    pub machine: String,
    /// The workload's name.
    pub workload: String,
    /// The settings, as `key=value` words.
    pub settings: String,
    /// Requested and in flight.
    pub point: Point,
    /// From the first submission to the last delivery.
    pub wall_s: f64,
    /// `wall_s` over jobs.
    pub s_per_proof: f64,
    /// Partitions in a day at that rate.
    pub partitions_per_day: f64,
    /// Sum over a job's partitions of the time that they had a device worker, mean over jobs.
    pub avg_prove_s: f64,
    /// Mean time that a partition has a device worker: preparation, wait for the lock, device, tail, finish.
    pub avg_device_s: f64,
    /// The longest such time.
    pub max_device_s: f64,
    /// Share of the time from the first to the last use of a device worker in which any has a partition.
    pub device_util: f64,
    /// Mean wait for the device lock.
    pub lock_wait_s: f64,
    /// Mean time that the lock was held.
    pub lock_held_s: f64,
    /// Witness and evaluation of a partition.
    pub synthesis: StageReport,
    /// From a job's first synthesis to the end of its last: mean and longest.
    pub job_synthesis_s: (f64, f64),
    /// Witness generation.
    pub witness: StageReport,
    /// a, b, c.
    pub evaluate: StageReport,
    /// Beside the wait for the lock and the quotient.
    pub prepare: StageReport,
    /// Under the device lock, beside the preparation.
    pub quotient: StageReport,
    /// Under the device lock, after both.
    pub device: StageReport,
    /// The host MSM.
    pub tail: StageReport,
    /// After it.
    pub finish: StageReport,
    /// From submission to delivery: mean and longest.
    pub latency_s: (f64, f64),
    /// Most memory in use, what is not yet unmapped included.
    pub peak_gib: f64,
    /// Threads that unmap: mean and most at once.
    pub unmapping: (f64, f64),
    /// How much of each resource was used.
    pub utilisation: Utilisation,
    /// The resource that is used most.
    pub saturates_first: &'static str,
    /// Jobs delivered.
    pub delivered: u64,
}

impl Report {
    /// A table for people.
    pub fn to_markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        _ = self.write_markdown(&mut out);
        out
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{} on {}, {}\n\n{}\n", self.workload, self.machine, self.point, self.settings)?;
        writeln!(out, "| | |\n|---|---|")?;
        writeln!(out, "| s/proof | {:.1} |", self.s_per_proof)?;
        writeln!(out, "| partitions a day | {:.0} |", self.partitions_per_day)?;
        writeln!(out, "| average prove time | {:.1} s |", self.avg_prove_s)?;
        writeln!(out, "| average device time per partition | {:.2} s |", self.avg_device_s)?;
        writeln!(out, "| device utilisation | {:.1} % |", 100.0 * self.device_util)?;
        writeln!(
            out,
            "| latency, mean and longest | {:.0} s, {:.0} s |",
            self.latency_s.0, self.latency_s.1
        )?;
        writeln!(out, "| peak memory | {:.0} GiB |", self.peak_gib)?;
        writeln!(out, "| saturates first | {} |\n", self.saturates_first)?;
        writeln!(out, "| stage | mean | longest | inflation |\n|---|---|---|---|")?;
        for (name, s) in [
            ("synthesis", &self.synthesis),
            ("witness", &self.witness),
            ("evaluate", &self.evaluate),
            ("prepare", &self.prepare),
            ("quotient", &self.quotient),
            ("device", &self.device),
            ("tail", &self.tail),
            ("finish", &self.finish),
        ] {
            writeln!(out, "| {name} | {:.2} s | {:.2} s | {:.2} |", s.mean_s, s.max_s, s.inflation)?;
        }
        writeln!(out, "\n| resource | used |\n|---|---|")?;
        for (name, used) in self.utilisation.ranked() {
            writeln!(out, "| {name} | {:.1} % |", 100.0 * used)?;
        }
        Ok(())
    }
}

/// Collects durations of a stage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) max: f64,
    /// Sum of the durations alone.
    pub(super) alone: f64,
}

impl Tally {
    pub(super) fn add(&mut self, seconds: f64, alone: f64) {
        self.count += 1;
        self.sum += seconds;
        self.max = self.max.max(seconds);
        self.alone += alone;
    }

    pub(super) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    pub(super) fn report(&self) -> StageReport {
        let inflation = if self.alone > 0.0 { self.sum / self.alone } else { 0.0 };
        StageReport { count: self.count, mean_s: self.mean(), max_s: self.max, inflation }
    }
}
