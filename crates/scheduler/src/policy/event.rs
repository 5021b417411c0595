//! What an executor tells the policy, and what the policy asks for.

use super::{CircuitId, DeviceId, JobId, JobSpec, PartitionId, WorkerId};
use std::time::Duration;
use thiserror::Error;

/// One run of one stage of one partition. Tickets are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// What runs.
    pub partition: PartitionId,
    /// Which run of it.
    pub ticket: u64,
}

/// Whether trying again makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The same partition may succeed next time.
    Retryable,
    /// It will fail again: its job fails now.
    Fatal,
}

/// What happened. For each run the executor sends exactly one of `Synthesised`, `Finished`, `Failed`, `Panicked` and
/// `Aborted`: it says that the stage has stopped and its slot is free. Anything else about that run is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A job came in.
    Submitted(JobSpec),
    /// Witness, a, b, c are there.
    Synthesised {
        /// The run that [`Action::Synthesise`] named.
        run: Run,
        /// How long the stage took, waits for gates included.
        took: Duration,
    },
    /// The device lock was released; the host tail goes on. a, b, c may be freed.
    DeviceReleased {
        /// The run that [`Action::Prove`] named.
        run: Run,
        /// How long the lock was held.
        held: Duration,
    },
    /// The partition's proof is assembled and verified.
    Finished {
        /// The run that [`Action::Prove`] named.
        run: Run,
    },
    /// The run failed.
    Failed {
        /// The run.
        run: Run,
        /// Whether to try again.
        severity: Severity,
    },
    /// The run panicked: its job fails.
    Panicked {
        /// The run.
        run: Run,
    },
    /// The run stopped because of [`Action::Abort`].
    Aborted {
        /// The run.
        run: Run,
    },
    /// The caller does not want the job any more.
    Cancelled(JobId),
    /// The budgets are now these. Smaller than what is committed is allowed: see the module's documentation.
    BudgetChanged {
        /// Host bytes.
        host: u64,
        /// Bytes of each device.
        device: u64,
    },
    /// The device must not be used. Partitions on it that did not release it are aborted and go elsewhere.
    DeviceLost(DeviceId),
    /// The device may be used (again).
    DeviceRestored(DeviceId),
    /// A known isolated duration, say from a calibration: what pacing believes until it has measured.
    Calibrated {
        /// The circuit.
        circuit: CircuitId,
        /// Synthesis of one partition.
        synthesis: Duration,
        /// Interval between partitions on one device that is kept busy.
        interval: Duration,
    },
    /// No new jobs from here on; those that are there are finished.
    Drain,
    /// Time passed.
    Tick,
}

impl Event {
    /// The run that this event ends, if it does.
    pub fn ends(&self) -> Option<Run> {
        match self {
            Event::Synthesised { run, .. }
            | Event::Finished { run }
            | Event::Failed { run, .. }
            | Event::Panicked { run }
            | Event::Aborted { run } => Some(*run),
            _ => None,
        }
    }
}

/// What to do. Actions are carried out in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start witness generation and evaluation.
    Synthesise {
        /// To be echoed.
        run: Run,
    },
    /// Let this worker prove the partition: preparation on the host, device lock, device stage, lock released, tail,
    /// assembly, verification.
    Prove {
        /// To be echoed.
        run: Run,
        /// The idle worker that takes it.
        worker: WorkerId,
    },
    /// Ask a running stage to stop. It answers with its usual event or with [`Event::Aborted`]. It may be asked twice.
    Abort {
        /// The run to stop.
        run: Run,
    },
    /// The partition gave these host bytes back to the budget; its buffers of that size may be recycled now.
    Release {
        /// Whose.
        partition: PartitionId,
        /// How many.
        bytes: u64,
    },
    /// All partitions are finished: hand the proofs out, in partition order.
    Deliver {
        /// The job.
        job: JobId,
    },
    /// The job failed; nothing of it is handed out, and proofs of its finished partitions are dropped. Some of its
    /// stages may still be stopping.
    Fail {
        /// The job.
        job: JobId,
        /// Why.
        reason: Failure,
    },
    /// The job was not taken.
    Refuse {
        /// The job.
        job: JobId,
        /// Why.
        reason: Refusal,
    },
}

/// Why a job failed after it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// A partition failed for good.
    #[error("partition {index} failed after {attempts} attempts")]
    Partition {
        /// Which.
        index: u32,
        /// How often it was tried.
        attempts: u32,
    },
    /// A partition panicked.
    #[error("partition {index} panicked")]
    Panicked {
        /// Which.
        index: u32,
    },
    /// The caller cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// Its deadline passed.
    #[error("the deadline passed")]
    Deadline,
    /// The budget shrank below what one of its partitions needs.
    #[error("needs {need} bytes, and the budget is now {budget}")]
    BudgetShrunk {
        /// Bytes of one partition.
        need: u64,
        /// The budget.
        budget: u64,
    },
    /// The last device was lost.
    #[error("no device is left")]
    NoDevice,
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It has no partitions.
    #[error("a job needs at least one partition")]
    NoPartitions,
    /// It has more partitions than the configuration allows.
    #[error("{partitions} partitions, at most {limit} are allowed")]
    TooManyPartitions {
        /// Asked for.
        partitions: u32,
        /// Allowed.
        limit: u32,
    },
    /// One partition does not fit into the host budget.
    #[error("one partition needs {need} bytes of host memory, the budget is {budget}")]
    HostBytes {
        /// Bytes of one partition.
        need: u64,
        /// The budget.
        budget: u64,
    },
    /// One partition does not fit into a device.
    #[error("one partition needs {need} bytes of device memory, the budget is {budget}")]
    DeviceBytes {
        /// Bytes of one partition.
        need: u64,
        /// The budget.
        budget: u64,
    },
    /// Too many jobs wait.
    #[error("{limit} jobs are waiting already")]
    QueueFull {
        /// The limit.
        limit: usize,
    },
    /// Its deadline has passed already.
    #[error("the deadline had passed when it was submitted")]
    Deadline,
    /// No device is usable.
    #[error("no device is usable")]
    NoDevice,
    /// The policy takes no new jobs.
    #[error("draining")]
    Draining,
}

/// What [`Policy::handle`](super::Policy::handle) made of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It counted.
    Applied,
    /// It changed nothing.
    Ignored(Ignored),
}

/// Why an event changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Ignored {
    /// A job of that name is alive.
    #[error("a job of that name is alive")]
    DuplicateJob,
    /// No job of that name is alive: it never was, or it was delivered, failed or refused.
    #[error("no such job is alive")]
    UnknownJob,
    /// The run is not the partition's current one: an older attempt, or an event that came twice.
    #[error("the run is over or never was")]
    StaleRun,
    /// The run is current, but not in the stage that the event speaks of.
    #[error("the run is in another stage")]
    WrongStage,
    /// No such device, or it was in that state already.
    #[error("no such device, or nothing new about it")]
    Device,
}
