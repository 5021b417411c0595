//! Any `bellpepper-core` circuit: [`CompileCs`] compiles it, [`WitnessCs`] collects its witness.
//!
//! Both are constraint systems of `bellpepper-core` 0.4 and, with the feature `bellpepper-02`, of 0.2, which Filecoin's
//! circuits use. One body serves both; `adapter.rs` spells the trait out for each.
//!
//! ```
//! use bellpepper_core::{Circuit as _, ConstraintSystem, SynthesisError};
//! use forebay_pce::bellpepper::{CompileCs, WitnessCs};
//! # use blstrs::Scalar;
//! # #[derive(Clone)] struct Square(Option<Scalar>);
//! # impl bellpepper_core::Circuit<Scalar> for Square {
//! #     fn synthesize<CS: ConstraintSystem<Scalar>>(self, cs: &mut CS) -> Result<(), SynthesisError> {
//! #         let x = cs.alloc(|| "x", || self.0.ok_or(SynthesisError::AssignmentMissing))?;
//! #         let y = cs.alloc_input(|| "y", || self.0.map(|x| x * x).ok_or(SynthesisError::AssignmentMissing))?;
//! #         cs.enforce(|| "y = x²", |lc| lc + x, |lc| lc + x, |lc| lc + y);
//! #         Ok(())
//! #     }
//! # }
//! let mut compile = CompileCs::<Scalar>::new();
//! Square(None).synthesize(&mut compile)?;
//! let circuit = compile.finish(true)?;
//!
//! let mut witness = WitnessCs::<Scalar>::new();
//! Square(Some(Scalar::from(3))).synthesize(&mut witness)?;
//! assert_eq!(witness.to_witness(), [1, 9, 3].map(Scalar::from));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[macro_use]
mod adapter;
mod compile;
mod witness;

pub use compile::CompileCs;
pub use witness::WitnessCs;

mod v04 {
    super::adapter::constraint_systems!(bellpepper_core);
}

#[cfg(feature = "bellpepper-02")]
mod v02 {
    super::adapter::constraint_systems!(bellpepper_core_02);
}
