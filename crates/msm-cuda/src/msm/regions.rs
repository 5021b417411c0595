//! The device memory of one MSM.

use super::plan::{FOLD, Needs, TILE};
use crate::memory::{Plan, Region};

/// The regions of an MSM, all planned at once. Points are public; everything else is derived from the scalars.
#[derive(Debug)]
pub(super) struct Regions {
    /// Scalars, 32 bytes each.
    pub(super) scalars: Region,
    /// The tail's terms, then the units'.
    pub(super) terms: Region,
    /// Counts of tail and units per tile, scanned in place.
    pub(super) tiles: Region,
    /// Three integers: terms of the tail, units, bits of the largest magnitude.
    pub(super) summary: Region,
    /// Points of the chunk at hand and of the next; none where the points are on the device already.
    pub(super) points: [Option<Region>; 2],
    /// Keys and values, before and after a pass of the sort.
    pub(super) keys: [Region; 2],
    pub(super) values: [Region; 2],
    /// Counts of the sort, [segment][digit][tile].
    pub(super) counts: Region,
    /// Totals of the digits.
    pub(super) totals: Region,
    /// Buckets of all segments.
    pub(super) buckets: Region,
    /// The bucket of the units.
    pub(super) unit: Region,
    /// Heads and their keys, of a level and of the next.
    pub(super) heads: [Region; 2],
    pub(super) head_keys: [Region; 2],
    /// Strips, and their sums.
    pub(super) sums: [Region; 2],
}

/// Sizes that the regions follow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Terms of the MSM.
    pub(super) terms: usize,
    /// Terms of a chunk.
    pub(super) chunk: usize,
    /// Bytes of a point that is copied to the device for this MSM; 0 if it is there.
    pub(super) streamed_point: usize,
    /// Bytes of an XYZZ point.
    pub(super) xyzz: usize,
}

/// Room beyond a quotient for what is rounded up in each segment: there are at most 64 segments.
const SEGMENTS: usize = 64;

impl Regions {
    pub(super) fn plan(sizes: &Sizes, needs: &Needs) -> (Plan, Regions) {
        let mut plan = Plan::new();
        let buffers = if sizes.streamed_point == 0 { 0 } else { sizes.terms.div_ceil(sizes.chunk).min(2) };
        let points = [0, 1].map(|i| (i < buffers).then(|| plan.public(sizes.chunk * sizes.streamed_point)));
        let upper = needs.heads.div_ceil(FOLD) + SEGMENTS;
        let mut secret = |count: usize, bytes: usize| plan.secret(count.saturating_mul(bytes));
        let regions = Regions {
            scalars: secret(sizes.terms, 32),
            terms: secret(sizes.terms, 4),
            tiles: secret(2 * sizes.terms.div_ceil(TILE), 4),
            summary: secret(3, 4),
            points,
            keys: [secret(needs.entries, 4), secret(needs.entries, 4)],
            values: [secret(needs.entries, 4), secret(needs.entries, 4)],
            counts: secret(needs.counts, 4),
            totals: secret(needs.totals, 4),
            buckets: secret(needs.buckets, sizes.xyzz),
            unit: secret(1, sizes.xyzz),
            heads: [secret(needs.heads, sizes.xyzz), secret(upper, sizes.xyzz)],
            head_keys: [secret(needs.heads, 4), secret(upper, 4)],
            sums: [
                secret(needs.strips + SEGMENTS, sizes.xyzz),
                secret(needs.strips / 256 + 2 * SEGMENTS, sizes.xyzz),
            ],
        };
        (plan, regions)
    }
}
