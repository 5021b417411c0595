//! The one file that knows which backend there is.

use crate::{args::BackendArg, exit::Failure};
use forebay_msm::{Backend, CpuBackend, Curve};
use forebay_msm_cuda::{
    CudaBackend,
    guard::{Faults, Guarded, Policy, State},
};
use rayon::ThreadPool;
use std::sync::Arc;

/// What proofs run on, for any curve.
#[derive(Debug)]
pub(crate) struct Backends {
    cpu: CpuBackend,
    device: Option<Arc<CudaBackend>>,
    faults: Arc<State>,
    /// What was picked, and why.
    reason: String,
}

impl Backends {
    /// Picks what `wanted` says: `auto` takes a GPU if there is one, and the CPU if not.
    pub(crate) fn choose(wanted: BackendArg, pool: &Arc<ThreadPool>) -> Result<Backends, Failure> {
        let cpu = CpuBackend::new(Arc::clone(pool));
        let opened = match wanted {
            BackendArg::Cpu => Err("asked for".to_owned()),
            BackendArg::Auto | BackendArg::Cuda => open(&cpu),
        };
        let (device, reason) = match opened {
            Ok(device) => {
                let reason = describe(&device, wanted);
                (Some(Arc::new(device)), reason)
            }
            Err(why) if wanted == BackendArg::Cuda => {
                return Err(Failure::usage(format!("--backend cuda: {why}")));
            }
            Err(why) => (None, format!("cpu: {why}")),
        };
        Ok(Backends { cpu, device, faults: Arc::default(), reason })
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
fn open(cpu: &CpuBackend) -> Result<CudaBackend, String> {
    let driver = forebay_msm_cuda::Driver::open(0).map_err(|e| e.to_string())?;
    let backend = CudaBackend::new(Arc::new(driver), cpu.clone(), forebay_msm_cuda::Settings::default());
    backend.map_err(|e| e.to_string())
}

#[cfg(not(feature = "cuda"))]
fn open(_: &CpuBackend) -> Result<CudaBackend, String> {
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
