//! Kinds of tasks: which stage of the workload they are, and what they are to the machine.

use super::{
    Stage, Workload,
    contention::{Load, Role},
};
use crate::policy::JobId;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// The stages, in order; the indices of [`Meters::stages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Witness,
    Evaluate,
    Prepare,
    Quotient,
    Device,
    Tail,
    Finish,
    Unmap(usize),
}

impl Kind {
    pub(super) fn index(self) -> usize {
        match self {
            Kind::Witness => 0,
            Kind::Evaluate => 1,
            Kind::Prepare => 2,
            Kind::Quotient => 3,
            Kind::Device => 4,
            Kind::Tail => 5,
            Kind::Finish => 6,
            Kind::Unmap(_) => usize::MAX,
        }
    }
}

pub(super) fn stage(workload: &Workload, tail: &Stage, kind: Kind) -> Stage {
    const NOTHING: Stage = Stage {
        seconds: 0.0,
        spread: 0.0,
        threads: 0.0,
        bandwidth_gb_s: 0.0,
        memory_share: 0.0,
        l3_mib: 0.0,
        l3_sensitivity: 0.0,
    };
    let s = &workload.stages;
    match kind {
        Kind::Witness => s.witness,
        Kind::Evaluate => s.evaluate,
        Kind::Prepare => s.prepare,
        Kind::Quotient => s.quotient,
        Kind::Device => s.device,
        Kind::Tail => *tail,
        Kind::Finish => s.finish,
        Kind::Unmap(_) => NOTHING,
    }
}

pub(super) fn load(workload: &Workload, tail: &Stage, kind: Kind) -> Load {
    let role = match kind {
        Kind::Evaluate => Role::Evaluator,
        Kind::Tail => Role::Critical,
        Kind::Quotient | Kind::Device => Role::Device,
        Kind::Unmap(_) => Role::Unmap,
        Kind::Witness | Kind::Prepare | Kind::Finish => Role::Host,
    };
    Load { stage: stage(workload, tail, kind), role }
}

/// When each job arrives, in order.
pub(super) fn arrivals(workload: &Workload, jobs: u32, rng: &mut ChaCha8Rng) -> VecDeque<(f64, JobId)> {
    let mut at = 0.0;
    let gap = workload.arrivals.map(|a| 86_400.0 / a.jobs_per_day);
    let mut next = |i| {
        if let Some(mean) = gap {
            at -= mean * rng.gen_range(f64::EPSILON..1.0).ln();
        }
        (at, JobId(i))
    };
    (0..u64::from(jobs)).map(&mut next).collect()
}
