//! Memory of big buffers: taken from arenas, given back to arenas, wiped by one thread, not unmapped.
//!
//! Unmapping memory interrupts every core that may have the translations cached (a TLB shoot-down), and mapping it again
//! faults every page in and clears it. A prover that frees a hundred gigabytes per proof from detached threads stalls the
//! proofs beside it. Here steady state maps and unmaps nothing: a buffer goes back to a free list of its size class, and the
//! next proof takes it from there.
//!
//! # Protocol
//! - [`Arena::take`] serves from the free list of the size class, or maps. [`Buffer`] gives back when dropped;
//!   [`Buffer::into_raw`] and [`Arena::give`] do the same for owners that keep a bare pointer. The arena has a table of the
//!   regions that are out, so a pointer that it does not know, or one given twice, is refused and not freed.
//! - What was given back as *secret* goes through a bounded queue to the reclaimer's thread, which overwrites it and only
//!   then puts it on the free list. A full queue blocks the giver: memory that waits to be wiped cannot pile up. The
//!   reclaimer's thread never blocks on its own queue: what it gives back itself is done at once.
//! - What is not secret needs no work and goes on the free list at once.
//! - [`Reclaimer::defer`] sends anything else that is expensive to drop through the same queue.
//! - [`Arena::trim`] unmaps free regions (under budget pressure), biggest first, in the calling thread.
//! - Dropping the [`Reclaimer`] closes the queue, waits until it is drained, and unmaps what is free. Buffers may outlive
//!   it: they are then wiped and unmapped by whoever drops them.
//!
//! The modes [`Mode::Unbounded`] and [`Mode::Mutex`] are what the seed's system did, and what it planned; they are here to
//! be compared with.

mod arena;
mod buffer;
mod classes;
pub(crate) mod memory;
mod queue;
mod thread;

pub use arena::{Arena, ArenaError, Counters};
pub use buffer::Buffer;
pub use classes::{HUGE_PAGE, class_size};
pub use thread::Reclaimer;

/// The least alignment of a buffer, in bytes: a cache line, and an AVX-512 register.
pub const ALIGN: usize = 64;

/// How memory is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// A detached thread unmaps each buffer, however many there are.
    Unbounded,
    /// A detached thread for each buffer, one at a time.
    Mutex,
    /// Recycled.
    #[default]
    Arena,
}

/// How a reclaimer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How memory is freed.
    pub mode: Mode,
    /// Ask for huge pages in regions of at least [`HUGE_PAGE`].
    pub huge_pages: bool,
    /// Entries of the queue; at least 1.
    pub queue: usize,
}

impl Default for Options {
    /// Arenas with huge pages, and 64 buffers in the queue: more than the buffers of one proof, so that finishing a proof
    /// does not wait, and few enough to bound what waits to be wiped.
    fn default() -> Self {
        Options { mode: Mode::Arena, huge_pages: true, queue: 64 }
    }
}
