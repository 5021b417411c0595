//! Memory bandwidth at 1…n threads: the triad a ← b + s·c of McCalpin's STREAM, on buffers well above the last-level cache.

use crate::pools::pool;
use crate::reclaim::{Options, Reclaimer};
use std::time::{Duration, Instant};

/// Bounds of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BandwidthOptions {
    /// Bytes of the three arrays together. At least four times the last-level caches, by STREAM's rule.
    pub bytes: usize,
    /// Time for each number of threads.
    pub time: Duration,
    /// The greatest number of threads.
    pub threads: usize,
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Threads.
    pub threads: usize,
    /// Bytes per second, as STREAM counts them (three per element; what a store reads first is not counted).
    pub bytes_per_second: f64,
}

/// Measures at 1, 2, 3, 4, 6, 8, 12, … threads and at the greatest number: the best of the runs that fit into the time, and at
/// least two. Nothing if there is no memory or no thread.
pub fn measure(options: BandwidthOptions) -> Vec<Point> {
    let counts = thread_counts(options.threads.max(1));
    let Ok(reclaimer) = Reclaimer::new(Options::default()) else { return Vec::new() };
    let Ok(mut buffer) = reclaimer.arena().take(options.bytes.max(3 << 20), true) else { return Vec::new() };
    // SAFETY: every pattern of bits is an f64; what does not fit is left out.
    let (_, all, _) = unsafe { buffer.as_mut_slice().align_to_mut::<f64>() };
    let third = all.len() / 3;
    let (a, rest) = all.split_at_mut(third);
    let (b, c) = rest.split_at_mut(third);
    let points = counts.into_iter().filter_map(|threads| {
        let rate = at(threads, options.time, a, &mut b[..third], &mut c[..third])?;
        Some(Point { threads, bytes_per_second: rate })
    });
    points.collect()
}

fn thread_counts(most: usize) -> Vec<usize> {
    let steps = (0..32).flat_map(|i| [1usize << i, 3 << i]);
    let mut counts: Vec<_> = steps.filter(|n| *n < most).chain([most]).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

fn at(threads: usize, time: Duration, a: &mut [f64], b: &mut [f64], c: &mut [f64]) -> Option<f64> {
    let pool = pool("triad", threads, Vec::new()).ok()?;
    let piece = a.len().div_ceil(threads).max(1);
    // The first touch places the pages near the threads that use them.
    pool.scope(|s| {
        for ((a, b), c) in a.chunks_mut(piece).zip(b.chunks_mut(piece)).zip(c.chunks_mut(piece)) {
            s.spawn(move |_| {
                a.fill(0.0);
                b.fill(1.0);
                c.fill(2.0);
            });
        }
    });
    let bytes = (3 * size_of_val(a)) as f64;
    let start = Instant::now();
    let mut best: f64 = 0.0;
    for run in 0.. {
        let began = Instant::now();
        pool.scope(|s| {
            for ((a, b), c) in a.chunks_mut(piece).zip(b.chunks(piece)).zip(c.chunks(piece)) {
                s.spawn(move |_| triad(a, b, c, 3.0));
            }
        });
        best = best.max(bytes / began.elapsed().as_secs_f64());
        if run >= 1 && start.elapsed() >= time {
            break;
        }
    }
    Some(best)
}

fn triad(a: &mut [f64], b: &[f64], c: &[f64], s: f64) {
    for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
        *a = *b + s * *c;
    }
    std::hint::black_box(a);
}

/// The fewest threads that reach nine tenths of the best rate: more of them add contention and hardly any bandwidth.
pub fn knee(points: &[Point]) -> Option<Point> {
    let best = points.iter().map(|p| p.bytes_per_second).fold(0.0, f64::max);
    points.iter().filter(|p| p.bytes_per_second >= 0.9 * best).min_by_key(|p| p.threads).copied()
}
