//! A configuration for a machine, with a reason for each line.

use super::bandwidth::{Point, knee};
use super::machine::{HugePages, MachineReport};
use crate::config::{Config, GateMode, Pinning};

/// Why a key has its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The key, as in the file.
    pub key: &'static str,
    /// Why.
    pub reason: String,
}

/// A configuration, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// The configuration.
    pub config: Config,
    /// A reason per key.
    pub reasons: Vec<Reason>,
}

impl Recommendation {
    /// The section with each reason as a comment above its line.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for line in self.config.to_toml().lines() {
            let key = line.split('=').next().unwrap_or("").trim();
            if let Some(reason) = self.reasons.iter().find(|r| r.key == key) {
                text += &format!("# {}\n", reason.reason);
            }
            text += line;
            text.push('\n');
        }
        text
    }
}

/// What holds on every machine.
const GENERAL: [(&str, &str); 10] = [
    ("pinned-budget", "staging of transfers to a device; unused where there is none"),
    ("device-budget", "the rest is the driver's and the kernels' own"),
    ("inflation-bound", "critical stages may take a tenth longer than by themselves"),
    ("reclaim", "recycled buffers are neither unmapped (TLB shoot-downs) nor faulted in again"),
    ("gw", "two workers per device: one's host work overlaps the other's device work"),
    ("pacing", "synthesis starts when the device will want it, so that memory does not pile up"),
    ("look-ahead", "enough ready partitions that a device does not wait for the next one"),
    ("in-flight", "jobs at once; more only adds latency once the devices are busy"),
    ("aging-seconds", "a job of low priority gains one step of priority per five minutes"),
    ("deadline-seconds", "0: jobs have a deadline only if they bring one"),
];

/// Recommends for this machine, with these measurements of its bandwidth (maybe none).
pub fn recommend(machine: &MachineReport, points: &[Point]) -> Recommendation {
    let mut config = Config::default();
    let mut reasons = Vec::new();
    let mut because = |key: &'static str, reason: String| reasons.push(Reason { key, reason });
    let threads = machine.topology.cpus.len().max(1);
    let domains = machine.topology.l3_domains();

    let source =
        if machine.memory_limit.is_some() { "the control group's limit" } else { "the machine's memory" };
    because(
        "host-budget",
        format!(
            "three quarters of {source} ({} MiB): the rest is for keys and the page cache",
            machine.usable_memory() >> 20
        ),
    );
    config.pw = threads.clamp(2, 10);
    because(
        "pw",
        format!("one per hardware thread ({threads}), from 2 to 10; the memory budget may allow fewer"),
    );
    config.synthesis = threads;
    because("synthesis", format!("all {threads} hardware threads: the gate holds them back when it must"));
    config.msm = domains.iter().take(2).map(Vec::len).sum::<usize>().clamp(1, threads);
    because("msm", format!("two of {} last-level caches: buckets stay in them", domains.len()));
    config.pin = if domains.len() > 1 { Pinning::L3 } else { Pinning::None };
    because("pin", format!("{} last-level caches", domains.len()));
    match knee(points) {
        Some(at) => {
            config.gate_evaluators = (at.threads.saturating_sub(1)) as u32;
            config.evaluators_at_knee = Some(config.gate_evaluators);
            because("evaluators-at-knee", "where the gate begins; measurements correct it".to_owned());
            because(
                "gate-evaluators",
                format!(
                    "{} threads reach nine tenths of the bandwidth ({:.1} GB/s); one of them is the critical stage",
                    at.threads,
                    at.bytes_per_second / 1e9
                ),
            );
        }
        None => because("gate-evaluators", "bandwidth was not measured".to_owned()),
    }
    config.gate = GateMode::Adaptive;
    because("gate", "the number of evaluators follows the measured inflation".to_owned());
    config.huge_pages = !matches!(machine.huge_pages, None | Some(HugePages::Never));
    because("huge-pages", format!("the kernel's setting is {:?}", machine.huge_pages));
    reasons.extend(GENERAL.map(|(key, reason)| Reason { key, reason: reason.to_owned() }));
    Recommendation { config, reasons }
}
