//! Points that stay on the device, with multiples of each where memory allows.

use super::{
    plan::{Problem, Table, Tuning, choose},
    points::DevicePoint,
};
use crate::device::{Args, Device, DeviceMemory, Launch, Stream};
use core::marker::PhantomData;
use ff::PrimeField;
use forebay_msm::{BackendError, Bases, ErrorClass};
use forebay_scheduler::budget::Reservation;
use std::sync::Arc;

/// Threads of a block of the kernel that computes multiples.
const THREADS: usize = 128;

/// Points in device memory of their own. With k copies, copy i holds 2^(i·s)·P for s bits, so that an MSM has a k-th of
/// the windows' buckets to reduce.
#[derive(Debug)]
pub struct PreparedBases<A> {
    pub(super) memory: DeviceMemory,
    pub(super) points: usize,
    pub(super) table: Option<Table>,
    point: PhantomData<A>,
    /// Given back after the memory.
    _reservation: Option<Reservation>,
}

impl<A: DevicePoint> PreparedBases<A> {
    /// Copies the points to the device, and as many multiples as `budget` bytes of device memory hold and an MSM of all
    /// points can use. Checked before anything is allocated.
    ///
    /// # Errors
    /// Out of memory if the budget does not hold the points themselves, or the device does not have it.
    pub fn new(
        device: &Arc<dyn Device>,
        bases: Bases<'_, A>,
        budget: usize,
        tuning: Tuning,
    ) -> Result<PreparedBases<A>, BackendError> {
        Self::within(device, bases, budget, tuning, |_| Ok(None))
    }

    /// The same, with the bytes reserved first.
    pub(crate) fn within(
        device: &Arc<dyn Device>,
        bases: Bases<'_, A>,
        budget: usize,
        tuning: Tuning,
        reserve: impl FnOnce(usize) -> Result<Option<Reservation>, BackendError>,
    ) -> Result<PreparedBases<A>, BackendError> {
        let points = bases.len();
        let one = points.saturating_mul(A::BYTES);
        if one > budget {
            let detail = format!("{one} bytes of points, the budget is {budget}");
            return Err(BackendError::new(ErrorClass::OutOfMemory, "preparing points", detail));
        }
        let table =
            table_for::<A>(points, budget / one.max(1), device.properties().multiprocessors as usize, tuning);
        let copies = table.map_or(1, |t| t.copies as usize);
        let reservation = reserve(one * copies)?;
        let memory = DeviceMemory::new(device, one * copies)?;
        let stream = Stream::new(device)?;
        memory.upload(&stream, 0, bases.as_bytes())?;
        for copy in 1..copies {
            let Some(table) = table else { break };
            let mut args = Args::new()
                .ptr(memory.ptr().offset(one * (copy - 1)))
                .u32(points as u32)
                .u32(table.width * table.segments)
                .ptr(memory.ptr().offset(one * copy));
            let launch = Launch::linear(points.div_ceil(THREADS), THREADS as u32);
            // SAFETY: both copies are in `memory`, which outlives the stream.
            unsafe { device.launch(stream.id(), &format!("msm_multiples_{}", A::GROUP), launch, &mut args)? };
        }
        stream.synchronize()?;
        Ok(PreparedBases { memory, points, table, point: PhantomData, _reservation: reservation })
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.points
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.points == 0
    }

    /// Copies of the points in the table.
    pub fn copies(&self) -> usize {
        self.table.map_or(1, |t| t.copies as usize)
    }

    /// Bytes of device memory.
    pub fn bytes(&self) -> usize {
        self.memory.len()
    }
}

/// The table of at most `copies` copies whose MSM the model finds cheapest.
fn table_for<A: DevicePoint>(
    points: usize,
    copies: usize,
    multiprocessors: usize,
    tuning: Tuning,
) -> Option<Table> {
    let bits = A::Scalar::NUM_BITS - 1;
    // A value is 31 bits of an index and a sign.
    let copies = copies.min((1 << 31) / points.max(1));
    let tables = (4..=22u32).filter(|w| tuning.width.is_none_or(|t| t == *w)).map(|width| {
        let windows = (bits + 1).div_ceil(width);
        let segments = windows.div_ceil(copies.min(windows as usize) as u32);
        Table { width, segments, copies: windows.div_ceil(segments) }
    });
    let cheapest = tables.filter(|t| t.copies > 1).min_by_key(|table| {
        let table = Some(*table);
        let problem = Problem {
            terms: points,
            chunk: points,
            units: points,
            chunks: 1,
            bits,
            multiprocessors,
            table,
            tuning,
        };
        choose(&problem, |_| true).map_or(usize::MAX, |shape| shape.cost(&problem))
    });
    cheapest.filter(|_| points > 0)
}
