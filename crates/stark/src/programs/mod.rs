//! Statements that come with the crate.

pub mod workload;
