//! Topology, limits, probe and recommendation, on fixture trees and on the machine that runs the test.
#![allow(clippy::unwrap_used)] // helpers of tests

use forebay_scheduler::config::{Config, Pinning};
use forebay_scheduler::counters::Snapshot;
use forebay_scheduler::pools::topology::{affinity, parse_list, place};
use forebay_scheduler::pools::{Options, Pools, Topology};
use forebay_scheduler::probe::{BandwidthOptions, HugePages, MachineReport, Point, knee, measure, recommend};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn cache(root: &Path, folder: &str, index: usize, [level, kind, size]: [&str; 3], shared: &str) {
    for (name, text) in [("level", level), ("type", kind), ("size", size), ("shared_cpu_list", shared)] {
        write(root, &format!("{folder}/cache/index{index}/{name}"), &format!("{text}\n"));
    }
}

/// The seed's machine: 12 CCDs of 8 cores with 32 MiB of L3 each, two hardware threads per core numbered i and i + 96. What
/// is the same for several is linked, to write few files: the caches of a CCD, and the two threads of a core.
fn threadripper() -> &'static Path {
    static TREE: OnceLock<TempDir> = OnceLock::new();
    TREE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "cpu/online", "0-191\n");
        write(root, "node/online", "0\n");
        write(root, "node/node0/cpulist", "0-191\n");
        for ccd in 0..12 {
            let (first, name) = (ccd * 8, format!("ccd{ccd}"));
            cache(root, &name, 0, ["1", "Data", "32K"], &first.to_string());
            cache(root, &name, 1, ["1", "Instruction", "32K"], &first.to_string());
            cache(root, &name, 2, ["2", "Unified", "1024K"], &first.to_string());
            let shared = format!("{first}-{},{}-{}", first + 7, first + 96, first + 103);
            cache(root, &name, 3, ["3", "Unified", "32768K"], &shared);
        }
        for core in 0..96 {
            let (name, sibling) = (format!("cpu/cpu{core}"), format!("cpu/cpu{}", core + 96));
            write(root, &format!("{name}/topology/thread_siblings_list"), &format!("{core},{}\n", core + 96));
            symlink(root.join(format!("ccd{}/cache", core / 8)), root.join(&name).join("cache")).unwrap();
            symlink(root.join(&name), root.join(sibling)).unwrap();
        }
        folder
    })
    .path()
}

#[test]
fn twelve_ccds_with_smt() {
    let topology = Topology::read(threadripper(), None);
    assert_eq!((topology.cpus.len(), topology.cores(), topology.nodes()), (192, 96, 1));
    assert_eq!(topology.l3_bytes, Some(32 << 20));
    let domains = topology.l3_domains();
    assert_eq!(domains.len(), 12);
    // One thread of each core first, then their siblings.
    assert_eq!(domains[1], [8, 9, 10, 11, 12, 13, 14, 15, 104, 105, 106, 107, 108, 109, 110, 111]);

    // 32 threads fill two caches at one end; 160 fill the other ten from the other end.
    let (msm, synthesis) = (place(&domains, 32, false), place(&domains, 160, true));
    assert!(msm[..16].iter().all(|p| *p == domains[0]) && msm[16..].iter().all(|p| *p == domains[1]));
    assert!(synthesis.iter().all(|p| !msm.contains(p)));
    assert_eq!(place(&domains, 400, false).len(), 400);
    assert!(place(&[], 4, false).is_empty());
}

#[test]
fn a_cpuset_narrows_the_machine() {
    let topology = Topology::read(threadripper(), Some(&[6, 7, 8, 104, 500]));
    assert_eq!((topology.cpus.len(), topology.cores()), (4, 3));
    assert_eq!(topology.l3_domains(), [vec![6, 7], vec![8, 104]]);
}

#[test]
fn two_sockets_without_an_l3_and_holes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "cpu/online", "0-1,4-5\n");
    write(root, "node/online", "0-1\n");
    write(root, "node/node0/cpulist", "0-1\n");
    write(root, "node/node1/cpulist", "4-5\n");
    for cpu in [0, 1, 4, 5] {
        let shared = if cpu < 2 { "0-1" } else { "4-5" };
        let name = format!("cpu/cpu{cpu}");
        cache(root, &name, 0, ["1", "Data", "48K"], &cpu.to_string());
        cache(root, &name, 1, ["2", "Unified", "2M"], shared);
    }
    let topology = Topology::read(root, None);
    assert_eq!((topology.nodes(), topology.cores(), topology.l3_bytes), (2, 4, Some(2 << 20)));
    assert_eq!(topology.l3_domains(), [vec![0, 1], vec![4, 5]]);
    // A tree that says nothing.
    assert_eq!(Topology::read(&root.join("nothing"), None), Topology::default());
}

#[test]
fn lists() {
    assert_eq!(parse_list("0-3,8,10-11\n"), Some(vec![0, 1, 2, 3, 8, 10, 11]));
    assert_eq!(parse_list("3,1,1-2"), Some(vec![1, 2, 3]));
    assert_eq!(parse_list("\n"), Some(vec![]));
    for text in ["x", "1-", "3-1", "0-99999999999", "-1", "1 2"] {
        assert_eq!(parse_list(text), None, "{text}");
    }
}

#[test]
fn pools_are_named_pinned_and_not_global() {
    let allowed = affinity().unwrap();
    let topology = Topology::of_this_machine();
    assert_eq!(topology.cpus.iter().map(|c| c.id).collect::<Vec<_>>(), allowed);
    let pools = Pools::new(&Options { synthesis: 2, msm: 1, pin: true }, &topology).unwrap();
    let name = || std::thread::current().name().unwrap().to_owned();
    assert!(pools.synthesis.install(name).starts_with("synthesis-"));
    assert_eq!(pools.msm.install(name), "msm-0");
    assert_eq!((pools.synthesis.current_num_threads(), pools.msm.current_num_threads()), (2, 1));

    let last = *allowed.last().unwrap();
    let pinned = forebay_scheduler::pools::pool("pinned", 1, vec![vec![last]]).unwrap();
    assert_eq!(pinned.install(affinity), Some(vec![last]));
    // The thread that built it is where it was.
    assert_eq!(affinity(), Some(allowed));
}

#[test]
fn limits_are_those_of_the_whole_path() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\n");
    write(root, "proc/self/cgroup", "0::/a/b\n");
    write(root, "sys/fs/cgroup/a/memory.max", "8589934592\n");
    write(root, "sys/fs/cgroup/a/b/memory.max", "max\n");
    write(root, "sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
    write(root, "sys/fs/cgroup/a/cpu.max", "max 100000\n");
    write(root, "sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    write(root, "dev/nvidia0", "");
    write(root, "dev/nvidiactl", "");
    let report = MachineReport::read_from(root, Topology::default());
    assert_eq!(
        (report.memory, report.memory_limit, report.cpu_limit_percent),
        (16 << 30, Some(8 << 30), Some(150))
    );
    assert_eq!((report.huge_pages, report.usable_memory()), (Some(HugePages::Madvise), 8 << 30));
    assert_eq!(report.gpus, ["nvidia0"]);

    write(root, "proc/self/cgroup", "4:cpu,memory:/x\n3:cpuset:/\n0::/\n");
    write(root, "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1048576\n");
    write(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    write(root, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t NVIDIA H200\nIRQ: 1\n");
    let report = MachineReport::read_from(root, Topology::default());
    assert_eq!((report.memory_limit, report.gpus), (Some(1 << 20), vec!["NVIDIA H200".to_owned()]));
    write(root, "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n");
    assert_eq!(MachineReport::read_from(root, Topology::default()).memory_limit, None);
}

#[test]
fn this_machine_can_be_read_and_measured() {
    let report = MachineReport::read();
    assert!(report.memory > 0 && report.usable_memory() <= report.memory);
    assert!(!report.topology.cpus.is_empty());
    let points = measure(BandwidthOptions { bytes: 24 << 20, time: Duration::from_millis(5), threads: 2 });
    assert_eq!(points.iter().map(|p| p.threads).collect::<Vec<_>>(), [1, 2]);
    assert!(points.iter().all(|p| p.bytes_per_second > 1e6));
    let recommended = recommend(&report, &points);
    let text = recommended.to_toml();
    assert_eq!(Config::from_toml(&text, &report.limits(None)), Ok(recommended.config));
}

#[test]
fn the_knee_is_where_more_threads_add_little() {
    let points = [(1, 20.0), (2, 39.0), (4, 75.0), (8, 92.0), (16, 100.0), (32, 98.0)];
    let points = points.map(|(threads, rate)| Point { threads, bytes_per_second: rate });
    assert_eq!(knee(&points).unwrap().threads, 8);
    assert_eq!(knee(&[]), None);
}

#[test]
fn every_key_is_recommended_with_a_reason() {
    let report = MachineReport {
        topology: Topology::read(threadripper(), None),
        memory: 755 << 30,
        memory_limit: None,
        cpu_limit_percent: None,
        huge_pages: Some(HugePages::Always),
        gpus: vec!["NVIDIA GeForce RTX 5070 Ti".to_owned()],
    };
    let points =
        [Point { threads: 64, bytes_per_second: 3e11 }, Point { threads: 32, bytes_per_second: 2.9e11 }];
    let recommended = recommend(&report, &points);
    // The seed's own setting of its pool: two caches' worth.
    assert_eq!((recommended.config.msm, recommended.config.synthesis), (32, 192));
    assert_eq!((recommended.config.pin, recommended.config.gate_evaluators), (Pinning::L3, 31));
    assert_eq!(recommended.config.evaluators_at_knee, Some(31));
    assert_eq!(recommend(&report, &[]).config.evaluators_at_knee, None, "not measured");
    let text = recommended.to_toml();
    let lines: Vec<_> = text.lines().collect();
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ")) {
        assert!(line.starts_with('#') || lines[i - 1].starts_with("# "), "{line} has no reason");
    }
}

#[test]
fn counters_are_parsed() {
    let snapshot = Snapshot::parse(
        "VmPeak:\t 9 kB\nVmSize:\t 8 kB\nVmHWM:\t 7 kB\nVmRSS:\t 6 kB\n",
        "1 (a) b) (c)) S 0 1 1 0 -1 4194560 1234 0 56 0 7 8",
        "Rss: 1 kB\nAnonHugePages:      2048 kB\n",
        "           CPU0       CPU1\n TLB:        100         23   TLB shootdowns\n",
    );
    let expected = Snapshot {
        rss: Some(6 << 10),
        peak_rss: Some(7 << 10),
        mapped: Some(8 << 10),
        huge: Some(2 << 20),
        minor_faults: Some(1234),
        major_faults: Some(56),
        tlb_shootdowns: Some(123),
    };
    assert_eq!(snapshot, expected);
    assert_eq!(Snapshot::parse("", "", "", ""), Snapshot::default());
    assert_eq!(Snapshot::parse("", "1 (x) S 0", "", "TLB: x").minor_faults, None);
    let later = Snapshot { minor_faults: Some(1300), tlb_shootdowns: None, ..expected };
    assert_eq!(later.since(&snapshot).minor_faults, Some(66));
    assert_eq!(later.since(&snapshot).tlb_shootdowns, None);

    let before = Snapshot::now();
    let touched = vec![1u8; 16 << 20];
    let after = Snapshot::now();
    assert!(std::hint::black_box(&touched).len() > 1);
    assert!(after.since(&before).minor_faults.unwrap() > 0);
    assert!(after.rss.unwrap() <= after.peak_rss.unwrap());
}
