//! Cores, caches, memory, limits, GPUs: read from /proc, /sys and /dev.

use crate::config::Machine;
use crate::counters::kilobytes;
use crate::pools::Topology;
use std::fs;
use std::path::Path;

/// The state of transparent huge pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HugePages {
    /// For all memory.
    Always,
    /// Where asked for.
    Madvise,
    /// Not at all.
    Never,
}

/// What there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineReport {
    /// Hardware threads that this process may use, with their caches.
    pub topology: Topology,
    /// Bytes of memory of the machine.
    pub memory: u64,
    /// Bytes of memory that the control group allows, if it limits them.
    pub memory_limit: Option<u64>,
    /// Processors' worth of time that the control group allows, in hundredths, if it limits it.
    pub cpu_limit_percent: Option<u64>,
    /// Transparent huge pages, if the kernel has them.
    pub huge_pages: Option<HugePages>,
    /// Names of the GPUs.
    pub gpus: Vec<String>,
}

impl MachineReport {
    /// This machine.
    pub fn read() -> Self {
        Self::read_from(Path::new("/"), Topology::of_this_machine())
    }

    /// From a tree with `proc`, `sys` and `dev`.
    pub fn read_from(root: &Path, topology: Topology) -> Self {
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let (memory_limit, cpu_limit_percent) = limits(root, &text("proc/self/cgroup"));
        MachineReport {
            topology,
            memory: kilobytes(&text("proc/meminfo"), "MemTotal:").unwrap_or(0),
            memory_limit,
            cpu_limit_percent,
            huge_pages: huge_pages(&text("sys/kernel/mm/transparent_hugepage/enabled")),
            gpus: gpus(root),
        }
    }

    /// Bytes that this process may use.
    pub fn usable_memory(&self) -> u64 {
        self.memory_limit.map_or(self.memory, |limit| limit.min(self.memory))
    }

    /// What a configuration is checked against. The memory of devices is the device API's to tell.
    pub fn limits(&self, device_memory: Option<u64>) -> Machine {
        Machine { memory: self.usable_memory(), threads: self.topology.cpus.len(), device_memory }
    }
}

/// The tightest limits of memory and processor time on the way from the process's control group to the root. Version 2 has
/// one tree; in version 1 the memory controller has its own.
fn limits(root: &Path, membership: &str) -> (Option<u64>, Option<u64>) {
    let mut memory = None;
    let mut cpu = None;
    for line in membership.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let mount = match controllers {
            "" => "sys/fs/cgroup".to_owned(),
            c if c.split(',').any(|c| c == "memory") => "sys/fs/cgroup/memory".to_owned(),
            _ => continue,
        };
        let top = root.join(mount);
        let group = top.join(path.trim_start_matches('/'));
        for folder in group.ancestors().take_while(|folder| folder.starts_with(&top)) {
            let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
            let bytes = text("memory.max").or_else(|| text("memory.limit_in_bytes"));
            memory = least(memory, bytes.and_then(|t| t.trim().parse().ok()));
            cpu = least(cpu, text("cpu.max").and_then(|t| cpu_max(&t)));
        }
    }
    // Version 1 writes "no limit" as the greatest multiple of a page.
    (memory.filter(|bytes| *bytes < i64::MAX as u64 / 4096 * 4096), cpu)
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}

/// `quota period`, in microseconds; `max` for no limit.
fn cpu_max(text: &str) -> Option<u64> {
    let (quota, period) = text.trim().split_once(' ')?;
    quota.parse::<u64>().ok()?.checked_mul(100)?.checked_div(period.parse().ok()?)
}

fn huge_pages(text: &str) -> Option<HugePages> {
    let chosen = text.split('[').nth(1)?.split(']').next()?;
    match chosen {
        "always" => Some(HugePages::Always),
        "madvise" => Some(HugePages::Madvise),
        "never" => Some(HugePages::Never),
        _ => None,
    }
}

/// NVIDIA's driver lists its devices with their models; where it does not, its device files have numbers.
fn gpus(root: &Path) -> Vec<String> {
    let entries = |path: &str| {
        let list = fs::read_dir(root.join(path)).into_iter().flatten().flatten();
        let mut list: Vec<_> = list.map(|entry| entry.path()).collect();
        list.sort();
        list
    };
    let model = |path: std::path::PathBuf| {
        let text = fs::read_to_string(path.join("information")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Model:"))?;
        Some(line.trim().to_owned())
    };
    let models: Vec<_> = entries("proc/driver/nvidia/gpus").into_iter().filter_map(model).collect();
    if !models.is_empty() {
        return models;
    }
    let names = entries("dev").into_iter().filter_map(|p| Some(p.file_name()?.to_str()?.to_owned()));
    let is_gpu = |name: &String| {
        name.strip_prefix("nvidia").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    names.filter(is_gpu).collect()
}
