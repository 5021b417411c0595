//! Cancellation and deadlines.
//!
//! A [`CancelToken`] goes from "live" to "cancelled" once and never back. [`CancelToken::cancel`] stores the flag and then
//! calls every registered callback. A waiter registers its callback *before* it looks at the flag for the last time, and
//! the callback passes through the waiter's mutex before it notifies. So there are two cases, and neither loses the
//! wake-up:
//! - the waiter registered before `cancel` collected the callbacks: it is called, and cannot notify between the waiter's
//!   look and its sleep because the waiter holds the mutex all that while;
//! - the waiter registered later: the list's mutex orders it after the store of the flag, so its look sees the flag (and
//!   the callback runs at once, in the registering thread).
//!
//! No lock of the token is held while a callback runs, so callbacks may take locks; the threads that register hold none.

use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use std::time::{Duration, Instant};

/// Called when a token is cancelled. It must be short, must not panic, and may run in any thread.
pub type OnCancel = std::sync::Arc<dyn Fn() + Send + Sync>;

/// Cancels whatever waits with it. Clones are one token.
#[derive(Clone)]
pub struct CancelToken {
    inner: Arc<Inner>,
}

struct Inner {
    cancelled: AtomicBool,
    callbacks: Mutex<Callbacks>,
}

#[derive(Default)]
struct Callbacks {
    next: u64,
    list: Vec<(u64, OnCancel)>,
}

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        let (cancelled, callbacks) = (AtomicBool::new(false), Mutex::new(Callbacks::default()));
        CancelToken { inner: Arc::new(Inner { cancelled, callbacks }) }
    }

    /// Cancels, from any thread; waiters wake up. Cancelling again does nothing.
    pub fn cancel(&self) {
        let list = {
            let mut callbacks = self.inner.callbacks.lock();
            self.inner.cancelled.store(true, Ordering::Release);
            std::mem::take(&mut callbacks.list)
        };
        for (_, callback) in list {
            callback();
        }
    }

    /// Whether it was cancelled.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(Ordering::Acquire)
    }

    /// Calls `callback` once when the token is cancelled, at once if it is already. Dropping the registration forgets it;
    /// a call that has begun goes on.
    pub fn on_cancel(&self, callback: OnCancel) -> Registration {
        let mut callbacks = self.inner.callbacks.lock();
        let id = callbacks.next;
        callbacks.next += 1;
        if self.inner.cancelled.load(Ordering::Acquire) {
            drop(callbacks);
            callback();
        } else {
            callbacks.list.push((id, callback));
        }
        Registration { token: self.clone(), id }
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        CancelToken::new()
    }
}

impl core::fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CancelToken").finish_non_exhaustive()
    }
}

/// A callback's registration with a token.
#[must_use = "dropping it forgets the callback"]
#[derive(Debug)]
pub struct Registration {
    token: CancelToken,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.token.inner.callbacks.lock().list.retain(|(id, _)| *id != self.id);
    }
}

/// How long to wait: until a deadline, until a token is cancelled, or (the default) for as long as it takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wait<'a> {
    /// Not beyond this time.
    pub deadline: Option<Instant>,
    /// Not once this is cancelled.
    pub cancel: Option<&'a CancelToken>,
}

impl<'a> Wait<'a> {
    /// For as long as it takes.
    #[inline]
    pub fn forever() -> Self {
        Wait::default()
    }

    /// At most this long from now; for ever if that is beyond what a clock can hold.
    pub fn at_most(time: Duration) -> Self {
        Wait { deadline: Instant::now().checked_add(time), cancel: None }
    }

    /// Until this token is cancelled.
    #[inline]
    pub fn cancelled_by(token: &'a CancelToken) -> Self {
        Wait { deadline: None, cancel: Some(token) }
    }

    /// As before, but not beyond this time.
    #[inline]
    pub fn until(self, deadline: Instant) -> Self {
        Wait { deadline: Some(deadline), ..self }
    }

    /// Why to stop waiting, if there is a reason. A cancellation comes before a deadline.
    pub fn interrupted(&self) -> Option<Interrupted> {
        if self.cancel.is_some_and(CancelToken::is_cancelled) {
            return Some(Interrupted::Cancelled);
        }
        self.deadline.filter(|d| Instant::now() >= *d).map(|_| Interrupted::DeadlinePassed)
    }
}

/// Why a wait ended without what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// The token was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The deadline passed.
    #[error("the deadline passed")]
    DeadlinePassed,
}
