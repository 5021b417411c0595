//! Locks and atomics of the protocols.
//!
//! The protocol files ([`cancel`](crate::cancel), [`budget`](crate::budget), [`device`](crate::device), [`gate`](crate::gate))
//! use `crate::sync` and nothing else to synchronise. Their model test compiles the same files against a `sync` of loom's
//! types, which explores every interleaving.
//!
//! A poisoned mutex is taken over: every critical section of this crate leaves its state whole before anything that may
//! panic, so that one panicking job never costs the others their locks.

use std::sync::PoisonError;
use std::time::Instant;

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::MutexGuard;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, Ordering};
pub(crate) use std::thread::{ThreadId, yield_now};

/// A mutex that ignores poison.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A condition variable. Wake-ups may be spurious.
#[derive(Debug, Default)]
pub(crate) struct Condvar(std::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Condvar(std::sync::Condvar::new())
    }

    /// Waits for a notification, and no longer than until `deadline`.
    pub(crate) fn wait<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, T> {
        let Some(deadline) = deadline else {
            return self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        self.0.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// The calling thread.
pub(crate) fn current() -> ThreadId {
    std::thread::current().id()
}
