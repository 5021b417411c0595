//! A workload, read from TOML.

use super::{
    Settings, SimError,
    error::{check, within},
};
use crate::policy::Footprint;
use serde::Deserialize;

/// Jobs of one circuit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// What to call it.
    pub name: String,
    /// Partitions of each job.
    pub partitions: u32,
    /// Jobs, where the caller names no point.
    pub jobs: u32,
    /// Jobs in flight, where the caller names no point.
    pub in_flight: u32,
    /// Of the random spreads and arrivals.
    pub seed: u64,
    /// When jobs arrive; without it, all at the start.
    pub arrivals: Option<Arrivals>,
    /// How the system is set, where the caller does not say.
    pub settings: Settings,
    /// Memory of a partition.
    pub footprint: FootprintGib,
    /// Stages other than the tail.
    pub stages: Stages,
    /// The host MSM after the device is released.
    pub tail: Tail,
    /// What is unmapped after each partition.
    pub unmap: Unmap,
}

/// Arrivals with exponential gaps.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrivals {
    /// Mean number of jobs in a day.
    pub jobs_per_day: f64,
}

/// Memory of a partition in GiB; see [`Footprint`].
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FootprintGib {
    /// Host: the witness.
    pub witness_gib: f64,
    /// Host: a, b, c.
    pub evaluated_gib: f64,
    /// Device.
    pub device_gib: f64,
    /// Host: scratch of preparation and tail.
    pub tail_gib: f64,
}

impl FootprintGib {
    pub(super) fn bytes(&self) -> Footprint {
        Footprint {
            witness: gib(self.witness_gib),
            evaluated: gib(self.evaluated_gib),
            device: gib(self.device_gib),
            tail: gib(self.tail_gib),
        }
    }
}

/// Bytes in `x` GiB.
pub(super) fn gib(x: f64) -> u64 {
    (x * (1u64 << 30) as f64) as u64
}

/// Stages other than the tail, in their order.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stages {
    /// Witness generation.
    pub witness: Stage,
    /// a, b, c.
    pub evaluate: Stage,
    /// What a worker's host thread does for the device: it begins when the worker takes the partition.
    pub prepare: Stage,
    /// Under the device lock, beside the preparation: copies, and the kernels that do not need it.
    pub quotient: Stage,
    /// Under the device lock, once quotient and preparation are done.
    pub device: Stage,
    /// What a worker does after the tail: assembly, verification.
    pub finish: Stage,
}

/// A stage as it runs alone on the machine, and what it asks of it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Duration.
    pub seconds: f64,
    /// Uniformly distributed, plus or minus.
    pub spread: f64,
    /// Threads that keep a core busy.
    pub threads: f64,
    /// At full speed.
    pub bandwidth_gb_s: f64,
    /// Part of the duration that waits for memory.
    pub memory_share: f64,
    /// Working set that competes for L3.
    pub l3_mib: f64,
    /// Slowdown if all of it is evicted by others.
    pub l3_sensitivity: f64,
}

/// The host MSM, whose threads are a setting: it takes `serial_s + work_s / threads`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tail {
    /// What threads do not shorten.
    pub serial_s: f64,
    /// Thread-seconds.
    pub work_s: f64,
    /// At full speed.
    pub bandwidth_gb_s_per_thread: f64,
    /// Part of the duration that waits for memory.
    pub memory_share: f64,
    /// Buckets of one thread: they compete for L3.
    pub bucket_mib_per_thread: f64,
    /// Slowdown if all of it is evicted by others.
    pub l3_sensitivity: f64,
}

impl Tail {
    pub(super) fn with_threads(&self, threads: u32) -> Stage {
        let n = f64::from(threads);
        Stage {
            seconds: self.serial_s + self.work_s / n,
            spread: 0.0,
            threads: n,
            bandwidth_gb_s: self.bandwidth_gb_s_per_thread * n,
            memory_share: self.memory_share,
            l3_mib: self.bucket_mib_per_thread * n,
            l3_sensitivity: self.l3_sensitivity,
        }
    }
}

/// What is unmapped after each partition, unless buffers are recycled.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmap {
    /// One background thread each.
    pub regions_gib: Vec<f64>,
}

impl Workload {
    /// The workload of the published measurements.
    pub fn shipped() -> Workload {
        match Workload::from_toml(include_str!("../../machines/porep-32g.toml")) {
            Ok(workload) => workload,
            Err(e) => unreachable!("the shipped workload is tested: {e}"),
        }
    }

    /// Reads and validates.
    pub fn from_toml(text: &str) -> Result<Workload, SimError> {
        let workload: Workload = toml::from_str(text)?;
        workload.validate()?;
        Ok(workload)
    }

    /// Refuses nonsense.
    pub fn validate(&self) -> Result<(), SimError> {
        const COUNT: &str = "from 1 to 10000";
        const JOBS: &str = "from 1 to 1000000";
        const SIZE: &str = "from 0 to a million";
        within("partitions", self.partitions.into(), 1.0, 1e4, COUNT)?;
        within("jobs", self.jobs.into(), 1.0, 1e6, JOBS)?;
        within("in_flight", self.in_flight.into(), 1.0, 1e6, JOBS)?;
        if let Some(a) = self.arrivals {
            within("arrivals.jobs_per_day", a.jobs_per_day, 1e-3, 1e9, "from a thousandth to 10⁹")?;
        }
        let f = &self.footprint;
        for (name, x) in [
            ("footprint.witness_gib", f.witness_gib),
            ("footprint.evaluated_gib", f.evaluated_gib),
            ("footprint.device_gib", f.device_gib),
            ("footprint.tail_gib", f.tail_gib),
        ] {
            within(name, x, 0.0, 1e6, SIZE)?;
        }
        let s = &self.stages;
        for (name, stage) in [
            ("witness", &s.witness),
            ("evaluate", &s.evaluate),
            ("prepare", &s.prepare),
            ("quotient", &s.quotient),
            ("device", &s.device),
            ("finish", &s.finish),
            ("tail", &self.tail.with_threads(1)),
        ] {
            stage.validate(name)?;
        }
        check(
            self.unmap.regions_gib.len() <= 16,
            "unmap.regions_gib",
            self.unmap.regions_gib.len(),
            "at most 16 regions",
        )?;
        for x in &self.unmap.regions_gib {
            within("unmap.regions_gib", *x, 1e-6, 1e6, "above zero and below a million")?;
        }
        self.settings.validate()
    }
}

impl Stage {
    fn validate(&self, stage: &str) -> Result<(), SimError> {
        let name = |field| format!("{stage}.{field}");
        within(&name("seconds"), self.seconds, 1e-9, 1e6, "above zero and below a million")?;
        within(&name("spread"), self.spread, 0.0, self.seconds * 0.999, "at least 0 and below the seconds")?;
        within(&name("threads"), self.threads, 0.0, 1e4, "from 0 to 10000")?;
        within(&name("bandwidth_gb_s"), self.bandwidth_gb_s, 0.0, 1e6, "from 0 to a million")?;
        within(&name("memory_share"), self.memory_share, 0.0, 1.0, "from 0 to 1")?;
        within(&name("l3_mib"), self.l3_mib, 0.0, 1e6, "from 0 to a million")?;
        within(&name("l3_sensitivity"), self.l3_sensitivity, 0.0, 100.0, "from 0 to 100")
    }
}
