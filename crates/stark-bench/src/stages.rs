//! Where the time of a proof goes.

use crate::{LIMB_BITS, key, measure::cpu_seconds};
use anyhow::{Result, ensure};
use forebay_stark::{Observer, Options, Parameters, programs::workload::Workload, prove, verify};
use rayon::ThreadPool;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Notes each stage's length, in order, and the CPU-seconds of the process at its end.
#[derive(Default)]
struct Stages(Mutex<Vec<(&'static str, Duration, f64)>>);

impl Observer for Stages {
    fn stage(&self, name: &'static str, start: Instant, end: Instant, _: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, end - start, cpu_seconds()));
    }
}

pub(crate) fn run(pool: &ThreadPool, log_n: u32, rounds: usize) -> Result<()> {
    let workload = Workload { log_n, limb_bits: LIMB_BITS };
    let key = key(pool, workload, Parameters::default())?;
    for _ in 0..rounds {
        let (traces, public) = workload.traces();
        let stages = Stages::default();
        let options = Options { observer: Some(&stages), ..Options::default() };
        let (start, mut cpu) = (Instant::now(), cpu_seconds());
        let begin = cpu;
        let proof = prove(pool, &key, traces, &public, options)?;
        let (wall, all) = (start.elapsed(), cpu_seconds() - begin);
        ensure!(verify(key.verifying_key(), &public, &proof).is_ok(), "the proof does not verify");
        for (name, length, at) in stages.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            println!(
                "{name:<20} {:>8.1} ms wall {:>8.1} ms CPU",
                length.as_secs_f64() * 1e3,
                (at - cpu) * 1e3
            );
            cpu = at;
        }
        println!("{:<20} {:>8.1} ms wall {:>8.1} ms CPU\n", "whole", wall.as_secs_f64() * 1e3, all * 1e3);
    }
    Ok(())
}
