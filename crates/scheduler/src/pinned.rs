//! Page-locked buffers: through them bytes travel to a device and back at the bus's full speed, beside other work.
//!
//! Locking pages is slow (the system visits each) and the memory is lost to everything else, so few are locked, and those are
//! used again. The [`PinnedArena`] owns them; how pages are locked is its [`PageLock`]'s business, which a device's driver
//! implements, and a test with plain memory.
//!
//! # Protocol
//! - A block is a size class ([`class_size`]) and holds a reservation of that many pinned bytes of the [`Budget`] for as long as
//!   it is locked, in use or idle. So the budget bounds what is locked, and an impossible request is refused at once.
//! - [`PinnedArena::take`] serves from the idle blocks of the class. If there is none and no room, idle blocks of other
//!   classes make way; if that is not enough, it waits in the budget's own queue.
//! - *No waiter beside idle bytes.* A taker that has to wait counts itself in `waiting` and takes all idle blocks out under one
//!   mutex, and unlocks them. While anybody is counted, a block that comes back is unlocked and not kept, which gives its bytes
//!   to the queue.
//! - *No hold and wait.* A taker that needs two buffers asks for one of both their sizes.
//! - What was written is overwritten with zeros when a buffer comes back, by the thread that drops it, before anybody can take
//!   it. No mutex is held meanwhile.

use crate::{
    budget::{Amounts, Budget, BudgetError, Reservation},
    cancel::Wait,
    reclaim::{class_size, memory::wipe},
    sync::{Arc, Mutex},
};
use core::{fmt, ops::Range, ptr::NonNull};
use std::collections::BTreeMap;

/// What a [`PageLock`] says when it refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes of page-locked memory were refused: {reason}")]
pub struct Refused {
    /// What was asked for.
    pub bytes: usize,
    /// Why not; never data.
    pub reason: String,
}

/// Where page-locked memory comes from.
///
/// # Safety
/// What [`allocate`](Self::allocate) returns is valid for reads and writes of that many bytes, in any thread, and nobody else's
/// until it is freed.
pub unsafe trait PageLock: Send + Sync + fmt::Debug {
    /// So many bytes (not 0), with unspecified contents.
    ///
    /// # Errors
    /// If there are none.
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>, Refused>;

    /// Gives memory back.
    ///
    /// # Safety
    /// `allocate` of this value returned it for this size; nobody uses it any more.
    unsafe fn free(&self, start: NonNull<u8>, bytes: usize);
}

/// Why there is no buffer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinnedError {
    /// The budget does not hold it, or the wait was interrupted.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The pages could not be locked.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// What an arena has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PinnedCounters {
    /// Blocks locked.
    pub locked: u64,
    /// Buffers served from idle blocks.
    pub reused: u64,
    /// Bytes overwritten.
    pub wiped: u64,
    /// Takers that had to wait.
    pub waited: u64,
}

/// The arena. Clones are one arena.
#[derive(Clone, Debug)]
pub struct PinnedArena {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    source: Arc<dyn PageLock>,
    budget: Budget,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By size; the last one in is the first one out.
    idle: BTreeMap<usize, Vec<Block>>,
    waiting: usize,
    counters: PinnedCounters,
}

/// Locked memory, all initialised. Unlocked when dropped, and then its bytes go back to the budget.
#[derive(Debug)]
struct Block {
    start: NonNull<u8>,
    size: usize,
    source: Arc<dyn PageLock>,
    /// Dropped after the body of `drop`: first the memory, then the bytes.
    _reservation: Reservation,
}

// SAFETY: a block owns its memory; nothing else refers to it.
unsafe impl Send for Block {}
// SAFETY: a shared block gives out shared slices alone.
unsafe impl Sync for Block {}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated from this source with this size, and nobody refers to it any more.
        unsafe { self.source.free(self.start, self.size) };
    }
}

impl PinnedArena {
    /// An arena that locks pages by `source`, as many as `budget` has pinned bytes for.
    pub fn new(budget: Budget, source: Arc<dyn PageLock>) -> Self {
        PinnedArena { shared: Arc::new(Shared { source, budget, state: Mutex::default() }) }
    }

    /// A buffer of `bytes` bytes, all zeros. Waits its turn if others have what it needs.
    ///
    /// # Errors
    /// If the budget can never hold it, the wait is interrupted, or pages cannot be locked.
    pub fn take(&self, bytes: usize, wait: Wait<'_>) -> Result<PinnedBuffer, PinnedError> {
        let refused = || Refused { bytes, reason: "beyond what can be addressed".into() };
        let size = class_size(bytes).ok_or_else(refused)?;
        if let Some(block) = self.shared.pop(size) {
            return Ok(PinnedBuffer::new(Arc::clone(&self.shared), block, bytes));
        }
        let amounts = Amounts::pinned(size as u64);
        let reservation = match self.shared.budget.try_reserve(amounts) {
            Err(BudgetError::Full) => self.shared.make_room(amounts, wait)?,
            decided => decided?,
        };
        let start = self.shared.source.allocate(size)?;
        // SAFETY: that many bytes were allocated.
        unsafe { start.as_ptr().write_bytes(0, size) };
        let source = Arc::clone(&self.shared.source);
        let block = Block { start, size, source, _reservation: reservation };
        self.shared.state.lock().counters.locked += 1;
        Ok(PinnedBuffer::new(Arc::clone(&self.shared), block, bytes))
    }

    /// Unlocks what is idle.
    pub fn trim(&self) {
        drop(self.shared.take_idle());
    }

    /// Bytes that are locked and idle.
    pub fn idle_bytes(&self) -> usize {
        self.shared.state.lock().idle.iter().map(|(size, blocks)| size * blocks.len()).sum()
    }

    /// What it has done so far.
    pub fn counters(&self) -> PinnedCounters {
        self.shared.state.lock().counters
    }
}

impl Shared {
    fn pop(&self, size: usize) -> Option<Block> {
        let mut state = self.state.lock();
        let blocks = state.idle.get_mut(&size)?;
        let block = blocks.pop();
        if blocks.is_empty() {
            state.idle.remove(&size);
        }
        state.counters.reused += u64::from(block.is_some());
        block
    }

    fn take_idle(&self) -> BTreeMap<usize, Vec<Block>> {
        std::mem::take(&mut self.state.lock().idle)
    }

    /// Unlocks what is idle, and waits for the rest.
    fn make_room(&self, amounts: Amounts, wait: Wait<'_>) -> Result<Reservation, BudgetError> {
        let idle = {
            let mut state = self.state.lock();
            state.waiting += 1;
            std::mem::take(&mut state.idle)
        };
        drop(idle);
        let reserved = match self.budget.try_reserve(amounts) {
            Err(BudgetError::Full) => {
                self.state.lock().counters.waited += 1;
                self.budget.reserve(amounts, wait)
            }
            decided => decided,
        };
        self.state.lock().waiting -= 1;
        reserved
    }

    /// Keeps a block for the next taker, unless somebody waits for its bytes.
    fn give_back(&self, block: Block, wiped: usize) {
        let mut state = self.state.lock();
        state.counters.wiped += wiped as u64;
        if state.waiting == 0 {
            state.idle.entry(block.size).or_default().push(block);
            return;
        }
        // A driver's call, and the budget's mutex, are not for under this one.
        drop(state);
        drop(block);
    }
}

/// Page-locked memory. Dropping it wipes what was written and gives it back.
#[derive(Debug)]
pub struct PinnedBuffer {
    arena: Arc<Shared>,
    /// `None` once given back.
    block: Option<Block>,
    start: NonNull<u8>,
    bytes: usize,
    /// Bytes from here on are zeros.
    dirty: usize,
}

// SAFETY: a buffer owns its block, and `start` is the block's.
unsafe impl Send for PinnedBuffer {}
// SAFETY: a shared buffer gives out shared slices alone.
unsafe impl Sync for PinnedBuffer {}

impl PinnedBuffer {
    fn new(arena: Arc<Shared>, block: Block, bytes: usize) -> Self {
        PinnedBuffer { arena, start: block.start, block: Some(block), bytes, dirty: 0 }
    }

    /// Its size in bytes, as it was asked for.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the memory is ours, initialised, and at least this long.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    /// Some of its bytes, to be written; `None` if there are not as many. What is asked for here is wiped at the end.
    pub fn range_mut(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        if range.start > range.end || range.end > self.bytes {
            return None;
        }
        self.dirty = self.dirty.max(range.end);
        // SAFETY: inside of the memory, which is ours, initialised and borrowed exclusively.
        Some(unsafe {
            core::slice::from_raw_parts_mut(self.start.as_ptr().add(range.start), range.end - range.start)
        })
    }
}

impl Drop for PinnedBuffer {
    fn drop(&mut self) {
        // SAFETY: the first `dirty` bytes are the buffer's own, and nobody else refers to them.
        unsafe { wipe(self.start, self.dirty) };
        if let Some(block) = self.block.take() {
            self.arena.give_back(block, self.dirty);
        }
    }
}
