//! The reclaimer's bounded queue.

use crate::sync::{Condvar, Mutex};
use std::collections::VecDeque;

/// First in, first out; a full queue blocks the sender, an empty one the receiver. After `close` nothing goes in, and the
/// receiver gets what is left.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    not_full: Condvar,
    not_empty: Condvar,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), closed: false };
        Queue {
            state: Mutex::new(state),
            not_full: Condvar::new(),
            not_empty: Condvar::new(),
            capacity: capacity.max(1),
        }
    }

    /// Sends, waiting for room. `Err` with the item if the queue is closed.
    pub(super) fn send(&self, item: T) -> Result<(), T> {
        let mut state = self.state.lock();
        while !state.closed && state.items.len() >= self.capacity {
            state = self.not_full.wait(state, None);
        }
        if state.closed {
            return Err(item);
        }
        state.items.push_back(item);
        drop(state);
        self.not_empty.notify_all();
        Ok(())
    }

    /// The next item; `None` once the queue is closed and empty.
    pub(super) fn receive(&self) -> Option<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                drop(state);
                self.not_full.notify_all();
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.not_empty.wait(state, None);
        }
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.not_empty.notify_all();
        self.not_full.notify_all();
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().items.len()
    }
}
