//! scheduler
#![warn(missing_docs)]
pub mod blocks;
pub mod timeline;
pub use blocks::{BigBlocks, BlockStats};
