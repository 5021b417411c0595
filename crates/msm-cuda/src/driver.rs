//! The CUDA driver as a device, through the raw layer of `cust`.
//!
//! The functions are declared here once more, with a plain integer as their result: `cust` declares them to return a Rust
//! enum that lacks codes of current drivers, and a value outside of an enum is undefined behaviour. The symbols are those
//! that `cust_raw` links: with this workspace's `find_cuda_helper`, lazily bound ones, so that the binary starts without a
//! driver and [`Driver::open`] answers that there is no device.

mod ffi;

use crate::{
    device::{Args, Device, DevicePtr, EventId, Launch, MemoryInfo, Properties, StreamId, Transfer},
    error::{DeviceError, code},
};
use core::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr::{NonNull, null_mut},
};
use ffi::{Attribute, check};
use std::{
    collections::HashMap,
    ffi::CString,
    sync::{Mutex, PoisonError},
};

/// The modules that build.rs made: unit and fatbin.
static MODULES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// Shared memory that a block may use without asking for it.
const SHARED_BY_DEFAULT: usize = 48 << 10;

/// A GPU. Its primary context is shared with whatever else in the process uses it.
#[derive(Debug)]
pub struct Driver {
    device: c_int,
    context: ffi::Context,
    modules: Vec<ffi::Module>,
    functions: Mutex<HashMap<String, Function>>,
    properties: Properties,
}

#[derive(Clone, Copy, Debug)]
struct Function {
    handle: ffi::Function,
    /// Dynamic shared memory that it was allowed.
    shared: usize,
}

// SAFETY: the handles are the driver's and may be used from any thread that has the context; each call sets it.
unsafe impl Send for Driver {}
// SAFETY: the driver's functions are thread-safe.
unsafe impl Sync for Driver {}

impl Driver {
    /// How many GPUs there are.
    ///
    /// # Errors
    /// Code 100 if there is no driver, or none that finds a device.
    pub fn count() -> Result<u32, DeviceError> {
        // SAFETY: no preconditions.
        check("cuInit", unsafe { ffi::cuInit(0) }).map_err(plainly)?;
        let mut count = 0;
        // SAFETY: the pointer is valid.
        check("cuDeviceGetCount", unsafe { ffi::cuDeviceGetCount(&mut count) })?;
        Ok(count.unsigned_abs())
    }

    /// Opens a GPU and loads the kernels.
    ///
    /// # Errors
    /// Code 100 if there is no such device; 209 if the binary has no kernels for it; what else the driver reports.
    pub fn open(index: u32) -> Result<Driver, DeviceError> {
        if index >= Self::count()? {
            return Err(DeviceError::new(
                code::NO_DEVICE,
                "opening the device",
                format!("there is no GPU {index}"),
            ));
        }
        let mut device = 0;
        let mut context = null_mut();
        // SAFETY: the pointers are valid; the context is released when the driver is dropped.
        unsafe {
            check("cuDeviceGet", ffi::cuDeviceGet(&mut device, index as c_int))?;
            check("cuDevicePrimaryCtxRetain", ffi::cuDevicePrimaryCtxRetain(&mut context, device))?;
        }
        let properties = properties(device)?;
        let mut driver =
            Driver { device, context, modules: Vec::new(), functions: Mutex::default(), properties };
        driver.enter()?;
        for (name, image) in MODULES {
            let mut module = null_mut();
            // SAFETY: the image is a complete fatbin, and the context is current.
            let result = unsafe { ffi::cuModuleLoadData(&mut module, image.as_ptr().cast()) };
            check("cuModuleLoadData", result)
                .map_err(|e| DeviceError { detail: format!("{name}: {}", e.detail), ..e })?;
            driver.modules.push(module);
        }
        Ok(driver)
    }

    /// Makes the context current on this thread.
    fn enter(&self) -> Result<(), DeviceError> {
        // SAFETY: the context is valid while `self` is.
        check("cuCtxSetCurrent", unsafe { ffi::cuCtxSetCurrent(self.context) })
    }

    /// A kernel of any module, with at least so much dynamic shared memory allowed.
    fn function(&self, name: &str, shared: usize) -> Result<ffi::Function, DeviceError> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut function = match functions.get(name) {
            Some(function) => *function,
            None => Function { handle: self.find(name)?, shared: SHARED_BY_DEFAULT },
        };
        if shared > function.shared {
            // SAFETY: the handle is valid.
            let result =
                unsafe { ffi::cuFuncSetAttribute(function.handle, ffi::MAX_DYNAMIC_SHARED, shared as c_int) };
            check("cuFuncSetAttribute", result)?;
            function.shared = shared;
        }
        functions.insert(name.to_owned(), function);
        Ok(function.handle)
    }

    fn find(&self, name: &str) -> Result<ffi::Function, DeviceError> {
        let symbol = CString::new(name)
            .map_err(|e| DeviceError::new(code::NOT_FOUND, "cuModuleGetFunction", e.to_string()))?;
        for module in &self.modules {
            let mut function = null_mut();
            // SAFETY: the module is loaded, the name a C string.
            let result = unsafe { ffi::cuModuleGetFunction(&mut function, *module, symbol.as_ptr()) };
            match result {
                code::NOT_FOUND => {}
                _ => return check("cuModuleGetFunction", result).map(|()| function),
            }
        }
        Err(DeviceError::new(code::NOT_FOUND, "cuModuleGetFunction", format!("no kernel {name}")))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: nothing borrows from the driver any more.
        unsafe {
            if ffi::cuCtxSetCurrent(self.context) == 0 {
                for module in &self.modules {
                    ffi::cuModuleUnload(*module);
                }
            }
            ffi::cuDevicePrimaryCtxRelease_v2(self.device);
        }
    }
}

/// Says in words what a missing driver means.
fn plainly(e: DeviceError) -> DeviceError {
    match e.code {
        code::NO_DEVICE | code::STUB_LIBRARY => DeviceError {
            detail: "no CUDA device: libcuda.so.1 was not found, or it finds no GPU".into(),
            code: code::NO_DEVICE,
            ..e
        },
        _ => e,
    }
}

fn properties(device: c_int) -> Result<Properties, DeviceError> {
    let attribute = |attribute: Attribute| -> Result<usize, DeviceError> {
        let mut value = 0;
        // SAFETY: the pointer is valid.
        check("cuDeviceGetAttribute", unsafe { ffi::cuDeviceGetAttribute(&mut value, attribute.0, device) })?;
        Ok(value.unsigned_abs() as usize)
    };
    let mut name = [0 as c_char; 256];
    let mut total_memory = 0usize;
    // SAFETY: the buffer has the length said; the driver ends the name with a zero.
    let name = unsafe {
        check("cuDeviceGetName", ffi::cuDeviceGetName(name.as_mut_ptr(), name.len() as c_int, device))?;
        check("cuDeviceTotalMem", ffi::cuDeviceTotalMem_v2(&mut total_memory, device))?;
        CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned()
    };
    Ok(Properties {
        name,
        compute_capability: (attribute(ffi::MAJOR)? as u32, attribute(ffi::MINOR)? as u32),
        multiprocessors: attribute(ffi::MULTIPROCESSORS)? as u32,
        shared_per_multiprocessor: attribute(ffi::SHARED_PER_MULTIPROCESSOR)?,
        shared_per_block: attribute(ffi::SHARED_PER_BLOCK_OPTIN)?,
        total_memory,
        is_emulated: false,
    })
}

fn stream_of(id: StreamId) -> ffi::Stream {
    id.0 as usize as ffi::Stream
}

fn event_of(id: EventId) -> ffi::Event {
    id.0 as usize as ffi::Event
}

// SAFETY: memory is the driver's, which keeps it until freed; copies and fills pass the caller's ranges on.
unsafe impl Device for Driver {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn memory(&self) -> Result<MemoryInfo, DeviceError> {
        self.enter()?;
        let (mut free, mut total) = (0, 0);
        // SAFETY: the pointers are valid; so in all calls below, with handles of this context.
        check("cuMemGetInfo", unsafe { ffi::cuMemGetInfo_v2(&mut free, &mut total) })?;
        Ok(MemoryInfo { free, total })
    }

    fn alloc(&self, bytes: usize) -> Result<DevicePtr, DeviceError> {
        self.enter()?;
        let mut ptr = 0;
        // SAFETY: as above.
        check("cuMemAlloc", unsafe { ffi::cuMemAlloc_v2(&mut ptr, bytes) })?;
        Ok(DevicePtr(ptr))
    }

    unsafe fn free(&self, ptr: DevicePtr) -> Result<(), DeviceError> {
        self.enter()?;
        // SAFETY: the caller's promise.
        check("cuMemFree", unsafe { ffi::cuMemFree_v2(ptr.0) })
    }

    fn alloc_pinned(&self, bytes: usize) -> Result<NonNull<u8>, DeviceError> {
        self.enter()?;
        let mut ptr: *mut c_void = null_mut();
        // SAFETY: as above.
        check("cuMemHostAlloc", unsafe { ffi::cuMemHostAlloc(&mut ptr, bytes, ffi::HOST_PORTABLE) })?;
        NonNull::new(ptr.cast())
            .ok_or_else(|| DeviceError::new(code::OUT_OF_MEMORY, "cuMemHostAlloc", "null"))
    }

    unsafe fn free_pinned(&self, ptr: NonNull<u8>) -> Result<(), DeviceError> {
        self.enter()?;
        // SAFETY: the caller's promise.
        check("cuMemFreeHost", unsafe { ffi::cuMemFreeHost(ptr.as_ptr().cast()) })
    }

    fn create_stream(&self) -> Result<StreamId, DeviceError> {
        self.enter()?;
        let mut stream = null_mut();
        // SAFETY: as above.
        check("cuStreamCreate", unsafe { ffi::cuStreamCreate(&mut stream, ffi::STREAM_NON_BLOCKING) })?;
        Ok(StreamId(stream as usize as u64))
    }

    unsafe fn destroy_stream(&self, stream: StreamId) -> Result<(), DeviceError> {
        self.enter()?;
        // SAFETY: the caller's promise.
        check("cuStreamDestroy", unsafe { ffi::cuStreamDestroy_v2(stream_of(stream)) })
    }

    fn synchronize(&self, stream: StreamId) -> Result<(), DeviceError> {
        self.enter()?;
        // SAFETY: as above.
        check("cuStreamSynchronize", unsafe { ffi::cuStreamSynchronize(stream_of(stream)) })
    }

    fn create_event(&self) -> Result<EventId, DeviceError> {
        self.enter()?;
        let mut event = null_mut();
        // SAFETY: as above.
        check("cuEventCreate", unsafe { ffi::cuEventCreate(&mut event, 0) })?;
        Ok(EventId(event as usize as u64))
    }

    unsafe fn destroy_event(&self, event: EventId) -> Result<(), DeviceError> {
        self.enter()?;
        // SAFETY: the caller's promise.
        check("cuEventDestroy", unsafe { ffi::cuEventDestroy_v2(event_of(event)) })
    }

    fn record(&self, event: EventId, stream: StreamId) -> Result<(), DeviceError> {
        self.enter()?;
        // SAFETY: as above.
        check("cuEventRecord", unsafe { ffi::cuEventRecord(event_of(event), stream_of(stream)) })
    }

    fn wait(&self, stream: StreamId, event: EventId) -> Result<(), DeviceError> {
        self.enter()?;
        // SAFETY: as above.
        check("cuStreamWaitEvent", unsafe { ffi::cuStreamWaitEvent(stream_of(stream), event_of(event), 0) })
    }

    fn wait_on_host(&self, event: EventId) -> Result<(), DeviceError> {
        self.enter()?;
        // SAFETY: as above.
        check("cuEventSynchronize", unsafe { ffi::cuEventSynchronize(event_of(event)) })
    }

    fn elapsed_ms(&self, start: EventId, end: EventId) -> Result<f32, DeviceError> {
        self.enter()?;
        let mut ms = 0.0;
        // SAFETY: as above.
        check("cuEventElapsedTime", unsafe {
            ffi::cuEventElapsedTime(&mut ms, event_of(start), event_of(end))
        })?;
        Ok(ms)
    }

    unsafe fn transfer(&self, stream: StreamId, what: Transfer) -> Result<(), DeviceError> {
        self.enter()?;
        let stream = stream_of(stream);
        // SAFETY: the caller's promise.
        unsafe {
            match what {
                Transfer::Upload { to, from, bytes } => {
                    check("cuMemcpyHtoDAsync", ffi::cuMemcpyHtoDAsync_v2(to.0, from.cast(), bytes, stream))
                }
                Transfer::Download { to, from, bytes } => {
                    check("cuMemcpyDtoHAsync", ffi::cuMemcpyDtoHAsync_v2(to.cast(), from.0, bytes, stream))
                }
                Transfer::Fill { bytes: 0, .. } => Ok(()), // the driver refuses it
                Transfer::Fill { to, value, bytes } => {
                    check("cuMemsetD8Async", ffi::cuMemsetD8Async(to.0, value, bytes, stream))
                }
            }
        }
    }

    unsafe fn launch(
        &self,
        stream: StreamId,
        kernel: &str,
        shape: Launch,
        args: &mut Args,
    ) -> Result<(), DeviceError> {
        self.enter()?;
        let function = self.function(kernel, shape.shared)?;
        let mut pointers = args.pointers();
        let ([gx, gy, gz], [bx, by, bz]) = (shape.grid, shape.block);
        // SAFETY: the driver copies the arguments before it returns; the rest is the caller's promise.
        let result = unsafe {
            ffi::cuLaunchKernel(
                function,
                gx,
                gy,
                gz,
                bx,
                by,
                bz,
                shape.shared as u32,
                stream_of(stream),
                pointers.as_mut_ptr(),
                null_mut(),
            )
        };
        check("cuLaunchKernel", result)
            .map_err(|e| DeviceError { detail: format!("{kernel}: {}", e.detail), ..e })
    }
}
