//! How a table of multiples and the windows over it are cut: the cost model.
//!
//! A table has m steps of D bits: 2^(D·j)·P for j below m. An MSM cuts each step into t windows, and the g-th windows of
//! all steps share one set of buckets: m·t additions per term, t reductions. t is chosen for the scalars at hand, so
//! that a table with wide windows serves few terms, too.

use super::{
    classify::SHORT_BITS,
    digits::{MAX_WIDTH, window_count},
};

/// The widest window over a table. Beyond it no size below 2^21 gains by [`Shape::cost`].
const MAX_TABLE_WIDTH: u32 = 20;

/// The narrowest window: from five bits on, digits reach 15/16 of half their range, as [`window_count`] has it.
const MIN_TABLE_WIDTH: u32 = 5;

/// Numbers of terms whose scalars are neither 0 nor ±1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Full-width ones.
    pub(super) full: usize,
    /// Those of [`SHORT_BITS`].
    pub(super) short: usize,
}

/// The cost of an addition and of a bucket's share of the reduction: 2.2 additions, as in the methods without a table.
const ADDITION: usize = 10;
const BUCKET: usize = 22;

/// Steps of a table, and into how many windows each is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) steps: u32,
    pub(super) step_bits: u32,
    pub(super) groups: u32,
}

impl Shape {
    /// The best table for `terms` full-width scalars as [`window_count`] has them for `bits`, with at most `max_steps`
    /// multiples of a point. The smaller one where two are equally good.
    pub(super) fn of_table(terms: usize, bits: u32, max_steps: usize) -> Option<Shape> {
        let load = Load { full: terms, short: 0 };
        let needed = bits + 2; // as `window_count` has it from five bits on
        let most = (needed / MIN_TABLE_WIDTH).min(max_steps.try_into().unwrap_or(u32::MAX));
        let shapes = (1..=most).filter_map(|steps| Self::cut(steps, needed.div_ceil(steps), load));
        shapes.min_by_key(|shape| shape.cost(load))
    }

    /// The best number of windows in a step.
    pub(super) fn cut(steps: u32, step_bits: u32, load: Load) -> Option<Shape> {
        let groups = step_bits.div_ceil(MAX_TABLE_WIDTH)..=step_bits / MIN_TABLE_WIDTH;
        groups.map(|groups| Shape { steps, step_bits, groups }).min_by_key(|shape| shape.cost(load))
    }

    /// Bits of the g-th window of a step.
    pub(super) fn width(&self, group: u32) -> u32 {
        self.step_bits / self.groups + u32::from(group < self.step_bits % self.groups)
    }

    /// Buckets of the g-th windows.
    pub(super) fn buckets(&self, group: u32) -> usize {
        1 << (self.width(group) - 1)
    }

    pub(super) fn windows(&self) -> usize {
        (self.steps * self.groups) as usize
    }

    /// By additions, in units of a tenth of one.
    pub(super) fn cost(&self, load: Load) -> usize {
        let short_steps = (SHORT_BITS + 2).div_ceil(self.step_bits).min(self.steps);
        let additions =
            self.windows().saturating_mul(load.full) + (short_steps * self.groups) as usize * load.short;
        let buckets: usize = (0..self.groups).map(|g| self.buckets(g)).sum();
        additions.saturating_mul(ADDITION).saturating_add(BUCKET * buckets)
    }

    /// No more entries than that come of `terms` scalars of any kind, whatever cut is chosen for them: the chosen one
    /// costs no more than the best for all of them at full width.
    pub(super) fn most_entries(steps: u32, step_bits: u32, terms: usize) -> usize {
        let load = Load { full: terms, short: 0 };
        Self::cut(steps, step_bits, load).map_or(0, |shape| shape.cost(load) / ADDITION)
    }
}

/// The cost of the method without a table.
pub(super) fn ordinary_cost(bits: u32, load: Load) -> usize {
    let of_class = |terms: usize, bits: u32| {
        let cost =
            |width: u32| window_count(bits, width) as usize * (ADDITION * terms + (BUCKET << (width - 1)));
        if terms == 0 { 0 } else { (2..=MAX_WIDTH).map(cost).min().unwrap_or(0) }
    };
    of_class(load.full, bits) + of_class(load.short, SHORT_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_hold_all_bits_and_keep_to_the_limit() {
        for bits in [252, 253] {
            for terms in [1, 10, 1 << 10, 1 << 16, 1 << 18, 1 << 20] {
                assert_eq!(Shape::of_table(terms, bits, 0), None);
                let mut last = usize::MAX;
                for max_steps in [1, 2, 3, 7, 13, 100] {
                    let shape = Shape::of_table(terms, bits, max_steps).unwrap();
                    assert!(shape.steps as usize <= max_steps);
                    assert!(shape.steps * shape.step_bits >= bits + 2);
                    let widths: Vec<u32> = (0..shape.groups).map(|g| shape.width(g)).collect();
                    assert_eq!(widths.iter().sum::<u32>(), shape.step_bits);
                    assert!(widths.iter().all(|w| (MIN_TABLE_WIDTH..=MAX_TABLE_WIDTH).contains(w)));
                    let cost = shape.cost(Load { full: terms, short: 0 });
                    assert!(cost <= last, "more memory costs no more");
                    last = cost;
                }
            }
        }
    }

    #[test]
    fn the_table_for_2_18() {
        let shape = Shape::of_table(1 << 18, 253, 100);
        assert_eq!(shape, Some(Shape { steps: 15, step_bits: 17, groups: 1 }));
    }
}
