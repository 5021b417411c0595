//! Tokens: callbacks run once, whenever they were registered.

use forebay_scheduler::cancel::{CancelToken, Interrupted, Wait};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[test]
fn callbacks_run_once() {
    let token = CancelToken::new();
    let calls = Arc::new(AtomicU32::new(0));
    let count = || {
        let calls = calls.clone();
        Arc::new(move || drop(calls.fetch_add(1, Ordering::SeqCst).to_string()))
    };
    let early = token.on_cancel(count());
    drop(token.on_cancel(count())); // forgotten
    let clone = token.clone();
    assert!(!clone.is_cancelled());
    token.cancel();
    assert!(clone.is_cancelled());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    token.cancel();
    drop(early);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    // Registered too late: called at once.
    drop(clone.on_cancel(count()));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_cancellation_comes_before_a_deadline() {
    let token = CancelToken::new();
    let past = Instant::now();
    let wait = Wait::cancelled_by(&token).until(past);
    assert_eq!(wait.interrupted(), Some(Interrupted::DeadlinePassed));
    token.cancel();
    assert_eq!(wait.interrupted(), Some(Interrupted::Cancelled));
    assert_eq!(Wait::forever().interrupted(), None);
    assert_eq!(Wait::at_most(Duration::MAX).interrupted(), None);
}
