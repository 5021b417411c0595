//! What a critical stage takes by itself, learnt per circuit.
//!
//! Time per byte is compared within one circuit only. Across circuits it means little: a small circuit's tail is mostly the
//! verification, whose time does not depend on the circuit, so that by the byte it would look many times slower than a
//! large one's.
//!
//! The baseline is the least time per byte among the last [`WINDOW`] to 2·[`WINDOW`] runs that no evaluator ran beside: a
//! windowed minimum, as BBR's of the round-trip time (Cardwell et al., "BBR: congestion-based congestion control", 2016).
//! A minimum, because company only slows a stage down; over a window, so that a machine that has become slower for good
//! (clock, neighbours) does not look loaded by evaluators for ever. For the same reason a faster run beside evaluators
//! lowers the baseline too.

use std::collections::HashMap;
use std::time::Duration;

/// Runs by themselves that make half of the window. Reasoned, not measured: enough that a minimum over them is a lucky run's,
/// few enough that the loop at k ≤ 1, where two runs of three are by themselves, forgets a stale one after at most 48.
pub(super) const WINDOW: u32 = 16;

/// Circuits times kinds of stages that are remembered. A prover has a handful of circuits; the one whose stage ran longest
/// ago is forgotten first, and learnt anew when it comes back.
pub(super) const MOST: usize = 64;

/// A critical stage of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageKey {
    /// The circuit, by whatever number tells it from others.
    pub circuit: u64,
    /// The kind of stage.
    pub stage: &'static str,
}

/// A stage as it runs by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Bytes it moves.
    pub bytes: u64,
    /// Time it takes.
    pub time: Duration,
}

impl Baseline {
    /// Seconds per byte, if it moves something and takes time.
    fn slowness(&self) -> Option<f64> {
        let known = self.bytes > 0 && !self.time.is_zero();
        known.then(|| self.time.as_secs_f64() / self.bytes as f64)
    }

    /// The time per byte of `run` over this one's.
    pub(super) fn inflation(&self, run: &Baseline) -> Option<f64> {
        let ratio = run.slowness()? / self.slowness()?;
        (ratio.is_finite() && ratio > 0.0).then_some(ratio)
    }

    fn faster(self, other: Baseline) -> Baseline {
        if other.inflation(&self).is_some_and(|ratio| ratio < 1.0) { self } else { other }
    }
}

/// The windowed minimum.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    before: Option<Baseline>,
    now: Option<Baseline>,
    /// Runs by themselves in `now`.
    runs: u32,
}

impl Window {
    pub(super) fn least(&self) -> Option<Baseline> {
        self.before.into_iter().chain(self.now).reduce(Baseline::faster)
    }

    /// Takes a run in; `alone` says that no evaluator ran beside it.
    pub(super) fn take(&mut self, run: Baseline, alone: bool) {
        if run.slowness().is_none() {
            return;
        }
        let faster = self.least().is_none_or(|least| least.inflation(&run).is_some_and(|ratio| ratio < 1.0));
        if alone || faster {
            self.now = Some(self.now.map_or(run, |now| run.faster(now)));
            self.runs += u32::from(alone);
        }
        if self.runs >= WINDOW {
            *self = Window { before: self.now, now: None, runs: 0 };
        }
    }

    pub(super) fn set(&mut self, baseline: Baseline) {
        *self = Window { before: None, now: Some(baseline), runs: 0 };
    }
}

/// At most [`MOST`] values by stage; the one used longest ago makes room.
#[derive(Debug)]
pub(super) struct Recent<T> {
    entries: HashMap<StageKey, (u64, T)>,
    uses: u64,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Recent { entries: HashMap::new(), uses: 0 }
    }
}

impl<T: Default> Recent<T> {
    pub(super) fn get(&self, key: &StageKey) -> Option<&T> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The stage's value, made if there is none.
    pub(super) fn entry(&mut self, key: StageKey) -> &mut T {
        if !self.entries.contains_key(&key) && self.entries.len() >= MOST {
            let oldest = self.entries.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key);
            oldest.map(|key| self.entries.remove(&key));
        }
        self.uses += 1;
        let entry = self.entries.entry(key).or_default();
        entry.0 = self.uses;
        &mut entry.1
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (StageKey, &T)> {
        self.entries.iter().map(|(key, (_, value))| (*key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(millis: u64) -> Baseline {
        Baseline { bytes: 1000, time: Duration::from_millis(millis) }
    }

    #[test]
    fn the_least_of_the_window_stands() {
        let mut window = Window::default();
        assert_eq!(window.least(), None);
        window.take(run(20), false);
        assert_eq!(window.least(), Some(run(20)), "better than nothing");
        window.take(run(30), true);
        window.take(run(10), true);
        window.take(run(15), true);
        assert_eq!(window.least(), Some(run(10)));
        window.take(run(9), false);
        window.take(run(50), false);
        assert_eq!(window.least(), Some(run(9)), "company only slows");
        window.take(Baseline { bytes: 0, time: Duration::from_secs(1) }, true);
        window.take(Baseline { bytes: 1, time: Duration::ZERO }, true);
        assert_eq!(window.least(), Some(run(9)));
    }

    #[test]
    fn a_machine_that_became_slower_is_learnt() {
        let mut window = Window::default();
        window.take(run(10), true);
        for _ in 0..2 * WINDOW - 2 {
            window.take(run(30), true);
        }
        assert_eq!(window.least(), Some(run(10)));
        window.take(run(30), true);
        assert_eq!(window.least(), Some(run(30)));
        // Runs beside evaluators age nothing.
        for _ in 0..10 * WINDOW {
            window.take(run(60), false);
        }
        assert_eq!(window.least(), Some(run(30)));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_what_ran_longest_ago() {
        let key = |circuit| StageKey { circuit, stage: "tail" };
        let mut recent = Recent::<u32>::default();
        for circuit in 0..1000 {
            *recent.entry(key(circuit)) += 1;
            *recent.entry(key(0)) += 1;
        }
        assert_eq!(recent.iter().count(), MOST);
        assert_eq!(recent.get(&key(0)), Some(&1001));
        assert_eq!(recent.get(&key(999)), Some(&1));
        assert_eq!(recent.get(&key(1000 - MOST as u64)), None);
    }
}
