//! `crate::sync` over loom's types: see `src/sync.rs`.

use std::time::Instant;

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, Ordering};
pub(crate) use loom::sync::{Arc, MutexGuard};
pub(crate) use loom::thread::{ThreadId, yield_now};

#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
}

#[derive(Debug)]
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Condvar(loom::sync::Condvar::new())
    }

    /// Models have no clock, so no deadline ends a wait: what sleeps must be woken.
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>, _: Option<Instant>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap()
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

pub(crate) fn current() -> ThreadId {
    loom::thread::current().id()
}
