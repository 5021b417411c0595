//! Sizes and limits of a policy.

use super::DeviceId;
use std::time::Duration;
use thiserror::Error;

/// How many partitions are synthesised ahead of the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pacing {
    /// As many as slots, look-ahead and memory allow.
    Off,
    /// As many as keep the device busy, once a share of the memory is in use; before that as with `Off`.
    JustInTime {
        /// The share of the host budget up to which nothing is held back.
        free: f64,
        /// Share of the measured synthesis time that is added against its spread.
        headroom: f64,
        /// Partitions kept ready on top.
        reserve: f64,
        /// Least distance of two starts, in device intervals; 0: none.
        spacing: f64,
    },
}

impl Pacing {
    /// Just in time from half of the budget on; the table "Pacing" in `docs/scheduling.md` is the simulation that chose the
    /// numbers.
    pub const DEFAULT: Pacing = Pacing::JustInTime { free: 0.5, headroom: 0.25, reserve: 2.0, spacing: 0.0 };
}

impl Pacing {
    /// Refuses what cannot work.
    pub fn validate(&self) -> Result<(), PolicyConfigError> {
        let Pacing::JustInTime { free, headroom, reserve, spacing } = *self else { return Ok(()) };
        let bad = |x: f64| !(x.is_finite() && x >= 0.0);
        let all = [("free", free), ("headroom", headroom), ("reserve", reserve), ("spacing", spacing)];
        match all.iter().find(|(_, x)| bad(*x)) {
            Some((name, _)) => Err(PolicyConfigError::Pacing(name)),
            None => Ok(()),
        }
    }
}

/// Sizes and limits.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyConfig {
    /// Devices.
    pub devices: u32,
    /// `gw`: workers per device.
    pub workers_per_device: u32,
    /// `pw`: partitions that synthesise at once.
    pub synthesis_slots: u32,
    /// `j`: jobs that are open at once.
    pub jobs_in_flight: u32,
    /// Most partitions that are synthesising or ready.
    pub look_ahead: u32,
    /// Host bytes that partitions may commit.
    pub host_bytes: u64,
    /// Bytes of each device.
    pub device_bytes: u64,
    /// How often a partition is tried before its job fails, at least 1.
    pub attempts: u32,
    /// Failures of a partition after which the host's kernels do the device's part of it; they also do where no device is
    /// left. `None`: they never do.
    pub host_after: Option<u32>,
    /// Waiting time that is worth one level of priority. `Duration::MAX`: strict priorities, and no bound on waiting.
    pub aging: Duration,
    /// How far ahead of the device synthesis runs.
    pub pacing: Pacing,
    /// Most jobs that wait for their first synthesis; more are refused.
    pub queue_limit: usize,
    /// Most partitions of one job; more are refused.
    pub partitions_limit: u32,
}

impl Default for PolicyConfig {
    /// One device, two workers, and no limits on memory.
    fn default() -> PolicyConfig {
        PolicyConfig {
            devices: 1,
            workers_per_device: 2,
            synthesis_slots: 4,
            jobs_in_flight: 16,
            look_ahead: 8,
            host_bytes: u64::MAX,
            device_bytes: u64::MAX,
            attempts: 3,
            host_after: None,
            aging: Duration::from_secs(60),
            pacing: Pacing::DEFAULT,
            queue_limit: 100_000,
            partitions_limit: 65_536,
        }
    }
}

/// Why a configuration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum PolicyConfigError {
    /// A count must be at least 1.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// A count is nonsense.
    #[error("{name} is {value}, at most {limit} is allowed")]
    TooLarge {
        /// Which.
        name: &'static str,
        /// Given.
        value: u64,
        /// Allowed.
        limit: u64,
    },
    /// A pacing parameter is negative, infinite or not a number.
    #[error("{0} must be a finite number, zero or more")]
    Pacing(&'static str),
}

/// More devices, workers or slots than this are a mistake in the configuration.
const COUNT_LIMIT: u32 = 4096;

impl PolicyConfig {
    /// Stands for the host's kernels in the place of a device; one worker has it. It exists with `host_after` alone.
    pub fn host(&self) -> DeviceId {
        DeviceId(self.devices)
    }

    /// Refuses what cannot work.
    pub fn validate(&self) -> Result<(), PolicyConfigError> {
        let counts = [
            ("devices", self.devices),
            ("workers_per_device", self.workers_per_device),
            ("synthesis_slots", self.synthesis_slots),
            ("jobs_in_flight", self.jobs_in_flight),
            ("look_ahead", self.look_ahead),
            ("attempts", self.attempts),
            ("partitions_limit", self.partitions_limit),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, n)| *n == 0) {
            return Err(PolicyConfigError::Zero(name));
        }
        if self.queue_limit == 0 {
            return Err(PolicyConfigError::Zero("queue_limit"));
        }
        if let Some((name, n)) = counts[..3].iter().find(|(_, n)| *n > COUNT_LIMIT) {
            return Err(PolicyConfigError::TooLarge { name, value: (*n).into(), limit: COUNT_LIMIT.into() });
        }
        self.pacing.validate()
    }
}
