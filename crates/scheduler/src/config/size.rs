//! Sizes of memory: `"12GiB"`, `"75%"`.

use core::fmt;
use core::str::FromStr;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, or a part of what there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// Bytes.
    Bytes(u64),
    /// Per cent, above 0 and up to 100.
    Percent(f64),
}

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// It does not start with a number.
    #[error("{0:?} is not a size: write bytes with a unit (\"12GiB\") or a percentage (\"75%\")")]
    NotANumber(String),
    /// The unit is unknown or missing.
    #[error("{0:?} has no unit that is known: B, KiB, MiB, GiB, TiB, kB, MB, GB, TB, %")]
    Unit(String),
    /// Nothing, less than nothing, above 100 %, or beyond 64 bits.
    #[error("{0:?} is out of range")]
    Range(String),
}

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl Size {
    /// The bytes, where this much is there in all.
    pub fn of(&self, all: u64) -> u64 {
        match *self {
            Size::Bytes(bytes) => bytes,
            Size::Percent(percent) => (all as f64 * (percent / 100.0)) as u64,
        }
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let (number, unit) =
            text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
        let unit = unit.trim();
        let value: f64 = number.parse().map_err(|_| SizeError::NotANumber(text.into()))?;
        let range = || SizeError::Range(text.into());
        if unit == "%" {
            return if value > 0.0 && value <= 100.0 { Ok(Size::Percent(value)) } else { Err(range()) };
        }
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(SizeError::Unit(text.into()))?;
        // A whole number is exact; a fraction of a unit is rounded down.
        let bytes = match number.parse::<u64>() {
            Ok(whole) => whole.checked_mul(*scale).ok_or_else(range)?,
            Err(_) => {
                let bytes = value * *scale as f64;
                if bytes < u64::MAX as f64 { bytes as u64 } else { return Err(range()) }
            }
        };
        if bytes == 0 { Err(range()) } else { Ok(Size::Bytes(bytes)) }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Size::Percent(percent) => write!(f, "{percent}%"),
            Size::Bytes(bytes) => {
                let (unit, scale) = UNITS[..4].iter().find(|u| bytes % u.1 == 0).unwrap_or(&UNITS[8]);
                write!(f, "{}{unit}", bytes / scale)
            }
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
