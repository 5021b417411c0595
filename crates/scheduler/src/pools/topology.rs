//! Which hardware threads share which cache, from /sys/devices/system.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The greatest number of a hardware thread that the affinity calls take, plus one (glibc's `CPU_SETSIZE`).
const CPU_SETSIZE: usize = libc::CPU_SETSIZE as usize;

/// A hardware thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Its number.
    pub id: usize,
    /// The lowest number of the hardware threads of its core.
    pub core: usize,
    /// The lowest number of those that share its last-level cache.
    pub l3: usize,
    /// Its NUMA node.
    pub node: usize,
}

/// The hardware threads that this process may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// In order of their numbers.
    pub cpus: Vec<Cpu>,
    /// Bytes of one last-level cache, if the system says so.
    pub l3_bytes: Option<u64>,
}

impl Topology {
    /// This machine's, within the affinity mask of this process (which a cpuset narrows). If the system says nothing, as
    /// many hardware threads as the mask has, all on one cache.
    pub fn of_this_machine() -> Self {
        let allowed = affinity();
        let read = Self::read(Path::new("/sys/devices/system"), allowed.as_deref());
        if !read.cpus.is_empty() {
            return read;
        }
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let ids = allowed.unwrap_or_else(|| (0..count).collect());
        let cpus = ids.into_iter().map(|id| Cpu { id, core: id, l3: 0, node: 0 }).collect();
        Topology { cpus, l3_bytes: None }
    }

    /// From a tree like /sys/devices/system, within `allowed`.
    pub fn read(root: &Path, allowed: Option<&[usize]>) -> Self {
        let online = read_list(&root.join("cpu/online")).unwrap_or_default();
        let nodes = nodes(root);
        let mut topology = Topology::default();
        for id in online.into_iter().filter(|id| allowed.is_none_or(|a| a.contains(id))) {
            let cpu = root.join(format!("cpu/cpu{id}"));
            let core = read_list(&cpu.join("topology/thread_siblings_list"));
            let first = |list: Option<Vec<usize>>| list.and_then(|l| l.first().copied());
            let (l3, bytes) = last_level_cache(&cpu);
            topology.l3_bytes = topology.l3_bytes.or(bytes);
            topology.cpus.push(Cpu {
                id,
                core: first(core).unwrap_or(id),
                l3: first(l3).unwrap_or(0),
                node: nodes.get(&id).copied().unwrap_or(0),
            });
        }
        topology
    }

    /// The hardware threads of each last-level cache: first one of each core, then their siblings.
    pub fn l3_domains(&self) -> Vec<Vec<usize>> {
        let mut domains: BTreeMap<usize, Vec<(bool, usize)>> = BTreeMap::new();
        let mut seen = std::collections::BTreeSet::new();
        for cpu in &self.cpus {
            domains.entry(cpu.l3).or_default().push((!seen.insert(cpu.core), cpu.id));
        }
        let ordered = domains.into_values().map(|mut cpus| {
            cpus.sort_unstable();
            cpus.into_iter().map(|(_, id)| id).collect()
        });
        ordered.collect()
    }

    /// How many cores there are.
    pub fn cores(&self) -> usize {
        let mut cores: Vec<_> = self.cpus.iter().map(|c| c.core).collect();
        cores.sort_unstable();
        cores.dedup();
        cores.len()
    }

    /// How many NUMA nodes there are.
    pub fn nodes(&self) -> usize {
        let mut nodes: Vec<_> = self.cpus.iter().map(|c| c.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.len()
    }
}

/// The place of each of `threads` threads: whole caches are filled one after the other, from the first or from the last, so
/// that two pools meet only if they need more than there is. Each thread may use all of its cache's hardware threads.
pub fn place(domains: &[Vec<usize>], threads: usize, from_the_back: bool) -> Vec<Vec<usize>> {
    let mut order: Vec<&Vec<usize>> = domains.iter().filter(|d| !d.is_empty()).collect();
    if from_the_back {
        order.reverse();
    }
    let slots: Vec<&Vec<usize>> = order.iter().flat_map(|d| core::iter::repeat_n(*d, d.len())).collect();
    slots.iter().cycle().take(if slots.is_empty() { 0 } else { threads }).map(|d| d.to_vec()).collect()
}

/// Those that share the highest level of data cache, and its size.
fn last_level_cache(cpu: &Path) -> (Option<Vec<usize>>, Option<u64>) {
    let text =
        |index: usize, name: &str| fs::read_to_string(cpu.join(format!("cache/index{index}/{name}"))).ok();
    let level = |index: usize| {
        let kind = text(index, "type")?;
        let level: u32 = text(index, "level")?.trim().parse().ok()?;
        (kind.trim() != "Instruction").then_some((level, index))
    };
    // There are five on the machines that exist: two of the first level, one of each other.
    let Some((_, index)) = (0..16).filter_map(level).max() else { return (None, None) };
    let shared = text(index, "shared_cpu_list").and_then(|list| parse_list(&list));
    (shared, text(index, "size").and_then(|size| parse_cache_size(&size)))
}

fn parse_cache_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, scale) = match text.strip_suffix('K') {
        Some(number) => (number, 1 << 10),
        None => text.strip_suffix('M').map_or((text, 1), |number| (number, 1 << 20)),
    };
    number.parse::<u64>().ok()?.checked_mul(scale)
}

fn nodes(root: &Path) -> BTreeMap<usize, usize> {
    let online = read_list(&root.join("node/online")).unwrap_or_default();
    let cpus = |node: usize| read_list(&root.join(format!("node/node{node}/cpulist"))).unwrap_or_default();
    online.into_iter().flat_map(|node| cpus(node).into_iter().map(move |cpu| (cpu, node))).collect()
}

fn read_list(path: &Path) -> Option<Vec<usize>> {
    parse_list(&fs::read_to_string(path).ok()?)
}

/// Parses `0-3,8,10-11`. `None` if it is something else, or has numbers that no machine has.
pub fn parse_list(text: &str) -> Option<Vec<usize>> {
    let mut list = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        if first > last || last >= 1 << 16 {
            return None;
        }
        list.extend(first..=last);
    }
    list.sort_unstable();
    list.dedup();
    Some(list)
}

/// The hardware threads that this thread may use.
pub fn affinity() -> Option<Vec<usize>> {
    // SAFETY: a cpu_set_t is a plain array of bits; all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: the set is ours and as long as is said.
    if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) } != 0 {
        return None;
    }
    // SAFETY: the indices are below CPU_SETSIZE.
    Some((0..CPU_SETSIZE).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).collect())
}

/// Binds the calling thread to these hardware threads. Whether the system did so.
pub fn pin_current(cpus: &[usize]) -> bool {
    // SAFETY: as above.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    for cpu in cpus.iter().filter(|cpu| **cpu < CPU_SETSIZE) {
        // SAFETY: the index is below CPU_SETSIZE.
        unsafe { libc::CPU_SET(*cpu, &mut set) };
    }
    // SAFETY: the set is ours and as long as is said; 0 is the calling thread.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) == 0 }
}
