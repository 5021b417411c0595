//! What a device answers when it refuses, and what the caller may do about it.

use forebay_msm::{BackendError, ErrorClass};

/// An error of a device: the driver's code as the raw integer it is. The published enumeration of codes lacks some that
/// current drivers return, so no code is ever turned into an enum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {detail} (CUDA error {code})")]
pub struct DeviceError {
    /// A `CUresult`.
    pub code: i32,
    /// What was asked for.
    pub operation: &'static str,
    /// What there is to say beyond the code; never data.
    pub detail: String,
}

/// Codes of `CUresult` (cuda.h of CUDA 13) that are told apart here.
pub(crate) mod code {
    pub(crate) const INVALID_VALUE: i32 = 1;
    pub(crate) const OUT_OF_MEMORY: i32 = 2;
    #[cfg(feature = "cuda")]
    pub(crate) const STUB_LIBRARY: i32 = 34;
    #[cfg(feature = "cuda")]
    pub(crate) const NO_DEVICE: i32 = 100;
    #[cfg(feature = "emulator")]
    pub(crate) const INVALID_HANDLE: i32 = 400;
    #[cfg(any(feature = "cuda", feature = "emulator"))]
    pub(crate) const NOT_FOUND: i32 = 500;
}

impl DeviceError {
    /// An error with a code of the driver.
    pub fn new(code: i32, operation: &'static str, detail: impl Into<String>) -> Self {
        DeviceError { code, operation, detail: detail.into() }
    }

    /// What the caller may do.
    pub fn class(&self) -> ErrorClass {
        match self.code {
            code::OUT_OF_MEMORY => ErrorClass::OutOfMemory,
            // Invalid value, not initialised, invalid handle, symbol not found, too many resources for a launch.
            1 | 3 | 400 | 500 | 701 => ErrorClass::Bug,
            _ if self.is_sticky() => ErrorClass::DeviceLost,
            // Not ready, busy, timed out, and codes that no driver has yet: one more attempt is harmless.
            _ => ErrorClass::Retryable,
        }
    }

    /// Whether the context, or the device, will answer every further call with an error: nothing but another backend
    /// helps.
    pub fn is_sticky(&self) -> bool {
        matches!(self.code,
            4                   // the driver is shutting down
            | 34 | 46           // stub library; the device is unavailable
            | 100 | 101         // no device, no such device
            | 201 | 209 | 214 | 218 | 220..=222 // context, no image for this GPU, ECC, PTX, NVLink, contained, JIT
            | 700 | 702 | 709   // illegal address, launch timeout, context destroyed
            | 710..=721         // assertions, stack, instruction, alignment, address space, launch failed
            | 802..=804 | 999   // system not ready, driver mismatch, unknown
        )
    }
}

impl From<DeviceError> for BackendError {
    fn from(e: DeviceError) -> Self {
        BackendError::new(e.class(), e.operation, format!("{} (CUDA error {})", e.detail, e.code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let class = |code| DeviceError::new(code, "test", "").class();
        assert_eq!(class(2), ErrorClass::OutOfMemory);
        assert_eq!([1, 400, 500].map(class), [ErrorClass::Bug; 3]);
        assert_eq!([100, 700, 719, 214, 999].map(class), [ErrorClass::DeviceLost; 5]);
        // 600: not ready. 917: a code of CUDA 13 that the published bindings lack.
        assert_eq!([600, 917, 12345].map(class), [ErrorClass::Retryable; 3]);
    }
}
