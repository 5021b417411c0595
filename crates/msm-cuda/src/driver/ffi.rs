//! The driver's functions with plain integers as results.
#![allow(non_snake_case, reason = "the driver's names")]

use crate::error::DeviceError;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use cust::sys;

pub(super) type Context = sys::CUcontext;
pub(super) type Module = sys::CUmodule;
pub(super) type Function = sys::CUfunction;
pub(super) type Stream = sys::CUstream;
pub(super) type Event = sys::CUevent;
type Ptr = u64;

/// A `CUdevice_attribute`.
pub(super) struct Attribute(pub(super) c_int);
pub(super) const MULTIPROCESSORS: Attribute = Attribute(16);
pub(super) const MAJOR: Attribute = Attribute(75);
pub(super) const MINOR: Attribute = Attribute(76);
pub(super) const SHARED_PER_MULTIPROCESSOR: Attribute = Attribute(81);
pub(super) const SHARED_PER_BLOCK_OPTIN: Attribute = Attribute(97);

/// `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`.
pub(super) const MAX_DYNAMIC_SHARED: c_int = 8;
/// `CU_STREAM_NON_BLOCKING`.
pub(super) const STREAM_NON_BLOCKING: c_uint = 1;
/// `CU_MEMHOSTALLOC_PORTABLE`: page-locked for every context.
pub(super) const HOST_PORTABLE: c_uint = 1;

unsafe extern "C" {
    pub(super) fn cuInit(flags: c_uint) -> c_int;
    pub(super) fn cuDeviceGetCount(count: *mut c_int) -> c_int;
    pub(super) fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> c_int;
    pub(super) fn cuDeviceGetName(name: *mut c_char, len: c_int, device: c_int) -> c_int;
    pub(super) fn cuDeviceTotalMem_v2(bytes: *mut usize, device: c_int) -> c_int;
    pub(super) fn cuDeviceGetAttribute(value: *mut c_int, attribute: c_int, device: c_int) -> c_int;
    pub(super) fn cuDevicePrimaryCtxRetain(context: *mut Context, device: c_int) -> c_int;
    pub(super) fn cuDevicePrimaryCtxRelease_v2(device: c_int) -> c_int;
    pub(super) fn cuCtxSetCurrent(context: Context) -> c_int;
    pub(super) fn cuModuleLoadData(module: *mut Module, image: *const c_void) -> c_int;
    pub(super) fn cuModuleUnload(module: Module) -> c_int;
    pub(super) fn cuModuleGetFunction(function: *mut Function, module: Module, name: *const c_char) -> c_int;
    pub(super) fn cuFuncSetAttribute(function: Function, attribute: c_int, value: c_int) -> c_int;
    pub(super) fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> c_int;
    pub(super) fn cuMemAlloc_v2(ptr: *mut Ptr, bytes: usize) -> c_int;
    pub(super) fn cuMemFree_v2(ptr: Ptr) -> c_int;
    pub(super) fn cuMemHostAlloc(ptr: *mut *mut c_void, bytes: usize, flags: c_uint) -> c_int;
    pub(super) fn cuMemFreeHost(ptr: *mut c_void) -> c_int;
    pub(super) fn cuMemcpyHtoDAsync_v2(to: Ptr, from: *const c_void, bytes: usize, stream: Stream) -> c_int;
    pub(super) fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: Ptr, bytes: usize, stream: Stream) -> c_int;
    pub(super) fn cuMemsetD8Async(to: Ptr, value: u8, bytes: usize, stream: Stream) -> c_int;
    pub(super) fn cuStreamCreate(stream: *mut Stream, flags: c_uint) -> c_int;
    pub(super) fn cuStreamDestroy_v2(stream: Stream) -> c_int;
    pub(super) fn cuStreamSynchronize(stream: Stream) -> c_int;
    pub(super) fn cuStreamWaitEvent(stream: Stream, event: Event, flags: c_uint) -> c_int;
    pub(super) fn cuEventCreate(event: *mut Event, flags: c_uint) -> c_int;
    pub(super) fn cuEventDestroy_v2(event: Event) -> c_int;
    pub(super) fn cuEventRecord(event: Event, stream: Stream) -> c_int;
    pub(super) fn cuEventSynchronize(event: Event) -> c_int;
    pub(super) fn cuEventElapsedTime(ms: *mut f32, start: Event, end: Event) -> c_int;
    pub(super) fn cuLaunchKernel(
        function: Function,
        grid_x: c_uint,
        grid_y: c_uint,
        grid_z: c_uint,
        block_x: c_uint,
        block_y: c_uint,
        block_z: c_uint,
        shared: c_uint,
        stream: Stream,
        arguments: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> c_int;
    fn cuGetErrorName(code: c_int, name: *mut *const c_char) -> c_int;
}

/// An error, with the driver's name for its code, if that is what came back.
pub(super) fn check(operation: &'static str, result: c_int) -> Result<(), DeviceError> {
    if result == 0 {
        return Ok(());
    }
    let mut name = core::ptr::null();
    // SAFETY: the pointer is valid; the driver leaves a static C string or null.
    let named = unsafe { cuGetErrorName(result, &mut name) == 0 && !name.is_null() };
    let detail = match named {
        // SAFETY: as said.
        true => unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned(),
        false => "a code without a name".to_owned(),
    };
    Err(DeviceError::new(result, operation, detail))
}
