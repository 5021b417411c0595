//! How an MSM is cut, from its size and the memory there is, before anything is launched.
//!
//! The model counts multiplications in the coordinate field: 10 for a mixed addition, 14 for a full one. Its constants are
//! operation counts, not timings: nothing here was tuned on a GPU.

/// Scalars that one block classifies: chunks are multiples of it (cuda/msm/scalars.cu).
pub(super) const TILE: usize = 1024;
/// Pairs that one block sorts (cuda/msm/sort.cu).
pub(super) const SORT_TILE: usize = 4096;
/// Bits of a key that one pass sorts by, at most (cuda/msm/sort.cu).
const PASS_BITS: u32 = 9;
/// Heads that one thread folds. A level costs a thread that many dependent additions; 8 makes the sum of levels small.
pub(super) const FOLD: usize = 8;
/// Points that one block of the final sums adds: 4 per thread of 64 (cuda/msm/points.cuh).
pub(super) const SUM_BLOCK: usize = 256;
/// Threads per multiprocessor that a kernel of about 168 registers keeps resident: 65536/168, in blocks of 128.
const RESIDENT: usize = 384;
/// Window widths that are considered. Kernels take up to 24.
const WIDTHS: core::ops::RangeInclusive<u32> = 4..=22;

/// What decides about a cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem {
    /// Terms with a scalar other than 0 and ±1, or all where that is not known yet.
    pub(super) terms: usize,
    /// The most such terms in one chunk.
    pub(super) chunk: usize,
    /// The most units in one chunk, or all of its terms where that is not known yet.
    pub(super) units: usize,
    /// How many chunks.
    pub(super) chunks: usize,
    /// Bits of the largest magnitude.
    pub(super) bits: u32,
    /// Multiprocessors of the device.
    pub(super) multiprocessors: usize,
    /// The table that is there, if the points have one.
    pub(super) table: Option<Table>,
    /// Overrides, for tests.
    pub(super) tuning: Tuning,
}

/// A table's shape: copy k of the points holds 2^(width·segments·k)·P.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) width: u32,
    pub(super) segments: u32,
    pub(super) copies: u32,
}

/// What is chosen by hand instead of by the model; for tests and measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// Bits of a window.
    pub width: Option<u32>,
    /// Entries that one thread adds.
    pub share: Option<usize>,
    /// Buckets that one thread reduces.
    pub strip: Option<usize>,
    /// Terms per chunk, rounded up to 1024.
    pub chunk: Option<usize>,
}

/// A cut of the tail into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Bits of a window.
    pub(super) width: u32,
    /// Windows of a scalar that may hold something.
    pub(super) windows: u32,
    /// Rows of buckets.
    pub(super) segments: u32,
    /// Copies of the points.
    pub(super) copies: u32,
}

/// Elements that the regions of device memory must have for a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// (key, value) pairs.
    pub(super) entries: usize,
    /// Counts of the sort.
    pub(super) counts: usize,
    /// Totals of its digits.
    pub(super) totals: usize,
    /// Buckets of all segments.
    pub(super) buckets: usize,
    /// Heads of the first level.
    pub(super) heads: usize,
    /// Points of the strips.
    pub(super) strips: usize,
}

impl Needs {
    pub(super) fn within(&self, room: &Needs) -> bool {
        self.entries <= room.entries
            && self.counts <= room.counts
            && self.totals <= room.totals
            && self.buckets <= room.buckets
            && self.heads <= room.heads
            && self.strips <= room.strips
    }
}

impl Shape {
    /// Windows of `width` bits for magnitudes of `bits` bits: one bit more, so that the last digit does not carry.
    pub(super) fn of(problem: &Problem, width: u32) -> Shape {
        let windows = (problem.bits + 1).div_ceil(width);
        match problem.table {
            Some(t) => Shape { width, windows, segments: t.segments, copies: t.copies },
            None => Shape { width, windows, segments: windows, copies: 1 },
        }
    }

    /// Buckets of a segment.
    pub(super) fn row(&self) -> usize {
        1 << (self.width - 1)
    }

    /// Passes of the sort and bits of each.
    pub(super) fn passes(&self) -> (u32, u32) {
        let passes = self.width.div_ceil(PASS_BITS);
        (passes, self.width.div_ceil(passes))
    }

    /// What `terms` of them in one chunk take.
    pub(super) fn needs(&self, terms: usize, problem: &Problem) -> Needs {
        let (segments, length) = (self.segments as usize, terms * self.copies as usize);
        let digits = 1usize << self.passes().1;
        let of_units = heads(problem.units, 1, problem);
        Needs {
            entries: length * segments,
            counts: segments * digits * length.div_ceil(SORT_TILE),
            totals: segments * digits,
            buckets: segments * self.row(),
            heads: (segments * heads(length, segments, problem)).max(of_units),
            strips: strips(self.row(), segments, problem),
        }
    }

    /// Multiplications: additions into buckets; a bucket is read and summed twice, strips are weighted by their place.
    pub(super) fn cost(&self, problem: &Problem) -> usize {
        let entries = problem.terms * self.windows as usize;
        let reduction = 28 + 14 * (self.width as usize) / strip(self.row(), self.segments as usize, problem);
        10 * entries
            + problem.chunks * self.segments as usize * self.row()
            + self.segments as usize * self.row() * reduction
    }
}

/// Entries per thread, so that the device is filled about four times over; between 16, below which heads weigh, and 256,
/// where they no longer do.
pub(super) fn share(length: usize, segments: usize, problem: &Problem) -> usize {
    let filled = 4 * RESIDENT * problem.multiprocessors;
    problem.tuning.share.unwrap_or((length * segments).div_ceil(filled).clamp(16, 256)).max(1)
}

/// The most shares that a segment of at most `length` entries is cut into: with fewer entries shares are shorter.
fn heads(length: usize, segments: usize, problem: &Problem) -> usize {
    let filled = (4 * RESIDENT * problem.multiprocessors).div_ceil(segments.max(1));
    match problem.tuning.share {
        Some(share) => length.div_ceil(share.max(1)),
        None => length.div_ceil(16).min(filled.max(length.div_ceil(256))),
    }
}

/// The most strips of at most so many segments.
fn strips(row: usize, segments: usize, problem: &Problem) -> usize {
    let filled = 2 * RESIDENT * problem.multiprocessors;
    match problem.tuning.strip {
        Some(strip) => segments * row.div_ceil(strip.clamp(1, row)),
        None => segments + (segments * row).div_ceil(4).min(filled.max((segments * row).div_ceil(128))),
    }
}

/// Buckets per thread of the reduction, so that the device is filled about twice over.
pub(super) fn strip(row: usize, segments: usize, problem: &Problem) -> usize {
    let filled = 2 * RESIDENT * problem.multiprocessors;
    problem.tuning.strip.unwrap_or((row * segments).div_ceil(filled).clamp(4, 128)).clamp(1, row)
}

/// The cheapest cut that fits into `room`, if any does.
pub(super) fn choose(problem: &Problem, fits: impl Fn(&Needs) -> bool) -> Option<Shape> {
    let fixed = problem.table.map(|t| t.width).or(problem.tuning.width.map(|w| w.clamp(4, 24)));
    let widths = fixed.map_or(WIDTHS, |w| w..=w);
    widths
        .map(|width| Shape::of(problem, width))
        .filter(|shape| fits(&shape.needs(problem.chunk, problem)))
        .min_by_key(|shape| shape.cost(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(log_n: u32) -> Problem {
        let terms = 1 << log_n;
        let tuning = Tuning::default();
        Problem {
            terms,
            chunk: terms,
            units: terms,
            chunks: 1,
            bits: 254,
            multiprocessors: 132,
            table: None,
            tuning,
        }
    }

    #[test]
    fn widths_grow_with_the_size() {
        let widths =
            [10, 16, 20, 24, 26].map(|log_n| choose(&problem(log_n), |_| true).map_or(0, |s| s.width));
        assert!(widths.is_sorted() && (4..=8).contains(&widths[0]) && widths[4] > 18, "{widths:?}");
    }

    #[test]
    fn windows_hold_every_magnitude() {
        for (bits, width, windows) in
            [(254, 15, 17), (254, 16, 16), (254, 17, 15), (253, 16, 16), (1, 4, 1), (63, 16, 4)]
        {
            let shape = Shape::of(&Problem { bits, ..problem(10) }, width);
            assert_eq!(shape.windows, windows, "{bits} bits, width {width}");
            assert!(shape.windows * width > bits);
        }
    }

    #[test]
    fn less_memory_means_narrower_windows() {
        let all = choose(&problem(20), |_| true).unwrap();
        let needs = all.needs(1 << 20, &problem(20));
        let less = choose(&problem(20), |n| n.buckets < needs.buckets).unwrap();
        assert!(less.width < all.width);
        assert!(choose(&problem(20), |_| false).is_none());
        assert!(needs.within(&needs) && !needs.within(&Needs { heads: needs.heads - 1, ..needs }));
    }
}
