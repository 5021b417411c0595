//! The policy on real threads.
//!
//! An [`Executor`] runs the stages of many jobs' partitions: `pw` threads synthesise, `gw` workers per device prove, one
//! thread keeps time. What runs when is the [`policy`]'s decision alone; this module carries it out and reports
//! back. A job is a [`Work`]: its stages with their own types. Jobs of different types share one executor.
//!
//! ```text
//!  submit ─► policy ─► synthesis thread: Work::synthesise
//!                  └─► worker: Work::prepare ─► [device lock: Work::device] ─► [gate held: Work::tail] ─► deliver
//! ```
//!
//! A stage that fails, panics or is cancelled touches nothing but its own partition: its value is dropped on the reclaimer's
//! thread, its reservation goes back, and the policy tries the partition again or fails the job. Outputs are handed
//! out when the last partition is done, all together and in order. See `core.rs` for the locking.

mod build;
mod core;
mod job;
mod threads;
mod work;

pub use build::{BuildError, Devices};
pub use job::{JobError, JobHandle, JobResult};
pub use work::{StageContext, StageError, Work};

use self::{
    core::{Core, Queues},
    job::Job,
    threads::Shared,
};
use crate::{
    budget::{Amounts, Budget, Usage},
    device::{DeviceId, DeviceLock, LockStats},
    gate::Stages,
    policy::{
        self, CircuitId, Event, Footprint, JobId, JobSpec, Outcome, Policy, PolicyConfig, PolicyConfigError,
        Snapshot, Time, WorkerId,
    },
    pools::Pools,
    reclaim::Reclaimer,
    timeline::Timeline,
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

/// A device that fails three times in a row is used no more, unless the configuration says otherwise.
pub const QUARANTINE_AFTER: u32 = 3;

/// What an executor is made of.
pub struct Parts {
    /// Counts and limits.
    pub policy: PolicyConfig,
    /// Bytes of page-locked memory. The policy does not count them: whoever takes buffers reserves them in
    /// [`Executor::budget`].
    pub pinned_bytes: u64,
    /// The critical stages, with the gate that they hold and evaluators pass.
    pub stages: Stages,
    /// The threads of the stages themselves.
    pub pools: Pools,
    /// Where buffers are given up.
    pub reclaimer: Arc<Reclaimer>,
    /// What is written down.
    pub timeline: Arc<Timeline>,
    /// Failures of a device in a row until it is used no more.
    pub quarantine_after: u32,
}

/// Why an executor did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The policy's configuration makes no sense.
    #[error(transparent)]
    Config(#[from] PolicyConfigError),
    /// The system refused a thread.
    #[error("starting a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// What a caller knows of a job.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Larger is more urgent.
    pub priority: u8,
    /// The circuit: durations, and what the tail takes by itself, are learnt per circuit. Two circuits under one number look
    /// to the gate's closed loop like one whose tail is slowed down.
    pub circuit: CircuitId,
    /// Partitions, at least one.
    pub partitions: u32,
    /// Bytes of each.
    pub footprint: Footprint,
    /// The job fails when it is not done by then.
    pub deadline: Option<Duration>,
}

/// Runs jobs. Dropping it fails what is open and waits for the running stages to stop.
pub struct Executor {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    next_job: AtomicU64,
}

impl Executor {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(parts: Parts) -> Result<Executor, StartError> {
        let config = parts.policy;
        let policy = Policy::new(config.clone())?;
        let (host, pinned, device) = (config.host_bytes, parts.pinned_bytes, config.device_bytes);
        let budget = Budget::new(Amounts { host, pinned, device });
        let (synthesis, sources) = mpsc::channel();
        let mut queues = Queues { synthesis: Some(synthesis), ..Queues::default() };
        let workers = workers(&config);
        let worker_sources: Vec<_> = workers
            .iter()
            .map(|&worker| {
                let (sender, source) = mpsc::channel();
                queues.workers.insert(worker, sender);
                Arc::new(Mutex::new(source))
            })
            .collect();
        let shared = Arc::new(Shared {
            core: Core::new(policy, budget, queues, parts.timeline, parts.reclaimer),
            stages: parts.stages,
            pools: parts.pools,
            locks: (0..config.devices).map(|d| DeviceLock::new(DeviceId(d))).collect(),
            quarantine_after: parts.quarantine_after.max(1),
        });
        let mut executor = Executor { shared, threads: Vec::new(), next_job: AtomicU64::new(0) };

        let sources = Arc::new(Mutex::new(sources));
        for slot in 0..config.synthesis_slots {
            let source = Arc::clone(&sources);
            executor.spawn(format!("synthesis-{slot}"), move |s| threads::synthesise(s, slot, &source))?;
        }
        for (lane, (worker, source)) in workers.into_iter().zip(worker_sources).enumerate() {
            let name = format!("device-{}-{}", worker.device.0, worker.slot);
            executor.spawn(name, move |s| threads::prove(s, worker, lane as u32, &source))?;
        }
        executor.spawn("time".to_owned(), |s| s.core.keep_time())?;
        Ok(executor)
    }

    fn spawn(&mut self, name: String, body: impl FnOnce(&Shared) + Send + 'static) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(name).spawn(move || body(&shared))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Takes a job in. Whatever becomes of it, a refusal included, its handle says.
    pub fn submit<W: Work>(&self, request: Request, work: Arc<W>) -> JobHandle<W> {
        let id = JobId(self.next_job.fetch_add(1, Ordering::Relaxed));
        let now = self.shared.core.timeline.now();
        let spec = JobSpec {
            id,
            priority: request.priority,
            circuit: request.circuit,
            partitions: request.partitions,
            footprint: request.footprint,
            deadline: request.deadline.map(|after| time(now.saturating_add(after))),
            submitted: time(now),
        };
        let (job, result) = Job::new(work, request.partitions);
        let _ = self.shared.core.submit(spec, Arc::new(job));
        let shared = Arc::clone(&self.shared);
        let cancel = Box::new(move || {
            let _ = shared.core.post(Event::Cancelled(id));
        });
        JobHandle { id, result, cancel }
    }

    /// Changes the memory that partitions may hold. What is held stays; new partitions wait until they fit.
    pub fn set_budget(&self, host: u64, device: u64) {
        let _ = self.shared.core.post(Event::BudgetChanged { host, device });
    }

    /// Says how long a circuit's stages take: synthesis of a partition, and from one partition to the next on a device that is
    /// kept busy. Pacing goes by it from the first job on, and corrects it by what it measures.
    pub fn calibrate(&self, circuit: CircuitId, synthesis: Duration, interval: Duration) {
        let _ = self.shared.core.post(Event::Calibrated { circuit, synthesis, interval });
    }

    /// Takes no more jobs; those that are there are finished.
    pub fn drain(&self) {
        let _ = self.shared.core.post(Event::Drain);
    }

    /// Lets a device that was taken out of use back in; false if it was in use or does not exist.
    pub fn restore_device(&self, device: DeviceId) -> bool {
        let restored = self.shared.core.post(Event::DeviceRestored(policy::DeviceId(device.0)));
        self.shared.core.device_worked(policy::DeviceId(device.0));
        restored == Outcome::Applied
    }

    /// Counts: jobs, partitions by stage, bytes.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.core.snapshot()
    }

    /// The host memory that partitions hold, and the most they held.
    pub fn usage(&self) -> Usage {
        self.shared.core.budget().usage()
    }

    /// The memory of everything that runs here. Partitions hold host bytes of it; a device's backend reserves pinned and
    /// device bytes.
    pub fn budget(&self) -> &Budget {
        self.shared.core.budget()
    }

    /// Reservations that the budget refused although the policy had counted on them. Zero, or a defect.
    pub fn overcommits(&self) -> u64 {
        self.shared.core.overcommits()
    }

    /// How each device's lock was used.
    pub fn locks(&self) -> Vec<LockStats> {
        self.shared.locks.iter().map(DeviceLock::stats).collect()
    }

    /// What happened when.
    pub fn timeline(&self) -> &Timeline {
        &self.shared.core.timeline
    }

    /// The critical stages and their gate.
    pub fn stages(&self) -> &Stages {
        &self.shared.stages
    }

    /// The pools.
    pub fn pools(&self) -> &Pools {
        &self.shared.pools
    }

    /// The reclaimer.
    pub fn reclaimer(&self) -> &Arc<Reclaimer> {
        &self.shared.core.reclaimer
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shared.core.close();
        for thread in self.threads.drain(..) {
            // A thread's panic was caught around the job's code; there is nobody to tell of another one.
            let _ = thread.join();
        }
    }
}

fn workers(config: &PolicyConfig) -> Vec<WorkerId> {
    let of_device =
        |d| (0..config.workers_per_device).map(move |slot| WorkerId { device: policy::DeviceId(d), slot });
    let host = config.host_after.map(|_| WorkerId { device: config.host(), slot: 0 });
    (0..config.devices).flat_map(of_device).chain(host).collect()
}

fn time(since_start: Duration) -> Time {
    Time(u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX))
}
