//! What is varied: points (c proofs requested, j in flight) and settings of the scheduler.

use crate::Options;
use forebay_scheduler::{
    config::{Config, GateMode, Pinning, ReclaimMode},
    sim::Point,
};

/// One proof by itself: what everything is compared with.
pub const ISOLATION: Point = Point { jobs: 1, in_flight: 1 };

/// A configuration with a name.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What it is called in tables.
    pub name: String,
    /// What it is.
    pub config: Config,
}

/// An assignment that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--set {assignment}: {why}")]
pub struct SettingError {
    assignment: String,
    why: &'static str,
}

/// The configuration with the options' assignments, then, if they ask for it, with each intervention changed alone. `threads` are
/// the machine's.
///
/// # Errors
/// [`SettingError`].
pub fn of(base: &Config, options: &Options, threads: usize) -> Result<Vec<Setting>, SettingError> {
    let mut config = base.clone();
    options.set.iter().try_for_each(|assignment| set(&mut config, assignment))?;
    match options.ablate {
        true => ablation(&config, threads),
        false => Ok(vec![Setting { name: AS_CONFIGURED.to_owned(), config }]),
    }
}

const AS_CONFIGURED: &str = "as configured";

/// Applies `key=value`, with the keys of `forebay simulate`.
///
/// # Errors
/// [`SettingError`].
pub fn set(config: &mut Config, assignment: &str) -> Result<(), SettingError> {
    let wrong = |why: &'static str| SettingError { assignment: assignment.to_owned(), why };
    let (key, value) = assignment.split_once('=').ok_or_else(|| wrong("expected key=value"))?;
    let number = || value.parse::<usize>().map_err(|_| wrong("not a count"));
    let switch = || match value {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err(wrong("expected on or off")),
    };
    match key {
        "gate" => {
            (config.gate, config.gate_evaluators) = gate(value, config.gate_evaluators)
                .ok_or_else(|| wrong("off, yield, park, park:k or adaptive"))?
        }
        "reclaim" => {
            config.reclaim = match value {
                "unbounded" => ReclaimMode::Unbounded,
                "mutex" => ReclaimMode::Mutex,
                "arena" => ReclaimMode::Arena,
                _ => return Err(wrong("unbounded, mutex or arena")),
            }
        }
        "msm_threads" => config.msm = number()?,
        "synthesis_threads" => config.synthesis = number()?,
        "gw" => config.gw = number()?,
        "pw" => config.pw = number()?,
        "look_ahead" => config.look_ahead = number()?,
        "pacing" => {
            config.pacing = match value {
                "jit" => true,
                "off" => false,
                _ => return Err(wrong("jit or off")),
            }
        }
        "huge_pages" => config.huge_pages = switch()?,
        "pinning" => config.pin = if switch()? { Pinning::L3 } else { Pinning::None },
        _ => return Err(wrong("no such key")),
    }
    Ok(())
}

fn gate(value: &str, evaluators: u32) -> Option<(GateMode, u32)> {
    Some(match value {
        "off" => (GateMode::Off, evaluators),
        "yield" => (GateMode::Yield, evaluators),
        "park" => (GateMode::Park, evaluators),
        "adaptive" => (GateMode::Adaptive, evaluators),
        _ => (GateMode::Park, value.strip_prefix("park:")?.parse().ok()?),
    })
}

/// The configuration as it is, then with each intervention changed alone.
fn ablation(base: &Config, threads: usize) -> Result<Vec<Setting>, SettingError> {
    let half = format!("msm_threads={}", (threads / 2).max(1));
    let changes = [
        "reclaim=arena",
        "reclaim=mutex",
        "reclaim=unbounded",
        "gate=off",
        "gate=yield",
        "gate=park:0",
        "gate=park:1",
        "gate=adaptive",
        &half,
        "huge_pages=on",
        "huge_pages=off",
        "pinning=on",
        "pinning=off",
        "pacing=jit",
        "pacing=off",
        "gw=1",
        "pw=1",
    ];
    let mut settings = vec![Setting { name: AS_CONFIGURED.to_owned(), config: base.clone() }];
    for change in changes {
        let mut config = base.clone();
        set(&mut config, change)?;
        if config != *base {
            settings.push(Setting { name: change.to_owned(), config });
        }
    }
    // All of the seed's state before its three interventions, at once.
    let mut config = base.clone();
    for change in ["reclaim=unbounded", "gate=off", "huge_pages=off", "pinning=off"] {
        set(&mut config, change)?;
    }
    settings.push(Setting { name: "none of them".to_owned(), config });
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_applied_or_refused() {
        let mut config = Config::default();
        for good in
            ["gate=park:3", "reclaim=mutex", "msm_threads=7", "gw=3", "pw=2", "huge_pages=off", "pinning=on"]
        {
            set(&mut config, good).unwrap();
        }
        assert_eq!((config.gate, config.gate_evaluators, config.msm, config.gw), (GateMode::Park, 3, 7, 3));
        assert_eq!((config.reclaim, config.huge_pages, config.pin), (ReclaimMode::Mutex, false, Pinning::L3));
        for bad in ["gate", "gate=park:x", "gate=?", "reclaim=none", "gw=-1", "colour=blue", "huge_pages=2"] {
            assert!(set(&mut config, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_ablation_changes_one_thing_at_a_time() {
        let base = Config::default();
        let settings = ablation(&base, 2).unwrap();
        assert_eq!(settings[0].config, base);
        assert!(settings[1..].iter().all(|s| s.config != base), "no row repeats the first");
        assert!(settings.iter().any(|s| s.name == "gate=off"));
    }
}
