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

mod launch;
mod plan;
mod points;
mod prepared;
mod regions;

pub use plan::Tuning;
pub use points::DevicePoint;
pub use prepared::PreparedBases;

use crate::{
    device::{Event, Stream},
    memory::{Arena, Lease, Plan},
};
use core::marker::PhantomData;
use ff::PrimeField;
use forebay_msm::{BackendError, Bases, ErrorClass, field::as_limbs};
use group::Group;
use launch::{Launches, PointsAt, Terms};
use plan::{Problem, Shape, TILE, choose};
use points::{combine, from_xyzz, xyzz_bytes};
use regions::{Regions, Sizes};
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
    if bases.len() != scalars.len() {
        let detail = format!("scalars: {} values, not {}", scalars.len(), bases.len());
        return Err(BackendError::bug(operation, detail));
    }
    Call { operation, bases, tuning }.run(arena, stream, 0, scalars)
}

struct Call<'a, A> {
    operation: &'static str,
    bases: MsmBases<'a, A>,
    tuning: Tuning,
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
        lease.upload(cut.regions.scalars, 0, bytes_of(scalars))?;
        launches.classify(scalars.len())?;
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
        self.add_chunks(&launches, cut, &shape, &classified, first)?;
        self.collect(&launches, cut, &shape)
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

    /// Chunk after chunk. Points are copied on a stream of their own into one of two buffers, once the chunk before the
    /// last has been computed with.
    fn add_chunks(
        &self,
        launches: &Launches<'_, '_, A>,
        cut: &Cut,
        shape: &Shape,
        classified: &Classified,
        first: usize,
    ) -> Result<(), BackendError> {
        let (device, compute) = (launches.lease.stream().device(), launches.lease.stream());
        // Dropped, and so synchronized, before the lease and the borrow of the bases end.
        let copies = Stream::new(device)?;
        let events = [(Event::new(device)?, Event::new(device)?), (Event::new(device)?, Event::new(device)?)];
        let all_tails = classified.tails.last().map_or(0, |n| *n as usize);
        for (i, (lo, hi)) in cut.chunks().enumerate() {
            let (copied, computed) = &events[i % 2];
            let points = match (self.bases, cut.regions.points[i % 2]) {
                (MsmBases::Host(bases), Some(buffer)) => {
                    let bytes = bases.slice(first + lo..first + hi).as_bytes();
                    assert!(bytes.len() <= buffer.bytes(), "a buffer holds a chunk");
                    if i >= 2 {
                        device.wait(copies.id(), computed.id())?;
                    }
                    let ptr = launches.lease.ptr(buffer);
                    // SAFETY: the buffer holds the chunk; the bases are borrowed until `copies` is synchronized.
                    unsafe { device.upload(copies.id(), ptr, bytes.as_ptr(), bytes.len())? };
                    device.record(copied.id(), copies.id())?;
                    device.wait(compute.id(), copied.id())?;
                    PointsAt { ptr, copy: hi - lo, first: lo }
                }
                (MsmBases::Device(prepared), _) => {
                    let ptr = prepared.memory.ptr().offset((first + lo) * A::BYTES);
                    PointsAt { ptr, copy: prepared.points, first: lo }
                }
                (MsmBases::Host(_), None) => {
                    return Err(BackendError::bug(self.operation, "no buffer for points"));
                }
            };
            launches.add_tail(shape, between(&classified.tails, lo, hi), points)?;
            let units = between(&classified.units, lo, hi);
            launches.add_units(Terms { start: all_tails + units.start, ..units }, points)?;
            device.record(computed.id(), compute.id())?;
        }
        copies.synchronize()?;
        Ok(())
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

fn bytes_of<F: forebay_msm::ScalarField>(scalars: &[F]) -> &[u8] {
    let limbs = as_limbs(scalars);
    // SAFETY: the bytes of plain integers.
    unsafe { core::slice::from_raw_parts(limbs.as_ptr().cast(), size_of_val(limbs)) }
}
