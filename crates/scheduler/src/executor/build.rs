//! An executor's parts from the configuration.

use super::{Parts, QUARANTINE_AFTER};
use crate::{
    config::{Config, ConfigError, Pinning},
    policy::{Pacing, PolicyConfig},
    pools::{self, Pools},
    probe::MachineReport,
    reclaim::Reclaimer,
    timeline::Timeline,
};
use std::{sync::Arc, time::Duration};

/// Where devices are no CPU's kernels, a partition that failed twice on them is done by the CPU's: its third and last attempt.
const HOST_AFTER: u32 = 2;

/// The devices that partitions run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Devices {
    /// How many. A machine without any has one: the CPU's kernels are the device.
    pub count: u32,
    /// Bytes of memory of the smallest, if they have memory of their own.
    pub memory: Option<u64>,
}

impl Devices {
    /// The CPU as the only device.
    pub const CPU: Devices = Devices { count: 1, memory: None };
}

/// Why the parts could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration does not fit the machine.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A pool's threads were refused.
    #[error("starting a pool: {0}")]
    Pool(#[from] rayon::ThreadPoolBuildError),
    /// The reclaimer's thread was refused.
    #[error("starting the reclaimer: {0}")]
    Reclaimer(#[from] std::io::Error),
}

impl Parts {
    /// What `config` asks for on `machine`.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn from_config(
        config: &Config,
        machine: &MachineReport,
        devices: Devices,
    ) -> Result<Parts, BuildError> {
        let budgets = config.budgets(&machine.limits(devices.memory))?;
        let pin = config.pin == Pinning::L3;
        let options = pools::Options { synthesis: config.synthesis, msm: config.msm, pin };
        let pools = Pools::new(&options, &machine.topology)?;
        let evaluators = u32::try_from(pools.synthesis.current_num_threads()).unwrap_or(u32::MAX);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let policy = PolicyConfig {
            devices: devices.count,
            workers_per_device: count(config.gw),
            synthesis_slots: count(config.pw),
            jobs_in_flight: count(config.in_flight),
            host_after: devices.memory.map(|_| HOST_AFTER),
            // What a device works on is not ahead of it; what is being synthesised is.
            look_ahead: count(config.pw + config.look_ahead * devices.count as usize),
            host_bytes: budgets.host,
            device_bytes: if devices.memory.is_some() { budgets.device } else { u64::MAX },
            aging: config.aging().unwrap_or(Duration::MAX),
            pacing: if config.pacing { Pacing::DEFAULT } else { Pacing::Off },
            ..PolicyConfig::default()
        };
        Ok(Parts {
            policy,
            pinned_bytes: budgets.pinned,
            stages: config.stages(evaluators),
            pools,
            reclaimer: Arc::new(Reclaimer::new(config.reclaim_options())?),
            timeline: Arc::new(Timeline::default()),
            quarantine_after: QUARANTINE_AFTER,
        })
    }
}
