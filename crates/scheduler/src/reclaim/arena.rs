//! Size-class arenas over memory maps.

use super::buffer::Buffer;
use super::classes::class_size;
use super::memory::Region;
use super::queue::Queue;
use super::thread::{Task, perform};
use super::{Mode, Options};
use crate::sync::{Condvar, Mutex};
use core::ptr::NonNull;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;

/// Why there is no buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArenaError {
    /// The system has no memory (or no address space) for it.
    #[error("no memory for a buffer of {bytes} bytes")]
    NoMemory {
        /// What was asked for.
        bytes: usize,
    },
    /// A pointer was given back that is not out, or with another size than it was taken with.
    #[error("a buffer was given back that this arena did not hand out with that size")]
    NotOurs,
}

/// What an arena has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes that are mapped.
    pub mapped: u64,
    /// The most that were.
    pub peak_mapped: u64,
    /// Bytes of buffers that are out, as they were asked for.
    pub live: u64,
    /// The most that were.
    pub peak_live: u64,
    /// Buffers that are out.
    pub buffers: u64,
    /// Maps made.
    pub maps: u64,
    /// Regions unmapped.
    pub unmaps: u64,
    /// Buffers served from a free list.
    pub reuses: u64,
    /// Bytes overwritten because they were secret.
    pub wiped: u64,
    /// Givers that found the queue full and waited.
    pub blocked: u64,
}

/// The arena. Clones are one arena.
#[derive(Clone, Debug)]
pub struct Arena {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    options: Options,
    store: Mutex<Store>,
    queue: Queue<Task>,
    /// Tasks sent and not yet done, for [`Arena::settle`].
    pending: Mutex<u64>,
    settled: Condvar,
    /// In mode [`Mode::Mutex`]: one unmapping at a time.
    one_at_a_time: std::sync::Mutex<()>,
    thread: OnceLock<ThreadId>,
}

#[derive(Default)]
struct Store {
    /// Regions by size; the last one in is the first one out, as it is the likeliest to be in a cache.
    free: BTreeMap<usize, Vec<Free>>,
    /// By address.
    out: HashMap<usize, Out>,
    closed: bool,
    counters: Counters,
}

/// A free region. Bytes from `dirty` on are zeros.
struct Free {
    region: Region,
    dirty: usize,
}

struct Out {
    region: Region,
    bytes: usize,
    dirty: usize,
}

/// A region on its way back.
pub(super) struct Returned {
    region: Region,
    bytes: usize,
    dirty: usize,
    secret: bool,
}

impl Arena {
    pub(super) fn of(shared: Arc<Shared>) -> Self {
        Arena { shared }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A buffer of `bytes` bytes, aligned to [`ALIGN`](super::ALIGN) at least. Its contents are zeros if `zeroed`; else they
    /// are what a former owner left that was not secret.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn take(&self, bytes: usize, zeroed: bool) -> Result<Buffer, ArenaError> {
        let size = class_size(bytes).ok_or(ArenaError::NoMemory { bytes })?;
        let reused = self.shared.store.lock().pop(size);
        let Free { mut region, mut dirty } = match reused {
            Some(free) => free,
            None => self.shared.map(size).ok_or(ArenaError::NoMemory { bytes })?,
        };
        if zeroed && dirty > 0 {
            region.wipe(dirty);
            dirty = 0;
        }
        let start = region.start();
        let mut store = self.shared.store.lock();
        store.out.insert(start.as_ptr().addr(), Out { region, bytes, dirty });
        let counters = &mut store.counters;
        counters.buffers += 1;
        counters.live += bytes as u64;
        counters.peak_live = counters.peak_live.max(counters.live);
        drop(store);
        Ok(Buffer::new(self.clone(), start, bytes, false))
    }

    /// Gives back a buffer that was made raw. Secret ones are overwritten before anybody else gets them. Blocks while the
    /// reclaimer's queue is full.
    ///
    /// # Errors
    /// If this arena did not hand it out with this size, or it was given back already; nothing happens then.
    ///
    /// # Safety
    /// Nobody uses the memory any more.
    pub unsafe fn give(&self, start: NonNull<u8>, bytes: usize, secret: bool) -> Result<(), ArenaError> {
        let mut store = self.shared.store.lock();
        let address = start.as_ptr().addr();
        if store.out.get(&address).is_none_or(|out| out.bytes != bytes) {
            return Err(ArenaError::NotOurs);
        }
        let Some(Out { region, dirty, .. }) = store.out.remove(&address) else {
            return Err(ArenaError::NotOurs);
        };
        store.counters.buffers -= 1;
        store.counters.live -= bytes as u64;
        drop(store);
        self.shared.give_back(Returned { region, bytes, dirty, secret });
        Ok(())
    }

    /// Owns a raw buffer again.
    ///
    /// # Errors
    /// If this arena did not hand it out with this size.
    ///
    /// # Safety
    /// It came from [`Buffer::into_raw`], and nobody else gives it back.
    pub unsafe fn from_raw(
        &self,
        start: NonNull<u8>,
        bytes: usize,
        secret: bool,
    ) -> Result<Buffer, ArenaError> {
        match self.shared.store.lock().out.get(&start.as_ptr().addr()) {
            Some(out) if out.bytes == bytes => Ok(Buffer::new(self.clone(), start, bytes, secret)),
            _ => Err(ArenaError::NotOurs),
        }
    }

    /// Unmaps free regions, the biggest first, until at least `bytes` bytes are unmapped or none is free. Returns how many
    /// bytes were.
    pub fn trim(&self, bytes: usize) -> usize {
        let mut victims = Vec::new();
        let mut trimmed = 0usize;
        let mut store = self.shared.store.lock();
        while trimmed < bytes {
            let Some(size) = store.free.keys().next_back().copied() else { break };
            victims.extend(store.pop_unused(size));
            trimmed += size;
        }
        store.unmapped(victims.len() as u64, trimmed as u64);
        drop(store);
        drop(victims);
        trimmed
    }

    /// Waits until everything that was given back before is on the free lists.
    pub fn settle(&self) {
        let mut pending = self.shared.pending.lock();
        while *pending > 0 {
            pending = self.shared.settled.wait(pending, None);
        }
    }

    /// What it has done so far.
    pub fn counters(&self) -> Counters {
        self.shared.store.lock().counters
    }

    /// Bytes on the free lists.
    pub fn free_bytes(&self) -> usize {
        self.shared.store.lock().free.iter().map(|(size, list)| size * list.len()).sum()
    }
}

impl Store {
    fn pop(&mut self, size: usize) -> Option<Free> {
        let free = self.pop_unused(size)?;
        self.counters.reuses += 1;
        Some(free)
    }

    fn pop_unused(&mut self, size: usize) -> Option<Free> {
        let list = self.free.get_mut(&size)?;
        let free = list.pop();
        if list.is_empty() {
            self.free.remove(&size);
        }
        free
    }

    fn unmapped(&mut self, regions: u64, bytes: u64) {
        self.counters.unmaps += regions;
        self.counters.mapped -= bytes;
    }
}

impl Shared {
    pub(super) fn new(options: Options) -> Self {
        Shared {
            options,
            store: Mutex::default(),
            queue: Queue::new(options.queue),
            pending: Mutex::default(),
            settled: Condvar::new(),
            one_at_a_time: std::sync::Mutex::new(()),
            thread: OnceLock::new(),
        }
    }

    pub(super) fn set_thread(&self) {
        let _ = self.thread.set(std::thread::current().id());
    }

    pub(super) fn next_task(&self) -> Option<Task> {
        self.queue.receive()
    }

    pub(super) fn close(&self) {
        self.store.lock().closed = true;
        self.queue.close();
    }

    pub(super) fn task_done(&self) {
        let mut pending = self.pending.lock();
        *pending -= 1;
        if *pending == 0 {
            self.settled.notify_all();
        }
    }

    /// Maps a region; if there is no memory, once more without what is free.
    fn map(&self, size: usize) -> Option<Free> {
        let region = Region::map(size, self.options.huge_pages).or_else(|| {
            let arena_free: Vec<_> = {
                let mut store = self.store.lock();
                let all = std::mem::take(&mut store.free);
                let regions = all.values().map(|list| list.len() as u64).sum();
                let bytes = all.iter().map(|(size, list)| (size * list.len()) as u64).sum();
                store.unmapped(regions, bytes);
                all.into_values().flatten().collect()
            };
            drop(arena_free);
            Region::map(size, self.options.huge_pages)
        })?;
        let counters = &mut self.store.lock().counters;
        counters.maps += 1;
        counters.mapped += size as u64;
        counters.peak_mapped = counters.peak_mapped.max(counters.mapped);
        Some(Free { region, dirty: 0 })
    }

    fn give_back(self: &Arc<Self>, returned: Returned) {
        let recycles = self.options.mode == Mode::Arena;
        if recycles && !returned.secret && !self.store.lock().closed {
            return self.reclaim(returned);
        }
        self.submit(Task::Region(returned));
    }

    /// Sends a task to where this mode does it. Counted as pending until it is done.
    pub(super) fn submit(self: &Arc<Self>, task: Task) {
        match self.options.mode {
            Mode::Arena => self.enqueue(task),
            Mode::Unbounded | Mode::Mutex => self.detach(task),
        }
    }

    fn enqueue(&self, task: Task) {
        if self.thread.get() == Some(&std::thread::current().id()) {
            return perform(self, task);
        }
        *self.pending.lock() += 1;
        if self.queue.len() >= self.options.queue.max(1) {
            self.store.lock().counters.blocked += 1;
        }
        if let Err(task) = self.queue.send(task) {
            perform(self, task);
            self.task_done();
        }
    }

    fn detach(self: &Arc<Self>, task: Task) {
        *self.pending.lock() += 1;
        let slot = Arc::new(Mutex::new(Some(task)));
        let (shared, for_thread) = (self.clone(), slot.clone());
        let spawned = std::thread::Builder::new().name("free".into()).spawn(move || {
            let one = (shared.options.mode == Mode::Mutex).then(|| shared.one_at_a_time.lock());
            if let Some(task) = for_thread.lock().take() {
                perform(&shared, task);
            }
            drop(one);
            shared.task_done();
        });
        if spawned.is_err() {
            if let Some(task) = slot.lock().take() {
                perform(self, task);
            }
            self.task_done();
        }
    }

    /// Overwrites what is secret; then the region is free, or unmapped if there is no arena (any more).
    pub(super) fn reclaim(&self, returned: Returned) {
        let Returned { mut region, bytes, dirty, secret } = returned;
        let mut dirty = dirty.max(bytes);
        if secret {
            region.wipe(bytes);
            // What a former owner left beyond this one's bytes stays dirty, unless there is none.
            dirty = if dirty > bytes { dirty } else { 0 };
        }
        let size = region.len();
        let mut store = self.store.lock();
        store.counters.wiped += if secret { bytes as u64 } else { 0 };
        if store.closed || self.options.mode != Mode::Arena {
            store.unmapped(1, size as u64);
            drop(store);
            return drop(region);
        }
        store.free.entry(size).or_default().push(Free { region, dirty });
    }
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}
