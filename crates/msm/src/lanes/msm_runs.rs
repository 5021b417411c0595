//! Sums of runs of points, eight runs of one length side by side.
//!
//! Runs are cut into segments, which are ordered by length. Eight segments of equal length are a group: block j holds
//! the j-th point of each, so that adding block j + h to block j for all j below h halves the length of all eight
//! without moving a lane. Lanes that are left over repeat a segment.
//!
//! A round does this for all groups in the second-level cache, at whatever length each has arrived, with one inversion;
//! groups that are done make room for the next, so that rounds stay long. Every addition of a round is independent of
//! the others, however the points are spread over runs: one run with all points is cut into segments whose sums are a
//! run again.

use super::{
    eight::{Eight, Task},
    msm_field::LaneField,
    msm_rounds::{Block, Pair, Rounds},
    msm_table::{Record, Records, Source, wipe},
};
use core::arch::x86_64::{_MM_HINT_ET0, _MM_HINT_T0, _mm_prefetch};
use zeroize::Zeroizing;

/// A point of a table and its sign: `2·index + (1 if the point is to be negated)`.
pub(super) type Entry = u32;

/// The longest segment: 7 rounds, which bounds the growth of coordinates ([`super::field8`]) at 2^10·p.
const SEGMENT: usize = 128;

/// Bytes of blocks at once; products and denominators take half as much again.
const BLOCK_BYTES: usize = 384 << 10;

/// Entries `start..start + len`, whose sum goes to record `out`.
#[derive(Clone, Copy, Default)]
pub(super) struct Run {
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) out: u32,
}

/// Up to eight segments from `first` on, of which `len` blocks are left.
struct Group {
    first: usize,
    lanes: usize,
    len: usize,
}

/// Adds up runs, with its working memory (about 1.5 × [`BLOCK_BYTES`], wiped when dropped).
pub(super) struct Adder<L: LaneField> {
    rounds: Rounds<L>,
    pairs: Vec<Pair>,
    groups: Vec<Group>,
    /// The blocks of the groups, one group after the other.
    slots: Vec<u32>,
    /// The same after a round.
    halved: Vec<u32>,
    /// Blocks that are not in use.
    free: Vec<u32>,
    /// What is to be read into which block.
    gathered: Vec<(u32, [Entry; 8])>,
}

impl<L: LaneField> Drop for Adder<L> {
    fn drop(&mut self) {
        self.gathered.clear();
        wipe(self.gathered.spare_capacity_mut());
    }
}

impl<L: LaneField> Adder<L> {
    const BLOCKS: usize = max(BLOCK_BYTES / size_of::<Block<L>>(), SEGMENT);

    /// Bytes of an adder: blocks, what rounds remember of half as many, lists of a few words for each block.
    pub(super) const BYTES: usize = Self::BLOCKS * (2 * size_of::<Block<L>>() + 128);

    pub(super) fn new() -> Self {
        Adder {
            rounds: Rounds::new(Self::BLOCKS),
            pairs: Vec::with_capacity(Self::BLOCKS / 2),
            groups: Vec::with_capacity(Self::BLOCKS),
            slots: Vec::with_capacity(Self::BLOCKS),
            halved: Vec::with_capacity(Self::BLOCKS),
            free: (0..Self::BLOCKS as u32).collect(),
            gathered: Vec::with_capacity(Self::BLOCKS),
        }
    }

    /// out\[run.out\] ← the sum of the run, for all runs but empty ones. No entry names an infinity.
    ///
    /// # Safety
    /// The CPU has the features.
    pub(super) unsafe fn sum_runs<S: Source<L>>(
        &mut self,
        table: S,
        entries: &[Entry],
        runs: &[Run],
        out: &mut [Record<L>],
    ) {
        let mut long = Zeroizing::new(Vec::with_capacity(runs.len()));
        let mut short = Zeroizing::new(Vec::with_capacity(runs.len()));
        for run in runs {
            let list = if run.len as usize > SEGMENT { &mut long } else { &mut short };
            list.push(*run);
        }
        // SAFETY: the caller's promise.
        unsafe { self.sum_segments(table, entries, &Zeroizing::new(by_length(&short)), out) };
        if long.is_empty() {
            return;
        }
        let step = |run: &Run| (run.len as usize).div_ceil(8).clamp(2, SEGMENT); // eight pieces or more: no idle lanes
        let count = long.iter().map(|run| (run.len as usize).div_ceil(step(run))).sum();
        let mut pieces: Zeroizing<Vec<Run>> = Zeroizing::new(Vec::with_capacity(count));
        for run in long.iter() {
            let step = step(run);
            for start in (0..run.len).step_by(step) {
                let len = (run.len - start).min(step as u32);
                let out = pieces.len() as u32;
                pieces.push(Run { start: run.start + start, len, out });
            }
        }
        let mut partial = Records::infinities(pieces.len());
        // SAFETY: the caller's promise.
        unsafe { self.sum_segments(table, entries, &Zeroizing::new(by_length(&pieces)), &mut partial) };
        let mut entries: Zeroizing<Vec<Entry>> = Zeroizing::new(Vec::with_capacity(partial.len()));
        let mut runs = Zeroizing::new(Vec::with_capacity(long.len()));
        let mut piece = 0;
        for run in long.iter() {
            let start = entries.len();
            let end = piece + (run.len as usize).div_ceil(step(run));
            entries.extend((piece..end).filter(|i| !partial[*i].is_infinity()).map(|i| 2 * i as Entry));
            runs.push(Run { start: start as u32, len: (entries.len() - start) as u32, out: run.out });
            piece = end;
        }
        // SAFETY: the caller's promise.
        unsafe { self.sum_runs(&partial[..], &entries, &runs, out) }
    }

    /// Segments in order of length, the longest first, none empty or longer than [`SEGMENT`].
    unsafe fn sum_segments<S: Source<L>>(
        &mut self,
        table: S,
        entries: &[Entry],
        segments: &[Run],
        out: &mut [Record<L>],
    ) {
        // SAFETY: the caller's promise.
        unsafe { L::Lanes::run(Segments { adder: self, table, entries, segments, out }) }
    }

    /// Reads what is to be gathered.
    #[inline(always)]
    unsafe fn gather<S: Source<L>>(&mut self, table: S) {
        let blocks = &mut self.rounds.blocks[..];
        // SAFETY: the caller's features.
        unsafe { L::Lanes::run(Gather { table, entries: &self.gathered, blocks }) }
    }

    /// Makes groups of the segments from `next` on while there is room; where it stopped.
    fn fill(&mut self, entries: &[Entry], segments: &[Run], mut next: usize) -> usize {
        self.gathered.clear();
        while let Some(first) = segments.get(next) {
            let len = first.len as usize;
            let Some(rest) = self.free.len().checked_sub(len) else { break };
            let lanes = segments[next..].iter().take(8).take_while(|s| s.len == first.len).count();
            for segment in segments[next + lanes..].iter().take(8) {
                prefetch_entries(entries, segment);
            }
            let of_lane: [&[Entry]; 8] =
                core::array::from_fn(|lane| &entries[segments[next + lane % lanes].start as usize..][..len]);
            for (j, slot) in self.free.drain(rest..).enumerate() {
                self.slots.push(slot);
                self.gathered.push((slot, of_lane.map(|lane| lane[j])));
            }
            self.groups.push(Group { first: next, lanes, len });
            next += lanes;
        }
        next
    }

    /// Lists the additions of a round and what is in use after it.
    fn pair(&mut self) {
        self.pairs.clear();
        self.halved.clear();
        let mut slots = &self.slots[..];
        for group in &mut self.groups {
            let (of_group, rest) = slots.split_at(group.len);
            slots = rest;
            group.len = group.len.div_ceil(2);
            let (kept, added) = of_group.split_at(group.len);
            self.pairs.extend(kept.iter().zip(added).map(|(a, b)| [*a, *b]));
            self.halved.extend_from_slice(kept);
            self.free.extend_from_slice(added);
        }
        core::mem::swap(&mut self.slots, &mut self.halved);
    }

    /// Asks for the records of groups that are done after the round: segments in order of length have records anywhere.
    fn expect(&self, segments: &[Run], out: &[Record<L>]) {
        for group in self.groups.iter().filter(|group| group.len == 1) {
            for segment in &segments[group.first..][..group.lanes] {
                let start: *const u8 = out.as_ptr().wrapping_add(segment.out as usize).cast();
                for line in (0..size_of::<Record<L>>()).step_by(64) {
                    // SAFETY: a prefetch is a hint that never faults.
                    unsafe { _mm_prefetch::<_MM_HINT_ET0>(start.wrapping_add(line).cast()) };
                }
            }
        }
    }

    /// Takes out those of the first `added` groups that are done.
    #[inline(always)]
    unsafe fn finish(&mut self, added: usize, segments: &[Run], out: &mut [Record<L>]) {
        self.halved.clear();
        let mut slots = &self.slots[..];
        let mut at = 0;
        self.groups.retain(|group| {
            let (of_group, rest) = slots.split_at(group.len);
            slots = rest;
            at += 1;
            if group.len > 1 || at > added {
                self.halved.extend_from_slice(of_group);
                return true;
            }
            self.free.push(of_group[0]);
            let mut sums = [Record::INFINITY; 8];
            let block = &self.rounds.blocks[of_group[0] as usize];
            // SAFETY: the caller's features.
            unsafe { L::Lanes::run(Scatter { block, out: &mut sums }) };
            for (segment, sum) in segments[group.first..][..group.lanes].iter().zip(sums) {
                out[segment.out as usize] = sum;
            }
            false
        });
        core::mem::swap(&mut self.slots, &mut self.halved);
    }
}

/// [`Adder::sum_segments`].
struct Segments<'a, L: LaneField, S> {
    adder: &'a mut Adder<L>,
    table: S,
    entries: &'a [Entry],
    segments: &'a [Run],
    out: &'a mut [Record<L>],
}

impl<L: LaneField, S: Source<L>> Task for Segments<'_, L, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let Segments { adder, table, entries, segments, out } = self;
        adder.rounds.careful = false;
        let mut next = adder.fill(entries, segments, 0);
        // SAFETY: the caller's features.
        unsafe { adder.gather(table) };
        while !adder.groups.is_empty() {
            adder.pair();
            adder.expect(segments, out);
            // What comes next is chosen before the round, so that it arrives from memory during it.
            let added = adder.groups.len();
            next = adder.fill(entries, segments, next);
            let ahead = |i: usize, lane: usize| {
                if let Some((_, block)) = adder.gathered.get(i) {
                    table.prefetch((block[lane] >> 1) as usize);
                }
            };
            // SAFETY: the caller's features; every block is in one pair at most.
            unsafe { adder.rounds.add(&adder.pairs, ahead) };
            // SAFETY: the caller's features.
            unsafe {
                adder.finish(added, segments, out);
                adder.gather(table);
            }
            // Single points in all blocks leave no room before the round, and are all done after it.
            if adder.groups.is_empty() {
                next = adder.fill(entries, segments, next);
                // SAFETY: the caller's features.
                unsafe { adder.gather(table) };
            }
        }
    }
}

/// Asks the memory for the entries of a segment: segments in order of length lie anywhere.
#[inline(always)]
fn prefetch_entries(entries: &[Entry], segment: &Run) {
    let start = entries.as_ptr().wrapping_add(segment.start as usize);
    for entry in (0..segment.len as usize).step_by(16) {
        // SAFETY: a prefetch is a hint that never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(entry).cast()) };
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// The runs that are not empty, the longest first; none is longer than [`SEGMENT`].
fn by_length(runs: &[Run]) -> Vec<Run> {
    let mut starts = [0usize; SEGMENT + 2];
    for run in runs {
        starts[SEGMENT - run.len as usize + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut sorted = vec![Run::default(); starts[SEGMENT]];
    for run in runs.iter().filter(|run| run.len > 0) {
        let at = &mut starts[SEGMENT - run.len as usize];
        sorted[*at] = *run;
        *at += 1;
    }
    sorted
}

/// Reads the points of a list of blocks.
struct Gather<'a, L: LaneField, S> {
    table: S,
    entries: &'a [(u32, [Entry; 8])],
    blocks: &'a mut [Block<L>],
}

impl<L: LaneField, S: Source<L>> Task for Gather<'_, L, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        for (slot, block) in self.entries {
            let mut indices = [0; 8];
            let mut mask = 0;
            for (lane, entry) in block.iter().enumerate() {
                indices[lane] = (entry >> 1) as usize;
                mask |= ((entry & 1) as u8) << lane;
            }
            // SAFETY: the caller's features.
            unsafe { self.table.read(indices, mask, &mut self.blocks[*slot as usize]) };
        }
    }
}

/// A block's points as records.
struct Scatter<'a, L: LaneField> {
    block: &'a Block<L>,
    out: &'a mut [Record<L>; 8],
}

impl<L: LaneField> Task for Scatter<'_, L> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let Scatter { block, out } = self;
        // SAFETY: the caller's features; the pointers are of records.
        unsafe {
            let infinite = L::all_zero(&block.x) & L::all_zero(&block.y);
            let (x, y) = (L::clear(infinite, &L::narrow(&block.x)), L::clear(infinite, &L::narrow(&block.y)));
            L::store(&x, out.each_mut().map(|r| &raw mut r.x), 8);
            L::store(&y, out.each_mut().map(|r| &raw mut r.y), 8);
        }
    }
}

impl zeroize::DefaultIsZeroes for Run {}
