use crate::cancel::{CancelToken, Interrupted, Wait};
use crate::device::{DeviceId, DeviceLock};
use crate::explore;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

#[test]
fn one_at_a_time_and_all_get_it() {
    explore(3, || {
        let lock = DeviceLock::new(DeviceId(0));
        let inside = Arc::new(AtomicUsize::new(0));
        let work = |lock: DeviceLock, inside: Arc<AtomicUsize>, priority| {
            let guard = lock.acquire(priority, Wait::forever()).unwrap();
            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
            inside.fetch_sub(1, Ordering::Relaxed);
            guard.release();
        };
        let threads: Vec<_> = (0..2)
            .map(|priority| {
                let (lock, inside) = (lock.clone(), inside.clone());
                thread::spawn(move || work(lock, inside, priority))
            })
            .collect();
        work(lock.clone(), inside, 0);
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(lock.stats().acquisitions, 3);
        assert_eq!(lock.waiting(), 0);
        assert!(lock.try_acquire().is_some());
    });
}

#[test]
fn a_cancel_races_with_the_hand_over() {
    explore(3, || {
        let lock = DeviceLock::new(DeviceId(0));
        let held = lock.try_acquire().unwrap();
        let token = CancelToken::new();
        let cancelled = {
            let (lock, token) = (lock.clone(), token.clone());
            thread::spawn(move || lock.acquire(0, Wait::cancelled_by(&token)).map(drop))
        };
        let patient = {
            let lock = lock.clone();
            thread::spawn(move || lock.acquire(1, Wait::forever()).map(drop))
        };
        token.cancel();
        drop(held);
        assert!(matches!(cancelled.join().unwrap(), Ok(()) | Err(Interrupted::Cancelled)));
        assert_eq!(patient.join().unwrap(), Ok(()));
        assert!(lock.try_acquire().is_some());
    });
}

/// The lock is held all the while, so nothing but the cancellation wakes the waiter.
#[test]
fn a_cancel_alone_wakes() {
    explore(3, || {
        let lock = DeviceLock::new(DeviceId(0));
        let held = lock.try_acquire().unwrap();
        let token = CancelToken::new();
        let canceller = {
            let token = token.clone();
            thread::spawn(move || token.cancel())
        };
        assert_eq!(lock.acquire(0, Wait::cancelled_by(&token)).map(drop), Err(Interrupted::Cancelled));
        canceller.join().unwrap();
        assert_eq!(lock.waiting(), 0);
        drop(held);
    });
}
