//! Memory-bandwidth-aware scheduling of proofs: twenty in flight at the speed of one.
#![warn(missing_docs)]

pub mod blocks;
pub mod policy;
pub mod timeline;

pub use blocks::{BigBlocks, BlockStats};
