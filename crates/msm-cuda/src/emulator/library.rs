//! The shared object of `cuda/emu` with the kernels in it.

use crate::{
    device::{Args, DevicePtr, Launch},
    error::{DeviceError, code},
};
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::{ffi::CString, path::Path};

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

/// Its functions. It is never unloaded.
#[derive(Debug)]
pub(super) struct Library {
    launch: LaunchFn,
    guard: GuardFn,
}

impl Library {
    pub(super) fn load(path: &Path) -> Result<Library, DeviceError> {
        let absent = |detail: String| DeviceError::new(code::NOT_FOUND, "loading the CPU launcher", detail);
        let name = path.to_str().and_then(|path| CString::new(path).ok());
        let name = name.ok_or_else(|| absent(path.display().to_string()))?;
        // SAFETY: a C string; the library's constructors only register kernels.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
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
        unsafe {
            Ok(Library {
                launch: core::mem::transmute::<*mut c_void, LaunchFn>(symbol(c"emu_launch")?),
                guard: core::mem::transmute::<*mut c_void, GuardFn>(symbol(c"emu_guard")?),
            })
        }
    }

    /// Forbids or allows accesses.
    ///
    /// # Safety
    /// The range is allocated.
    pub(super) unsafe fn guard(&self, ptr: DevicePtr, bytes: usize, allowed: bool) {
        // SAFETY: the caller's range.
        unsafe { (self.guard)(ptr.0 as *mut c_void, bytes, allowed.into()) };
    }

    /// Runs a kernel to its end, with threads in the order of `seed` on so many threads of the system.
    ///
    /// # Safety
    /// The arguments are what the kernel's signature says, and what it reads and writes through them is valid.
    pub(super) unsafe fn call(
        &self,
        kernel: &CStr,
        shape: Launch,
        mut args: Args,
        (seed, workers): (u64, u32),
    ) -> Result<(), DeviceError> {
        let mut pointers = args.pointers();
        let mut message = [0 as c_char; 256];
        // SAFETY: the arrays live through the call; the rest is the caller's promise.
        let code = unsafe {
            (self.launch)(
                kernel.as_ptr(),
                shape.grid.as_ptr(),
                shape.block.as_ptr(),
                shape.shared,
                pointers.as_mut_ptr(),
                seed,
                workers,
                message.as_mut_ptr(),
                message.len(),
            )
        };
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the launcher ends its message with a zero.
        let why = unsafe { CStr::from_ptr(message.as_ptr()) }.to_string_lossy().into_owned();
        Err(DeviceError::new(code, "launch", why))
    }
}
