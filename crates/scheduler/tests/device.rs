//! Device locks with real threads.
#![allow(clippy::unwrap_used)] // helpers of tests

use forebay_scheduler::cancel::{CancelToken, Interrupted, Wait};
use forebay_scheduler::device::{DeviceId, DeviceLock, DeviceSet};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

fn waiting(lock: &DeviceLock, count: usize) {
    while lock.waiting() < count {
        thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn priority_comes_first_then_arrival() {
    let lock = DeviceLock::new(DeviceId(3));
    let held = lock.try_acquire().unwrap();
    assert!(lock.try_acquire().is_none());
    let (send, order) = mpsc::channel();
    let threads: Vec<_> = [(5, 'a'), (1, 'b'), (5, 'c'), (1, 'd'), (-2, 'e')]
        .into_iter()
        .enumerate()
        .map(|(i, (priority, name))| {
            let (theirs, send) = (lock.clone(), send.clone());
            let thread = thread::spawn(move || {
                let guard = theirs.acquire(priority, Wait::forever()).unwrap();
                send.send(name).unwrap();
                guard.release();
            });
            waiting(&lock, i + 1);
            thread
        })
        .collect();
    let released = held.release();
    assert_eq!(released.device, DeviceId(3));
    threads.into_iter().for_each(|t| t.join().unwrap());
    drop(send);
    assert_eq!(order.iter().collect::<String>(), "ebdac");
    let stats = lock.stats();
    assert_eq!((stats.acquisitions, stats.interrupted), (6, 0));
    assert!(stats.longest_hold <= stats.held && stats.longest_wait <= stats.waited);
}

#[test]
fn who_gives_up_is_skipped() {
    let lock = DeviceLock::new(DeviceId(0));
    let held = lock.try_acquire().unwrap();
    let late = lock.acquire(0, Wait::at_most(Duration::from_millis(2)));
    assert_eq!(late.unwrap_err(), Interrupted::DeadlinePassed);
    let token = CancelToken::new();
    let (theirs, their_token) = (lock.clone(), token.clone());
    let cancelled = thread::spawn(move || theirs.acquire(0, Wait::cancelled_by(&their_token)).map(drop));
    waiting(&lock, 1);
    let theirs = lock.clone();
    let patient = thread::spawn(move || theirs.acquire(9, Wait::forever()).map(drop));
    waiting(&lock, 2);
    token.cancel();
    assert_eq!(cancelled.join().unwrap(), Err(Interrupted::Cancelled));
    drop(held);
    patient.join().unwrap().unwrap();
    assert_eq!(lock.stats().interrupted, 2);
    assert!(lock.try_acquire().is_some());
}

#[test]
fn a_panic_under_the_lock_frees_it() {
    let lock = DeviceLock::new(DeviceId(0));
    let theirs = lock.clone();
    let panicked = thread::spawn(move || {
        let _guard = theirs.acquire(0, Wait::forever()).unwrap();
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(panicked.join().is_err());
    lock.acquire(0, Wait::forever()).unwrap().release();
}

#[test]
fn workers_are_spread_over_devices() {
    let set = DeviceSet::new(2, 3);
    let workers: Vec<_> = set.workers().map(|w| (w.index, w.lock.device().0)).collect();
    assert_eq!(workers, [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]);
    assert_eq!(DeviceSet::new(0, 0).workers().count(), 1);
    let guard = set.locks()[0].try_acquire().unwrap();
    assert!(set.workers().nth(2).unwrap().lock.try_acquire().is_none());
    assert!(set.workers().nth(1).unwrap().lock.try_acquire().is_some());
    drop(guard);
}
