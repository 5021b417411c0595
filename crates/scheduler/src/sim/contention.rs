//! How stages that run at once slow each other down.
//!
//! Every load has a speed: 1 as alone on the machine, less beside others. With n busy threads in all, C cores, T hardware
//! threads, D the bandwidth asked for, B the attainable, W the working sets, u unmapping threads and m the load's share
//! of time that waits for memory, the load takes longer by
//!
//! ```text
//! ( (1 − m)·smt(n) + m·pages·max(1, D/B) ) · max(1, n/T) · (1 + s·evicted) · 1/(1 − u·stall)
//! ```
//! - `smt(n)`: threads that share a core slow each other, up to T/(C·gain) when all hardware threads are busy.
//! - `D/B`: bandwidth is shared in proportion to what is asked for (processor sharing).
//! - `n/T`: more threads than hardware threads take turns.
//! - `evicted`: (1 − L3/W)⁺, less what the load does to itself; s is its sensitivity.
//! - `stall`: the share of every core's time that one unmapping thread takes by TLB flushes.
//!
//! Each factor is divided by what the load does to itself when alone, since its duration was measured so. With pinning,
//! the host MSM has cores and L3 of its own, and `smt`, `n/T` and `evicted` are taken on either side by itself.

use super::{Gate, HugePages, Machine, Settings, Stage};

/// What a load is, as far as throttling goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs on the host and is left alone.
    Host,
    /// Sparse matrix evaluation: the gate throttles it.
    Evaluator,
    /// The host MSM: holds the gate.
    Critical,
    /// Runs on a device, which the host drives and whose memory it fills: sensitive as any other load.
    Device,
    /// Unmaps memory.
    Unmap,
}

/// Something that runs.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// What it asks of the machine.
    pub stage: Stage,
    /// What it is.
    pub role: Role,
}

/// How busy the machine is, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// Cores, in throughput: 1 if every hardware thread is busy.
    pub cores: f64,
    /// Attainable memory bandwidth.
    pub bandwidth: f64,
}

/// Time that waits for memory, relative to 2 MiB pages. Assumed, not measured: page walks of 4 KiB pages cost a quarter
/// more, 1 GiB pages save a twentieth.
const fn page_factor(pages: HugePages) -> f64 {
    match pages {
        HugePages::Off => 1.25,
        HugePages::Thp => 1.0,
        HugePages::Huge1G => 0.95,
    }
}

/// Cores and L3 that a set of threads shares.
#[derive(Clone, Copy, Debug)]
struct Side {
    cores: f64,
    threads: f64,
    gain: f64,
    l3: f64,
}

impl Side {
    /// How much longer computing takes because threads share cores.
    fn smt(&self, n: f64) -> f64 {
        let n = n.min(self.threads);
        if n <= self.cores {
            return 1.0;
        }
        n / (self.cores * self.throughput(n))
    }

    /// Throughput of n ≤ threads over that of one busy thread per core.
    fn throughput(&self, n: f64) -> f64 {
        1.0 + (self.gain - 1.0) * (n - self.cores) / (self.threads - self.cores)
    }

    fn turns(&self, n: f64) -> f64 {
        (n / self.threads).max(1.0)
    }

    fn evicted(&self, working_sets: f64) -> f64 {
        if working_sets > self.l3 { 1.0 - self.l3 / working_sets } else { 0.0 }
    }

    /// Share of the side's throughput that n threads use.
    fn busy(&self, n: f64) -> f64 {
        let n = n.min(self.threads);
        if n <= self.cores { n / (self.cores * self.gain) } else { self.throughput(n) / self.gain }
    }
}

/// The model with a machine and settings.
#[derive(Clone, Debug)]
pub struct Contention {
    host: Side,
    msm: Side,
    pinned: bool,
    bandwidth: f64,
    stall: f64,
    pages: f64,
    gate: Gate,
}

/// Sums over loads.
#[derive(Clone, Copy, Default)]
struct Sums {
    host_threads: f64,
    msm_threads: f64,
    evaluator_threads: f64,
    host_l3: f64,
    msm_l3: f64,
    bandwidth: f64,
    unmaps: f64,
    critical: bool,
}

impl Contention {
    /// The model of this machine, so set.
    pub fn new(machine: &Machine, settings: &Settings) -> Contention {
        let cpu = &machine.cpu;
        let (cores, threads) = (f64::from(cpu.cores), f64::from(cpu.threads));
        let all = Side { cores, threads, gain: cpu.smt_gain, l3: cpu.l3_mib };
        // The MSM's threads get whole cores, at most half of the machine.
        let share = (f64::from(settings.msm_threads) / threads).min(0.5);
        let part = |x: f64| Side { cores: cores * x, threads: threads * x, l3: cpu.l3_mib * x, ..all };
        let (host, msm) = if settings.pinning { (part(1.0 - share), part(share)) } else { (all, all) };
        Contention {
            host,
            msm,
            pinned: settings.pinning,
            bandwidth: machine.attainable(),
            stall: machine.stall_per_unmap(),
            pages: page_factor(settings.huge_pages),
            gate: settings.gate,
        }
    }

    /// Writes the speed of each load, in the same order, and says how busy the machine is.
    pub fn speeds(&self, loads: &[Load], speeds: &mut Vec<f64>) -> Pressure {
        let full = self.sums(loads, 1.0);
        let throttle = if full.critical { self.throttle(loads, &full) } else { 1.0 };
        let sums = self.sums(loads, throttle);
        speeds.clear();
        speeds.extend(loads.iter().map(|load| self.speed(load, &sums, throttle)));
        let used: f64 = loads.iter().zip(&*speeds).map(|(l, v)| l.stage.bandwidth_gb_s * v).sum();
        let cores = self.host.busy(sums.host_threads);
        let cores = if self.pinned {
            let weight = self.msm.cores / (self.host.cores + self.msm.cores);
            cores * (1.0 - weight) + self.msm.busy(sums.msm_threads) * weight
        } else {
            cores
        };
        Pressure { cores, bandwidth: (used / self.bandwidth).min(1.0) }
    }

    fn sums(&self, loads: &[Load], throttle: f64) -> Sums {
        let mut s = Sums::default();
        for Load { stage, role } in loads {
            let share = if *role == Role::Evaluator { throttle } else { 1.0 };
            s.bandwidth += stage.bandwidth_gb_s * share;
            s.critical |= *role == Role::Critical;
            s.unmaps += f64::from(u8::from(*role == Role::Unmap));
            if self.pinned && *role == Role::Critical {
                s.msm_threads += stage.threads;
                s.msm_l3 += stage.l3_mib;
                continue;
            }
            s.host_threads += stage.threads * share;
            s.host_l3 += stage.l3_mib * share;
            if *role == Role::Evaluator {
                s.evaluator_threads += stage.threads;
            }
        }
        s
    }

    /// The share of their speed that evaluators keep while the gate is held.
    fn throttle(&self, loads: &[Load], full: &Sums) -> f64 {
        match self.gate {
            Gate::Off => 1.0,
            Gate::Yield => 1.0 - Gate::YIELD_LOSS,
            Gate::Park(k) if full.evaluator_threads > 0.0 => (f64::from(k) / full.evaluator_threads).min(1.0),
            Gate::Park(_) => 1.0,
            Gate::Adaptive => self.adapt(loads),
        }
    }

    /// The largest of 21 shares that keeps every holder within the bound; 0 if none does.
    fn adapt(&self, loads: &[Load]) -> f64 {
        let fits = |share: f64| {
            let sums = self.sums(loads, share);
            let mut critical = loads.iter().filter(|l| l.role == Role::Critical);
            critical.all(|l| self.speed(l, &sums, share) * Gate::INFLATION >= 1.0)
        };
        (0..=20).rev().map(|i| f64::from(i) * 0.05).find(|share| fits(*share)).unwrap_or(0.0)
    }

    fn speed(&self, load: &Load, sums: &Sums, throttle: f64) -> f64 {
        let Load { stage, role } = load;
        let bandwidth = (sums.bandwidth / self.bandwidth).max(1.0);
        if *role == Role::Unmap {
            return 1.0;
        }
        let own = self.pinned && *role == Role::Critical;
        let (side, n, l3) = if own {
            (&self.msm, sums.msm_threads, sums.msm_l3)
        } else {
            (&self.host, sums.host_threads, sums.host_l3)
        };
        // What it does to itself: by this its duration alone was longer already.
        let (n0, l0) = (stage.threads, stage.l3_mib);
        let smt = (side.smt(n.max(n0)) / side.smt(n0)).max(1.0);
        let turns = side.turns(n.max(n0)) / side.turns(n0);
        let evicted = (side.evicted(l3) - side.evicted(l0)).max(0.0);
        let memory = self.pages * bandwidth;
        let mixed = (1.0 - stage.memory_share) * smt + stage.memory_share * memory;
        let stalls = 1.0 - (sums.unmaps * self.stall).min(0.9);
        let kept = if *role == Role::Evaluator { throttle } else { 1.0 };
        kept * stalls / (mixed * turns * (1.0 + stage.l3_sensitivity * evicted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Workload;

    fn model(pairs: &[&str]) -> Contention {
        let settings = Workload::shipped().settings.with(pairs).unwrap();
        Contention::new(&Machine::shipped(), &settings)
    }

    fn loads(evaluators: usize, tails: usize, unmaps: usize) -> Vec<Load> {
        let w = Workload::shipped();
        let mut loads = vec![Load { stage: w.stages.evaluate, role: Role::Evaluator }; evaluators];
        let tail = Load { stage: w.tail.with_threads(192), role: Role::Critical };
        loads.extend(vec![tail; tails]);
        loads.extend(vec![
            Load { stage: Stage { threads: 0.0, ..w.stages.device }, role: Role::Unmap };
            unmaps
        ]);
        loads
    }

    fn speeds(pairs: &[&str], loads: &[Load]) -> Vec<f64> {
        let mut out = Vec::new();
        let pressure = model(pairs).speeds(loads, &mut out);
        assert!((0.0..=1.0).contains(&pressure.cores) && (0.0..=1.0).contains(&pressure.bandwidth));
        out
    }

    #[test]
    fn alone_is_full_speed() {
        for l in [loads(1, 0, 0), loads(0, 1, 0)] {
            assert_eq!(speeds(&[], &l), [1.0]);
        }
    }

    #[test]
    fn company_never_helps_and_more_of_it_is_never_better() {
        let mut last = 1.0;
        for n in 1..30 {
            let v = speeds(&[], &loads(n, 0, 0))[0];
            assert!(v <= last);
            last = v;
        }
        let mut last = 1.0;
        for u in 0..10 {
            let v = speeds(&[], &loads(1, 0, u))[0];
            assert!(v <= last && (u == 0 || v < last));
            last = v;
        }
    }

    #[test]
    fn the_gate_trades_evaluators_for_the_tail() {
        let l = loads(10, 1, 0);
        let tail = |pairs: &[&str]| speeds(pairs, &l)[10];
        let evaluator = |pairs: &[&str]| speeds(pairs, &l)[0];
        assert!(tail(&["gate=park:8"]) > tail(&["gate=yield"]));
        assert!(tail(&["gate=yield"]) >= tail(&[]));
        assert!(evaluator(&["gate=park:8"]) < evaluator(&[]));
        assert_eq!(evaluator(&["gate=park:0"]), 0.0);
        // Nobody holds the gate: it costs nothing.
        assert_eq!(speeds(&["gate=park:0"], &loads(10, 0, 0)), speeds(&[], &loads(10, 0, 0)));
    }

    #[test]
    fn the_adaptive_gate_keeps_its_bound_where_that_is_possible() {
        let l = loads(10, 1, 0);
        let v = speeds(&["gate=adaptive"], &l);
        assert!(v[10] * Gate::INFLATION >= 1.0, "{v:?}");
    }
}
