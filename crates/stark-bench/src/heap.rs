//! An allocator that tells the peak of the heap, when asked to.
//!
//! Both binaries that link this crate install it. It hands everything to the system's allocator; only between
//! [`start`] and the end of the process does it count too, so that a comparison that never asks pays a branch.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed},
};

static ON: AtomicBool = AtomicBool::new(false);
/// Bytes allocated less bytes freed since the start: below zero when what was there before is freed.
static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator, counted.
pub struct CountedHeap;

/// Counts from now on.
pub(crate) fn start() {
    ON.store(true, Relaxed);
}

/// Bytes allocated now, by what was counted.
pub(crate) fn live() -> isize {
    LIVE.load(Relaxed)
}

/// The most that [`live`] was since the last reset.
pub(crate) fn peak() -> isize {
    PEAK.load(Relaxed)
}

/// Begins a new peak.
pub(crate) fn reset_peak() {
    PEAK.store(live(), Relaxed);
}

fn count(bytes: isize) {
    if ON.load(Relaxed) {
        let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
        if bytes > 0 {
            PEAK.fetch_max(live, Relaxed);
        }
    }
}

// SAFETY: every call is the system allocator's, with the same arguments; counting touches no memory.
unsafe impl GlobalAlloc for CountedHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
