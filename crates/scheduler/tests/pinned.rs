//! Page-locked buffers: used again, wiped, within their budget, waited for without being lost.
#![allow(clippy::unwrap_used)] // a test may panic

use core::ptr::NonNull;
use forebay_scheduler::{
    budget::{Amounts, Budget, BudgetError, Kind},
    cancel::{CancelToken, Interrupted, Wait},
    pinned::{PageLock, PinnedArena, PinnedError, Refused},
};
use std::{
    alloc::{Layout, alloc, dealloc},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const PAGE: usize = 4096;

/// Plain memory, counted. What comes back must be wiped.
#[derive(Debug, Default)]
struct Plain {
    live: AtomicUsize,
    frees: AtomicUsize,
    refuses: AtomicBool,
}

// SAFETY: memory of the allocator, freed once by the arena.
unsafe impl PageLock for Plain {
    fn allocate(&self, bytes: usize) -> Result<NonNull<u8>, Refused> {
        if self.refuses.load(SeqCst) {
            return Err(Refused { bytes, reason: "planted".into() });
        }
        self.live.fetch_add(bytes, SeqCst);
        // SAFETY: the size is not zero.
        let memory = NonNull::new(unsafe { alloc(Layout::from_size_align(bytes, PAGE).unwrap()) }).unwrap();
        // SAFETY: that many bytes were allocated. A driver's memory holds whatever it held.
        unsafe { memory.as_ptr().write_bytes(0x5a, bytes) };
        Ok(memory)
    }

    unsafe fn free(&self, start: NonNull<u8>, bytes: usize) {
        // SAFETY: the arena gives back what it took, initialised.
        unsafe {
            let contents = core::slice::from_raw_parts(start.as_ptr(), bytes);
            assert!(contents.iter().all(|b| *b == 0), "unlocked with something in it");
            dealloc(start.as_ptr(), Layout::from_size_align(bytes, PAGE).unwrap());
        }
        self.live.fetch_sub(bytes, SeqCst);
        self.frees.fetch_add(1, SeqCst);
    }
}

fn arena(pages: usize) -> (Arc<Plain>, Budget, PinnedArena) {
    let (source, budget) = (Arc::new(Plain::default()), Budget::new(Amounts::pinned((pages * PAGE) as u64)));
    let arena = PinnedArena::new(budget.clone(), source.clone());
    (source, budget, arena)
}

fn now() -> Wait<'static> {
    Wait::at_most(Duration::ZERO)
}

#[test]
fn a_buffer_is_used_again_and_wiped() {
    let (source, budget, arena) = arena(4);
    let mut first = arena.take(5000, now()).unwrap();
    let at = first.as_slice().as_ptr();
    assert!(first.as_slice().iter().all(|b| *b == 0) && first.len() == 5000);
    first.range_mut(1000..3000).unwrap().fill(7);
    assert!(first.range_mut(0..5001).is_none());
    drop(first);
    assert_eq!((arena.idle_bytes(), budget.usage().used.pinned), (2 * PAGE, 2 * PAGE as u64));
    let again = arena.take(2 * PAGE, now()).unwrap();
    assert_eq!(again.as_slice().as_ptr(), at);
    assert!(again.as_slice().iter().all(|b| *b == 0));
    drop(again);
    let counters = arena.counters();
    assert_eq!((counters.locked, counters.reused, counters.wiped), (1, 1, 3000));
    arena.trim();
    assert_eq!((source.live.load(SeqCst), budget.usage().used), (0, Amounts::ZERO));
}

#[test]
fn what_never_fits_is_refused_at_once() {
    let (source, budget, arena) = arena(2);
    let impossible = arena.take(2 * PAGE + 1, Wait::forever()).unwrap_err();
    let (needed, total) = (3 * PAGE as u64, 2 * PAGE as u64);
    assert_eq!(impossible, BudgetError::Impossible { kind: Kind::Pinned, needed, total }.into());
    assert!(matches!(arena.take(usize::MAX, Wait::forever()), Err(PinnedError::Refused(_))));
    source.refuses.store(true, SeqCst);
    assert!(matches!(arena.take(1, Wait::forever()), Err(PinnedError::Refused(_))));
    assert_eq!((source.live.load(SeqCst), budget.usage().used), (0, Amounts::ZERO));
}

#[test]
fn idle_blocks_make_way_for_other_sizes() {
    let (source, _, arena) = arena(4);
    let both = (arena.take(1, now()).unwrap(), arena.take(2 * PAGE, now()).unwrap());
    drop(both);
    assert_eq!(arena.idle_bytes(), 3 * PAGE);
    let whole = arena.take(4 * PAGE, now()).unwrap();
    assert_eq!((arena.idle_bytes(), source.live.load(SeqCst)), (0, 4 * PAGE));
    assert_eq!(arena.counters().waited, 0);
    drop(whole);
}

#[test]
fn a_taker_waits_for_what_others_have() {
    let (_, budget, arena) = arena(4);
    let (held, small) = (arena.take(3 * PAGE, now()).unwrap(), arena.take(1, now()).unwrap());
    let late = arena.take(2 * PAGE, Wait::at_most(Duration::from_millis(20))).unwrap_err();
    assert_eq!(late, BudgetError::Interrupted(Interrupted::DeadlinePassed).into());
    let token = CancelToken::new();
    std::thread::scope(|scope| {
        let cancelled = scope.spawn(|| arena.take(4 * PAGE, Wait::cancelled_by(&token)).map(drop));
        let waits = scope.spawn(|| {
            while budget.usage().waiting < 1 {
                std::thread::yield_now();
            }
            arena.take(2 * PAGE, Wait::forever()).map(|buffer| buffer.len())
        });
        while budget.usage().waiting < 2 {
            std::thread::yield_now();
        }
        // A block that comes back while somebody waits is not kept.
        drop(small);
        assert_eq!(arena.idle_bytes(), 0);
        token.cancel();
        let interrupted = BudgetError::Interrupted(Interrupted::Cancelled);
        assert_eq!(cancelled.join().unwrap(), Err(interrupted.into()));
        drop(held);
        assert_eq!(waits.join().unwrap(), Ok(2 * PAGE));
    });
    arena.trim();
    assert_eq!((budget.usage().used, budget.usage().waiting), (Amounts::ZERO, 0));
}

#[test]
fn many_takers_of_many_sizes_all_get_their_turn() {
    let (source, budget, arena) = arena(6);
    std::thread::scope(|scope| {
        for id in 1..=4usize {
            let arena = arena.clone();
            scope.spawn(move || {
                for round in 0..300 {
                    let bytes = PAGE * (1 + (id * 7 + round * 5) % 6) - id;
                    let mut buffer = arena.take(bytes, Wait::forever()).unwrap();
                    assert!(buffer.as_slice().iter().all(|b| *b == 0), "somebody's bytes");
                    buffer.range_mut(0..bytes).unwrap().fill(id as u8);
                    std::thread::yield_now();
                    assert!(buffer.as_slice().iter().all(|b| *b == id as u8), "a shared block");
                }
            });
        }
    });
    assert!(budget.usage().peak.pinned <= 6 * PAGE as u64 && arena.counters().waited > 0);
    arena.trim();
    assert_eq!((source.live.load(SeqCst), budget.usage().used), (0, Amounts::ZERO));
}
