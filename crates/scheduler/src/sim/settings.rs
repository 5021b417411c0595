//! What can be set without changing machine or workload: `key=value`.

use super::{SimError, error::check};
use crate::policy::Pacing;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How evaluators are throttled while the host MSM runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Not at all.
    Off,
    /// They yield at checkpoints.
    Yield,
    /// At most so many of their threads run.
    Park(u32),
    /// As many threads run as keep the MSM within [`Gate::INFLATION`] of its isolated time.
    Adaptive,
}

impl Gate {
    /// The bound of [`Gate::Adaptive`].
    pub const INFLATION: f64 = 1.1;
    /// Share of their time that evaluators lose to yielding: the published estimate is 50 ms in 0.5 s.
    pub const YIELD_LOSS: f64 = 0.1;
}

impl FromStr for Gate {
    type Err = SimError;

    fn from_str(s: &str) -> Result<Gate, SimError> {
        let park = |s: &str| s.strip_prefix("park:").and_then(|k| k.parse().ok()).filter(|k| *k <= 100_000);
        match s {
            "off" => Ok(Gate::Off),
            "yield" => Ok(Gate::Yield),
            "adaptive" => Ok(Gate::Adaptive),
            _ => park(s).map(Gate::Park).ok_or_else(|| bad("gate", s, "off, yield, park:K or adaptive")),
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gate::Off => f.write_str("off"),
            Gate::Yield => f.write_str("yield"),
            Gate::Park(k) => write!(f, "park:{k}"),
            Gate::Adaptive => f.write_str("adaptive"),
        }
    }
}

/// A choice that is written as one word.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident, $key:literal, $rule:literal, { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl FromStr for $name {
            type Err = SimError;

            fn from_str(s: &str) -> Result<$name, SimError> {
                match s {
                    $($text => Ok($name::$variant),)*
                    _ => Err(bad($key, s, $rule)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$variant => $text,)* })
            }
        }
    };
}

choice!(
    /// What happens to a partition's buffers.
    Reclaim, "reclaim", "unbounded, mutex or arena", {
        /// One new thread per region unmaps it.
        Unbounded = "unbounded",
        /// At most one thread per kind of region unmaps.
        Mutex = "mutex",
        /// They are recycled; nothing is unmapped.
        Arena = "arena",
    }
);

choice!(
    /// Pages of the big buffers.
    HugePages, "huge_pages", "off, thp or 1g", {
        /// 4 KiB.
        Off = "off",
        /// 2 MiB: what workloads' durations are measured with.
        Thp = "thp",
        /// 1 GiB.
        Huge1G = "1g",
    }
);

/// `off`, `jit` (as the production policy does by default) or `jit:FREE:HEADROOM:RESERVE:SPACING`.
fn parse_pacing(s: &str) -> Result<Pacing, SimError> {
    match s {
        "off" => return Ok(Pacing::Off),
        "jit" => return Ok(Pacing::DEFAULT),
        _ => {}
    }
    let numbers = s
        .strip_prefix("jit:")
        .map(|rest| rest.split(':').map(str::parse::<f64>).collect::<Result<Vec<_>, _>>());
    let Some(Ok(&[free, headroom, reserve, spacing])) = numbers.as_ref().map(|r| r.as_deref()) else {
        return Err(bad("pacing", s, "off, jit or jit:FREE:HEADROOM:RESERVE:SPACING"));
    };
    let pacing = Pacing::JustInTime { free, headroom, reserve, spacing };
    pacing.validate()?;
    Ok(pacing)
}

fn pacing_word<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Pacing, D::Error> {
    parse_pacing(&String::deserialize(d)?).map_err(serde::de::Error::custom)
}

fn bad(name: &str, value: &str, rule: &'static str) -> SimError {
    SimError::Value { name: name.into(), value: value.into(), rule }
}

/// How the system is set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Workers per device.
    pub gw: u32,
    /// Partitions that synthesise at once.
    pub pw: u32,
    /// The bandwidth gate.
    #[serde(deserialize_with = "word")]
    pub gate: Gate,
    /// What happens to buffers.
    #[serde(deserialize_with = "word")]
    pub reclaim: Reclaim,
    /// Threads of the host MSM.
    pub msm_threads: u32,
    /// Pages of the big buffers.
    #[serde(deserialize_with = "word")]
    pub huge_pages: HugePages,
    /// Whether the MSM's threads have L3 domains of their own.
    #[serde(deserialize_with = "switch")]
    pub pinning: bool,
    /// How far synthesis runs ahead.
    #[serde(deserialize_with = "pacing_word")]
    pub pacing: Pacing,
}

fn word<'de, D: serde::Deserializer<'de>, T: FromStr<Err = SimError>>(d: D) -> Result<T, D::Error> {
    String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
}

fn switch<'de, D: serde::Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    on_off(&String::deserialize(d)?).map_err(serde::de::Error::custom)
}

fn on_off(s: &str) -> Result<bool, SimError> {
    match s {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(bad("pinning", s, "on or off")),
    }
}

impl Settings {
    /// The keys of [`Settings::set`].
    pub const KEYS: [&str; 8] =
        ["gw", "pw", "gate", "reclaim", "msm_threads", "huge_pages", "pinning", "pacing"];

    /// Changes one setting.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SimError> {
        let count = || value.parse::<u32>().map_err(|_| bad(key, value, "a whole number"));
        match key {
            "gw" => self.gw = count()?,
            "pw" => self.pw = count()?,
            "gate" => self.gate = value.parse()?,
            "reclaim" => self.reclaim = value.parse()?,
            "msm_threads" => self.msm_threads = count()?,
            "huge_pages" => self.huge_pages = value.parse()?,
            "pinning" => self.pinning = on_off(value)?,
            "pacing" => self.pacing = parse_pacing(value)?,
            _ => return Err(SimError::UnknownSetting(key.into())),
        }
        self.validate()
    }

    /// Changes one setting, written `key=value`.
    pub fn set_pair(&mut self, pair: &str) -> Result<(), SimError> {
        let (key, value) = pair.split_once('=').ok_or_else(|| bad(pair, "", "written key=value"))?;
        self.set(key.trim(), value.trim())
    }

    /// These settings with some changed, each `key=value`.
    pub fn with(&self, pairs: &[&str]) -> Result<Settings, SimError> {
        let mut settings = self.clone();
        pairs.iter().try_for_each(|pair| settings.set_pair(pair))?;
        Ok(settings)
    }

    /// Refuses nonsense.
    pub fn validate(&self) -> Result<(), SimError> {
        const RULE: &str = "from 1 to 4096";
        for (name, n) in [("gw", self.gw), ("pw", self.pw), ("msm_threads", self.msm_threads)] {
            check((1..=4096).contains(&n), name, n, RULE)?;
        }
        Ok(())
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { gw, pw, gate, reclaim, msm_threads, huge_pages, pinning, pacing } = self;
        let pinning = if *pinning { "on" } else { "off" };
        let pacing = match pacing {
            Pacing::Off => "off".to_owned(),
            p if *p == Pacing::DEFAULT => "jit".to_owned(),
            Pacing::JustInTime { free, headroom, reserve, spacing } => {
                format!("jit:{free}:{headroom}:{reserve}:{spacing}")
            }
        };
        write!(
            f,
            "gw={gw} pw={pw} gate={gate} reclaim={reclaim} msm_threads={msm_threads} huge_pages={huge_pages} \
             pinning={pinning} pacing={pacing}"
        )
    }
}

/// How many jobs are requested, and how many of them are in flight at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// `c`.
    pub jobs: u32,
    /// `j`.
    pub in_flight: u32,
}

impl FromStr for Point {
    type Err = SimError;

    fn from_str(s: &str) -> Result<Point, SimError> {
        let count = |n: &str| n.parse::<u32>().ok().filter(|n| (1..=1_000_000).contains(n));
        s.split_once(['x', '×'])
            .and_then(|(c, j)| Some(Point { jobs: count(c)?, in_flight: count(j)? }))
            .ok_or_else(|| SimError::Point(s.into()))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.jobs, self.in_flight)
    }
}
