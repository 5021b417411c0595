//! Curves, multi-scalar multiplication and number-theoretic transforms of the Forebay proving engine.
//!
//! - [`curve`]: the curves as types ([`Bls12_381`], [`Bn254`]) over the `ff`/`group`/`pairing` traits.
//! - [`field`]: what a scalar field must expose beyond `ff`: its Montgomery limbs, and portable arithmetic on them.
//! - [`kernels`]: which instructions it uses.
//! - [`cpu`]: the backend on the CPU; [`msm`] its points, [`domain`] its roots of unity.
//! - `conformance` (a feature): what every backend must do, as tests to call.
//! - [`backend`]: the seam that a prover calls; a CPU and a GPU stand behind the same trait.
#![warn(missing_docs)]

pub mod backend;
pub mod bases;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod cpu;
pub mod curve;
pub mod domain;
mod domain_cache;
pub mod field;
#[cfg(target_arch = "x86_64")]
mod ifma;
pub mod kernels;
#[cfg(target_arch = "x86_64")]
mod lanes;
pub mod msm;
mod ntt;
mod quotient;
pub mod secret;

pub use backend::{Backend, BackendError, Capabilities, ErrorClass};
pub use bases::Bases;
pub use cpu::CpuBackend;
pub use curve::{AffinePoint, Bls12_381, Bn254, Curve, CurveId};
pub use domain::{Domain, DomainError};
pub use domain_cache::DomainCache;
pub use field::ScalarField;
pub use kernels::{Kernels, KernelsUnavailable};
pub use ntt::TransformField;
pub use secret::SecretVec;
