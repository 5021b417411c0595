//! MSM on the CPU launcher: the conformance suite of every backend, both curves, G1 and G2; every way to cut it.

use ff::Field;
use forebay_msm::{
    Backend, BackendError, Bases, Bls12_381, Bn254, Capabilities, Curve, ErrorClass,
    backend::{DomainSpec, QuotientBasis, Transform},
    conformance,
};
use forebay_msm_cuda::{
    Emulator,
    device::{Device, Stream},
    memory::Arena,
    msm::{DevicePoint, MsmBases, PreparedBases, Tuning, msm},
};
use std::sync::{Arc, Mutex};

/// The MSM of this crate as a backend that can do nothing else, with points copied or prepared for each call.
struct MsmOnly {
    emulator: Arc<Emulator>,
    device: Arc<dyn Device>,
    arena: Mutex<Arena>,
    tuning: Tuning,
    /// Bytes for tables, if points are to be prepared.
    table: Option<usize>,
}

impl MsmOnly {
    fn new(memory: usize, tuning: Tuning) -> MsmOnly {
        let emulator = Arc::new(Emulator::new(1 << 30).unwrap());
        let device: Arc<dyn Device> = emulator.clone();
        MsmOnly { arena: Mutex::new(Arena::new(&device, memory)), emulator, device, tuning, table: None }
    }

    fn msm<A: DevicePoint>(&self, bases: Bases<'_, A>, scalars: &[A::Scalar]) -> Result<A::Curve, BackendError> {
        let stream = Stream::new(&self.device)?;
        let mut arena = self.arena.lock().unwrap();
        let prepared = match self.table {
            Some(budget) => Some(PreparedBases::new(&self.device, bases, budget, self.tuning)?),
            None => None,
        };
        let bases = prepared.as_ref().map_or(MsmBases::Host(bases), MsmBases::Device);
        msm("msm", &mut arena, &stream, bases, scalars, self.tuning)
    }
}

impl<C: Curve<G1Affine: DevicePoint, G2Affine: DevicePoint>> Backend<C> for MsmOnly {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "msm", is_device: true, threads: 1, max_log_domain: 0 }
    }
    fn scratch_bytes(&self, _: usize) -> usize {
        0
    }
    fn msm_g1(&self, bases: Bases<'_, C::G1Affine>, scalars: &[C::Fr]) -> Result<C::G1, BackendError> {
        self.msm(bases, scalars)
    }
    fn msm_g2(&self, bases: Bases<'_, C::G2Affine>, scalars: &[C::Fr]) -> Result<C::G2, BackendError> {
        self.msm(bases, scalars)
    }
    fn ntt(&self, _: DomainSpec, _: Transform, _: &mut [C::Fr]) -> Result<(), BackendError> {
        Err(BackendError::bug("ntt", "not here"))
    }
    fn quotient(
        &self,
        _: DomainSpec,
        _: QuotientBasis,
        _: &mut [C::Fr],
        _: &mut [C::Fr],
        _: &mut [C::Fr],
    ) -> Result<(), BackendError> {
        Err(BackendError::bug("quotient", "not here"))
    }
}

#[test]
fn bls12_381_lengths() {
    conformance::msm_lengths::<Bls12_381>(&MsmOnly::new(64 << 20, Tuning::default()));
}
