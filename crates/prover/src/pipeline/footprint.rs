//! The memory that a partition needs, for the scheduler's budget.

use crate::Prover;
use forebay_msm::Curve;
use forebay_scheduler::policy::Footprint;

/// Bytes of one partition of `prover`'s circuit, counted from the sizes of the buffers that its stages allocate: the
/// witness; a, b and c over the whole domain; and what the kernels need beside them. The key and the compiled circuit are
/// shared by all partitions and not part of it.
pub fn footprint<C: Curve>(prover: &Prover<C>) -> Footprint {
    let shape = prover.key().shape();
    let scalar = size_of::<C::Fr>() as u64;
    let (variables, domain) = (shape.num_variables as u64, shape.domain.size() as u64);
    let scratch = 300 * shape.num_variables.max(shape.domain.size()).min(1 << 22) as u64;
    let device = if prover.backend().capabilities().is_device { scratch } else { 0 };
    Footprint { witness: variables * scalar, evaluated: 3 * domain * scalar, device, tail: scratch }
}
