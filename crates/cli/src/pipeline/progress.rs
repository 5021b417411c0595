//! A line that says how the queue stands.

use super::Engine;
use crate::{BLOCKS, output};

/// Jobs done, partitions by stage, device utilisation and memory.
pub(crate) fn line(engine: &Engine, done: usize, of: usize) -> String {
    let s = engine.executor.snapshot();
    let usage = engine.executor.usage();
    let locks = engine.executor.locks();
    let held: f64 = locks.iter().map(|lock| lock.held.as_secs_f64()).sum();
    let time = engine.executor.timeline().now().as_secs_f64() * locks.len().max(1) as f64;
    let busy = if time > 0.0 { 100.0 * held / time } else { 0.0 };
    format!(
        "{done}/{of} proofs · queue {} jobs, {} partitions · {} synthesising, {} ready, {} proving · device {busy:.0} % · \
         {} held of {} · {} in blocks",
        s.jobs_waiting + s.jobs_open,
        s.queued,
        s.synthesising,
        s.ready,
        s.proving,
        output::bytes(usage.used.host),
        output::bytes(usage.total.host),
        output::bytes(BLOCKS.stats().live_bytes as u64),
    )
}
