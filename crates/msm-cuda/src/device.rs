//! What the backend asks of a GPU.
//!
//! [`Device`] is a thin layer over a driver: integers for handles, nothing owned. [`Stream`], [`Event`] and [`DeviceMemory`] own
//! what they name and check ranges. A launch is `unsafe`, since a kernel may read and write any address.

mod owned;

pub use owned::{DeviceMemory, Event, Stream};

use crate::error::DeviceError;
use core::{ffi::c_void, fmt::Debug, ptr::NonNull};

/// An address on the device, as the driver's `CUdeviceptr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct DevicePtr(pub u64);

impl DevicePtr {
    /// No address: for arguments that a kernel does not read.
    pub const NULL: DevicePtr = DevicePtr(0);

    /// The address `bytes` further.
    pub fn offset(self, bytes: usize) -> DevicePtr {
        DevicePtr(self.0 + bytes as u64)
    }
}

/// A stream's handle. 0 is the device's default stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamId(pub u64);

/// An event's handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId(pub u64);

/// What a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Properties {
    /// The vendor's name.
    pub name: String,
    /// Compute capability: (9, 0) for an H200.
    pub compute_capability: (u32, u32),
    /// Streaming multiprocessors.
    pub multiprocessors: u32,
    /// Shared memory of one multiprocessor, bytes.
    pub shared_per_multiprocessor: usize,
    /// The most shared memory that one block may ask for, bytes.
    pub shared_per_block: usize,
    /// Device memory, bytes.
    pub total_memory: usize,
    /// Whether kernels run on the host: for tests.
    pub is_emulated: bool,
}

/// Device memory at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryInfo {
    /// Not allocated by anybody, bytes.
    pub free: usize,
    /// All of it, bytes.
    pub total: usize,
}

/// Grid, block and dynamic shared memory of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks in x, y, z.
    pub grid: [u32; 3],
    /// Threads of a block in x, y, z.
    pub block: [u32; 3],
    /// Dynamic shared memory of a block, bytes.
    pub shared: usize,
}

impl Launch {
    /// `blocks` blocks of `threads` threads.
    pub fn linear(blocks: usize, threads: u32) -> Launch {
        Launch { grid: [u32::try_from(blocks).unwrap_or(u32::MAX), 1, 1], block: [threads, 1, 1], shared: 0 }
    }

    /// The same with so many bytes of dynamic shared memory.
    pub fn with_shared(self, shared: usize) -> Launch {
        Launch { shared, ..self }
    }
}

/// What a stream does with memory.
#[derive(Clone, Copy, Debug)]
pub enum Transfer {
    /// Copies to the device. Pageable memory may change once the call returns; page-locked memory is read when the stream
    /// gets there, and must stay as it is until then.
    Upload {
        /// On the device.
        to: DevicePtr,
        /// On the host.
        from: *const u8,
        /// How many.
        bytes: usize,
    },
    /// Copies from the device. Complete when the stream is synchronized; both ranges stay valid until then.
    Download {
        /// On the host.
        to: *mut u8,
        /// On the device.
        from: DevicePtr,
        /// How many.
        bytes: usize,
    },
    /// Sets every byte. The range stays valid until the stream is synchronized.
    Fill {
        /// On the device.
        to: DevicePtr,
        /// The byte.
        value: u8,
        /// How many.
        bytes: usize,
    },
}

/// A kernel's arguments, in order.
#[derive(Default, Debug)]
pub struct Args {
    /// Each argument in cells of its own, so that every address is aligned to 16 bytes.
    cells: Vec<u128>,
    starts: Vec<usize>,
}

impl Args {
    /// No arguments.
    pub fn new() -> Args {
        Args::default()
    }

    /// A pointer.
    pub fn ptr(self, p: DevicePtr) -> Args {
        self.value(p.0)
    }

    /// An unsigned integer of 32 bits.
    pub fn u32(self, v: u32) -> Args {
        self.value(v)
    }

    /// An unsigned integer of 64 bits.
    pub fn u64(self, v: u64) -> Args {
        self.value(v)
    }

    /// A plain value: the same bytes must be the kernel's parameter (a `repr(C)` struct without padding, for instance).
    pub fn value<T: Copy>(mut self, v: T) -> Args {
        const { assert!(align_of::<T>() <= 16) };
        let start = self.cells.len();
        self.cells.resize(start + size_of::<T>().div_ceil(16).max(1), 0);
        // SAFETY: the cells from `start` on have room for T and are aligned for it.
        unsafe { self.cells.as_mut_ptr().add(start).cast::<T>().write(v) };
        self.starts.push(start);
        self
    }

    /// As the driver wants them. The pointers live as long as `self` does not change.
    pub fn pointers(&mut self) -> Vec<*mut c_void> {
        let base = self.cells.as_mut_ptr();
        // SAFETY: every start is an index into `cells`.
        self.starts.iter().map(|start| unsafe { base.add(*start).cast() }).collect()
    }
}

/// One GPU, or something that behaves like one.
///
/// Copies, fills and launches are ordered within a stream. They may return before the work is done; an error of the
/// work then comes from a later call.
///
/// # Safety
/// An implementor promises that memory it hands out is valid until freed, and that copies and fills touch exactly the
/// bytes named.
pub unsafe trait Device: Send + Sync + Debug {
    /// What it is.
    fn properties(&self) -> &Properties;

    /// How much memory there is.
    ///
    /// # Errors
    /// What the driver reports; so for all methods.
    fn memory(&self) -> Result<MemoryInfo, DeviceError>;

    /// Allocates device memory, aligned to 256 bytes. Its contents are unspecified.
    ///
    /// # Errors
    /// Out of memory.
    fn alloc(&self, bytes: usize) -> Result<DevicePtr, DeviceError>;

    /// Frees what `alloc` returned.
    ///
    /// # Safety
    /// Nothing uses the memory any more.
    ///
    /// # Errors
    /// As above.
    unsafe fn free(&self, ptr: DevicePtr) -> Result<(), DeviceError>;

    /// Allocates page-locked host memory.
    ///
    /// # Errors
    /// Out of memory.
    fn alloc_pinned(&self, bytes: usize) -> Result<NonNull<u8>, DeviceError>;

    /// Frees what `alloc_pinned` returned.
    ///
    /// # Safety
    /// Nothing uses the memory any more.
    ///
    /// # Errors
    /// As above.
    unsafe fn free_pinned(&self, ptr: NonNull<u8>) -> Result<(), DeviceError>;

    /// A new stream, which does not wait for the default one.
    ///
    /// # Errors
    /// As above.
    fn create_stream(&self) -> Result<StreamId, DeviceError>;

    /// Destroys a stream once its work is done.
    ///
    /// # Safety
    /// The handle is not used any more.
    ///
    /// # Errors
    /// As above.
    unsafe fn destroy_stream(&self, stream: StreamId) -> Result<(), DeviceError>;

    /// Waits until the stream's work is done, and reports its errors.
    ///
    /// # Errors
    /// As above.
    fn synchronize(&self, stream: StreamId) -> Result<(), DeviceError>;

    /// A new event.
    ///
    /// # Errors
    /// As above.
    fn create_event(&self) -> Result<EventId, DeviceError>;

    /// Destroys an event.
    ///
    /// # Safety
    /// The handle is not used any more.
    ///
    /// # Errors
    /// As above.
    unsafe fn destroy_event(&self, event: EventId) -> Result<(), DeviceError>;

    /// Puts an event behind what the stream has to do so far.
    ///
    /// # Errors
    /// As above.
    fn record(&self, event: EventId, stream: StreamId) -> Result<(), DeviceError>;

    /// Makes further work of the stream wait for an event.
    ///
    /// # Errors
    /// As above.
    fn wait(&self, stream: StreamId, event: EventId) -> Result<(), DeviceError>;

    /// Waits, on the host, until the event's last [`record`](Self::record) has happened.
    ///
    /// # Errors
    /// What the work before it, or the driver, reports.
    fn wait_on_host(&self, event: EventId) -> Result<(), DeviceError>;

    /// Milliseconds between two events that have happened.
    ///
    /// # Errors
    /// As above.
    fn elapsed_ms(&self, start: EventId, end: EventId) -> Result<f32, DeviceError>;

    /// Copies or fills, in the stream's order.
    ///
    /// # Safety
    /// The ranges are valid, for as long as [`Transfer`] says.
    ///
    /// # Errors
    /// As above.
    unsafe fn transfer(&self, stream: StreamId, what: Transfer) -> Result<(), DeviceError>;

    /// Forbids or allows accesses to a range of device memory, where the device can watch that: a test's means of finding
    /// accesses outside of a plan's regions.
    ///
    /// # Safety
    /// The range is allocated.
    unsafe fn guard(&self, _: DevicePtr, _bytes: usize, _allowed: bool) {}

    /// Launches a kernel by name.
    ///
    /// # Safety
    /// The arguments are what the kernel's signature says, and what it reads and writes through them is valid until the
    /// stream is synchronized.
    ///
    /// # Errors
    /// As above; 500 if there is no such kernel.
    unsafe fn launch(
        &self,
        stream: StreamId,
        kernel: &str,
        shape: Launch,
        args: &mut Args,
    ) -> Result<(), DeviceError>;
}
