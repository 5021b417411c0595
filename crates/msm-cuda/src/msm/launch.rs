//! The kernels of `cuda/msm` with the types of their arguments, on the regions of one MSM.

use super::{
    plan::{FOLD, Problem, SORT_TILE, SUM_BLOCK, Shape, TILE, share, strip},
    points::{DevicePoint, xyzz_bytes},
    regions::Regions,
};
use crate::{
    device::{Args, DevicePtr, Launch, Transfer},
    memory::{Lease, Region},
};
use core::marker::PhantomData;
use forebay_msm::BackendError;

/// Threads of a block of most kernels.
const THREADS: usize = 256;
/// Threads of a block of kernels on points (cuda/msm/points.cuh).
const POINT_THREADS: usize = 128;
/// Threads of a block of the final sums.
const SUM_THREADS: u32 = 64;

/// What the digits' kernel takes by value.
#[derive(Clone, Copy)]
#[repr(C)]
struct Windows {
    width: u32,
    count: u32,
    segments: u32,
    copies: u32,
    points: u32,
    first: u32,
}

/// Points on the device: those of a chunk, or all.
#[derive(Clone, Copy)]
pub(super) struct PointsAt {
    pub(super) ptr: DevicePtr,
    /// Points in one copy of a table.
    pub(super) copy: usize,
    /// The term that the first of them belongs to.
    pub(super) first: usize,
}

/// A run of the list of terms.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) start: usize,
    pub(super) count: usize,
}

/// The launches of one MSM, in its stream's order.
pub(super) struct Launches<'l, 'a, A> {
    pub(super) lease: &'l Lease<'a>,
    pub(super) regions: &'l Regions,
    pub(super) problem: Problem,
    pub(super) point: PhantomData<A>,
}

fn grid(work: usize, threads: usize, rows: usize) -> Launch {
    let blocks = u32::try_from(work.div_ceil(threads)).unwrap_or(u32::MAX);
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    Launch { grid: [blocks, rows, 1], block: [threads as u32, 1, 1], shared: 0 }
}

impl<A: DevicePoint> Launches<'_, '_, A> {
    fn ptr(&self, region: Region) -> DevicePtr {
        self.lease.ptr(region)
    }

    /// Launches a kernel. What it touches are regions of the lease, planned for at least the sizes given to it, and points
    /// that the caller keeps until the stream is synchronized.
    fn run(&self, kernel: &str, shape: Launch, mut args: Args) -> Result<(), BackendError> {
        // SAFETY: as said; the signatures are those of cuda/msm, and the tests compare results of each kernel.
        unsafe { self.lease.device().launch(self.lease.stream().id(), kernel, shape, &mut args)? };
        Ok(())
    }

    pub(super) fn zero(&self, region: Region, bytes: usize) -> Result<(), BackendError> {
        assert!(bytes <= region.bytes(), "a region holds what was planned");
        // The region is the lease's and large enough.
        let what = Transfer::Fill { to: self.ptr(region), value: 0, bytes };
        // SAFETY: as said.
        unsafe { self.lease.device().transfer(self.lease.stream().id(), what)? };
        Ok(())
    }

    /// Counts tail and units per tile, scans the counts, and lists the terms.
    pub(super) fn classify(&self, n: usize) -> Result<(), BackendError> {
        let tiles = n.div_ceil(TILE);
        let (scalars, counts) = (self.ptr(self.regions.scalars), self.ptr(self.regions.tiles));
        let summary = self.ptr(self.regions.summary);
        self.zero(self.regions.summary, 12)?;
        let args = Args::new().ptr(scalars).u32(n as u32).ptr(counts).ptr(summary.offset(8));
        self.run(&format!("msm_classify_{}", A::CURVE), Launch::linear(tiles, THREADS as u32), args)?;
        self.scan(counts, tiles, 2, summary)?;
        let args =
            Args::new().ptr(scalars).u32(n as u32).ptr(counts).ptr(summary).ptr(self.ptr(self.regions.terms));
        self.run(&format!("msm_compact_{}", A::CURVE), Launch::linear(tiles, THREADS as u32), args)
    }

    /// Exclusive prefix sums of each row, and the rows' totals unless `totals` is null.
    fn scan(
        &self,
        data: DevicePtr,
        length: usize,
        rows: usize,
        totals: DevicePtr,
    ) -> Result<(), BackendError> {
        let args = Args::new().ptr(data).u32(length as u32).ptr(totals);
        // 8 items per thread and step; a short row does not wake a whole block.
        let threads = (length / 8).next_power_of_two().clamp(32, THREADS);
        self.run("msm_scan_rows", Launch::linear(rows, threads as u32), args)
    }

    /// Adds a run of the tail to the buckets; digits, sort, sums and heads.
    pub(super) fn add_tail(&self, shape: &Shape, terms: Terms, points: PointsAt) -> Result<(), BackendError> {
        if terms.count == 0 {
            return Ok(());
        }
        let windows = Windows {
            width: shape.width,
            count: shape.windows,
            segments: shape.segments,
            copies: shape.copies,
            points: points.copy as u32,
            first: points.first as u32,
        };
        let args = Args::new()
            .ptr(self.ptr(self.regions.scalars))
            .ptr(self.ptr(self.regions.terms).offset(4 * terms.start))
            .u32(terms.count as u32)
            .value(windows)
            .ptr(self.ptr(self.regions.keys[0]))
            .ptr(self.ptr(self.regions.values[0]));
        self.run(&format!("msm_digits_{}", A::CURVE), grid(terms.count, THREADS, 1), args)?;
        let length = terms.count * shape.copies as usize;
        let side = self.sort(shape, length)?;
        let entries = Entries {
            keys: self.ptr(self.regions.keys[side]),
            values: self.ptr(self.regions.values[side]),
            length,
            segments: shape.segments as usize,
            buckets: self.ptr(self.regions.buckets),
            row: shape.row(),
        };
        self.accumulate(&entries, points.ptr)
    }

    /// Adds a run of the units to their bucket: the list as it is, one bucket.
    pub(super) fn add_units(&self, terms: Terms, points: PointsAt) -> Result<(), BackendError> {
        if terms.count == 0 {
            return Ok(());
        }
        let values = self.ptr(self.regions.values[0]);
        let args = Args::new()
            .ptr(self.ptr(self.regions.terms).offset(4 * terms.start))
            .u32(terms.count as u32)
            .u32(points.first as u32)
            .ptr(values);
        self.run("msm_rebase", grid(terms.count, THREADS, 1), args)?;
        let buckets = self.ptr(self.regions.unit);
        let (keys, length) = (DevicePtr::NULL, terms.count);
        self.accumulate(&Entries { keys, values, length, segments: 1, buckets, row: 1 }, points.ptr)
    }

    /// Sorts every segment by key. Returns the side where the result is.
    fn sort(&self, shape: &Shape, length: usize) -> Result<usize, BackendError> {
        let (passes, bits) = shape.passes();
        let (segments, tiles) = (shape.segments as usize, length.div_ceil(SORT_TILE));
        let (counts, totals) = (self.ptr(self.regions.counts), self.ptr(self.regions.totals));
        let launch =
            Launch { grid: [tiles as u32, shape.segments, 1], block: [THREADS as u32, 1, 1], shared: 0 };
        for pass in 0..passes {
            let (from, to) = ((pass % 2) as usize, (1 - pass % 2) as usize);
            let keys = self.ptr(self.regions.keys[from]);
            let of_keys = |args: Args| args.u32(length as u32).u32(pass * bits).u32(bits);
            self.run(
                "msm_sort_count",
                launch.with_shared(4 << bits),
                of_keys(Args::new().ptr(keys)).ptr(counts),
            )?;
            self.scan(counts, tiles, segments << bits, totals)?;
            self.scan(totals, 1 << bits, segments, DevicePtr::NULL)?;
            let args = of_keys(Args::new().ptr(keys).ptr(self.ptr(self.regions.values[from])))
                .ptr(counts)
                .ptr(totals)
                .ptr(self.ptr(self.regions.keys[to]))
                .ptr(self.ptr(self.regions.values[to]));
            self.run("msm_sort_scatter", launch.with_shared((THREADS / 32 * 4) << bits), args)?;
        }
        Ok((passes % 2) as usize)
    }

    /// Shares of the entries into buckets, then heads until none is left over.
    fn accumulate(&self, entries: &Entries, points: DevicePtr) -> Result<(), BackendError> {
        let Entries { keys, values, length, segments, buckets, row } = *entries;
        let by = share(length, segments, &self.problem);
        let (heads, head_keys) = (self.regions.heads, self.regions.head_keys);
        let mut left = length.div_ceil(by);
        let args = Args::new().ptr(points).ptr(keys).ptr(values).u32(length as u32).u32(by as u32);
        let args = args.ptr(buckets).u32(row as u32).ptr(self.ptr(heads[0])).ptr(self.ptr(head_keys[0]));
        self.run(&format!("msm_accumulate_{}", A::GROUP), grid(left, POINT_THREADS, segments), args)?;
        let mut from = 0;
        // A single share has no share before it, and so no head.
        while left > 1 {
            let next = left.div_ceil(FOLD);
            let args = Args::new()
                .ptr(self.ptr(heads[from]))
                .ptr(self.ptr(head_keys[from]))
                .u32(left as u32)
                .u32(FOLD as u32)
                .ptr(buckets)
                .u32(row as u32)
                .ptr(self.ptr(heads[1 - from]))
                .ptr(self.ptr(head_keys[1 - from]));
            self.run(&format!("msm_fold_{}", A::GROUP), grid(next, POINT_THREADS, segments), args)?;
            (left, from) = (next, 1 - from);
        }
        Ok(())
    }

    /// Σ b·bucket\[b\] of every segment. Returns the region that begins with one point per segment.
    pub(super) fn reduce(&self, shape: &Shape) -> Result<Region, BackendError> {
        let segments = shape.segments as usize;
        let by = strip(shape.row(), segments, &self.problem);
        let mut left = shape.row().div_ceil(by);
        let args = Args::new().ptr(self.ptr(self.regions.buckets)).u32(shape.row() as u32).u32(by as u32);
        let args = args.ptr(self.ptr(self.regions.sums[0]));
        self.run(&format!("msm_reduce_{}", A::GROUP), grid(left, POINT_THREADS, segments), args)?;
        let mut from = 0;
        while left > 1 {
            let next = left.div_ceil(SUM_BLOCK);
            let launch = Launch {
                grid: [next as u32, shape.segments, 1],
                block: [SUM_THREADS, 1, 1],
                shared: SUM_THREADS as usize / 2 * xyzz_bytes::<A>(),
            };
            let args = Args::new().ptr(self.ptr(self.regions.sums[from])).u32(left as u32);
            let args = args.ptr(self.ptr(self.regions.sums[1 - from]));
            self.run(&format!("msm_sum_{}", A::GROUP), launch, args)?;
            (left, from) = (next, 1 - from);
        }
        Ok(self.regions.sums[from])
    }
}

/// Entries of equally long segments, sorted by bucket; and the buckets.
struct Entries {
    keys: DevicePtr,
    values: DevicePtr,
    length: usize,
    segments: usize,
    buckets: DevicePtr,
    row: usize,
}
