//! Bytes committed against the host budget.
//!
//! Let B be the budget, `base` the witnesses and a, b, c of all admitted partitions, `tails` the scratch of those that a
//! worker has, and P the largest tail of those that are admitted and have no worker.
//!
//! - Admission of x needs `base + tails + synthesis(x) + max(P, tail(x)) ≤ B`.
//! - Taking p to a worker needs `base + tails + tail(p) ≤ B`, or that no worker has anything.
//!
//! *Never above the budget.* Only these two raise `base + tails`. When no worker has anything, `base + P ≤ B` holds: it
//! held after the last admission, and both have only fallen since.
//!
//! *No deadlock.* If a worker has something, it ends by itself. If none has, any ready partition can be taken.
//!
//! *A budget that shrinks.* What is admitted stays. `base + max(tails, P)` at that moment is the ceiling: nothing is
//! admitted until the rules above hold for the new budget, and what was admitted finishes one at a time at worst.

use super::Footprint;
use std::collections::BTreeMap;

/// The host budget and what is committed of it.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    budget: u64,
    base: u64,
    tails: u64,
    holders: u32,
    /// Tails of admitted partitions without a worker: size, how many.
    pending: BTreeMap<u64, u32>,
    /// The bound after a budget that shrank.
    ceiling: u64,
}

impl Ledger {
    pub(super) fn new(budget: u64) -> Ledger {
        Ledger { budget, base: 0, tails: 0, holders: 0, pending: BTreeMap::new(), ceiling: 0 }
    }

    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    pub(super) fn committed(&self) -> u64 {
        self.base.saturating_add(self.tails)
    }

    /// What `committed` never exceeds.
    pub(super) fn bound(&self) -> u64 {
        self.budget.max(self.ceiling)
    }

    pub(super) fn set_budget(&mut self, budget: u64) {
        self.budget = budget;
        self.ceiling = self.ceiling.max(self.exposure());
        self.settle();
    }

    pub(super) fn admits(&self, f: &Footprint) -> bool {
        let pending = self.largest_pending().max(f.tail);
        let sum = self.committed().checked_add(f.synthesis()).and_then(|s| s.checked_add(pending));
        sum.is_some_and(|s| s <= self.budget)
    }

    /// Whether admitting this leaves the budget used up to a share of it at most.
    pub(super) fn within(&self, f: &Footprint, share: f64) -> bool {
        self.committed().saturating_add(f.host_peak()) as f64 <= share * self.budget as f64
    }

    pub(super) fn admit(&mut self, f: &Footprint) {
        self.base += f.synthesis();
        *self.pending.entry(f.tail).or_default() += 1;
    }

    pub(super) fn can_take(&self, f: &Footprint) -> bool {
        self.holders == 0 || self.committed().checked_add(f.tail).is_some_and(|s| s <= self.budget)
    }

    pub(super) fn take(&mut self, f: &Footprint) {
        self.remove_pending(f);
        self.tails += f.tail;
        self.holders += 1;
    }

    /// a, b, c are not needed any more.
    pub(super) fn release_evaluated(&mut self, f: &Footprint) {
        self.base -= f.evaluated;
        self.settle();
    }

    /// An admitted partition without a worker gives everything back.
    pub(super) fn drop_pending(&mut self, f: &Footprint) -> u64 {
        self.remove_pending(f);
        self.base -= f.synthesis();
        self.settle();
        f.synthesis()
    }

    /// A partition with a worker gives back what it still has.
    pub(super) fn drop_held(&mut self, f: &Footprint, evaluated_released: bool) -> u64 {
        let base = if evaluated_released { f.witness } else { f.synthesis() };
        self.base -= base;
        self.tails -= f.tail;
        self.holders -= 1;
        self.settle();
        base + f.tail
    }

    fn remove_pending(&mut self, f: &Footprint) {
        if let Some(n) = self.pending.get_mut(&f.tail) {
            *n -= 1;
            if *n == 0 {
                self.pending.remove(&f.tail);
            }
        }
    }

    fn largest_pending(&self) -> u64 {
        self.pending.last_key_value().map_or(0, |(tail, _)| *tail)
    }

    fn exposure(&self) -> u64 {
        self.base.saturating_add(self.tails.max(self.largest_pending()))
    }

    fn settle(&mut self) {
        self.ceiling = if self.exposure() <= self.budget { 0 } else { self.ceiling.min(self.exposure()) };
    }

    pub(super) fn is_empty(&self) -> bool {
        self.base == 0 && self.tails == 0 && self.holders == 0 && self.pending.is_empty()
    }
}
