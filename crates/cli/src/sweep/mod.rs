//! Measuring many proofs in flight: the points and settings of `forebay sweep`.

pub(crate) mod measure;
pub(crate) mod report;
pub(crate) mod settings;
pub(crate) mod workload;
