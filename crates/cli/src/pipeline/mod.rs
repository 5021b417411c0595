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
    config::{Config, ReclaimMode},
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
        keep_blocks(config, parts.policy.host_bytes);
        let executor =
            Executor::start(parts).map_err(|e| Failure::new(Status::Internal, format!("starting: {e}")))?;
        let backends = picked.backends(&executor.pools().msm, executor.budget())?;
        Ok(Engine { executor, backends })
    }
}

/// Tells the allocator whether to keep freed blocks. In the modes that are there for comparison it gives them back.
fn keep_blocks(config: &Config, budget: u64) {
    let keep = match config.reclaim {
        ReclaimMode::Arena => usize::try_from(budget).unwrap_or(usize::MAX),
        ReclaimMode::Unbounded | ReclaimMode::Mutex => 0,
    };
    BLOCKS.use_huge_pages(config.huge_pages);
    BLOCKS.recycle(keep);
}
