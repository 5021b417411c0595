//! Copies to the device that run beside its work, through page-locked memory of the scheduler.
//!
//! A copy from pageable memory goes through buffers of the driver, at a part of the bus's speed, and the host waits. Here the
//! host copies pieces into the halves of a page-locked buffer in turn; a stream of its own takes each half to the device,
//! while the other one is filled and the kernels of what arrived before run. Events order the three: a half is filled again when
//! it has been read ([`Device::wait_on_host`]), work begins when its input has arrived (`Uploads::then`), and input is
//! overwritten when the work on it is done (`Uploads::after`).
//!
//! The buffer is wiped when the operation ends. Without one (none was given, or the scheduler has no pinned bytes left) the same
//! copies go from pageable memory: slower, and in the same order.

use crate::device::{Device, DevicePtr, Event, EventId, Stream, Transfer};
use core::marker::PhantomData;
use forebay_msm::BackendError;
use forebay_scheduler::{
    cancel::Wait,
    pinned::{PageLock, PinnedArena, PinnedBuffer, Refused},
};
use rayon::{ThreadPool, prelude::*};
use std::{ptr::NonNull, sync::Arc};

/// Bytes of a half. Derived, not measured: at 55 GB/s it takes 150 µs, beside which a launch or an event (some µs) is little,
/// and two of them are little beside what a proof holds.
const HALF: usize = 8 << 20;
/// Bytes that one task of the host's copy takes.
const TASK: usize = 1 << 20;
/// Halves begin at multiples of this.
const PAGE: usize = 4096;

/// Page-locked memory of a device's driver, for the scheduler's arena.
#[derive(Debug)]
pub struct HostPages(Arc<dyn Device>);

impl HostPages {
    /// Of this device.
    pub fn of(device: &Arc<dyn Device>) -> Arc<HostPages> {
        Arc::new(HostPages(Arc::clone(device)))
    }
}

// SAFETY: the device's promise for its page-locked memory is the same.
unsafe impl PageLock for HostPages {
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>, Refused> {
        self.0.alloc_pinned(bytes).map_err(|e| Refused { bytes, reason: e.to_string() })
    }

    unsafe fn free(&self, start: NonNull<u8>, _: usize) {
        // A device that is lost refuses, and its memory goes with the process.
        // SAFETY: the caller's promise.
        let _ = unsafe { self.0.free_pinned(start) };
    }
}

/// Where uploads find page-locked memory, and the threads that fill it.
#[derive(Clone, Debug)]
pub struct Staging {
    arena: PinnedArena,
    pool: Arc<ThreadPool>,
    half: usize,
}

impl Staging {
    /// Through buffers of this arena, filled by this pool.
    pub fn new(arena: PinnedArena, pool: Arc<ThreadPool>) -> Staging {
        Staging { arena, pool, half: HALF }
    }

    /// With halves of at most so many bytes, rounded up to pages: for tests and measurements.
    pub fn with_half(self, bytes: usize) -> Staging {
        Staging { half: bytes.next_multiple_of(PAGE).max(PAGE), ..self }
    }
}

/// The uploads of one operation. What is sent stays borrowed until this is dropped, which waits for the copies.
#[derive(Debug)]
pub struct Uploads<'s> {
    device: Arc<dyn Device>,
    // Dropped, and so synchronized, before the buffer.
    copies: Stream,
    pinned: Option<Halves>,
    sent: PhantomData<&'s [u8]>,
}

#[derive(Debug)]
struct Halves {
    buffer: PinnedBuffer,
    pool: Arc<ThreadPool>,
    size: usize,
    /// Behind the last copy out of each half.
    read: [Event; 2],
    next: usize,
}

impl<'s> Uploads<'s> {
    /// For slices of at most `largest` bytes.
    pub(crate) fn new(
        device: &Arc<dyn Device>,
        staging: Option<&Staging>,
        largest: usize,
    ) -> Result<Uploads<'s>, BackendError> {
        let copies = Stream::new(device)?;
        let mut pinned = None;
        if let Some(staging) = staging {
            let size = staging.half.min(largest.next_multiple_of(PAGE).max(PAGE));
            // One buffer for both: whoever has one half never waits for another.
            match staging.arena.take(2 * size, Wait::forever()) {
                Ok(buffer) => {
                    let (read, pool) =
                        ([Event::new(device)?, Event::new(device)?], Arc::clone(&staging.pool));
                    pinned = Some(Halves { buffer, pool, size, read, next: 0 });
                }
                Err(e) => tracing::debug!(%e, "copies go from pageable memory"),
            }
        }
        Ok(Uploads { device: Arc::clone(device), copies, pinned, sent: PhantomData })
    }

    /// Queues the copy of a slice.
    ///
    /// # Safety
    /// The device has the range until this is dropped.
    pub(crate) unsafe fn send(&mut self, to: DevicePtr, from: &'s [u8]) -> Result<(), BackendError> {
        let Some(halves) = &mut self.pinned else {
            let what = Transfer::Upload { to, from: from.as_ptr(), bytes: from.len() };
            // SAFETY: the caller's range; the slice is borrowed until the copies are waited for.
            unsafe { self.device.transfer(self.copies.id(), what)? };
            return Ok(());
        };
        for (i, piece) in from.chunks(halves.size).enumerate() {
            let (half, to) = (halves.next, to.offset(i * halves.size));
            // At once if it was never used.
            self.device.wait_on_host(halves.read[half].id())?;
            let from = halves.fill(half, piece)?;
            let what = Transfer::Upload { to, from, bytes: piece.len() };
            // SAFETY: the caller's range; the half is not written before the event behind this copy has happened.
            unsafe { self.device.transfer(self.copies.id(), what)? };
            self.device.record(halves.read[half].id(), self.copies.id())?;
            halves.next = 1 - half;
        }
        Ok(())
    }

    /// Puts an event behind what was sent so far.
    pub(crate) fn mark(&self, arrived: EventId) -> Result<(), BackendError> {
        Ok(self.device.record(arrived, self.copies.id())?)
    }

    /// Lets further work of `stream` wait for what was sent so far.
    pub(crate) fn then(&self, stream: &Stream, arrived: EventId) -> Result<(), BackendError> {
        self.mark(arrived)?;
        Ok(self.device.wait(stream.id(), arrived)?)
    }

    /// Lets further copies wait for an event of another stream.
    pub(crate) fn after(&self, event: EventId) -> Result<(), BackendError> {
        Ok(self.device.wait(self.copies.id(), event)?)
    }

    /// Waits for the copies so far.
    pub(crate) fn settle(&self) -> Result<(), BackendError> {
        Ok(self.copies.synchronize()?)
    }

    /// Waits for the copies, and ends the borrows.
    pub(crate) fn finish(self) -> Result<(), BackendError> {
        self.settle()
    }
}

impl Halves {
    /// Copies a piece into a half, and says where it is.
    fn fill(&mut self, half: usize, piece: &[u8]) -> Result<*const u8, BackendError> {
        let begin = half * self.size;
        let place = self.buffer.range_mut(begin..begin + piece.len());
        let place = place.ok_or_else(|| BackendError::bug("upload", "a piece is larger than a half"))?;
        let from = place.as_ptr();
        if piece.len() <= TASK {
            place.copy_from_slice(piece);
            return Ok(from);
        }
        let tasks = || {
            let pairs = place.par_chunks_mut(TASK).zip(piece.par_chunks(TASK));
            pairs.for_each(|(to, from)| to.copy_from_slice(from));
        };
        self.pool.install(tasks);
        Ok(from)
    }
}
