//! Interleaved timing.
//!
//! Machines drift and are shared, so contenders take turns (A B A B …) and the median of each is quoted: CPU-seconds of the
//! whole process (and of children that ended) beside wall time.

use rayon::ThreadPool;
use std::{sync::Arc, time::Instant};

/// One measurement, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
    /// The part of wall time in which our pool's threads ran or waited for a core: what scaling is judged by on a machine
    /// that others use. 0 where it was not measured.
    pub(crate) busy: f64,
}

impl Sample {
    /// Per repetition.
    pub(crate) fn over(self, repetitions: usize) -> Sample {
        Sample { cpu: self.cpu / repetitions as f64, wall: self.wall / repetitions as f64, ..self }
    }
}

/// CPU-seconds that this process has used, on all threads.
fn process_cpu_seconds() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// What ended children used: CPU-seconds of all of them, and the largest peak resident size among them in bytes.
pub(crate) fn children() -> (f64, u64) {
    // SAFETY: all-zero bits are a value of this plain structure.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    // SAFETY: the pointer is to a live rusage. The call can't fail with these arguments; if it did, zeros would stay.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss as u64 * 1024)
}

/// Times one call, with the children that end during it.
pub(crate) fn sample<T>(work: impl FnOnce() -> T) -> (T, Sample) {
    let used = || process_cpu_seconds() + children().0;
    let (cpu, wall) = (used(), Instant::now());
    let value = work();
    (value, Sample { cpu: used() - cpu, wall: wall.elapsed().as_secs_f64(), busy: 0.0 })
}

/// [`sample`] of work in a pool, with the pool's busy time.
fn sample_in<T>(pool: &ThreadPool, work: impl FnOnce() -> T) -> (T, Sample) {
    let before = wanted_seconds(pool);
    let (value, mut sample) = sample(work);
    let wanted = wanted_seconds(pool) - before;
    sample.busy = (wanted / (sample.wall * pool.current_num_threads() as f64)).min(1.0);
    (value, sample)
}

/// Seconds that a pool's threads have run or waited for a core (Linux; 0 elsewhere).
fn wanted_seconds(pool: &ThreadPool) -> f64 {
    let of_thread = |_: rayon::BroadcastContext<'_>| -> f64 {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        stat.split(' ').take(2).filter_map(|ns| ns.parse::<f64>().ok()).sum()
    };
    pool.broadcast(of_thread).iter().sum::<f64>() * 1e-9
}

/// A named contender; each call is one run.
pub(crate) struct Contender<'a, T> {
    name: &'static str,
    /// A process of its own, minutes long: one run, without a first one that does not count.
    once: bool,
    /// The pool whose busy time counts.
    pool: Option<Arc<ThreadPool>>,
    run: Box<dyn FnMut() -> T + 'a>,
}

impl<'a, T> Contender<'a, T> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> T + 'a) -> Self {
        Contender { name, once: false, pool: None, run: Box::new(run) }
    }

    /// One whose work is in a pool that nobody else uses meanwhile.
    pub(crate) fn pooled(name: &'static str, pool: &Arc<ThreadPool>, run: impl FnMut() -> T + 'a) -> Self {
        Contender { pool: Some(Arc::clone(pool)), ..Self::new(name, run) }
    }

    pub(crate) fn once(name: &'static str, run: impl FnMut() -> T + 'a) -> Self {
        Contender { name, once: true, pool: None, run: Box::new(run) }
    }
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
            if contender.once && round != 1 {
                continue;
            }
            let (result, sample) = match &contender.pool {
                Some(pool) => sample_in(pool, &mut contender.run),
                None => sample(&mut contender.run),
            };
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
    Sample { cpu: middle(|s| s.cpu), wall: middle(|s| s.wall), busy: middle(|s| s.busy) }
}
