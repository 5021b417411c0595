//! The CUDA backend: multi-scalar multiplications, transforms and the quotient on a GPU.
//!
//! - [`device`]: what the backend asks of a GPU, as a small trait. Behind it stand the CUDA driver (feature `cuda`) and a
//!   launcher that runs the same kernels on the CPU (feature `emulator`), which is how they are tested without a GPU.
//! - [`memory`]: one block of device memory, shared out by plans that are checked before anything is launched.
//! - [`staging`]: copies through page-locked memory of the scheduler, beside the device's work.
//! - [`msm`]: multi-scalar multiplication.
//! - [`ntt`]: transforms and the quotient. [`backend`]: the [`forebay_msm::Backend`] of all that.
//! - [`guard`]: another attempt, the CPU as a fallback, quarantine.
//!
//! docs/gpu.md describes the kernels, the build and the tests, and says what never ran on a GPU.
#![warn(missing_docs)]

pub mod backend;
pub mod device;
#[cfg(feature = "cuda")]
mod driver;
#[cfg(feature = "emulator")]
mod emulator;
pub mod error;
pub mod guard;
pub mod memory;
pub mod msm;
pub mod ntt;
pub mod staging;

pub use backend::{CudaBackend, Settings};
#[cfg(feature = "cuda")]
pub use driver::Driver;
#[cfg(feature = "emulator")]
pub use emulator::Emulator;
