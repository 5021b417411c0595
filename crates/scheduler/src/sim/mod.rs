//! The production policy on a virtual clock, with a model of the machine.
//!
//! [`run`] executes the [`Policy`](crate::policy::Policy)'s actions in simulated time. Stages that run at once slow each
//! other down through cores, memory bandwidth, L3 and TLB flushes ([`contention`]); a device is used under its lock. A
//! thousand jobs take well under a second. The model, what it was fitted to and what it predicts: `docs/scheduling.md`.
//!
//! ```
//! use forebay_scheduler::sim::{self, Machine, Point, Workload};
//!
//! let (machine, workload) = (Machine::shipped(), Workload::shipped());
//! let report = sim::run(&machine, &workload, &workload.settings, Point { jobs: 5, in_flight: 5 })?;
//! assert!((report.s_per_proof / 41.4 - 1.0).abs() < 0.05);
//! # Ok::<(), sim::SimError>(())
//! ```

pub mod contention;
mod engine;
mod error;
mod fleet;
mod kind;
mod machine;
mod meters;
mod published;
mod report;
mod settings;
mod tables;
mod workload;

pub use error::SimError;
pub use fleet::{FleetReport, run_fleet};
pub use machine::{Cpu, Device, Machine, Memory, Tlb};
pub use report::{Report, StageReport, Utilisation};
pub use settings::{Gate, HugePages, Point, Reclaim, Settings};
pub use tables::{Table, fleet_table, tables, update};
pub use workload::{Arrivals, FootprintGib, Stage, Stages, Tail, Unmap, Workload};

/// Simulates `point.jobs` jobs with `point.in_flight` of them in flight. The same arguments give the same report.
pub fn run(
    machine: &Machine,
    workload: &Workload,
    settings: &Settings,
    point: Point,
) -> Result<Report, SimError> {
    machine.validate()?;
    workload.validate()?;
    settings.validate()?;
    engine::Engine::new(machine, workload, settings, point)?.run()
}
