//! An allocator that keeps big blocks: in steady state nothing is mapped and nothing unmapped.
//!
//! Unmapping hundreds of megabytes makes the kernel interrupt every core that runs the process, so that it forgets the
//! translations (a TLB shoot-down), and mapping them again costs a page fault and the zeroing of each page. A prover that makes one
//! proof after another needs the same buffers each time. [`BigBlocks`] is a [`GlobalAlloc`] for a binary to install:
//!
//! ```
//! #[global_allocator]
//! static BLOCKS: forebay_scheduler::BigBlocks = forebay_scheduler::BigBlocks::new();
//! # fn main() { let big = vec![0u8; 1 << 20]; drop(big); assert!(BLOCKS.stats().maps > 0); }
//! ```
//!
//! Requests of at least 256 KiB come from blocks mapped here, in size classes, four per doubling; smaller ones go
//! to the system's allocator. While it [recycles](BigBlocks::recycle), a freed block waits in the list of its class, for
//! at most a given number of bytes in all; otherwise it is unmapped at once. Which code allocates doesn't matter: field
//! vectors, digits, buckets and what dependencies allocate are recycled alike.
//!
//! *Protocol.* One lock guards the lists. It is held for a few instructions (a list is linked through the idle blocks
//! themselves, so nothing is allocated under it), and only blocks of 256 KiB and more come here. Mapping and unmapping
//! happen outside of it. *Secrets* are wiped by their owners when they are dropped; this allocator neither reads nor clears
//! contents, except that it zeroes a recycled block when zeros are asked for. [`reclaim::Arena`](crate::reclaim::Arena) is
//! for owners that want buffers wiped for them, or handed to a host in another language.

mod classes;

use crate::config::{Config, ReclaimMode};
use crate::reclaim::memory::Region;
use classes::{CLASSES, SMALLEST, class_of, size_of_class};
use core::{
    alloc::{GlobalAlloc, Layout},
    ptr::{self, NonNull},
    sync::atomic::{AtomicBool, Ordering},
};
use serde::Serialize;
use std::{
    alloc::System,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// An alignment that every mapping has. Greater ones are left to the system's allocator.
const PAGE: usize = 4096;

/// The allocator. See the module's documentation.
#[derive(Debug)]
pub struct BigBlocks {
    huge_pages: AtomicBool,
    state: Mutex<State>,
}

/// What the allocator did, in bytes and calls since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlockStats {
    /// Bytes in use, by blocks' sizes.
    pub live_bytes: usize,
    /// The greatest `live_bytes` so far (or since [`BigBlocks::reset_peak`]).
    pub peak_live_bytes: usize,
    /// Bytes mapped and waiting to be used again.
    pub idle_bytes: usize,
    /// Calls of `mmap`.
    pub maps: u64,
    /// Blocks given back by `munmap`.
    pub unmaps: u64,
    /// Requests served by an idle block.
    pub reuses: u64,
}

#[derive(Debug)]
struct State {
    idle: [Option<Idle>; CLASSES],
    max_idle: usize,
    stats: BlockStats,
}

/// An idle block; its first bytes hold the next one of its list.
#[derive(Clone, Copy, Debug)]
struct Idle(NonNull<u8>);

// SAFETY: an idle block belongs to the list alone, whichever thread holds the lock.
unsafe impl Send for Idle {}

impl BigBlocks {
    /// An allocator that gives every freed block back at once, until [`recycle`](Self::recycle) is called.
    pub const fn new() -> Self {
        let stats =
            BlockStats { live_bytes: 0, peak_live_bytes: 0, idle_bytes: 0, maps: 0, unmaps: 0, reuses: 0 };
        let state = State { idle: [None; CLASSES], max_idle: 0, stats };
        BigBlocks { huge_pages: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// From now on keeps freed blocks, up to `max_idle` bytes of them (0: none). Blocks beyond are unmapped.
    pub fn recycle(&self, max_idle: usize) {
        self.state().max_idle = max_idle;
        self.trim(max_idle);
    }

    /// Whether new mappings of 2 MiB and more ask for huge pages.
    pub fn use_huge_pages(&self, yes: bool) {
        self.huge_pages.store(yes, Ordering::Relaxed);
    }

    /// Keeps freed blocks, or not, as a configuration with so many bytes to spend says. In the modes that are there for comparison
    /// blocks are given back.
    pub fn follow(&self, config: &Config, budget: u64) {
        let keep = match config.reclaim {
            ReclaimMode::Arena => usize::try_from(budget).unwrap_or(usize::MAX),
            ReclaimMode::Unbounded | ReclaimMode::Mutex => 0,
        };
        self.use_huge_pages(config.huge_pages);
        self.recycle(keep);
    }

    /// Unmaps idle blocks, the largest first, until at most `max_idle` bytes of them are left.
    pub fn trim(&self, max_idle: usize) {
        while let Some((block, bytes)) = self.state().evict(max_idle) {
            // SAFETY: the block was idle, is out of its list now, and has the size of its class.
            drop(unsafe { Region::from_raw(block, bytes) });
        }
    }

    /// Maps `each` blocks more for every class that has an idle one, within the limit of idle bytes, so that owners who overlap
    /// as they never did before find one. Untouched but for its first page, a spare costs address space.
    pub fn add_spares(&self, each: usize) {
        for class in (0..CLASSES).filter(|&class| self.state().idle[class].is_some()).collect::<Vec<_>>() {
            let spares: Vec<_> = (0..each).map_while(|_| self.map(class)).collect();
            spares.into_iter().for_each(|block| self.give(block, class));
        }
    }

    /// Counters.
    pub fn stats(&self) -> BlockStats {
        self.state().stats
    }

    /// Begins a new observation of the peak.
    pub fn reset_peak(&self) {
        let mut state = self.state();
        state.stats.peak_live_bytes = state.stats.live_bytes;
    }

    /// Nothing under the lock panics; if it ever did, the lists are whole, for each step leaves them so.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block of `class`, and whether it is known to hold zeros.
    fn take(&self, class: usize) -> Option<(NonNull<u8>, bool)> {
        if let Some(block) = self.state().reuse(class) {
            return Some((block, false));
        }
        self.map(class).map(|block| (block, true))
    }

    /// A new block of `class`.
    fn map(&self, class: usize) -> Option<NonNull<u8>> {
        let bytes = size_of_class(class);
        let huge = self.huge_pages.load(Ordering::Relaxed);
        let region = Region::map(bytes, huge).or_else(|| {
            // Idle blocks of other classes may be all that is in the way.
            self.trim(0);
            Region::map(bytes, huge)
        })?;
        let mut state = self.state();
        state.stats.maps += 1;
        state.count_live(bytes);
        Some(region.into_raw())
    }

    fn give(&self, block: NonNull<u8>, class: usize) {
        if !self.state().keep(block, class) {
            // SAFETY: the owner gave the block up, it is in no list, and it was mapped with its class's size.
            drop(unsafe { Region::from_raw(block, size_of_class(class)) });
        }
    }
}

impl Default for BigBlocks {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for BigBlocks {
    /// Idle blocks go back. Live ones belong to whoever has them; a static allocator is never dropped.
    fn drop(&mut self) {
        self.trim(0);
    }
}

impl State {
    fn count_live(&mut self, bytes: usize) {
        self.stats.live_bytes += bytes;
        self.stats.peak_live_bytes = self.stats.peak_live_bytes.max(self.stats.live_bytes);
    }

    fn pop(&mut self, class: usize) -> Option<NonNull<u8>> {
        let Idle(block) = self.idle[class]?;
        // SAFETY: an idle block begins with the link that `push` wrote, and is page-aligned.
        self.idle[class] = unsafe { block.cast::<Option<Idle>>().read() };
        self.stats.idle_bytes -= size_of_class(class);
        Some(block)
    }

    /// An idle block of this class. A greater one is not cut: it would have to be given back under its own class, which
    /// its owner, who knows the layout alone, cannot name.
    fn reuse(&mut self, class: usize) -> Option<NonNull<u8>> {
        let block = self.pop(class)?;
        self.stats.reuses += 1;
        self.count_live(size_of_class(class));
        Some(block)
    }

    /// Takes a freed block into its list, if there is room.
    fn keep(&mut self, block: NonNull<u8>, class: usize) -> bool {
        let bytes = size_of_class(class);
        self.stats.live_bytes -= bytes;
        if bytes > self.max_idle.saturating_sub(self.stats.idle_bytes) {
            self.stats.unmaps += 1;
            return false;
        }
        // SAFETY: the block is ours, page-aligned, and longer than a link.
        unsafe { block.cast::<Option<Idle>>().write(self.idle[class]) };
        self.idle[class] = Some(Idle(block));
        self.stats.idle_bytes += bytes;
        true
    }

    fn evict(&mut self, max_idle: usize) -> Option<(NonNull<u8>, usize)> {
        if self.stats.idle_bytes <= max_idle {
            return None;
        }
        let class = (0..CLASSES).rev().find(|&c| self.idle[c].is_some())?;
        let block = self.pop(class)?;
        self.stats.unmaps += 1;
        Some((block, size_of_class(class)))
    }
}

/// The class that serves a layout; `None` if the system's allocator does. It depends on the layout alone, so that a
/// block finds its way back.
fn served(layout: Layout) -> Option<usize> {
    if layout.size() < SMALLEST || layout.align() > PAGE { None } else { class_of(layout.size()) }
}

// SAFETY: a block is as long as its class, which holds the layout's size, and page-aligned; it is in the hands of one
// owner from `take` to `give`. Requests not served here go to `System` for their whole life: `served` depends on the
// layout alone. Nothing here unwinds: the lock is not poisoned fatally and arithmetic stays below the address space.
unsafe impl GlobalAlloc for BigBlocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match served(layout) {
            // SAFETY: the caller's promise about the layout.
            None => unsafe { System.alloc(layout) },
            Some(class) => self.take(class).map_or(ptr::null_mut(), |(block, _)| block.as_ptr()),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = served(layout) else {
            // SAFETY: the caller's promise about the layout.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let Some((block, zeros)) = self.take(class) else { return ptr::null_mut() };
        if !zeros {
            // SAFETY: the block is at least as long as the layout, and ours.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block.as_ptr()
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match (served(layout), NonNull::new(block)) {
            (Some(class), Some(block)) => self.give(block, class),
            // SAFETY: the caller's promise: it came from `alloc` with this layout, which asked `System`.
            _ => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size does not overflow when rounded up to the alignment.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (served(layout), served(new)) {
            // SAFETY: the caller's promise; both layouts are the system's.
            (None, None) => unsafe { System.realloc(block, layout, new_size) },
            (Some(old), Some(new)) if old == new => block,
            // SAFETY: the caller's promise about the block and its layout.
            (Some(old), Some(class)) => unsafe {
                let resized = self.resized(block, old, class).map(NonNull::as_ptr);
                resized.unwrap_or_else(|| self.moved(block, layout, new))
            },
            // SAFETY: likewise.
            _ => unsafe { self.moved(block, layout, new) },
        }
    }
}

impl BigBlocks {
    /// A block in another class, by remapping its pages. Only while nothing is recycled: then no idle block of that class waits to be
    /// used, and a vector that grows to gigabytes needs no room for itself twice.
    ///
    /// # Safety
    /// The block is the caller's and of class `old`. If there is a result, it takes the block's place.
    unsafe fn resized(&self, block: *mut u8, old: usize, new: usize) -> Option<NonNull<u8>> {
        if self.state().max_idle > 0 {
            return None;
        }
        let (from, to) = (size_of_class(old), size_of_class(new));
        // SAFETY: the block is the caller's and was mapped with its class's size; below it is given up again, or its successor is.
        let region = unsafe { Region::from_raw(NonNull::new(block)?, from) };
        match region.resized(to) {
            Ok(region) => {
                let mut state = self.state();
                state.stats.live_bytes -= from;
                state.count_live(to);
                Some(region.into_raw())
            }
            Err(region) => {
                region.into_raw();
                None
            }
        }
    }

    /// A block of another layout with the same contents; the old one is freed.
    ///
    /// # Safety
    /// As for `realloc`: the block has this layout and is the caller's.
    unsafe fn moved(&self, block: *mut u8, layout: Layout, new: Layout) -> *mut u8 {
        // SAFETY: the new block is another one and holds `new.size()` bytes; the old one holds its layout's.
        unsafe {
            let moved = self.alloc(new);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(new.size()));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests;
