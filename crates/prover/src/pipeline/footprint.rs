//! The memory that a partition needs, for the scheduler's budget, and what its tail moves, for the bandwidth gate.

use crate::{Prover, ProvingKey};
use forebay_msm::Curve;
use forebay_scheduler::policy::Footprint;

/// Bytes of one partition of `prover`'s circuit, counted from the sizes of the buffers that its stages allocate: the
/// witness; a, b and c over the whole domain; and what the kernels need beside them. The key and the compiled circuit are
/// shared by all partitions and not part of it.
pub fn footprint<C: Curve>(prover: &Prover<C>) -> Footprint {
    let shape = prover.key().shape();
    let scalar = size_of::<C::Fr>() as u64;
    let (variables, domain) = (shape.num_variables as u64, shape.domain.size() as u64);
    let scratch = prover.backend().scratch_bytes(shape.num_variables.max(shape.domain.size())) as u64;
    let device = if prover.backend().capabilities().is_device { scratch } else { 0 };
    Footprint { witness: variables * scalar, evaluated: 3 * domain * scalar, device, tail: scratch }
}

/// Line functions of a pairing's G2 point, prepared: about as many on BN254; 63 doublings and 5 additions on BLS12-381.
const LINES: u64 = 90;

/// An estimate of the bytes that a partition's tail moves: MSM b₂ reads every point and every scalar once (its buckets stay
/// in the cache); the verification reads the points of the public inputs, and writes and reads the line functions of four
/// pairings, three Fq2 elements (one and a half G2 points) each. The second part is fixed, and most of the whole in a small
/// circuit.
pub(super) fn tail_bytes<C: Curve>(key: &dyn ProvingKey<C>) -> u64 {
    let msm = msm_bytes::<C::G2Affine, C::Fr>(key.b2().len());
    let inputs = msm_bytes::<C::G1Affine, C::Fr>(key.verifying_key().ic.len());
    let lines = 4 * LINES * 2 * (3 * size_of::<C::G2Affine>() as u64 / 2);
    msm + inputs + lines
}

/// Bytes that an MSM of `n` terms reads at least: each point and each scalar once.
pub(super) fn msm_bytes<P, F>(n: usize) -> u64 {
    n as u64 * (size_of::<P>() + size_of::<F>()) as u64
}
