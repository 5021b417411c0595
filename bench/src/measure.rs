//! Interleaved timing.
//!
//! Machines drift and are shared, so contenders take turns (A B A B …) and the median of each is quoted, as CPU-seconds
//! of the whole process beside wall time.

use std::time::Instant;

/// One measurement, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
}

impl Sample {
    /// Per repetition.
    pub(crate) fn over(self, repetitions: usize) -> Sample {
        Sample { cpu: self.cpu / repetitions as f64, wall: self.wall / repetitions as f64 }
    }
}

/// CPU-seconds that this process has used, on all threads.
fn process_cpu_seconds() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// Times one call.
pub(crate) fn sample<T>(work: impl FnOnce() -> T) -> (T, Sample) {
    let (cpu, wall) = (process_cpu_seconds(), Instant::now());
    let value = work();
    (value, Sample { cpu: process_cpu_seconds() - cpu, wall: wall.elapsed().as_secs_f64() })
}

/// A named contender; each call is one run.
pub(crate) struct Contender<'a, T> {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnMut() -> T + 'a>,
}

/// The medians of one contender and the result of its last run.
pub(crate) struct Outcome<T> {
    pub(crate) name: &'static str,
    pub(crate) median: Sample,
    pub(crate) result: T,
}

/// Runs the contenders in turn, `rounds` times after one uncounted round.
pub(crate) fn interleave<T>(mut contenders: Vec<Contender<'_, T>>, rounds: usize) -> Vec<Outcome<T>> {
    let mut samples = vec![Vec::new(); contenders.len()];
    let mut results: Vec<Option<T>> = contenders.iter().map(|_| None).collect();
    for round in 0..=rounds {
        for (i, contender) in contenders.iter_mut().enumerate() {
            let (result, sample) = sample(&mut contender.run);
            results[i] = Some(result);
            if round > 0 {
                samples[i].push(sample);
            }
        }
    }
    let outcomes = contenders.iter().zip(samples).zip(results);
    outcomes
        .filter_map(|((c, samples), result)| {
            Some(Outcome { name: c.name, median: median(&samples), result: result? })
        })
        .collect()
}

fn median(samples: &[Sample]) -> Sample {
    let middle = |figure: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Sample { cpu: middle(|s| s.cpu), wall: middle(|s| s.wall) }
}
