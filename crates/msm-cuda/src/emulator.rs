//! The CPU launcher as a device: kernels compiled by the host's compiler, run by `cuda/emu`.
//!
//! Every call is complete when it returns. Memory is the host's, counted against a limit. Faults can be planted, so that
//! what the backend does after an error is testable.

use crate::{
    device::{Args, Device, DevicePtr, EventId, Launch, MemoryInfo, Properties, StreamId},
    error::{DeviceError, code},
};
use core::{
    ffi::{CStr, c_char, c_int, c_uint, c_void},
    ptr::NonNull,
};
use std::{
    alloc::Layout,
    collections::HashMap,
    ffi::CString,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

type LaunchFn = unsafe extern "C" fn(
    *const c_char,
    *const c_uint,
    *const c_uint,
    usize,
    *mut *mut c_void,
    u64,
    c_uint,
    *mut c_char,
    usize,
) -> c_int;

type GuardFn = unsafe extern "C" fn(*mut c_void, usize, c_int);

/// What freshly allocated memory holds: nothing that happens to be zero.
const STALE: u8 = 0xa5;
/// The alignment that the driver guarantees.
const ALIGNMENT: usize = 256;

/// A device whose kernels run on the CPU.
#[derive(Debug)]
pub struct Emulator {
    properties: Properties,
    launch: LaunchFn,
    guard: GuardFn,
    workers: c_uint,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Sizes by address.
    allocated: HashMap<u64, usize>,
    used: usize,
    events: Vec<Option<Instant>>,
    seed: u64,
    /// Kernels launched so far.
    launches: u64,
    /// The launch that fails, counted as `launches`, and its code.
    fault: Option<(u64, i32)>,
    /// Set by a sticky error: every further call fails with it.
    lost: Option<i32>,
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
        let absent = |detail: String| DeviceError::new(code::NOT_FOUND, "loading the CPU launcher", detail);
        let path = library.to_str().and_then(|path| CString::new(path).ok());
        let path = path.ok_or_else(|| absent(library.display().to_string()))?;
        // SAFETY: a C string; the library's constructors only register kernels.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            // SAFETY: after a failure dlerror returns a C string.
            let why = unsafe { CStr::from_ptr(libc::dlerror()) };
            return Err(absent(why.to_string_lossy().into_owned()));
        }
        let symbol = |name: &CStr| {
            // SAFETY: the handle is valid.
            let symbol = unsafe { libc::dlsym(handle, name.as_ptr()) };
            if symbol.is_null() { Err(absent(format!("{name:?} is missing"))) } else { Ok(symbol) }
        };
        // SAFETY: cuda/emu/emu.cpp defines the functions with these signatures.
        let (launch, guard) = unsafe {
            (
                core::mem::transmute::<*mut c_void, LaunchFn>(symbol(c"emu_launch")?),
                core::mem::transmute::<*mut c_void, GuardFn>(symbol(c"emu_guard")?),
            )
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from) as c_uint;
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
        Ok(Emulator { properties, launch, guard, workers, state })
    }

    /// Sets the order in which threads of a block run; 0 is by index.
    pub fn set_seed(&self, seed: u64) {
        self.state().seed = seed;
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

    /// The fault that is planted for this launch, or its seed.
    fn begin_launch(&self) -> Result<u64, DeviceError> {
        let mut state = self.alive("launch")?;
        let number = state.launches;
        state.launches += 1;
        if let Some((_, code)) = state.fault.take_if(|(at, _)| *at == number) {
            let error = DeviceError::new(code, "launch", "planted");
            state.lost = error.is_sticky().then_some(code);
            return Err(error);
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
        // Ordinary memory with its size in front, since `free_pinned` is not told.
        let layout = layout(bytes + ALIGNMENT, "alloc_pinned")?;
        // SAFETY: the layout's size is not zero.
        let memory = NonNull::new(unsafe { std::alloc::alloc(layout) });
        let memory = memory.ok_or_else(|| DeviceError::new(code::OUT_OF_MEMORY, "alloc_pinned", ""))?;
        // SAFETY: there is room for the size and, behind it, for the bytes.
        unsafe {
            memory.cast::<usize>().write(bytes);
            Ok(memory.add(ALIGNMENT))
        }
    }

    unsafe fn free_pinned(&self, ptr: NonNull<u8>) -> Result<(), DeviceError> {
        // SAFETY: as `alloc_pinned` laid it out.
        unsafe {
            let memory = ptr.sub(ALIGNMENT);
            let bytes = memory.cast::<usize>().read();
            std::alloc::dealloc(memory.as_ptr(), layout(bytes + ALIGNMENT, "free_pinned")?);
        }
        Ok(())
    }

    unsafe fn register(&self, _: *mut u8, _: usize) -> Result<(), DeviceError> {
        self.alive("register").map(drop)
    }

    unsafe fn unregister(&self, _: *mut u8) -> Result<(), DeviceError> {
        Ok(())
    }

    fn create_stream(&self) -> Result<StreamId, DeviceError> {
        drop(self.alive("create_stream")?);
        Ok(StreamId(1))
    }

    unsafe fn destroy_stream(&self, _: StreamId) -> Result<(), DeviceError> {
        Ok(())
    }

    fn synchronize(&self, _: StreamId) -> Result<(), DeviceError> {
        self.alive("synchronize").map(drop)
    }

    fn create_event(&self) -> Result<EventId, DeviceError> {
        let mut state = self.alive("create_event")?;
        state.events.push(None);
        Ok(EventId(state.events.len() as u64 - 1))
    }

    unsafe fn destroy_event(&self, _: EventId) -> Result<(), DeviceError> {
        Ok(())
    }

    fn record(&self, event: EventId, _: StreamId) -> Result<(), DeviceError> {
        let mut state = self.alive("record")?;
        let slot = state.events.get_mut(event.0 as usize);
        *slot.ok_or_else(|| DeviceError::new(400, "record", "no such event"))? = Some(Instant::now());
        Ok(())
    }

    fn wait(&self, _: StreamId, _: EventId) -> Result<(), DeviceError> {
        self.alive("wait").map(drop)
    }

    fn elapsed_ms(&self, start: EventId, end: EventId) -> Result<f32, DeviceError> {
        let state = self.alive("elapsed_ms")?;
        let at = |event: EventId| state.events.get(event.0 as usize).copied().flatten();
        match (at(start), at(end)) {
            (Some(start), Some(end)) => Ok(end.saturating_duration_since(start).as_secs_f32() * 1e3),
            _ => Err(DeviceError::new(400, "elapsed_ms", "an event that was not recorded")),
        }
    }

    unsafe fn upload(
        &self,
        _: StreamId,
        to: DevicePtr,
        from: *const u8,
        bytes: usize,
    ) -> Result<(), DeviceError> {
        drop(self.alive("upload")?);
        // SAFETY: the caller's ranges; host and device memory are distinct allocations.
        unsafe { core::ptr::copy_nonoverlapping(from, to.0 as *mut u8, bytes) };
        Ok(())
    }

    unsafe fn download(
        &self,
        _: StreamId,
        to: *mut u8,
        from: DevicePtr,
        bytes: usize,
    ) -> Result<(), DeviceError> {
        drop(self.alive("download")?);
        // SAFETY: as above.
        unsafe { core::ptr::copy_nonoverlapping(from.0 as *const u8, to, bytes) };
        Ok(())
    }

    unsafe fn copy(
        &self,
        _: StreamId,
        to: DevicePtr,
        from: DevicePtr,
        bytes: usize,
    ) -> Result<(), DeviceError> {
        drop(self.alive("copy")?);
        // SAFETY: the caller's ranges, which do not overlap.
        unsafe { core::ptr::copy_nonoverlapping(from.0 as *const u8, to.0 as *mut u8, bytes) };
        Ok(())
    }

    unsafe fn fill(&self, _: StreamId, to: DevicePtr, value: u8, bytes: usize) -> Result<(), DeviceError> {
        drop(self.alive("fill")?);
        // SAFETY: the caller's range.
        unsafe { (to.0 as *mut u8).write_bytes(value, bytes) };
        Ok(())
    }

    unsafe fn guard(&self, ptr: DevicePtr, bytes: usize, allowed: bool) {
        // SAFETY: the caller's range.
        unsafe { (self.guard)(ptr.0 as *mut c_void, bytes, allowed.into()) };
    }

    unsafe fn launch(
        &self,
        _: StreamId,
        kernel: &str,
        shape: Launch,
        args: &mut Args,
    ) -> Result<(), DeviceError> {
        let seed = self.begin_launch()?;
        let name =
            CString::new(kernel).map_err(|e| DeviceError::new(code::NOT_FOUND, "launch", e.to_string()))?;
        let mut pointers = args.pointers();
        let mut message = [0 as c_char; 256];
        // SAFETY: the arrays live through the call, which is complete when it returns; the rest is the caller's promise.
        let code = unsafe {
            (self.launch)(
                name.as_ptr(),
                shape.grid.as_ptr(),
                shape.block.as_ptr(),
                shape.shared,
                pointers.as_mut_ptr(),
                seed,
                self.workers,
                message.as_mut_ptr(),
                message.len(),
            )
        };
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the launcher ends its message with a zero.
        let why = unsafe { CStr::from_ptr(message.as_ptr()) }.to_string_lossy().into_owned();
        let error = DeviceError::new(code, "launch", why);
        self.state().lost = error.is_sticky().then_some(code);
        Err(error)
    }
}
