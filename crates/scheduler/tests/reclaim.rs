//! The reclaimer: recycles, wipes, refuses what is not its own, drains.
#![allow(clippy::unwrap_used)] // helpers of tests

use forebay_scheduler::reclaim::{ALIGN, Arena, ArenaError, HUGE_PAGE, Mode, Options, Reclaimer, class_size};
use proptest::prelude::*;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

fn reclaimer(mode: Mode) -> Reclaimer {
    Reclaimer::new(Options { mode, ..Options::default() }).unwrap()
}

#[test]
fn steady_state_maps_and_unmaps_nothing() {
    let reclaimer = reclaimer(Mode::Arena);
    let arena = reclaimer.arena();
    let proof = || {
        let sizes = [100, 5000, 300_000, HUGE_PAGE, 3 * HUGE_PAGE + 1];
        let buffers = sizes.map(|bytes| {
            let mut buffer = arena.take(bytes, false).unwrap().secret();
            assert_eq!(buffer.as_ptr().as_ptr().addr() % ALIGN, 0);
            assert_eq!(buffer.len(), bytes);
            buffer.as_mut_slice().fill(0xa5);
            buffer
        });
        drop(buffers);
        arena.settle();
    };
    proof();
    let warm = arena.counters();
    assert_eq!((warm.maps, warm.unmaps, warm.reuses, warm.buffers, warm.live), (5, 0, 0, 0, 0));
    (0..50).for_each(|_| proof());
    let after = arena.counters();
    assert_eq!((after.maps, after.unmaps, after.reuses), (5, 0, 250));
    assert_eq!((after.mapped, after.peak_mapped), (warm.mapped, warm.mapped));
    assert_eq!(arena.free_bytes() as u64, after.mapped);
}

#[test]
fn huge_regions_begin_at_huge_pages() {
    for huge_pages in [false, true] {
        let reclaimer = Reclaimer::new(Options { huge_pages, ..Options::default() }).unwrap();
        let buffer = reclaimer.arena().take(HUGE_PAGE + 1, true).unwrap();
        assert_eq!(buffer.as_ptr().as_ptr().addr() % HUGE_PAGE, 0);
        assert!(buffer.as_slice().iter().all(|b| *b == 0));
    }
}

/// Takes again after a secret of `first` bytes over a plain `before`, and looks at what is there.
fn left_behind(arena: &Arena, before: usize, first: usize, size: usize, zeroed: bool) -> Vec<u8> {
    let mut plain = arena.take(before, false).unwrap();
    plain.as_mut_slice().fill(1);
    drop(plain);
    let mut secret = arena.take(first, false).unwrap().secret();
    secret.as_mut_slice().fill(2);
    drop(secret);
    arena.settle();
    arena.take(size, zeroed).unwrap().as_slice().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the sizes, no byte of a secret is seen again, and `zeroed` means zeros.
    #[test]
    fn secrets_are_gone(before in 1usize..9000, first in 1usize..9000, size in 1usize..9000) {
        let reclaimer = reclaimer(Mode::Arena);
        prop_assert!(left_behind(reclaimer.arena(), before, first, size, false).iter().all(|b| *b != 2));
        prop_assert!(left_behind(reclaimer.arena(), before, first, size, true).iter().all(|b| *b == 0));
    }
}

#[test]
fn raw_buffers_come_back_once_and_from_any_thread() {
    let reclaimer = reclaimer(Mode::Arena);
    let arena = reclaimer.arena().clone();
    let (start, bytes) = arena.take(1000, true).unwrap().into_raw();
    assert_eq!(arena.counters().live, 1000);
    // SAFETY: nobody uses the memory; wrong calls are refused.
    unsafe {
        assert_eq!(arena.give(start, 999, false), Err(ArenaError::NotOurs));
        let elsewhere = NonNull::new(start.as_ptr().wrapping_add(64)).unwrap();
        assert_eq!(arena.give(elsewhere, bytes, false), Err(ArenaError::NotOurs));
        assert!(arena.from_raw(elsewhere, bytes, false).is_err());
    }
    let address = start.as_ptr().expose_provenance();
    let theirs = arena.clone();
    thread::spawn(move || {
        let start = NonNull::new(std::ptr::with_exposed_provenance_mut(address)).unwrap();
        // SAFETY: it came from into_raw and nobody uses it.
        unsafe { theirs.give(start, bytes, true) }.unwrap();
    })
    .join()
    .unwrap();
    arena.settle();
    assert_eq!((arena.counters().live, arena.counters().wiped), (0, 1000));
    // SAFETY: it is not out any more, so nothing happens.
    assert_eq!(unsafe { arena.give(start, bytes, true) }, Err(ArenaError::NotOurs));
    let (start, bytes) = arena.take(1000, false).unwrap().into_raw();
    // SAFETY: it came from into_raw.
    drop(unsafe { arena.from_raw(start, bytes, false) }.unwrap());
    assert_eq!(arena.counters().buffers, 0);
}

#[test]
fn trimming_unmaps_the_biggest_first() {
    let reclaimer = reclaimer(Mode::Arena);
    let arena = reclaimer.arena();
    let sizes = [4096, 2 * HUGE_PAGE, HUGE_PAGE];
    drop(sizes.map(|bytes| arena.take(bytes, false).unwrap()));
    assert_eq!(arena.trim(1), 2 * HUGE_PAGE);
    assert_eq!(arena.trim(0), 0);
    assert_eq!(arena.trim(usize::MAX), HUGE_PAGE + 4096);
    let counters = arena.counters();
    assert_eq!((counters.mapped, counters.unmaps, arena.free_bytes()), (0, 3, 0));
}

#[test]
fn what_cannot_be_had_is_an_error() {
    let reclaimer = reclaimer(Mode::Arena);
    for bytes in [usize::MAX, isize::MAX as usize, 1 << 50] {
        assert_eq!(reclaimer.arena().take(bytes, false).unwrap_err(), ArenaError::NoMemory { bytes });
    }
    assert_eq!(reclaimer.arena().counters().mapped, 0);
}

#[test]
fn the_other_modes_unmap() {
    for mode in [Mode::Unbounded, Mode::Mutex] {
        let reclaimer = reclaimer(mode);
        let arena = reclaimer.arena().clone();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let arena = arena.clone();
                thread::spawn(move || (0..10).for_each(|_| drop(arena.take(10_000, false).unwrap().secret())))
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        arena.settle();
        let counters = arena.counters();
        assert_eq!((counters.maps, counters.unmaps, counters.reuses, counters.mapped), (40, 40, 0, 0));
        assert_eq!(counters.wiped, 400_000);
    }
}

struct Slow(Arc<Barrier>, Arc<AtomicUsize>);

impl Drop for Slow {
    fn drop(&mut self) {
        self.0.wait();
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// While the thread is busy, one item fits into the queue and the next sender waits; the end drains.
#[test]
fn a_full_queue_blocks_and_the_end_drains() {
    let reclaimer = Reclaimer::new(Options { queue: 1, ..Options::default() }).unwrap();
    let (barrier, dropped) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let sent = Arc::new(AtomicBool::new(false));
    thread::scope(|s| {
        s.spawn(|| {
            (0..3).for_each(|_| reclaimer.defer(Slow(barrier.clone(), dropped.clone())));
            sent.store(true, Ordering::SeqCst);
        });
        while reclaimer.arena().counters().blocked == 0 {
            thread::yield_now();
        }
        assert!(!sent.load(Ordering::SeqCst));
        for _ in 0..3 {
            barrier.wait();
        }
    });
    let mut buffer = reclaimer.arena().take(5000, false).unwrap().secret();
    buffer.as_mut_slice().fill(3);
    drop(buffer);
    let arena = reclaimer.arena().clone();
    drop(reclaimer);
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
    let counters = arena.counters();
    assert_eq!((counters.wiped, counters.mapped), (5000, 0));
}

/// What is dropped on the reclaimer's thread may own buffers, and may panic.
#[test]
fn deferred_drops_may_give_back_and_panic() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(()));
        }
    }
    let reclaimer = Reclaimer::new(Options { queue: 1, ..Options::default() }).unwrap();
    let buffers: Vec<_> = (0..10).map(|_| reclaimer.arena().take(5000, false).unwrap().secret()).collect();
    reclaimer.defer(Panics);
    reclaimer.defer(buffers);
    reclaimer.arena().settle();
    let counters = reclaimer.arena().counters();
    assert_eq!((counters.buffers, counters.wiped), (0, 50_000));
}

#[test]
fn buffers_may_outlive_the_reclaimer() {
    let reclaimer = reclaimer(Mode::Arena);
    let arena = reclaimer.arena().clone();
    let buffer = arena.take(10_000, true).unwrap().secret();
    drop(reclaimer);
    assert_eq!(buffer.as_slice().len(), 10_000);
    drop(buffer);
    let counters = arena.counters();
    assert_eq!((counters.buffers, counters.mapped, counters.wiped), (0, 0, 10_000));
    drop(arena.take(10, false).unwrap());
    assert_eq!(arena.counters().mapped, 0);
}

/// Threads take, fill, check and give; a buffer never belongs to two.
#[test]
fn many_threads_share_an_arena() {
    let reclaimer = Reclaimer::new(Options { queue: 2, ..Options::default() }).unwrap();
    let arena = reclaimer.arena();
    thread::scope(|s| {
        for t in 0..6u8 {
            s.spawn(move || {
                for i in 0..200usize {
                    let bytes = 1 + (i * 7919 + usize::from(t) * 104_729) % 20_000;
                    let mut buffer = arena.take(bytes, i % 3 == 0).unwrap();
                    assert!(i % 3 != 0 || buffer.as_slice().iter().all(|b| *b == 0));
                    buffer.as_mut_slice().fill(t);
                    thread::yield_now();
                    assert!(buffer.as_slice().iter().all(|b| *b == t));
                    drop(if i % 2 == 0 { buffer.secret() } else { buffer });
                    if i % 50 == 0 {
                        arena.trim(class_size(bytes).unwrap());
                    }
                }
            });
        }
    });
    arena.settle();
    let counters = arena.counters();
    assert_eq!((counters.buffers, counters.live), (0, 0));
    assert_eq!(counters.mapped, arena.free_bytes() as u64);
}
