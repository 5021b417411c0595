//! The one file that knows which backend there is.

use forebay_msm::{Backend, CpuBackend, Curve};
use rayon::ThreadPool;
use std::sync::Arc;

/// The backend that proofs run on.
pub(crate) fn backend<C: Curve>(pool: &Arc<ThreadPool>) -> Arc<dyn Backend<C>>
where
    CpuBackend: Backend<C>,
{
    Arc::new(CpuBackend::new(Arc::clone(pool)))
}
