//! Many proofs in flight: an engine built from the configuration, and jobs to run on it.

pub(crate) mod batch;
pub(crate) mod load;
pub(crate) mod progress;

use crate::{
    BLOCKS,
    args::BackendArg,
    backend::{Backends, Picked},
    exit::{Failure, Status},
};
use forebay_scheduler::{
    config::Config,
    executor::{Executor, Parts},
    probe::MachineReport,
};

/// An executor and the backend that its jobs share.
pub(crate) struct Engine {
    pub(crate) executor: Executor,
    pub(crate) backends: Backends,
}

impl Engine {
    /// Starts what `config` asks for.
    pub(crate) fn start(
        config: &Config,
        machine: &MachineReport,
        wanted: BackendArg,
    ) -> Result<Engine, Failure> {
        let picked = Picked::open(wanted)?;
        let parts = Parts::from_config(config, machine, picked.devices()).map_err(Failure::usage)?;
        BLOCKS.follow(config, parts.policy.host_bytes);
        let executor =
            Executor::start(parts).map_err(|e| Failure::new(Status::Internal, format!("starting: {e}")))?;
        let backends = picked.backends(&executor.pools().msm, executor.budget())?;
        Ok(Engine { executor, backends })
    }
}
