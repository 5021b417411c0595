//! The one file that knows which backend there is.

use crate::{args::BackendArg, exit::Failure};
use forebay_msm::{Backend, CpuBackend, Curve};
use forebay_msm_cuda::{
    CudaBackend, Settings,
    device::Device,
    guard::{Faults, Guarded, Policy, State},
};
use forebay_scheduler::{
    budget::{Amounts, Budget},
    executor::Devices,
};
use rayon::ThreadPool;
use std::sync::Arc;

/// The GPU that was found, or why there is none.
#[derive(Debug)]
pub(crate) struct Picked {
    device: Result<Arc<dyn Device>, String>,
    wanted: BackendArg,
}

/// What proofs run on, for any curve.
#[derive(Debug)]
pub(crate) struct Backends {
    cpu: CpuBackend,
    device: Option<Arc<CudaBackend>>,
    faults: Arc<State>,
    /// What was picked, and why.
    reason: String,
}

impl Picked {
    /// Picks what `wanted` says: `auto` takes a GPU if there is one, and the CPU if not.
    pub(crate) fn open(wanted: BackendArg) -> Result<Picked, Failure> {
        let device = match wanted {
            BackendArg::Cpu => Err("asked for".to_owned()),
            BackendArg::Auto | BackendArg::Cuda => open(),
        };
        match device {
            Err(why) if wanted == BackendArg::Cuda => Err(Failure::usage(format!("--backend cuda: {why}"))),
            device => Ok(Picked { device, wanted }),
        }
    }

    /// What the scheduler is told of it.
    pub(crate) fn devices(&self) -> Devices {
        match &self.device {
            Ok(device) => Devices { count: 1, memory: Some(device.properties().total_memory as u64) },
            Err(_) => Devices::CPU,
        }
    }

    /// The backends, with the threads of `pool`, and memory of `budget` for a device.
    pub(crate) fn backends(self, pool: &Arc<ThreadPool>, budget: &Budget) -> Result<Backends, Failure> {
        let cpu = CpuBackend::new(Arc::clone(pool));
        let made = self.device.and_then(|device| {
            let backend = CudaBackend::new(device, cpu.clone(), Settings::default());
            backend.map(|backend| backend.with_budget(budget)).map_err(|e| e.to_string())
        });
        let (device, reason) = match made {
            Ok(device) => {
                let reason = describe(&device, self.wanted);
                (Some(Arc::new(device)), reason)
            }
            Err(why) if self.wanted == BackendArg::Cuda => {
                return Err(Failure::usage(format!("--backend cuda: {why}")));
            }
            Err(why) => (None, format!("cpu: {why}")),
        };
        Ok(Backends { cpu, device, faults: Arc::default(), reason })
    }
}

impl Backends {
    /// Picks as [`Picked::open`], where no scheduler limits memory.
    pub(crate) fn choose(wanted: BackendArg, pool: &Arc<ThreadPool>) -> Result<Backends, Failure> {
        Picked::open(wanted)?.backends(pool, &Budget::new(Amounts::MAX))
    }

    /// The backend for one curve. A device's faults are retried, then the CPU steps in.
    pub(crate) fn of<C: Curve>(&self) -> Arc<dyn Backend<C>>
    where
        CpuBackend: Backend<C>,
        CudaBackend: Backend<C>,
    {
        let cpu = Arc::new(self.cpu.clone());
        match &self.device {
            None => cpu,
            Some(device) => {
                let (device, faults) = (Arc::clone(device), Arc::clone(&self.faults));
                Arc::new(Guarded::new(device, cpu, Policy::default(), faults))
            }
        }
    }

    /// What a device's results are compared with, if there is a device: the CPU's kernels.
    pub(crate) fn reference<C: Curve>(&self) -> Option<Arc<dyn Backend<C>>>
    where
        CpuBackend: Backend<C>,
    {
        self.device.as_ref().map(|_| Arc::new(self.cpu.clone()) as Arc<dyn Backend<C>>)
    }

    /// What was picked, and why.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// What went wrong on the device so far.
    pub(crate) fn faults(&self) -> Faults {
        self.faults.faults(&Policy::default())
    }
}

fn describe(device: &CudaBackend, wanted: BackendArg) -> String {
    let why = if wanted == BackendArg::Auto { "found" } else { "asked for" };
    let properties = device.device().properties();
    let (major, minor) = properties.compute_capability;
    let gib = device.budget() as f64 / (1u64 << 30) as f64;
    format!("cuda: {why}: {} (sm_{major}{minor}), {gib:.1} GiB to use", properties.name)
}

/// The first GPU, or why there is none.
#[cfg(feature = "cuda")]
fn open() -> Result<Arc<dyn Device>, String> {
    match forebay_msm_cuda::Driver::open(0) {
        Ok(driver) => Ok(Arc::new(driver)),
        Err(e) => Err(e.to_string()),
    }
}

#[cfg(not(feature = "cuda"))]
fn open() -> Result<Arc<dyn Device>, String> {
    Err("this binary was built without feature `cuda`".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_msm::Bn254;

    fn choose(wanted: BackendArg) -> Result<Backends, Failure> {
        Backends::choose(wanted, &Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap()))
    }

    #[test]
    fn the_cpu_is_always_there_and_the_reason_is_said() {
        let backends = choose(BackendArg::Cpu).unwrap();
        assert_eq!(backends.reason(), "cpu: asked for");
        assert!(!backends.of::<Bn254>().capabilities().is_device);
        assert!(backends.reference::<Bn254>().is_none(), "the CPU is compared with nothing");
        assert_eq!(backends.faults(), Faults::default());
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn without_the_feature_cuda_is_refused_and_auto_is_the_cpu() {
        let failure = choose(BackendArg::Cuda).unwrap_err();
        assert!(failure.to_string().contains("built without feature `cuda`"), "{failure}");
        assert!(choose(BackendArg::Auto).unwrap().reason().starts_with("cpu: this binary"));
    }
}
