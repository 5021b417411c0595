//! Just-in-time synthesis from measured durations.
//!
//! A synthesis started now ends after S, the mean of its circuit. The partitions ahead of it keep the devices busy for
//! W = Σ I / devices, where I is the device's interval per partition: the longer of the time the lock is held and the
//! time a worker is occupied over the number of workers. Starting is useful while W < S·(1 + headroom) + reserve·I.
//! Only events change W, so that rule needs no timer.
//!
//! *Only where memory would pile up.* Holding a synthesis back saves memory and nothing else, and has its price: partitions that
//! would have been made while the device had none are made beside it, and disturb it. So nothing is held back while
//! what is committed, with the candidate, stays within a share of the budget (`free`).
//!
//! Starts can also be spaced by spacing·I / devices. Partitions that start together evaluate together, fight for
//! bandwidth, and reach the device as a burst with a gap behind it; started one after the other at the device's pace,
//! they do not; but then one of them is beside the device at any moment. A spacing below 1 lets synthesis catch up after a gap. Where the slots cannot keep the device busy
//! (S·devices > I·slots), every moment of a slot counts and starts are not spaced.
//!
//! Means are exponentially weighted: m ← m + α·(x − m). With α = 1/8 a step change is 74 % visible after ten samples,
//! one job of ten partitions; the standard deviation of the mean is √(α/(2 − α)) = 0.26 of a sample's.

use super::{CircuitId, Pacing, Time};
use std::{collections::BTreeMap, time::Duration};

const ALPHA: f64 = 0.125;
/// Circuits remembered; the one measured longest ago is forgotten first.
const CIRCUITS: usize = 256;

/// Seconds; `None` until measured.
#[derive(Clone, Copy, Debug, Default)]
struct Means {
    synthesis: Option<f64>,
    interval: Option<f64>,
    used: u64,
}

/// Measured durations per circuit, and the decision made from them.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    mode: Pacing,
    means: BTreeMap<CircuitId, Means>,
    samples: u64,
    last_start: Option<Time>,
}

/// Whether to start a synthesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Start,
    /// The device is busy for longer than a synthesis takes.
    Enough,
    /// Not before then.
    At(Time),
}

fn blend(mean: &mut Option<f64>, sample: Duration) {
    let x = sample.as_secs_f64();
    *mean = Some(mean.map_or(x, |m| m + ALPHA * (x - m)));
}

impl Pacer {
    pub(super) fn new(mode: Pacing) -> Pacer {
        Pacer { mode, means: BTreeMap::new(), samples: 0, last_start: None }
    }

    pub(super) fn synthesised(&mut self, circuit: CircuitId, took: Duration) {
        blend(&mut self.entry(circuit).synthesis, took);
    }

    pub(super) fn proved(&mut self, circuit: CircuitId, interval: Duration) {
        blend(&mut self.entry(circuit).interval, interval);
    }

    pub(super) fn calibrate(&mut self, circuit: CircuitId, synthesis: Duration, interval: Duration) {
        let entry = self.entry(circuit);
        entry.synthesis = Some(synthesis.as_secs_f64());
        entry.interval = Some(interval.as_secs_f64());
    }

    fn entry(&mut self, circuit: CircuitId) -> &mut Means {
        if self.means.len() >= CIRCUITS && !self.means.contains_key(&circuit) {
            let oldest = self.means.iter().min_by_key(|(_, m)| m.used).map(|(c, _)| *c);
            oldest.map(|c| self.means.remove(&c));
        }
        self.samples += 1;
        let entry = self.means.entry(circuit).or_default();
        entry.used = self.samples;
        entry
    }

    /// The share of the host budget up to which starts are not held back.
    pub(super) fn free(&self) -> f64 {
        match self.mode {
            Pacing::Off => f64::INFINITY,
            Pacing::JustInTime { free, .. } => free,
        }
    }

    /// Whether a synthesis of `circuit` should start, given the circuits of what is synthesising or ready.
    pub(super) fn admits(
        &self,
        now: Time,
        circuit: CircuitId,
        devices: u32,
        slots: u32,
        ahead: impl Iterator<Item = CircuitId>,
    ) -> Verdict {
        let Pacing::JustInTime { headroom, reserve, spacing, .. } = self.mode else { return Verdict::Start };
        let Some(Means { synthesis: Some(s), interval: Some(i), .. }) = self.means.get(&circuit) else {
            return Verdict::Start;
        };
        let devices = f64::from(devices.max(1));
        let interval = |c| self.means.get(&c).and_then(|m| m.interval).unwrap_or(*i);
        let work = ahead.map(interval).sum::<f64>() / devices;
        if work >= s * (1.0 + headroom) + reserve * i {
            return Verdict::Enough;
        }
        if s * devices > i * f64::from(slots) {
            return Verdict::Start;
        }
        let spacing = Duration::try_from_secs_f64(spacing * i / devices).unwrap_or(Duration::MAX);
        match self.last_start.map(|t| t + spacing) {
            Some(next) if next > now => Verdict::At(next),
            _ => Verdict::Start,
        }
    }

    pub(super) fn started(&mut self, now: Time) {
        self.last_start = Some(now);
    }

    /// (S, I) of a circuit, as far as measured.
    pub(super) fn means(&self, circuit: CircuitId) -> (Option<Duration>, Option<Duration>) {
        let m = self.means.get(&circuit).copied().unwrap_or_default();
        (m.synthesis.map(Duration::from_secs_f64), m.interval.map(Duration::from_secs_f64))
    }
}
