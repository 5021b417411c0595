//! CPU time, wall time and peak heap of one run.

use crate::heap;
use std::time::Instant;

/// One run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
    pub(crate) peak: usize,
}

/// Bytes allocated now.
pub(crate) fn live() -> isize {
    heap::live()
}

/// CPU-seconds of this process, on all threads.
pub(crate) fn cpu_seconds() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// Runs `work`; the peak counts what was allocated above `base` bytes.
pub(crate) fn sample<T>(base: isize, work: impl FnOnce() -> T) -> (T, Sample) {
    heap::reset_peak();
    let (cpu, start) = (cpu_seconds(), Instant::now());
    let value = work();
    let sample = Sample {
        cpu: cpu_seconds() - cpu,
        wall: start.elapsed().as_secs_f64(),
        peak: usize::try_from(heap::peak() - base).unwrap_or(0),
    };
    (value, sample)
}

/// The median of each figure.
pub(crate) fn median(samples: &[Sample]) -> Sample {
    let middle = |figure: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Sample { cpu: middle(|s| s.cpu), wall: middle(|s| s.wall), peak: middle(|s| s.peak as f64) as usize }
}
