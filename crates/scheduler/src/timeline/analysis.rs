//! Figures drawn from spans: how busy each device was, where it stood still, and how much slower each stage ran than
//! it does alone.

use super::{Lane, Span};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// A stretch in which a device did nothing, between two stages that it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// When the device fell idle.
    pub start: Duration,
    /// When it was taken again.
    pub end: Duration,
}

/// How one device was used, from the first stage it ran to the last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceUse {
    /// The device's number.
    pub device: u32,
    /// From the start of its first stage to the end of its last.
    pub window: Duration,
    /// Time in which at least one stage ran.
    pub busy: Duration,
    /// Idle stretches, in order.
    pub gaps: Vec<Gap>,
}

impl DeviceUse {
    /// The busy share of the window, from 0 to 1.
    pub fn utilisation(&self) -> f64 {
        ratio(self.busy, self.window)
    }

    /// The longest gap.
    pub fn longest_gap(&self) -> Duration {
        self.gaps.iter().map(|g| g.end - g.start).max().unwrap_or_default()
    }
}

/// The use of every device that appears in `spans`.
pub fn device_use(spans: &[Span]) -> Vec<DeviceUse> {
    let mut held: BTreeMap<u32, Vec<(Duration, Duration)>> = BTreeMap::new();
    for span in spans {
        if let Lane::Device(device) = span.lane {
            held.entry(device).or_default().push((span.start, span.end));
        }
    }
    held.into_iter().map(|(device, intervals)| one_device(device, intervals)).collect()
}

fn one_device(device: u32, mut intervals: Vec<(Duration, Duration)>) -> DeviceUse {
    intervals.sort();
    let first = intervals.first().map_or(Duration::ZERO, |i| i.0);
    let (mut end, mut busy, mut gaps) = (first, Duration::ZERO, Vec::new());
    for (start, stop) in intervals {
        if start > end {
            gaps.push(Gap { start: end, end: start });
        }
        busy += stop.saturating_sub(start.max(end));
        end = end.max(stop);
    }
    DeviceUse { device, window: end - first, busy, gaps }
}

/// How one stage fared over all its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageSummary {
    /// The stage's name.
    pub stage: &'static str,
    /// Runs that ended well.
    pub runs: usize,
    /// Runs that failed or were given up; they count nowhere else.
    pub failed: usize,
    /// Mean length.
    pub mean: Duration,
    /// Median length.
    pub median: Duration,
    /// The longest run.
    pub longest: Duration,
    /// Bytes moved per second of running, where the stage says how many it moves.
    pub bytes_per_second: Option<f64>,
    /// Mean time waited before the stage began.
    pub mean_wait: Duration,
    /// Mean length over the baseline's, where there is one: 1 is as fast as alone.
    pub inflation: Option<f64>,
}

/// Mean lengths of stages that ran alone, in seconds, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baselines(pub BTreeMap<String, f64>);

impl Baselines {
    /// The medians of `spans`, taken from a run in isolation.
    pub fn of(spans: &[Span]) -> Baselines {
        let summaries = summarise(spans, &Baselines::default());
        Baselines(summaries.iter().map(|s| (s.stage.to_owned(), s.median.as_secs_f64())).collect())
    }
}

/// Every stage that appears in `spans`, in the order of first appearance.
pub fn summarise(spans: &[Span], baselines: &Baselines) -> Vec<StageSummary> {
    let mut order: Vec<&'static str> = Vec::new();
    let mut by_stage: BTreeMap<&'static str, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        let runs = by_stage.entry(span.stage).or_default();
        if runs.is_empty() {
            order.push(span.stage);
        }
        runs.push(span);
    }
    order.iter().map(|stage| one_stage(stage, &by_stage[stage], baselines)).collect()
}

fn one_stage(stage: &'static str, all: &[&Span], baselines: &Baselines) -> StageSummary {
    let good: Vec<&&Span> = all.iter().filter(|s| s.ok).collect();
    let mut lengths: Vec<Duration> = good.iter().map(|s| s.length()).collect();
    lengths.sort();
    let total: Duration = lengths.iter().sum();
    let runs = lengths.len();
    let mean = total.checked_div(runs as u32).unwrap_or_default();
    let bytes: u64 = good.iter().map(|s| s.bytes).sum();
    let waits: Duration = good.iter().filter_map(|s| s.waited.map(|w| w.1)).sum();
    let baseline = baselines.0.get(stage).copied().filter(|&b| b > 0.0);
    StageSummary {
        stage,
        runs,
        failed: all.len() - runs,
        mean,
        median: lengths.get(runs / 2).copied().unwrap_or_default(),
        longest: lengths.last().copied().unwrap_or_default(),
        bytes_per_second: (bytes > 0 && !total.is_zero()).then(|| bytes as f64 / total.as_secs_f64()),
        mean_wait: waits.checked_div(runs as u32).unwrap_or_default(),
        inflation: baseline.filter(|_| runs > 0).map(|b| mean.as_secs_f64() / b),
    }
}

fn ratio(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(stage: &'static str, lane: Lane, start: u64, end: u64) -> Span {
        let (start, end) = (Duration::from_millis(start), Duration::from_millis(end));
        Span { job: 0, partition: 0, stage, lane, start, end, bytes: 1000, waited: None, ok: true }
    }

    #[test]
    fn gaps_are_what_lies_between_stages() {
        let on = |start, end| span("msm", Lane::Device(0), start, end);
        // Two stages overlap, one lies inside another, two touch, and one comes after a pause.
        let uses = device_use(&[on(50, 60), on(10, 30), on(20, 40), on(22, 25), on(40, 45)]);
        let [device] = &uses[..] else { panic!("one device") };
        assert_eq!(device.window, Duration::from_millis(50));
        assert_eq!(device.busy, Duration::from_millis(45));
        let gap = Gap { start: Duration::from_millis(45), end: Duration::from_millis(50) };
        assert_eq!(device.gaps, [gap]);
        assert_eq!(device.longest_gap(), Duration::from_millis(5));
        assert!((device.utilisation() - 0.9).abs() < 1e-9);
    }

    #[test]
    fn nothing_ran_nothing_divides() {
        assert!(device_use(&[]).is_empty());
        assert!(summarise(&[], &Baselines::default()).is_empty());
        assert_eq!(device_use(&[span("x", Lane::Device(3), 5, 5)])[0].utilisation(), 0.0);
    }

    #[test]
    fn inflation_is_against_the_stage_alone() {
        let alone = [span("tail", Lane::Worker(0), 0, 10), span("tail", Lane::Worker(0), 20, 30)];
        let baselines = Baselines::of(&alone);
        let mut loaded = vec![span("tail", Lane::Worker(0), 0, 14), span("tail", Lane::Worker(1), 0, 16)];
        loaded.push(Span { ok: false, ..span("tail", Lane::Worker(1), 0, 999) });
        loaded.push(span("new", Lane::Host, 0, 1));
        let summaries = summarise(&loaded, &baselines);
        assert_eq!((summaries[0].runs, summaries[0].failed), (2, 1));
        assert!((summaries[0].inflation.unwrap() - 1.5).abs() < 1e-9);
        assert!((summaries[0].bytes_per_second.unwrap() - 2000.0 / 0.030).abs() < 1.0);
        assert_eq!(summaries[1].inflation, None);
    }
}
