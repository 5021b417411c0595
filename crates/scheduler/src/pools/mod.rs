//! Named rayon pools, pinned to last-level caches. Nothing runs on rayon's global pool.

pub mod topology;

pub use topology::{Cpu, Topology};

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Arc;

/// Sizes and pinning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Threads for witnesses and evaluation; 0 takes every hardware thread.
    pub synthesis: usize,
    /// Threads for MSMs; 0 takes every hardware thread.
    pub msm: usize,
    /// Pin each thread to the hardware threads of one last-level cache.
    pub pin: bool,
}

/// The pools. Evaluators run on one, critical stages on the other, so that neither steals the other's work: the
/// bandwidth gate's freedom from deadlock rests on it.
#[derive(Debug)]
pub struct Pools {
    /// For witnesses and evaluation.
    pub synthesis: Arc<ThreadPool>,
    /// For MSMs.
    pub msm: Arc<ThreadPool>,
}

impl Pools {
    /// Builds them on this machine.
    ///
    /// # Errors
    /// If threads cannot be had.
    pub fn new(options: &Options, topology: &Topology) -> Result<Pools, rayon::ThreadPoolBuildError> {
        let domains = topology.l3_domains();
        let pin = options.pin && domains.len() > 1;
        let all = topology.cpus.len().max(1);
        let count = |threads: usize| if threads == 0 { all } else { threads };
        let place = |threads: usize, from_the_back: bool| {
            if pin { topology::place(&domains, threads, from_the_back) } else { Vec::new() }
        };
        let (synthesis, msm) = (count(options.synthesis), count(options.msm));
        Ok(Pools {
            synthesis: Arc::new(pool("synthesis", synthesis, place(synthesis, true))?),
            msm: Arc::new(pool("msm", msm, place(msm, false))?),
        })
    }
}

/// A pool whose i-th thread is called `name-i` and runs on the i-th of these sets of hardware threads (anywhere if there
/// are none).
///
/// # Errors
/// If threads cannot be had.
pub fn pool(
    name: &'static str,
    threads: usize,
    places: Vec<Vec<usize>>,
) -> Result<ThreadPool, rayon::ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .thread_name(move |i| format!("{name}-{i}"))
        .start_handler(move |i| {
            if let Some(place) = places.get(i) {
                // Where it is refused the thread runs unpinned: slower, not wrong.
                topology::pin_current(place);
            }
        })
        .build()
}
