//! The points of an MSM, chunk after chunk: two buffers, filled in turn by copies that run beside the work on the other one.

use super::{Cut, DevicePoint, MsmBases, launch::PointsAt};
use crate::{
    device::Event,
    memory::{Lease, Region},
    staging::Uploads,
};
use forebay_msm::{BackendError, Bases};

/// Where the points of each chunk are, or how they get there.
pub(super) struct Chunks<'s, A> {
    pub(super) uploads: Uploads<'s>,
    /// Behind the scalars' copy.
    pub(super) scalars: Event,
    /// Of each buffer: behind the copy into it, and behind the work on it.
    pub(super) events: [(Event, Event); 2],
    bases: MsmBases<'s, A>,
    buffers: [Option<Region>; 2],
    /// Terms of each chunk.
    ranges: Vec<(usize, usize)>,
    /// The first term's place among the bases.
    first: usize,
    /// Chunks whose copies are queued.
    sent: usize,
}

impl<'s, A: DevicePoint> Chunks<'s, A> {
    pub(super) fn new(
        lease: &Lease<'_>,
        largest: usize,
        bases: MsmBases<'s, A>,
        cut: &Cut,
        first: usize,
    ) -> Result<Chunks<'s, A>, BackendError> {
        let event = || Event::new(lease.stream().device());
        Ok(Chunks {
            uploads: lease.uploads(largest)?,
            scalars: event()?,
            events: [(event()?, event()?), (event()?, event()?)],
            bases,
            buffers: cut.regions.points,
            ranges: cut.chunks().collect(),
            first,
            sent: 0,
        })
    }

    /// Queues the copy of chunk `i`, once the work on the chunk before the last is done. Nothing if it was queued already, or
    /// the points are on the device.
    pub(super) fn send(&mut self, lease: &Lease<'_>, i: usize) -> Result<(), BackendError> {
        let MsmBases::Host(bases) = self.bases else { return Ok(()) };
        if i < self.sent {
            return Ok(());
        }
        let (buffer, bytes) = (self.buffer(i)?, self.bytes(bases, i));
        if i >= 2 {
            self.uploads.after(self.events[i % 2].1.id())?;
        }
        lease.send(&mut self.uploads, buffer, bytes)?;
        self.sent = i + 1;
        self.uploads.mark(self.events[i % 2].0.id())
    }

    /// Lets the lease's stream wait for chunk `i`, and says where it is.
    pub(super) fn arrived(&self, lease: &Lease<'_>, i: usize) -> Result<PointsAt, BackendError> {
        let (lo, hi) = self.ranges[i];
        match self.bases {
            MsmBases::Host(_) => {
                let arrived = self.events[i % 2].0.id();
                lease.device().wait(lease.stream().id(), arrived)?;
                Ok(PointsAt { ptr: lease.ptr(self.buffer(i)?), copy: hi - lo, first: lo })
            }
            MsmBases::Device(prepared) => {
                let ptr = prepared.memory.ptr().offset((self.first + lo) * A::BYTES);
                Ok(PointsAt { ptr, copy: prepared.points, first: lo })
            }
        }
    }

    fn buffer(&self, i: usize) -> Result<Region, BackendError> {
        self.buffers[i % 2].ok_or_else(|| BackendError::bug("msm", "no buffer for points"))
    }

    fn bytes(&self, bases: Bases<'s, A>, i: usize) -> &'s [u8] {
        let (lo, hi) = self.ranges[i];
        bases.slice(self.first + lo..self.first + hi).as_bytes()
    }
}
