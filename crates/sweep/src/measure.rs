//! One point under one setting: run, and read every counter that there is.

use crate::{
    Overcommitted, Running, Workload,
    settings::{ISOLATION, Setting},
};
use forebay_scheduler::{
    BigBlocks,
    counters::{self, Snapshot},
    sim::Point,
    timeline::{Baselines, Span, analysis},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What one run of a point gave.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// The setting's name.
    pub setting: String,
    /// Proofs requested.
    pub c: usize,
    /// Proofs in flight.
    pub j: usize,
    /// Workers per device.
    pub gw: usize,
    /// Synthesis slots.
    pub pw: usize,
    /// Wall time over proofs; a proof is a job with all its partitions.
    pub s_per_proof: f64,
    /// CPU time over proofs: what the machine had to do, whoever else was busy.
    pub cpu_s_per_proof: f64,
    /// From the start of a job's first stage to its delivery.
    pub avg_prove_s: f64,
    /// A partition's time on the device.
    pub avg_device_s: f64,
    /// The share of time in which the device was held.
    pub device_util: f64,
    /// The time in which it was not.
    pub idle_gap_s: f64,
    /// The most that was resident.
    pub peak_rss_bytes: Option<u64>,
    /// The most that reservations held.
    pub peak_budget_bytes: u64,
    /// The most that blocks held.
    pub peak_block_bytes: u64,
    /// Page faults.
    pub minor_faults_per_proof: Option<f64>,
    /// Blocks mapped.
    pub mmaps_per_proof: f64,
    /// Blocks unmapped.
    pub munmaps_per_proof: f64,
    /// Of the whole machine.
    pub tlb_shootdowns_per_proof: Option<f64>,
    /// Mean length of each stage over its length in isolation.
    pub inflation: BTreeMap<String, f64>,
    /// What happened when.
    #[serde(skip)]
    pub spans: Vec<Span>,
}

/// Runs `point.c` jobs with `point.j` in flight, after a warm-up that is not counted: it fills caches and maps memory.
pub(crate) fn run<W: Workload>(
    workload: &W,
    blocks: &BigBlocks,
    setting: &Setting,
    point: Point,
    baselines: &Baselines,
) -> Result<Sample, W::Error> {
    let mut config = setting.config.clone();
    config.in_flight = point.in_flight as usize;
    blocks.trim(0);
    let running = workload.start(&config)?;
    let executor = running.executor();
    warm_up(blocks, || running.prove(point.jobs.min(2 * point.in_flight)))?;
    executor.timeline().drain();
    blocks.reset_peak();
    counters::reset_peak_rss();
    let before = (Snapshot::now(), blocks.stats(), cpu_time(), Instant::now());
    running.prove(point.jobs)?;
    let (wall, cpu) = (before.3.elapsed(), cpu_time() - before.2);
    let (system, held) = (Snapshot::now().since(&before.0), blocks.stats());
    if executor.overcommits() > 0 {
        return Err(Overcommitted.into());
    }

    let per_proof = |n: u64| n as f64 / f64::from(point.jobs);
    let spans = executor.timeline().drain();
    let uses = analysis::device_use(&spans);
    let summaries = analysis::summarise(&spans, baselines);
    let device = summaries.iter().find(|s| s.stage == "device");
    Ok(Sample {
        setting: setting.name.clone(),
        c: point.jobs as usize,
        j: point.in_flight as usize,
        gw: config.gw,
        pw: config.pw,
        s_per_proof: wall.as_secs_f64() / f64::from(point.jobs),
        cpu_s_per_proof: cpu.as_secs_f64() / f64::from(point.jobs),
        avg_prove_s: mean_latency(&spans),
        avg_device_s: device.map_or(0.0, |s| s.mean.as_secs_f64()),
        device_util: uses.first().map_or(0.0, analysis::DeviceUse::utilisation),
        idle_gap_s: uses.iter().flat_map(|u| &u.gaps).map(|g| (g.end - g.start).as_secs_f64()).sum(),
        peak_rss_bytes: system.peak_rss,
        peak_budget_bytes: executor.usage().peak.host,
        peak_block_bytes: held.peak_live_bytes as u64,
        minor_faults_per_proof: system.minor_faults.map(per_proof),
        mmaps_per_proof: per_proof(held.maps - before.1.maps),
        munmaps_per_proof: per_proof(held.unmaps - before.1.unmaps),
        tlb_shootdowns_per_proof: system.tlb_shootdowns.map(per_proof),
        inflation: summaries.iter().filter_map(|s| Some((s.stage.to_owned(), s.inflation?))).collect(),
        spans,
    })
}

/// Passes of a warm-up, at most: a pass in which stages happen to overlap as never before maps a block more.
const WARM_UP: usize = 6;

/// Blocks beyond what the warm-up needed at once, of each size: rare overlaps took one in 2 of 24 runs.
const SPARES: usize = 2;

/// Repeats what will be measured until it maps nothing: the steady state, with every buffer there.
fn warm_up<E>(blocks: &BigBlocks, prove: impl Fn() -> Result<(), E>) -> Result<(), E> {
    for _ in 0..WARM_UP {
        let before = blocks.stats().maps;
        prove()?;
        if blocks.stats().maps == before {
            break;
        }
    }
    blocks.add_spares(SPARES);
    Ok(())
}

/// The isolated lengths of stages: three jobs, one at a time.
pub(crate) fn isolation<W: Workload>(
    workload: &W,
    blocks: &BigBlocks,
    setting: &Setting,
) -> Result<Baselines, W::Error> {
    let three = Point { jobs: 3, ..ISOLATION };
    Ok(Baselines::of(&run(workload, blocks, setting, three, &Baselines::default())?.spans))
}

/// The mean over jobs of the time from the first stage's start to the last stage's end.
fn mean_latency(spans: &[Span]) -> f64 {
    let mut jobs: BTreeMap<u64, (Duration, Duration)> = BTreeMap::new();
    for span in spans {
        let job = jobs.entry(span.job).or_insert((span.start, span.end));
        *job = (job.0.min(span.start), job.1.max(span.end));
    }
    let total: f64 = jobs.values().map(|(start, end)| (*end - *start).as_secs_f64()).sum();
    total / jobs.len().max(1) as f64
}

/// CPU time of the process so far.
fn cpu_time() -> Duration {
    forebay_scheduler::counters::cpu_time().unwrap_or_default()
}
