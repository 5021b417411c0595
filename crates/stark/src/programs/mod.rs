//! Statements that come with the crate.

pub mod vm;
pub mod workload;
