//! The MSM of this crate as a backend, comparisons with the CPU backend, and a device that leaves waits out.
#![allow(clippy::unwrap_used)] // helpers of tests, outside of the functions that clippy knows to be tests
#![allow(dead_code)] // no test uses all of it

use ff::Field;
use forebay_msm::{
    AffinePoint, Backend, BackendError, Bases, Bls12_381, Bn254, Capabilities, CpuBackend, Curve,
    backend::{DomainSpec, QuotientBasis, Transform},
};
use forebay_msm_cuda::{
    Emulator,
    device::{Args, Device, DevicePtr, EventId, Launch, MemoryInfo, Properties, Stream, StreamId, Transfer},
    error::DeviceError,
    memory::Arena,
    msm::{DevicePoint, MsmBases, PreparedBases, Tuning, msm},
};
use group::Curve as _;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::{
    ptr::NonNull,
    sync::{Arc, Mutex},
};

/// The MSM of this crate as a backend that can do nothing else.
pub(crate) struct MsmOnly {
    pub(crate) emulator: Arc<Emulator>,
    device: Arc<dyn Device>,
    arena: Mutex<Arena>,
    tuning: Tuning,
}

impl MsmOnly {
    /// With an arena of so many bytes. The library may be another one, with sanitizers or a planted defect.
    pub(crate) fn new(memory: usize, tuning: Tuning) -> MsmOnly {
        let emulator = match std::env::var_os("FOREBAY_TEST_EMULATOR") {
            Some(library) => Emulator::load(library.as_ref(), 1 << 30),
            None => Emulator::new(1 << 30),
        };
        let emulator = Arc::new(emulator.unwrap());
        let device: Arc<dyn Device> = emulator.clone();
        MsmOnly { arena: Mutex::new(Arena::new(&device, memory)), emulator, device, tuning }
    }

    /// One MSM.
    pub(crate) fn msm<A: DevicePoint>(
        &self,
        bases: Bases<'_, A>,
        scalars: &[A::Scalar],
    ) -> Result<A::Curve, BackendError> {
        self.run(MsmBases::Host(bases), scalars)
    }

    fn run<A: DevicePoint>(
        &self,
        bases: MsmBases<'_, A>,
        scalars: &[A::Scalar],
    ) -> Result<A::Curve, BackendError> {
        let stream = Stream::new(&self.device)?;
        let mut arena = self.arena.lock().unwrap_or_else(|e| e.into_inner());
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

/// The CPU's kernels.
pub(crate) fn cpu() -> CpuBackend {
    CpuBackend::new(Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap()))
}

/// A device on which some waits do nothing.
#[derive(Debug)]
pub(crate) struct Careless {
    pub(crate) inner: Arc<Emulator>,
    pub(crate) stream_waits: bool,
    pub(crate) host_waits: bool,
}

// SAFETY: the launcher's own promise; a wait that is left out makes results wrong, and addresses no others.
unsafe impl Device for Careless {
    fn properties(&self) -> &Properties {
        self.inner.properties()
    }
    fn memory(&self) -> Result<MemoryInfo, DeviceError> {
        self.inner.memory()
    }
    fn alloc(&self, bytes: usize) -> Result<DevicePtr, DeviceError> {
        self.inner.alloc(bytes)
    }
    unsafe fn free(&self, ptr: DevicePtr) -> Result<(), DeviceError> {
        // SAFETY: so for all: the caller's promise.
        unsafe { self.inner.free(ptr) }
    }
    fn alloc_pinned(&self, bytes: usize) -> Result<NonNull<u8>, DeviceError> {
        self.inner.alloc_pinned(bytes)
    }
    unsafe fn free_pinned(&self, ptr: NonNull<u8>) -> Result<(), DeviceError> {
        // SAFETY: as above.
        unsafe { self.inner.free_pinned(ptr) }
    }
    fn create_stream(&self) -> Result<StreamId, DeviceError> {
        self.inner.create_stream()
    }
    unsafe fn destroy_stream(&self, stream: StreamId) -> Result<(), DeviceError> {
        // SAFETY: as above.
        unsafe { self.inner.destroy_stream(stream) }
    }
    fn synchronize(&self, stream: StreamId) -> Result<(), DeviceError> {
        self.inner.synchronize(stream)
    }
    fn create_event(&self) -> Result<EventId, DeviceError> {
        self.inner.create_event()
    }
    unsafe fn destroy_event(&self, event: EventId) -> Result<(), DeviceError> {
        // SAFETY: as above.
        unsafe { self.inner.destroy_event(event) }
    }
    fn record(&self, event: EventId, stream: StreamId) -> Result<(), DeviceError> {
        self.inner.record(event, stream)
    }
    fn wait(&self, stream: StreamId, event: EventId) -> Result<(), DeviceError> {
        if self.stream_waits { self.inner.wait(stream, event) } else { Ok(()) }
    }
    fn wait_on_host(&self, event: EventId) -> Result<(), DeviceError> {
        if self.host_waits { self.inner.wait_on_host(event) } else { Ok(()) }
    }
    fn elapsed_ms(&self, start: EventId, end: EventId) -> Result<f32, DeviceError> {
        self.inner.elapsed_ms(start, end)
    }
    unsafe fn transfer(&self, stream: StreamId, what: Transfer) -> Result<(), DeviceError> {
        // SAFETY: as above.
        unsafe { self.inner.transfer(stream, what) }
    }
    unsafe fn launch(
        &self,
        stream: StreamId,
        kernel: &str,
        shape: Launch,
        args: &mut Args,
    ) -> Result<(), DeviceError> {
        // SAFETY: as above.
        unsafe { self.inner.launch(stream, kernel, shape, args) }
    }
}

/// Random scalars.
pub(crate) fn random<F: Field>(n: usize, seed: u64) -> Vec<F> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (0..n).map(|_| F::random(&mut rng)).collect()
}

/// Distinct points: (i + 1)·s·G for a random s.
pub(crate) fn known_points<A: AffinePoint>(n: usize) -> Vec<A> {
    let step = A::generator() * random::<A::Scalar>(1, 77)[0];
    let mut points = vec![A::identity(); n];
    let sums: Vec<A::Curve> = core::iter::successors(Some(step), |sum| Some(*sum + step)).take(n).collect();
    A::Curve::batch_normalize(&sums, &mut points);
    points
}

/// The same sum on the CPU backend.
fn expected<A: DevicePoint>(points: &[A], scalars: &[A::Scalar]) -> A::Curve {
    let cpu = cpu();
    // The backend is by curve: found by the group's name, and the points taken by their bytes.
    let bytes = Bases::from_slice(points).as_bytes();
    let affine = match A::GROUP {
        "bls12_381_g1" => in_g1::<Bls12_381, A>(&cpu, bytes, scalars),
        "bls12_381_g2" => in_g2::<Bls12_381, A>(&cpu, bytes, scalars),
        "bn254_g1" => in_g1::<Bn254, A>(&cpu, bytes, scalars),
        _ => in_g2::<Bn254, A>(&cpu, bytes, scalars),
    };
    affine.to_curve()
}

fn same_scalars<F: forebay_msm::ScalarField, G: forebay_msm::ScalarField>(scalars: &[F]) -> Vec<G> {
    scalars.iter().map(|k| G::from_limbs_unchecked(*k.limbs())).collect()
}

fn in_g1<C: Curve, A: DevicePoint>(cpu: &CpuBackend, bytes: &[u8], scalars: &[A::Scalar]) -> A
where
    CpuBackend: Backend<C>,
{
    let bases = Bases::from_bytes(bytes).unwrap();
    let sum = Backend::<C>::msm_g1(cpu, bases, &same_scalars::<_, C::Fr>(scalars)).unwrap();
    A::from_raw_bytes(sum.to_affine().as_raw_bytes()).unwrap()
}

fn in_g2<C: Curve, A: DevicePoint>(cpu: &CpuBackend, bytes: &[u8], scalars: &[A::Scalar]) -> A
where
    CpuBackend: Backend<C>,
{
    let bases = Bases::from_bytes(bytes).unwrap();
    let sum = Backend::<C>::msm_g2(cpu, bases, &same_scalars::<_, C::Fr>(scalars)).unwrap();
    A::from_raw_bytes(sum.to_affine().as_raw_bytes()).unwrap()
}

/// Compares with the CPU backend.
pub(crate) fn check<A: DevicePoint>(device: &MsmOnly, case: &str, points: &[A], scalars: &[A::Scalar]) {
    let found = device.msm(Bases::from_slice(points), scalars);
    let found = found.unwrap_or_else(|e| panic!("{case}, {} terms: {e}", scalars.len()));
    assert!(found == expected(points, scalars), "{}, {case}: wrong sum of {} terms", A::GROUP, scalars.len());
}

/// As [`check`], over points prepared once with so many bytes of tables. Returns the copies in the table.
pub(crate) fn check_prepared<A: DevicePoint>(
    device: &MsmOnly,
    budget: usize,
    points: &[A],
    cases: &[(&'static str, Vec<A::Scalar>)],
) -> usize {
    let prepared =
        PreparedBases::new(&device.device, Bases::from_slice(points), budget, device.tuning).unwrap();
    assert!(prepared.bytes() <= budget, "a table within its budget");
    for (case, scalars) in cases {
        let found = device.run(MsmBases::Device(&prepared), scalars).unwrap();
        let right = found == expected(points, scalars);
        assert!(right, "{}, {case}: wrong sum over {} copies", A::GROUP, prepared.copies());
    }
    prepared.copies()
}
