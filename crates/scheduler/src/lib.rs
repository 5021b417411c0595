//! Memory-bandwidth-aware scheduling of proofs: twenty in flight at the speed of one.
#![warn(missing_docs)]

pub mod policy;
pub mod sim;
