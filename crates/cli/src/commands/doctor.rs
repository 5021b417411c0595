//! `forebay doctor`: what machine this is, and how the scheduler should be set up for it.

use crate::{args::DoctorArgs, exit::Failure, output, session::Session};
use forebay_formats::atomic::{self, Access};
use forebay_scheduler::probe::{self, BandwidthOptions, MachineReport, Point};
use serde_json::json;
use std::time::Duration;

/// Bandwidth is measured on buffers of at least this size (or four times the last-level caches), and at most an eighth of the
/// memory.
const LEAST_BUFFER: usize = 256 << 20;

pub(crate) fn run(session: &Session, args: &DoctorArgs) -> Result<(), Failure> {
    let machine = MachineReport::read();
    let out = &session.output;
    let topology = &machine.topology;
    let domains = topology.l3_domains();
    let sizes: Vec<usize> = domains.iter().map(Vec::len).collect();
    out.line(format!(
        "processors  {} usable, {} last-level caches {sizes:?}",
        topology.cpus.len(),
        domains.len()
    ));
    out.line(format!(
        "memory      {} usable of {}",
        output::bytes(machine.usable_memory()),
        output::bytes(machine.memory)
    ));
    out.line(format!("huge pages  {:?}", machine.huge_pages));
    out.line(format!("GPUs        {}", machine.gpus.len()));

    let progress = out.progress("measuring the memory's bandwidth");
    let points = measure(&machine);
    drop(progress);
    for point in &points {
        out.line(format!(
            "bandwidth   {:>3} threads {:>8.1} GB/s",
            point.threads,
            point.bytes_per_second / 1e9
        ));
    }
    let recommendation = probe::recommend(&machine, &points);
    out.line("");
    out.line(recommendation.to_toml());
    if let Some(path) = &args.write {
        if path.exists() && !args.force {
            return Err(Failure::usage(format!("{} exists; --force replaces it", path.display())));
        }
        atomic::write(path, Access::Public, recommendation.to_toml().as_bytes())?;
        out.line(format!("wrote {}", path.display()));
    }
    let bandwidth: Vec<_> = points
        .iter()
        .map(|p| json!({ "threads": p.threads, "bytes_per_second": p.bytes_per_second }))
        .collect();
    out.result(&json!({
        "threads": topology.cpus.len(), "l3_domains": domains, "memory_bytes": machine.usable_memory(),
        "gpus": machine.gpus.len(), "bandwidth": bandwidth,
        "recommended": recommendation.config, "written": args.write,
    }));
    Ok(())
}

fn measure(machine: &MachineReport) -> Vec<Point> {
    let most = usize::try_from(machine.usable_memory() / 8).unwrap_or(usize::MAX);
    let bytes = LEAST_BUFFER.min(most);
    let threads = machine.topology.cpus.len().max(1);
    probe::measure(BandwidthOptions { bytes, time: Duration::from_millis(400), threads })
}
