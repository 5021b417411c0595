//! How a transform is cut into passes, and what one launch is told.

use core::ops::{BitAnd, BitOr};

/// The kernels' parameter `ntt::Pass`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Pass {
    pub(super) source: u64,
    pub(super) target: u64,
    pub(super) b: u64,
    pub(super) c: u64,
    pub(super) twiddles: u64,
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) log_n: u32,
    pub(super) first: u32,
    pub(super) levels: u32,
    pub(super) columns: u32,
    pub(super) log_low: u32,
    pub(super) flags: Flags,
}

/// What a pass does beside its levels: the flags of `cuda/ntt/ntt.cuh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Flags(u32);

impl Flags {
    pub(super) const NONE: Flags = Flags(0);
    pub(super) const INVERSE: Flags = Flags(1);
    pub(super) const SCALE_IN: Flags = Flags(2);
    pub(super) const SCALE_OUT: Flags = Flags(4);
    pub(super) const REVERSE: Flags = Flags(8);
    pub(super) const SYNTHESIS: Flags = Flags(16);
    pub(super) const ANALYSIS: Flags = Flags(32);
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitAnd for Flags {
    type Output = Flags;
    fn bitand(self, other: Flags) -> Flags {
        Flags(self.0 & other.0)
    }
}

/// How transforms are cut. The defaults are derived, not measured: nothing here ran on a GPU yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The most levels of a pass.
    pub max_levels: u32,
    /// The logarithm of a tile's elements, 32 bytes of shared memory each; `max_levels` or more.
    pub log_tile: u32,
}

impl Shape {
    /// Ten levels, so that 2^30 are three passes. Tiles of 64 KiB where two fit a multiprocessor, of 32 KiB otherwise:
    /// with ten levels that is two columns or one, and neighbouring columns are read as one run.
    pub fn for_shared_memory(per_multiprocessor: usize, per_block: usize) -> Shape {
        let large = per_multiprocessor >= 2 * (64 << 10) + 4096 && per_block >= 64 << 10;
        Shape { max_levels: 10, log_tile: if large { 11 } else { 10 } }
    }

    /// First level and number of levels of each pass: as few passes as can be, of nearly equal length. One pass of no
    /// level for a single element.
    pub(super) fn split(&self, log_n: u32) -> Vec<(u32, u32)> {
        let count = log_n.div_ceil(self.max_levels).max(1);
        let levels = |i| log_n / count + u32::from(i < log_n % count);
        (0..count)
            .scan(0, |first, i| {
                let part = (*first, levels(i));
                *first += levels(i);
                Some(part)
            })
            .collect()
    }

    /// The logarithm of a tile's columns: neighbours in memory, or blocks in the pass over the last levels.
    pub(super) fn columns(&self, log_n: u32, first: u32, levels: u32) -> u32 {
        let rest = log_n - first - levels;
        let available = if rest > 0 { rest } else { first };
        (self.log_tile - levels).min(available)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_cover_all_levels() {
        for max_levels in 1..=10 {
            let shape = Shape { max_levels, log_tile: max_levels + 1 };
            for log_n in 0..=30 {
                let split = shape.split(log_n);
                assert!(split.iter().all(|(_, levels)| *levels <= max_levels));
                let end = split.iter().fold(0, |at, (first, levels)| {
                    assert_eq!(*first, at);
                    at + levels
                });
                assert_eq!(end, log_n);
            }
        }
    }

    #[test]
    fn the_largest_sizes_take_three_passes() {
        let hopper = Shape::for_shared_memory(228 << 10, 227 << 10);
        assert_eq!(hopper, Shape { max_levels: 10, log_tile: 11 });
        assert_eq!(hopper.split(27), [(0, 9), (9, 9), (18, 9)]);
        assert_eq!(hopper.split(28), [(0, 10), (10, 9), (19, 9)]);
        assert_eq!(Shape::for_shared_memory(100 << 10, 99 << 10).log_tile, 10);
    }
}
