//! Which partition runs next: a pure state machine, driven by real threads or by a virtual clock.
//!
//! No clock, thread, lock, randomness or I/O is in here. An executor calls [`Policy::handle`] with the time and an
//! [`Event`], and carries out the [`Action`]s that come back, in order. [`Policy::next_wakeup`] says when to send
//! [`Event::Tick`] if nothing else happens. The same events at the same times always give the same actions.
//!
//! # The life of a partition
//! ```text
//!            Synthesise                Synthesised           Prove              DeviceReleased      Finished
//!  queued ───────────────► synthesising ─────────► ready ───────────► proving ─────────────► tail ─────────► finished
//!            slot, memory    slot back                    worker, tail memory   a, b, c back     all back
//! ```
//! A job is delivered when its last partition finishes, once; the executor hands its proofs out in partition order.
//! Every [`Action::Synthesise`] and [`Action::Prove`] carries a [`Run`] with a ticket that is never reused. The executor
//! echoes the run in its events, so an event about an older attempt, or one that comes twice, is told from a current
//! one and ignored with a reason ([`Outcome::Ignored`]).
//!
//! # Order
//! Jobs are ranked by `submitted − priority·aging`, smaller first, then by arrival; partitions of a job by index. Both
//! ends of the pipeline follow that rank: starting a synthesis and taking a ready partition to a device. With waiting,
//! a job gains one level of priority per [`PolicyConfig::aging`]. Because all jobs gain alike, the rank never changes,
//! and the jobs that can ever overtake a job of priority p submitted at t are those of priority q > p submitted before
//! t + (q − p)·aging: a bound on waiting, which is the proof that nothing starves. The head of the line is never
//! bypassed: when it does not fit, the partitions behind it wait until it does, so big circuits do not starve either.
//! At most `jobs_in_flight` jobs are open at once; a job of higher priority waits for a place among them, not for all.
//!
//! # Faults
//! A failed run is tried again from synthesis, `attempts` times; a lost device's runs go elsewhere and are not blamed. With
//! [`PolicyConfig::host_after`] the host's kernels stand in, one partition at a time: for a partition that failed so
//! often, and for all where no device is left. While the host is busy, others pass such a partition on their way to devices.
//!
//! # Memory
//! A partition's witness and a, b, c are committed when its synthesis starts, the tail's scratch when a device worker
//! takes it. A synthesis starts only if the largest tail of all admitted partitions would still fit beside it. So, with
//! no worker busy, any ready partition can be taken: no deadlock. See `memory.rs` for the argument and for what a budget
//! that shrinks means.
//!
//! # Pacing
//! A synthesis that starts now ends after S. It is of use only if the device will have worked off by then what is
//! already in the pipeline. With I the device's interval per partition, it starts when `Σ I < S·(1 + headroom) + reserve·I`
//! (Little's law). S and I are exponentially weighted means per circuit, measured from events. As long as less than a share
//! of the budget is in use, nothing is held back. See `pacing.rs`.
//!
//! Cost: O(log n) per event in the number of queued jobs, plus O(look-ahead) for pacing.

mod audit;
mod config;
mod event;
mod job;
mod lifecycle;
mod memory;
mod pacing;
mod schedule;
mod state;
mod time;
mod transitions;

pub use config::{Pacing, PolicyConfig, PolicyConfigError};
pub use event::{Action, Event, Failure, Ignored, Outcome, Refusal, Run, Severity};
pub use job::{CircuitId, DeviceId, Footprint, JobId, JobSpec, PartitionId, WorkerId};
pub use schedule::Hold;
pub use state::{Policy, Snapshot, Totals};
pub use time::Time;
