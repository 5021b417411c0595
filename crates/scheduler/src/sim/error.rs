//! Why a simulation is refused.

use crate::policy::{PolicyConfigError, Refusal};
use thiserror::Error;

/// Why a simulation is refused.
#[derive(Debug, Error)]
pub enum SimError {
    /// The TOML does not describe a machine or a workload.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A number makes no sense.
    #[error("{name} is {value}, it must be {rule}")]
    Value {
        /// Which.
        name: String,
        /// Given.
        value: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// A setting is unknown.
    #[error("no setting is called {0:?}; there are {known}", known = super::Settings::KEYS.join(", "))]
    UnknownSetting(String),
    /// A point is not `CxJ`.
    #[error("{0:?} is not a point: write requested x in flight, such as 20x15")]
    Point(String),
    /// The policy refuses its configuration.
    #[error(transparent)]
    Policy(#[from] PolicyConfigError),
    /// The policy refuses a job.
    #[error("a job is refused: {0}")]
    Refused(Refusal),
    /// Nothing runs, and jobs are left: a defect of the policy or of the model.
    #[error("nothing runs and {0} jobs are left")]
    Stuck(usize),
}

/// Fails unless `ok`.
pub(super) fn check(ok: bool, name: &str, value: impl ToString, rule: &'static str) -> Result<(), SimError> {
    if ok {
        return Ok(());
    }
    Err(SimError::Value { name: name.into(), value: value.to_string(), rule })
}

/// Fails unless `x` is a number from `low` to `high`.
pub(super) fn within(name: &str, x: f64, low: f64, high: f64, rule: &'static str) -> Result<(), SimError> {
    check(x >= low && x <= high, name, x, rule)
}
