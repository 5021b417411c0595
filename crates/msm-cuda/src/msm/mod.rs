//! Multi-scalar multiplication on a device: Pippenger's bucket method with signed digits.
//!
//! Scalars are classified and cut into digits on the device, sorted by bucket there, and added up in equal shares
//! (cuda/msm/points.cuh). Zeros cost nothing, ±1 an addition each. Points lie on the device ([`PreparedBases`], with a
//! table of multiples where memory allows) or are copied in chunks, the next one while the one before is computed with.
//! The host puts the windows' sums together. Cost: one mixed addition of 8M + 2S per term and window, and two full ones
//! per bucket.
//!
//! All memory is planned from the arena's budget first. Variable time; the regions that hold something of the scalars are
//! wiped. N. Pippenger, "On the evaluation of powers and related problems", FOCS 1976.

mod chunks;
mod launch;
mod plan;
mod points;
mod prepared;
mod regions;

pub use plan::Tuning;
pub use points::DevicePoint;
pub use prepared::PreparedBases;

use crate::{
    device::Stream,
    memory::{Arena, Lease, Plan},
    ntt::bytes_of,
};
use chunks::Chunks;
use core::{cell::Cell, marker::PhantomData};
use ff::PrimeField;
use forebay_msm::{BackendError, Bases, ErrorClass, backend::same_length};
use group::Group;
use launch::{Launches, Terms};
use plan::{Problem, Shape, TILE, choose};
use points::{combine, from_xyzz, xyzz_bytes};
use regions::{Regions, Sizes};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The most terms of one run: an index and a sign fit into a word, also with the offset of a chunk.
const MOST_TERMS: usize = 1 << 30;

/// Where the points are.
#[derive(Debug)]
pub enum MsmBases<'a, A> {
    /// In host memory, to be copied in chunks.
    Host(Bases<'a, A>),
    /// On the device.
    Device(&'a PreparedBases<A>),
}

impl<A> Clone for MsmBases<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A> Copy for MsmBases<'_, A> {}

impl<A: DevicePoint> MsmBases<'_, A> {
    fn len(&self) -> usize {
        match self {
            MsmBases::Host(bases) => bases.len(),
            MsmBases::Device(prepared) => prepared.points,
        }
    }
}

/// Σ scalars\[i\]·bases\[i\], with the arena's memory, on its device.
///
/// # Errors
/// A bug if the lengths differ; out of memory, before anything was launched, if the arena does not hold the smallest plan;
/// and what the device reports.
pub fn msm<A: DevicePoint>(
    operation: &'static str,
    arena: &mut Arena,
    stream: &Stream,
    bases: MsmBases<'_, A>,
    scalars: &[A::Scalar],
    tuning: Tuning,
) -> Result<A::Curve, BackendError> {
    same_length(operation, "scalars", scalars.len(), bases.len())?;
    Call { operation, bases, tuning, clock: None }.run(arena, stream, 0, scalars)
}

/// As [`msm`], and the time from when the scalars are on the device to the sum on the host.
pub(crate) fn timed<A: DevicePoint>(
    operation: &'static str,
    arena: &mut Arena,
    stream: &Stream,
    bases: MsmBases<'_, A>,
    scalars: &[A::Scalar],
    tuning: Tuning,
) -> Result<(A::Curve, Duration), BackendError> {
    same_length(operation, "scalars", scalars.len(), bases.len())?;
    let clock = Cell::new(Duration::ZERO);
    let sum = Call { operation, bases, tuning, clock: Some(&clock) }.run(arena, stream, 0, scalars)?;
    Ok((sum, clock.get()))
}

struct Call<'a, A> {
    operation: &'static str,
    bases: MsmBases<'a, A>,
    tuning: Tuning,
    /// Where the time without the scalars' copy is added up, if it is wanted.
    clock: Option<&'a Cell<Duration>>,
}

/// A plan that fits the budget.
struct Cut {
    problem: Problem,
    sizes: Sizes,
    plan: Plan,
    regions: Regions,
    room: plan::Needs,
}

/// What the classification found: how many terms of each kind come before each tile.
struct Classified {
    tails: Zeroizing<Vec<u32>>,
    units: Zeroizing<Vec<u32>>,
    bits: u32,
}

impl<A: DevicePoint> Call<'_, A> {
    /// The terms from `first` on. Those that do not fit as a whole are halved: their scalars stay on the device all along.
    fn run(
        &self,
        arena: &mut Arena,
        stream: &Stream,
        first: usize,
        scalars: &[A::Scalar],
    ) -> Result<A::Curve, BackendError> {
        if scalars.is_empty() {
            return Ok(A::Curve::identity());
        }
        let multiprocessors = stream.device().properties().multiprocessors as usize;
        let Some(cut) = self.cut(arena.budget(), multiprocessors, scalars.len()) else {
            if scalars.len() > TILE {
                let (low, high) = scalars.split_at(scalars.len() / 2);
                return Ok(self.run(arena, stream, first, low)?
                    + self.run(arena, stream, first + low.len(), high)?);
            }
            let detail = format!("{} terms do not fit into {} bytes", scalars.len(), arena.budget());
            return Err(BackendError::new(ErrorClass::OutOfMemory, self.operation, detail));
        };
        let lease = arena.begin(self.operation, &cut.plan, stream)?;
        let sum = self.launch(&lease, &cut, first, scalars)?;
        lease.finish()?;
        Ok(sum)
    }

    /// The largest chunk for which some width fits the budget, as if every scalar were a full one.
    fn cut(&self, budget: usize, multiprocessors: usize, terms: usize) -> Option<Cut> {
        let (streamed_point, table) = match self.bases {
            MsmBases::Host(_) => (A::BYTES, None),
            MsmBases::Device(prepared) => (0, prepared.table),
        };
        let all = terms.next_multiple_of(TILE);
        let mut chunk = self.tuning.chunk.map_or(all, |c| c.clamp(1, all).next_multiple_of(TILE));
        if terms > MOST_TERMS {
            return None;
        }
        loop {
            let chunks = terms.div_ceil(chunk);
            let problem = Problem {
                terms,
                chunk: chunk.min(terms),
                units: chunk.min(terms),
                chunks,
                bits: A::Scalar::NUM_BITS - 1,
                multiprocessors,
                table,
                tuning: self.tuning,
            };
            let sizes = Sizes { terms, chunk, streamed_point, xyzz: xyzz_bytes::<A>() };
            let fits = |needs: &plan::Needs| Regions::plan(&sizes, needs).0.bytes() <= budget;
            if let Some(shape) = choose(&problem, fits) {
                let room = shape.needs(problem.chunk, &problem);
                let (plan, regions) = Regions::plan(&sizes, &room);
                return Some(Cut { problem, sizes, plan, regions, room });
            }
            if chunk == TILE {
                return None;
            }
            chunk = (chunk / 2).next_multiple_of(TILE);
        }
    }

    fn launch(
        &self,
        lease: &Lease<'_>,
        cut: &Cut,
        first: usize,
        scalars: &[A::Scalar],
    ) -> Result<A::Curve, BackendError> {
        let launches =
            Launches::<A> { lease, regions: &cut.regions, problem: cut.problem, point: PhantomData };
        let largest = size_of_val(scalars).max(cut.sizes.chunk * cut.sizes.streamed_point);
        let mut chunks = Chunks::new(lease, largest, self.bases, cut, first)?;
        lease.send(&mut chunks.uploads, cut.regions.scalars, bytes_of(scalars))?;
        chunks.uploads.then(lease.stream(), chunks.scalars.id())?;
        if self.clock.is_some() {
            chunks.uploads.settle()?;
        }
        let began = Instant::now();
        launches.classify(scalars.len())?;
        // On its way while the scalars are classified.
        chunks.send(lease, 0)?;
        let classified = self.classified(lease, cut, scalars.len())?;
        // What is known now may be much less than what was planned for.
        let widest =
            |counts: &[u32]| cut.chunks().map(|(lo, hi)| between(counts, lo, hi).count).max().unwrap_or(0);
        let known = Problem {
            terms: classified.tails.last().map_or(0, |n| *n as usize),
            chunk: widest(&classified.tails),
            units: widest(&classified.units),
            bits: classified.bits,
            ..cut.problem
        };
        let shape = choose(&known, |needs| needs.within(&cut.room))
            .ok_or_else(|| BackendError::bug(self.operation, "no cut fits what was planned"))?;
        let launches = Launches { problem: known, ..launches };
        launches.zero(cut.regions.buckets, shape.segments as usize * shape.row() * cut.sizes.xyzz)?;
        launches.zero(cut.regions.unit, cut.sizes.xyzz)?;
        self.add_chunks(&launches, cut, &shape, &classified, chunks)?;
        let sum = self.collect(&launches, cut, &shape)?;
        if let Some(clock) = self.clock {
            clock.set(clock.get() + began.elapsed());
        }
        Ok(sum)
    }

    /// Reads the summary and the scanned counts back.
    fn classified(&self, lease: &Lease<'_>, cut: &Cut, terms: usize) -> Result<Classified, BackendError> {
        let tiles = terms.div_ceil(TILE);
        let mut bytes = Zeroizing::new(vec![0u8; 8 * tiles]);
        let mut summary = Zeroizing::new([0u8; 12]);
        lease.download(cut.regions.tiles, 0, &mut bytes)?;
        lease.download(cut.regions.summary, 0, &mut summary[..])?;
        let [tail, units, bits] =
            [0, 4, 8].map(|at| u32::from_le_bytes([0, 1, 2, 3].map(|i| summary[at + i])));
        let counts = |bytes: &[u8], total: u32| {
            let words = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            Zeroizing::new(words.chain([total]).collect::<Vec<u32>>())
        };
        let (tails, units) = (counts(&bytes[..4 * tiles], tail), counts(&bytes[4 * tiles..], units));
        // A device that computes wrongly must not make the host launch on what is not there.
        let sound = |counts: &[u32]| {
            counts[0] == 0 && counts.windows(2).all(|w| w[0] <= w[1] && w[1] - w[0] <= TILE as u32)
        };
        let most = u64::from(tail) + u64::from(*units.last().unwrap_or(&0));
        if sound(&tails) && sound(&units) && most <= terms as u64 && bits < A::Scalar::NUM_BITS {
            return Ok(Classified { tails, units, bits });
        }
        Err(BackendError::new(ErrorClass::Retryable, self.operation, "the device miscounted the scalars"))
    }

    /// Chunk after chunk, the next one on its way while one is computed with.
    fn add_chunks(
        &self,
        launches: &Launches<'_, '_, A>,
        cut: &Cut,
        shape: &Shape,
        classified: &Classified,
        mut chunks: Chunks<'_, A>,
    ) -> Result<(), BackendError> {
        let compute = launches.lease.stream();
        let all_tails = classified.tails.last().map_or(0, |n| *n as usize);
        for (i, (lo, hi)) in cut.chunks().enumerate() {
            chunks.send(launches.lease, i)?;
            let points = chunks.arrived(launches.lease, i)?;
            launches.add_tail(shape, between(&classified.tails, lo, hi), points)?;
            let units = between(&classified.units, lo, hi);
            launches.add_units(Terms { start: all_tails + units.start, ..units }, points)?;
            compute.device().record(chunks.events[i % 2].1.id(), compute.id())?;
        }
        chunks.uploads.finish()
    }

    fn collect(
        &self,
        launches: &Launches<'_, '_, A>,
        cut: &Cut,
        shape: &Shape,
    ) -> Result<A::Curve, BackendError> {
        let (xyzz, segments) = (cut.sizes.xyzz, shape.segments as usize);
        let sums = launches.reduce(shape)?;
        let mut bytes = Zeroizing::new(vec![0u8; xyzz * (segments + 1)]);
        launches.lease.download(sums, 0, &mut bytes[..xyzz * segments])?;
        launches.lease.download(cut.regions.unit, 0, &mut bytes[xyzz * segments..])?;
        let (windows, unit) = bytes.split_at(xyzz * segments);
        Ok(combine::<A>(windows, shape.width) + from_xyzz::<A>(unit))
    }
}

impl Cut {
    /// The chunks' ranges of terms.
    fn chunks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Sizes { terms, chunk, .. } = self.sizes;
        (0..terms).step_by(chunk).map(move |lo| (lo, (lo + chunk).min(terms)))
    }
}

/// The run of a list that belongs to the terms `lo..hi`; `lo` begins a tile, and `hi` ends one or is the end.
fn between(counts: &[u32], lo: usize, hi: usize) -> Terms {
    let [start, end] = [lo / TILE, hi.div_ceil(TILE)].map(|tile| counts.get(tile).map_or(0, |n| *n as usize));
    Terms { start, count: end - start }
}
