//! The device as a [`Backend`].

use crate::{
    device::{Device, Event, Stream},
    error::DeviceError,
    memory::{Arena, Plan},
    msm::{DevicePoint, MsmBases, PreparedBases, Tuning, msm, timed},
    ntt::{Shape, Transforms, bytes_of, bytes_of_mut, max_log_domain},
    staging::{HostPages, Staging},
};
use forebay_msm::{
    Backend, BackendError, Bases, Capabilities, CpuBackend, Curve,
    backend::{DomainSpec, QuotientBasis, Transform, one_per_point},
};
use forebay_scheduler::{budget::Budget, pinned::PinnedArena};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Kept free for the driver, other processes and fragmentation when no budget is given: one sixteenth of the device.
const RESERVE_SHARE: usize = 16;

/// How a backend uses its device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of device memory; what is free less a reserve if not given.
    pub budget: Option<usize>,
    /// How transforms are cut; what suits the device's shared memory if not given.
    pub shape: Option<Shape>,
}

/// Multiplications, transforms and the quotient on a device. One operation runs at a time: the device's memory is one plan's.
#[derive(Debug)]
pub struct CudaBackend {
    device: Arc<dyn Device>,
    shape: Shape,
    stream: Stream,
    arena: Mutex<Arena>,
    cpu: CpuBackend,
    tuning: Tuning,
}

impl CudaBackend {
    /// A backend on a device, with the threads of `cpu` for what is left to the host.
    ///
    /// # Errors
    /// What the device reports.
    pub fn new(device: Arc<dyn Device>, cpu: CpuBackend, settings: Settings) -> Result<Self, DeviceError> {
        let properties = device.properties();
        let shape = settings.shape.unwrap_or_else(|| {
            Shape::for_shared_memory(properties.shared_per_multiprocessor, properties.shared_per_block)
        });
        let memory = device.memory()?;
        let budget = settings.budget.unwrap_or(memory.free.saturating_sub(memory.total / RESERVE_SHARE));
        let (stream, arena) = (Stream::new(&device)?, Arena::new(&device, budget));
        Ok(CudaBackend { device, shape, stream, arena: Mutex::new(arena), cpu, tuning: Tuning::default() })
    }

    /// The same backend, with multiplications cut by hand.
    pub fn with_msm_tuning(self, tuning: Tuning) -> Self {
        CudaBackend { tuning, ..self }
    }

    /// The same backend with the scheduler's memory: operations reserve device bytes in `budget`, and what goes to the device
    /// goes through page-locked buffers, which are pinned bytes of it.
    pub fn with_budget(self, budget: &Budget) -> Self {
        let pages = PinnedArena::new(budget.clone(), HostPages::of(&self.device));
        let staging = Staging::new(pages, Arc::clone(self.cpu.pool()));
        self.arena().share(budget.clone());
        self.with_staging(staging)
    }

    /// The same backend with page-locked buffers from elsewhere.
    pub fn with_staging(self, staging: Staging) -> Self {
        self.arena().stage(staging);
        self
    }

    /// Puts points onto the device to stay there, with as many multiples as `bytes` of device memory hold. Working memory gets
    /// what is left.
    ///
    /// # Errors
    /// As [`PreparedBases::new`]; out of memory, at once, if the scheduler's budget has not as many device bytes.
    pub fn prepare<A: DevicePoint>(
        &self,
        bases: Bases<'_, A>,
        bytes: usize,
    ) -> Result<PreparedBases<A>, BackendError> {
        let mut arena = self.arena();
        let reserve = |bytes| {
            let reservation = arena.reserve("preparing points", bytes)?;
            arena.make_way();
            Ok(reservation)
        };
        PreparedBases::within(&self.device, bases, bytes, self.tuning, reserve)
    }

    /// Σ scalars\[i\]·bases\[i\] over points that are on the device already.
    ///
    /// # Errors
    /// As [`msm`].
    pub fn msm_prepared<A: DevicePoint>(
        &self,
        bases: &PreparedBases<A>,
        scalars: &[A::Scalar],
    ) -> Result<A::Curve, BackendError> {
        msm("msm_prepared", &mut self.arena(), &self.stream, MsmBases::Device(bases), scalars, self.tuning)
    }

    /// As [`msm_prepared`](Self::msm_prepared), `rounds` times after one that is not counted: the sum, and the milliseconds of
    /// each from when the scalars are on the device to when the sum is on the host.
    ///
    /// # Errors
    /// As [`msm`](fn@msm).
    pub fn time_msm_prepared<A: DevicePoint>(
        &self,
        bases: &PreparedBases<A>,
        scalars: &[A::Scalar],
        rounds: usize,
    ) -> Result<(A::Curve, Vec<f32>), BackendError> {
        let once = || {
            let bases = MsmBases::Device(bases);
            timed("time_msm_prepared", &mut self.arena(), &self.stream, bases, scalars, self.tuning)
        };
        let (sum, _) = once()?;
        let times: Result<Vec<f32>, BackendError> =
            (0..rounds).map(|_| Ok(once()?.1.as_secs_f32() * 1e3)).collect();
        Ok((sum, times?))
    }

    /// The device.
    pub fn device(&self) -> &Arc<dyn Device> {
        &self.device
    }

    /// The bytes of device memory that it may use.
    pub fn budget(&self) -> usize {
        self.arena().budget()
    }

    /// The bytes of device memory that a quotient over 2^`log_n` points takes.
    ///
    /// # Errors
    /// A defect of the caller if the field has no such domain.
    pub fn quotient_bytes<C: Curve>(&self, spec: DomainSpec) -> Result<usize, BackendError> {
        let mut plan = Plan::new();
        let powers = Transforms::<C::Fr>::powers_of_quotient(QuotientBasis::Coefficients);
        Transforms::new::<C>(spec, self.shape, &mut plan, &powers)?;
        (0..3).for_each(|_| {
            plan.secret(spec.size() * size_of::<C::Fr>());
        });
        Ok(plan.bytes())
    }

    /// Milliseconds of a transform whose data is on the device already, `rounds` times, after one that is not counted.
    ///
    /// # Errors
    /// What the device reports.
    pub fn time_transform<C: Curve>(
        &self,
        spec: DomainSpec,
        transform: Transform,
        rounds: usize,
    ) -> Result<Vec<f32>, BackendError> {
        let mut plan = Plan::new();
        let powers = Transforms::<C::Fr>::powers_of(transform);
        let transforms = Transforms::new::<C>(spec, self.shape, &mut plan, powers.as_slice())?;
        let bytes = spec.size() * size_of::<C::Fr>();
        let (source, target) = (plan.secret(bytes), plan.secret(bytes));
        let mut arena = self.arena();
        let mut lease = arena.begin("time_transform", &plan, &self.stream)?;
        transforms.prepare(&mut lease)?;
        let times = self.time(rounds, || transforms.transform(&lease, transform, source, target))?;
        lease.finish()?;
        Ok(times)
    }

    /// As [`time_transform`](Self::time_transform), of a quotient.
    ///
    /// # Errors
    /// What the device reports.
    pub fn time_quotient<C: Curve>(
        &self,
        spec: DomainSpec,
        basis: QuotientBasis,
        rounds: usize,
    ) -> Result<Vec<f32>, BackendError> {
        let mut plan = Plan::new();
        let powers = Transforms::<C::Fr>::powers_of_quotient(basis);
        let transforms = Transforms::new::<C>(spec, self.shape, &mut plan, &powers)?;
        let regions = [(); 3].map(|()| plan.secret(spec.size() * size_of::<C::Fr>()));
        let mut arena = self.arena();
        let mut lease = arena.begin("time_quotient", &plan, &self.stream)?;
        transforms.prepare(&mut lease)?;
        let there = |_| Ok(());
        let times = self.time(rounds, || transforms.quotient(&lease, basis, regions, there).map(drop))?;
        lease.finish()?;
        Ok(times)
    }

    /// Milliseconds between events before and after the work of each round.
    fn time(
        &self,
        rounds: usize,
        work: impl Fn() -> Result<(), BackendError>,
    ) -> Result<Vec<f32>, BackendError> {
        work()?;
        let (start, end) = (Event::new(&self.device)?, Event::new(&self.device)?);
        let mut times = Vec::new();
        for _ in 0..rounds {
            self.device.record(start.id(), self.stream.id())?;
            work()?;
            self.device.record(end.id(), self.stream.id())?;
            self.stream.synchronize()?;
            times.push(self.device.elapsed_ms(start.id(), end.id())?);
        }
        Ok(times)
    }

    /// Gives all device memory back, wiped.
    pub fn release(&self) {
        self.arena().release();
    }

    /// The state is consistent at every point where a panic could come from: a lease cleans up as it is dropped.
    pub(crate) fn arena(&self) -> MutexGuard<'_, Arena> {
        self.arena.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Curve<G1Affine: DevicePoint, G2Affine: DevicePoint>> Backend<C> for CudaBackend
where
    CpuBackend: Backend<C>,
{
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: if self.device.properties().is_emulated { "cuda-emulated" } else { "cuda" },
            is_device: true,
            threads: self.cpu.pool().current_num_threads(),
            max_log_domain: max_log_domain::<C::Fr>(),
        }
    }

    fn scratch_bytes(&self, n: usize) -> usize {
        Backend::<C>::scratch_bytes(&self.cpu, n)
    }

    fn msm_g1(&self, bases: Bases<'_, C::G1Affine>, scalars: &[C::Fr]) -> Result<C::G1, BackendError> {
        let bases = MsmBases::Host(bases);
        msm("msm_g1", &mut self.arena(), &self.stream, bases, scalars, self.tuning)
    }

    fn msm_g2(&self, bases: Bases<'_, C::G2Affine>, scalars: &[C::Fr]) -> Result<C::G2, BackendError> {
        let bases = MsmBases::Host(bases);
        msm("msm_g2", &mut self.arena(), &self.stream, bases, scalars, self.tuning)
    }

    fn ntt(&self, spec: DomainSpec, transform: Transform, values: &mut [C::Fr]) -> Result<(), BackendError> {
        one_per_point("ntt", "values", values.len(), spec)?;
        let mut plan = Plan::new();
        let powers = Transforms::<C::Fr>::powers_of(transform);
        let transforms = Transforms::new::<C>(spec, self.shape, &mut plan, powers.as_slice())?;
        let (source, target) = (plan.secret(size_of_val(values)), plan.secret(size_of_val(values)));
        let mut arena = self.arena();
        let mut lease = arena.begin("ntt", &plan, &self.stream)?;
        transforms.prepare(&mut lease)?;
        let mut uploads = lease.uploads(size_of_val(values))?;
        let arrived = Event::new(&self.device)?;
        lease.send(&mut uploads, source, bytes_of(values))?;
        uploads.then(&self.stream, arrived.id())?;
        transforms.transform(&lease, transform, source, target)?;
        uploads.finish()?;
        lease.download(target, 0, bytes_of_mut(values))?;
        lease.finish()
    }

    fn quotient(
        &self,
        spec: DomainSpec,
        basis: QuotientBasis,
        a: &mut [C::Fr],
        b: &mut [C::Fr],
        c: &mut [C::Fr],
    ) -> Result<(), BackendError> {
        for (what, values) in [("a", &*a), ("b", &*b), ("c", &*c)] {
            one_per_point("quotient", what, values.len(), spec)?;
        }
        let mut plan = Plan::new();
        let powers = Transforms::<C::Fr>::powers_of_quotient(basis);
        let transforms = Transforms::new::<C>(spec, self.shape, &mut plan, &powers)?;
        let regions = [(); 3].map(|()| plan.secret(size_of_val(&*a)));
        let mut arena = self.arena();
        let mut lease = arena.begin("quotient", &plan, &self.stream)?;
        transforms.prepare(&mut lease)?;
        let mut uploads = lease.uploads(size_of_val(&*a))?;
        let arrived = Event::new(&self.device)?;
        let inputs = [&*a, &*b, &*c];
        // Each vector is on its way while the device works on the one before.
        let send = |i: usize| {
            lease.send(&mut uploads, regions[i], bytes_of(inputs[i]))?;
            uploads.then(&self.stream, arrived.id())
        };
        let result = transforms.quotient(&lease, basis, regions, send)?;
        uploads.finish()?;
        lease.download(result, 0, bytes_of_mut(a))?;
        lease.finish()
    }
}
