//! The CPU launcher as a device: kernels compiled by the host's compiler, run by `cuda/emu`.
//!
//! Every call is complete when it returns, unless streams are told to be late ([`Emulator::be_late`]). Memory is the host's,
//! counted against a limit. Faults can be planted, so that what the backend does after an error is testable.

mod library;
mod streams;

use crate::{
    device::{Args, Device, DevicePtr, EventId, Launch, MemoryInfo, Properties, StreamId, Transfer},
    error::{DeviceError, code},
};
use core::ptr::NonNull;
use library::Library;
use std::{
    alloc::Layout,
    collections::HashMap,
    ffi::CString,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};
use streams::{Streams, Until, Work};
use zeroize::Zeroizing;

/// What freshly allocated memory holds: nothing that happens to be zero.
const STALE: u8 = 0xa5;
/// The alignment that the driver guarantees.
const ALIGNMENT: usize = 256;

/// A device whose kernels run on the CPU.
#[derive(Debug)]
pub struct Emulator {
    properties: Properties,
    library: Library,
    workers: u32,
    state: Mutex<State>,
    /// Held by whoever runs what is queued: a stream is idle when its work is done, not when it is begun.
    turn: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Sizes by address.
    allocated: HashMap<u64, usize>,
    used: usize,
    /// Page-locked blocks: sizes by address.
    pinned: HashMap<usize, usize>,
    streams: Streams,
    /// Whether streams are queues.
    late: bool,
    seed: u64,
    /// Kernels launched so far.
    launches: u64,
    /// The launch that fails, counted as `launches`, and its code.
    fault: Option<(u64, i32)>,
    /// Set by a sticky error: every further call fails with it.
    lost: Option<i32>,
}

impl State {
    /// After a sticky error nothing works any more, and nothing that is queued is done.
    fn failed(&mut self, error: DeviceError) -> DeviceError {
        self.lost = error.is_sticky().then_some(error.code);
        if self.lost.is_some() {
            self.streams.clear();
        }
        error
    }

    fn is_pinned(&self, from: *const u8) -> bool {
        self.pinned.iter().any(|(start, bytes)| (*start..start + bytes).contains(&from.addr()))
    }
}

impl Emulator {
    /// The kernels that were built with this crate, with so many bytes of device memory.
    ///
    /// # Errors
    /// If the library does not load.
    pub fn new(memory: usize) -> Result<Emulator, DeviceError> {
        Self::load(Path::new(env!("FOREBAY_EMULATOR_LIBRARY")), memory)
    }

    /// The kernels of another library (with sanitizers, or with a planted defect). It is never unloaded.
    ///
    /// # Errors
    /// If the library does not load.
    pub fn load(library: &Path, memory: usize) -> Result<Emulator, DeviceError> {
        let library = Library::load(library)?;
        let workers = std::thread::available_parallelism().map_or(1, usize::from) as u32;
        let properties = Properties {
            name: "CPU launcher".into(),
            compute_capability: (0, 0),
            multiprocessors: workers,
            shared_per_multiprocessor: 228 << 10,
            shared_per_block: 227 << 10,
            total_memory: memory,
            is_emulated: true,
        };
        let state = Mutex::new(State { seed: 1, ..State::default() });
        Ok(Emulator { properties, library, workers, state, turn: Mutex::default() })
    }

    /// Sets the order in which threads of a block run (0 is by index), and that of streams which are late.
    pub fn set_seed(&self, seed: u64) {
        let mut state = self.state();
        state.seed = seed;
        state.streams.seed(seed);
    }

    /// From now on streams do their work when somebody waits for it, in an order that the seed draws where none is asked for.
    pub fn be_late(&self) {
        self.state().late = true;
    }

    /// Lets the n-th launch from now (0: the next) fail with a code. A sticky code stays.
    pub fn fail_launch(&self, n: u64, code: i32) {
        let mut state = self.state();
        state.fault = Some((state.launches + n, code));
    }

    /// How many kernels were launched.
    pub fn launches(&self) -> u64 {
        self.state().launches
    }

    /// How many bytes are allocated.
    pub fn used(&self) -> usize {
        self.state().used
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self, operation: &'static str) -> Result<MutexGuard<'_, State>, DeviceError> {
        let state = self.state();
        match state.lost {
            Some(code) => Err(DeviceError::new(code, operation, "after an earlier error")),
            None => Ok(state),
        }
    }

    /// Does the work, or queues it.
    fn submit(&self, stream: StreamId, work: impl FnOnce(&State) -> Work) -> Result<(), DeviceError> {
        let mut state = self.alive("a stream")?;
        let work = work(&state);
        if state.late {
            state.streams.push(stream, work);
            return Ok(());
        }
        drop(state);
        self.perform(work)
    }

    /// Runs what is queued until this is so.
    fn run(&self, until: Until) -> Result<(), DeviceError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut state = self.alive("synchronize")?;
            if state.streams.is(until) {
                return Ok(());
            }
            let work = state.streams.next()?;
            drop(state);
            work.map_or(Ok(()), |work| self.perform(work))?;
        }
    }

    fn perform(&self, work: Work) -> Result<(), DeviceError> {
        // SAFETY: whoever submitted it promised that the ranges are valid; host and device memory are distinct allocations.
        unsafe {
            match work {
                Work::Transfer(Transfer::Upload { to, from, bytes }) => {
                    core::ptr::copy_nonoverlapping(from, to.0 as *mut u8, bytes)
                }
                Work::Transfer(Transfer::Download { to, from, bytes }) => {
                    core::ptr::copy_nonoverlapping(from.0 as *const u8, to, bytes)
                }
                Work::Transfer(Transfer::Fill { to, value, bytes }) => {
                    (to.0 as *mut u8).write_bytes(value, bytes)
                }
                Work::Staged { to, bytes } => {
                    core::ptr::copy_nonoverlapping(bytes.as_ptr(), to.0 as *mut u8, bytes.len())
                }
                Work::Launch { kernel, shape, args, seed } => {
                    let result = self.library.call(&kernel, shape, args, (seed, self.workers));
                    return result.map_err(|error| self.state().failed(error));
                }
            }
        }
        Ok(())
    }

    /// The fault that is planted for this launch, or its seed.
    fn begin_launch(&self) -> Result<u64, DeviceError> {
        let mut state = self.alive("launch")?;
        let number = state.launches;
        state.launches += 1;
        if let Some((_, code)) = state.fault.take_if(|(at, _)| *at == number) {
            return Err(state.failed(DeviceError::new(code, "launch", "planted")));
        }
        Ok(state.seed)
    }
}

fn layout(bytes: usize, operation: &'static str) -> Result<Layout, DeviceError> {
    Layout::from_size_align(bytes.max(1), ALIGNMENT)
        .map_err(|e| DeviceError::new(code::OUT_OF_MEMORY, operation, e.to_string()))
}

// SAFETY: memory comes from the allocator and lives until freed; copies and fills are those of the standard library.
unsafe impl Device for Emulator {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn memory(&self) -> Result<MemoryInfo, DeviceError> {
        let total = self.properties.total_memory;
        Ok(MemoryInfo { free: total - self.alive("memory")?.used.min(total), total })
    }

    fn alloc(&self, bytes: usize) -> Result<DevicePtr, DeviceError> {
        let mut state = self.alive("alloc")?;
        let layout = layout(bytes, "alloc")?;
        if self.properties.total_memory - state.used < bytes {
            return Err(DeviceError::new(code::OUT_OF_MEMORY, "alloc", format!("{bytes} bytes")));
        }
        // SAFETY: the layout's size is not zero.
        let memory = unsafe { std::alloc::alloc(layout) };
        if memory.is_null() {
            return Err(DeviceError::new(code::OUT_OF_MEMORY, "alloc", format!("{bytes} bytes of the host")));
        }
        // SAFETY: that many bytes were allocated.
        unsafe { memory.write_bytes(STALE, bytes) };
        state.allocated.insert(memory as u64, bytes);
        state.used += bytes;
        Ok(DevicePtr(memory as u64))
    }

    unsafe fn free(&self, ptr: DevicePtr) -> Result<(), DeviceError> {
        // As the driver does. A device that is lost has nothing to do.
        let _ = self.run(Until::Idle);
        let mut state = self.state();
        let Some(bytes) = state.allocated.remove(&ptr.0) else {
            return Err(DeviceError::new(code::INVALID_VALUE, "free", "not allocated"));
        };
        state.used -= bytes;
        // SAFETY: allocated by `alloc` with this layout, and the caller uses it no more.
        unsafe { std::alloc::dealloc(ptr.0 as *mut u8, layout(bytes, "free")?) };
        Ok(())
    }

    fn alloc_pinned(&self, bytes: usize) -> Result<NonNull<u8>, DeviceError> {
        let mut state = self.alive("alloc_pinned")?;
        // SAFETY: the layout's size is not zero.
        let memory = NonNull::new(unsafe { std::alloc::alloc(layout(bytes, "alloc_pinned")?) });
        let memory = memory.ok_or_else(|| DeviceError::new(code::OUT_OF_MEMORY, "alloc_pinned", ""))?;
        state.pinned.insert(memory.as_ptr().addr(), bytes);
        Ok(memory)
    }

    unsafe fn free_pinned(&self, ptr: NonNull<u8>) -> Result<(), DeviceError> {
        let _ = self.run(Until::Idle);
        let bytes = self.state().pinned.remove(&ptr.as_ptr().addr());
        let bytes =
            bytes.ok_or_else(|| DeviceError::new(code::INVALID_VALUE, "free_pinned", "not allocated"))?;
        // SAFETY: allocated by `alloc_pinned` with this layout, and the caller uses it no more.
        unsafe { std::alloc::dealloc(ptr.as_ptr(), layout(bytes, "free_pinned")?) };
        Ok(())
    }

    fn create_stream(&self) -> Result<StreamId, DeviceError> {
        Ok(self.alive("create_stream")?.streams.new_stream())
    }

    unsafe fn destroy_stream(&self, _: StreamId) -> Result<(), DeviceError> {
        Ok(())
    }

    fn synchronize(&self, stream: StreamId) -> Result<(), DeviceError> {
        self.run(Until::StreamIdle(stream))
    }

    fn create_event(&self) -> Result<EventId, DeviceError> {
        Ok(self.alive("create_event")?.streams.new_event())
    }

    unsafe fn destroy_event(&self, _: EventId) -> Result<(), DeviceError> {
        Ok(())
    }

    fn record(&self, event: EventId, stream: StreamId) -> Result<(), DeviceError> {
        let mut state = self.alive("record")?;
        state.streams.record(event, stream)?;
        if state.late {
            return Ok(());
        }
        drop(state);
        self.run(Until::StreamIdle(stream))
    }

    fn wait(&self, stream: StreamId, event: EventId) -> Result<(), DeviceError> {
        self.alive("wait")?.streams.wait(stream, event)
    }

    fn wait_on_host(&self, event: EventId) -> Result<(), DeviceError> {
        self.run(Until::Happened(event))
    }

    fn elapsed_ms(&self, start: EventId, end: EventId) -> Result<f32, DeviceError> {
        let state = self.alive("elapsed_ms")?;
        match (state.streams.happened_at(start), state.streams.happened_at(end)) {
            (Some(start), Some(end)) => Ok(end.saturating_duration_since(start).as_secs_f32() * 1e3),
            _ => Err(DeviceError::new(code::INVALID_HANDLE, "elapsed_ms", "an event that was not recorded")),
        }
    }

    unsafe fn transfer(&self, stream: StreamId, what: Transfer) -> Result<(), DeviceError> {
        self.submit(stream, |state| match what {
            Transfer::Upload { to, from, bytes } if state.late && !state.is_pinned(from) => {
                // SAFETY: the caller's range.
                let bytes = unsafe { core::slice::from_raw_parts(from, bytes) };
                Work::Staged { to, bytes: Zeroizing::new(bytes.to_vec()) }
            }
            _ => Work::Transfer(what),
        })
    }

    unsafe fn guard(&self, ptr: DevicePtr, bytes: usize, allowed: bool) {
        // SAFETY: the caller's range.
        unsafe { self.library.guard(ptr, bytes, allowed) };
    }

    unsafe fn launch(
        &self,
        stream: StreamId,
        kernel: &str,
        shape: Launch,
        args: &mut Args,
    ) -> Result<(), DeviceError> {
        let seed = self.begin_launch()?;
        let kernel =
            CString::new(kernel).map_err(|e| DeviceError::new(code::NOT_FOUND, "launch", e.to_string()))?;
        let args = core::mem::take(args);
        self.submit(stream, |_| Work::Launch { kernel, shape, args, seed })
    }
}
