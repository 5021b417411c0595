//! The `[scheduler]` section of the configuration.
//!
//! Every key has a default, so an absent section is a valid one. Unknown keys, sizes that make no sense and budgets that
//! the machine does not have are refused with the reason and, where there is a text, the line.

mod parse;
mod size;

pub use parse::{ConfigError, Machine};
pub use size::{Size, SizeError};

use crate::budget::Amounts;
use crate::gate;
use crate::reclaim;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What happens at an evaluator's checkpoint while a critical stage runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateMode {
    /// Nothing.
    Off,
    /// Gives up its time slice.
    Yield,
    /// Parks, so that `gate-evaluators` run.
    Park,
    /// As park, with the number set by measurement so that stages stay under `inflation-bound`.
    #[default]
    Adaptive,
}

/// How big buffers are freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReclaimMode {
    /// A detached thread for each.
    Unbounded,
    /// The same, one at a time.
    Mutex,
    /// Recycled.
    #[default]
    Arena,
}

/// To what the threads of pools are pinned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pinning {
    /// To nothing.
    None,
    /// Each to the cores that share a last-level cache; to nothing if there is one such cache.
    #[default]
    L3,
}

/// The section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Bytes of host memory for proofs; a percentage is of the memory that the process may use.
    pub host_budget: Size,
    /// Bytes of page-locked memory, beside the host's: both together must fit. A percentage is of the same.
    pub pinned_budget: Size,
    /// Bytes of each device's memory; a percentage is of the smallest device's.
    pub device_budget: Size,
    /// What evaluators do while a critical stage runs.
    pub gate: GateMode,
    /// Evaluators that run beside a critical stage, in mode park.
    pub gate_evaluators: u32,
    /// Evaluators that, with one critical stage, just saturate the memory: where mode adaptive begins. Without it, nobody is
    /// held back before a measurement says so. The doctor measures it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluators_at_knee: Option<u32>,
    /// The inflation of critical stages that mode adaptive allows: 1.1 is a tenth more time than alone.
    pub inflation_bound: f64,
    /// How big buffers are freed.
    pub reclaim: ReclaimMode,
    /// Ask for huge pages.
    pub huge_pages: bool,
    /// Threads of the pool for witnesses and evaluation; 0 takes every core.
    pub synthesis: usize,
    /// Threads of the pool for MSMs; 0 takes every core. (Its other name is `gpu_threads`.)
    #[serde(alias = "gpu_threads")]
    pub msm: usize,
    /// To what threads are pinned.
    pub pin: Pinning,
    /// Workers per device.
    pub gw: usize,
    /// Partitions that are synthesised at once.
    pub pw: usize,
    /// Partitions that may be ready and wait for a device, for each device.
    pub look_ahead: usize,
    /// Start a synthesis only when the device will want it, not as soon as there is a slot.
    pub pacing: bool,
    /// Jobs in flight at once.
    pub in_flight: usize,
    /// Seconds of waiting that raise a job by one priority; 0 turns ageing off.
    pub aging_seconds: u64,
    /// Seconds after which a job is given up, unless it says otherwise; 0 for never.
    pub deadline_seconds: u64,
}

impl Default for Config {
    /// gw and pw are the seed's (two workers per device, ten partitions). Three quarters of the memory,
    /// a tenth of them pinned, leave room for keys and the page cache. The doctor recommends values for the machine.
    fn default() -> Self {
        Config {
            host_budget: Size::Percent(67.5),
            pinned_budget: Size::Percent(7.5),
            device_budget: Size::Percent(90.0),
            gate: GateMode::default(),
            gate_evaluators: 1,
            evaluators_at_knee: None,
            inflation_bound: 1.1,
            reclaim: ReclaimMode::default(),
            huge_pages: true,
            synthesis: 0,
            msm: 0,
            pin: Pinning::default(),
            gw: 2,
            pw: 10,
            look_ahead: 2,
            pacing: true,
            in_flight: 15,
            aging_seconds: 300,
            deadline_seconds: 0,
        }
    }
}

impl Config {
    /// The budgets on a machine.
    ///
    /// # Errors
    /// If the section makes no sense on that machine.
    pub fn budgets(&self, machine: &Machine) -> Result<Amounts, ConfigError> {
        self.validate(machine)?;
        Ok(Amounts {
            host: self.host_budget.of(machine.memory),
            pinned: self.pinned_budget.of(machine.memory),
            device: self.device_budget.of(machine.device_memory.unwrap_or(0)),
        })
    }

    /// Options of the reclaimer.
    pub fn reclaim_options(&self) -> reclaim::Options {
        let mode = match self.reclaim {
            ReclaimMode::Unbounded => reclaim::Mode::Unbounded,
            ReclaimMode::Mutex => reclaim::Mode::Mutex,
            ReclaimMode::Arena => reclaim::Mode::Arena,
        };
        reclaim::Options { mode, huge_pages: self.huge_pages, ..reclaim::Options::default() }
    }

    /// A gate, and its table of critical stages. `evaluators` is the size of the synthesis pool.
    pub fn stages(&self, evaluators: u32) -> gate::Stages {
        let fixed = |mode| gate::Stages::new(gate::BandwidthGate::new(mode));
        match self.gate {
            GateMode::Off => fixed(gate::Mode::Off),
            GateMode::Yield => fixed(gate::Mode::Yield),
            GateMode::Park => fixed(gate::Mode::Park(self.gate_evaluators)),
            GateMode::Adaptive => {
                let options = gate::ControllerOptions::new(self.inflation_bound, evaluators);
                let first = self.evaluators_at_knee.unwrap_or(evaluators);
                let gate = gate::BandwidthGate::new(gate::Mode::Park(first));
                gate::Stages::adaptive(gate, gate::Controller::starting_at(options, first))
            }
        }
    }

    /// Waiting time per step of priority.
    pub fn aging(&self) -> Option<Duration> {
        (self.aging_seconds > 0).then(|| Duration::from_secs(self.aging_seconds))
    }

    /// How long a job may take.
    pub fn deadline(&self) -> Option<Duration> {
        (self.deadline_seconds > 0).then(|| Duration::from_secs(self.deadline_seconds))
    }
}
