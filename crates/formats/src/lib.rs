//! Readers and writers for the files around a Groth16 proof: bounded, validating, memory-mapped.
//!
//! | file | reader | writer |
//! |---|---|---|
//! | r1cs | [`R1csFile`] | [`R1csWriter`] |
//! | wtns | [`WtnsFile`] → [`SecretVec`](forebay_msm::SecretVec) | [`write_wtns`] |
//! | zkey | [`ZkeyFile`], [`AnyZkey`] | [`ZkeyWriter`] |
//! | bellperson `.params`, `.vk` | [`ParamsFile`], [`BellpersonVk`] | [`ParamsPoints`], [`BellpersonVk::write`] |
//! | `ark_groth16::ProvingKey`, uncompressed | [`ArkKeyFile`] | |
//! | Forebay's own key (`.fbk`) | [`NativeKeyFile`] | [`NativeKeyWriter`], `write_native` of the two before |
//! | verification key, proof, public signals (JSON) | [`VerifyingKey`], [`Proof`], [`PublicSignals`] | the same |
//!
//! Nothing here trusts a file. Lengths are checked before anything is allocated; every error is a [`FormatError`] that
//! names file, section and offset; nothing panics on bad input. How far a proving key is checked is a [`Validation`];
//! a [`ValidatedStore`] remembers by digest what was checked. Every reader also takes bytes, and every writer replaces
//! its target by rename ([`atomic`]).
#![warn(missing_docs)]

pub mod ark;
pub mod atomic;
pub mod bellperson;
mod cursor;
pub mod data;
mod decode;
mod detect;
mod error;
mod iden3;
mod json;
mod key_points;
pub mod native;
mod proof;
mod public;
pub mod r1cs;
mod store;
pub mod validate;
mod vkey;
pub mod wtns;
pub mod zkey;

pub use ark::ArkKeyFile;
pub use bellperson::{BellpersonVk, Densities, Density, ParamsCounts, ParamsFile, ParamsPoints};
pub use data::Load;
pub use detect::{FileKind, detect, detect_bytes, explain};
pub use error::{FormatError, FormatErrorKind, KeyDefect, PointName, Result, Section};
pub use json::curve_of_json;
pub use key_points::KeyPoints;
pub use native::{NativeHeader, NativeKeyFile, NativeKeyWriter, NativePart, native_curve};
pub use proof::Proof;
pub use public::PublicSignals;
pub use r1cs::{R1csFile, R1csHeader, R1csWriter};
pub use store::{Digest, Outcome, ValidatedStore};
pub use validate::Validation;
pub use vkey::VerifyingKey;
pub use wtns::{WtnsFile, WtnsHeader, write_wtns};
pub use zkey::{AnyZkey, Coefficient, G1Section, Matrix, ZkeyFile, ZkeyHeader, ZkeyWriter};
