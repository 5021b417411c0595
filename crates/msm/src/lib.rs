//! Curves, multi-scalar multiplication and number-theoretic transforms of the Forebay proving engine.
//!
//! - [`curve`]: the curves as types ([`Bls12_381`], [`Bn254`]) over the `ff`/`group`/`pairing` traits.
//! - [`field`]: what a scalar field must expose beyond `ff`: its Montgomery limbs, and portable arithmetic on them.
//! - [`backend`]: the seam that a prover calls; a CPU and a GPU stand behind the same trait.
#![warn(missing_docs)]

pub mod backend;
pub mod bases;
pub mod curve;
pub mod field;

pub use backend::{Backend, BackendError, Capabilities, ErrorClass};
pub use bases::Bases;
pub use curve::{AffinePoint, Bls12_381, Bn254, Curve, CurveId};
pub use field::ScalarField;
