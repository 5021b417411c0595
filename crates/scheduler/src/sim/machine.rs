//! A machine, read from TOML.

use super::{SimError, error::within};
use serde::Deserialize;

/// A machine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// What to call it.
    pub name: String,
    /// Cores and caches.
    pub cpu: Cpu,
    /// Host memory.
    pub memory: Memory,
    /// What unmapping costs.
    pub tlb: Tlb,
    /// Devices.
    pub device: Device,
}

/// Cores and caches.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// Physical cores.
    pub cores: u32,
    /// Hardware threads.
    pub threads: u32,
    /// Throughput of a core whose threads are all busy, over one busy thread.
    pub smt_gain: f64,
    /// All L3 together.
    pub l3_mib: f64,
}

/// Host memory.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// All of it.
    pub gib: f64,
    /// What is taken before the first partition: circuit, key, operating system.
    pub resident_gib: f64,
    /// Theoretical bandwidth, 10⁹ bytes per second.
    pub bandwidth_gb_s: f64,
    /// The attainable share of it.
    pub efficiency: f64,
}

/// What unmapping costs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tlb {
    /// Speed of one unmapping thread.
    pub unmap_gib_s: f64,
    /// Memory unmapped per flush.
    pub flush_every_mib: f64,
    /// What one flush costs each core.
    pub flush_us: f64,
}

/// Devices.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// How many.
    pub count: u32,
    /// Memory of each.
    pub memory_gib: f64,
}

impl Machine {
    /// The machine of the published measurements.
    pub fn shipped() -> Machine {
        match Machine::from_toml(include_str!("../../machines/threadripper-7995wx.toml")) {
            Ok(machine) => machine,
            Err(e) => unreachable!("the shipped machine is tested: {e}"),
        }
    }

    /// Reads and validates.
    pub fn from_toml(text: &str) -> Result<Machine, SimError> {
        let machine: Machine = toml::from_str(text)?;
        machine.validate()?;
        Ok(machine)
    }

    /// Refuses nonsense.
    pub fn validate(&self) -> Result<(), SimError> {
        const POSITIVE: &str = "above zero and below a million";
        let positive = |name, x: f64| within(name, x, 1e-6, 1e6, POSITIVE);
        positive("cpu.cores", self.cpu.cores.into())?;
        let (cores, threads) = (self.cpu.cores.into(), self.cpu.threads.into());
        within("cpu.threads", threads, cores, 8.0 * cores, "from one to eight per core")?;
        within("cpu.smt_gain", self.cpu.smt_gain, 1.0, threads / cores, "from 1 to the threads per core")?;
        positive("cpu.l3_mib", self.cpu.l3_mib)?;
        positive("memory.gib", self.memory.gib)?;
        within("memory.resident_gib", self.memory.resident_gib, 0.0, self.memory.gib, "at most memory.gib")?;
        positive("memory.bandwidth_gb_s", self.memory.bandwidth_gb_s)?;
        within("memory.efficiency", self.memory.efficiency, 0.01, 1.0, "from 0.01 to 1")?;
        positive("tlb.unmap_gib_s", self.tlb.unmap_gib_s)?;
        positive("tlb.flush_every_mib", self.tlb.flush_every_mib)?;
        within("tlb.flush_us", self.tlb.flush_us, 0.0, 1e6, "from 0 to a second")?;
        within("device.count", self.device.count.into(), 1.0, 4096.0, "from 1 to 4096")?;
        positive("device.memory_gib", self.device.memory_gib)
    }

    /// Attainable bandwidth, 10⁹ bytes per second.
    pub(super) fn attainable(&self) -> f64 {
        self.memory.bandwidth_gb_s * self.memory.efficiency
    }

    /// Share of every core's time that one unmapping thread takes.
    pub(super) fn stall_per_unmap(&self) -> f64 {
        let flushes = self.tlb.unmap_gib_s * 1024.0 / self.tlb.flush_every_mib;
        flushes * self.tlb.flush_us * 1e-6
    }
}
