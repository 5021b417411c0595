//! A line that says how the queue stands.

use super::Engine;
use crate::{BLOCKS, output};
use forebay_scheduler::timeline::analysis;

/// Jobs done, partitions by stage, device utilisation and memory.
pub(crate) fn line(engine: &Engine, done: usize, of: usize) -> String {
    let s = engine.executor.snapshot();
    let usage = engine.executor.usage();
    let spans = engine.executor.timeline().spans();
    let busy: Vec<f64> = analysis::device_use(&spans).iter().map(|d| 100.0 * d.utilisation()).collect();
    let busy = busy.iter().sum::<f64>() / busy.len().max(1) as f64;
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
