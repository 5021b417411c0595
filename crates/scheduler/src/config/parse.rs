//! Reading, checking and writing the section.

use super::{Config, Size};
use serde::{Deserialize, Serialize};

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not TOML, has an unknown key, or a value of the wrong type.
    #[error("{}{message}", at(*.line))]
    Syntax {
        /// The line, from 1.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
    /// A value makes no sense.
    #[error("{}{key}: {reason}", at(*.line))]
    Value {
        /// The line, from 1.
        line: Option<usize>,
        /// The key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
}

fn at(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

/// What a configuration is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Bytes of memory that the process may use.
    pub memory: u64,
    /// Hardware threads that the process may use.
    pub threads: usize,
    /// Bytes of the smallest device's memory, if there are devices.
    pub device_memory: Option<u64>,
}

/// Threads of a pool, jobs, slots: more than this is a typing error on any machine that exists (the biggest servers have
/// a few thousand hardware threads).
const MOST: usize = 65_536;

#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(default)]
    scheduler: Config,
}

impl Config {
    /// Reads the section from a document and checks it. Other sections are somebody else's.
    ///
    /// # Errors
    /// With the reason, and the line where it can be told.
    pub fn from_toml(text: &str, machine: &Machine) -> Result<Config, ConfigError> {
        let document: Document = toml::from_str(text).map_err(|error| ConfigError::Syntax {
            line: error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1),
            message: error.message().to_owned(),
        })?;
        match document.scheduler.validate(machine) {
            Ok(()) => Ok(document.scheduler),
            Err(ConfigError::Value { key, reason, .. }) => {
                Err(ConfigError::Value { line: line_of(text, key), key, reason })
            }
            Err(other) => Err(other),
        }
    }

    /// The section as a document, header and all.
    pub fn to_toml(&self) -> String {
        // Numbers, strings and booleans alone: there is nothing that TOML could not express.
        toml::to_string(&Document { scheduler: self.clone() }).unwrap_or_default()
    }

    /// Checks the values.
    ///
    /// # Errors
    /// The first that makes no sense on that machine.
    pub fn validate(&self, machine: &Machine) -> Result<(), ConfigError> {
        let wrong = |key: &'static str, reason: String| Err(ConfigError::Value { line: None, key, reason });
        let above = |size: &Size, all: u64| match size.of(all) {
            bytes if bytes > all => Some(format!("{size} is more than there is: {all} bytes")),
            _ => None,
        };
        if let Some(reason) = above(&self.host_budget, machine.memory) {
            return wrong("host-budget", reason);
        }
        if let Some(reason) = above(&self.pinned_budget, machine.memory) {
            return wrong("pinned-budget", reason);
        }
        let (host, pinned) = (self.host_budget.of(machine.memory), self.pinned_budget.of(machine.memory));
        if host.saturating_add(pinned) > machine.memory {
            let (host, all) = (self.host_budget, machine.memory);
            let reason = format!("with the host budget of {host} it is more than there is: {all} bytes");
            return wrong("pinned-budget", reason);
        }
        if let Some(reason) = machine.device_memory.and_then(|all| above(&self.device_budget, all)) {
            return wrong("device-budget", reason);
        }
        if !(self.inflation_bound > 1.0 && self.inflation_bound <= 10.0) {
            let bound = self.inflation_bound;
            return wrong("inflation-bound", format!("{bound} is not above 1 and at most 10"));
        }
        let counts = [
            ("synthesis", self.synthesis, 0),
            ("msm", self.msm, 0),
            ("gate-evaluators", self.gate_evaluators as usize, 0),
            ("evaluators-at-knee", self.evaluators_at_knee.unwrap_or(0) as usize, 0),
            ("gw", self.gw, 1),
            ("pw", self.pw, 1),
            ("look-ahead", self.look_ahead, 1),
            ("in-flight", self.in_flight, 1),
        ];
        for (key, value, least) in counts {
            if !(least..=MOST).contains(&value) {
                return wrong(key, format!("{value} is not between {least} and {MOST}"));
            }
        }
        Ok(())
    }
}

/// Where the section sets a key.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut inside = false;
    let names = [key, if key == "msm" { "gpu_threads" } else { key }];
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with('[') {
            inside = line.trim_end().starts_with("[scheduler]");
        }
        let name = line.split('=').next().unwrap_or("").trim().trim_matches(['"', '\'']);
        let name = name.strip_prefix("scheduler.").unwrap_or(if inside { name } else { "" });
        if names.contains(&name) {
            return Some(at + 1);
        }
    }
    None
}
