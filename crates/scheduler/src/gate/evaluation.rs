//! The gate for loops of a thread pool, whose threads come and go unregistered.
//!
//! An [`Evaluation`] is shared by all threads of one loop. While nobody holds the gate, its checkpoint is a relaxed load
//! of the flag and one of the token. While the gate is held in mode `park(k)`, a thread needs a *ticket* to pass: there are
//! k of them less the registered evaluators that run. A thread keeps its ticket until the gate is free, the evaluation for
//! which it passed last ends, or it says that it leaves. So of the threads that have come to a checkpoint since the hold
//! began, at most k run.
//!
//! Tickets end with the last hold: whoever sees the gate free under the mutex, and the next to hold, clears them. A host
//! that counts on the flag itself (and so passes through no mutex) may leave tickets of one hold to the next; they only
//! make fewer than k run.
//!
//! A thread with a ticket may run out of work while others are parked. In a work-stealing pool that happens only when
//! nothing is left to steal, so what the ticket could have been used for is the parked threads' current pieces of work.
//! They wait for the end of the hold, which comes whatever they do.

use super::protocol::{BandwidthGate, Mode, State};
use crate::cancel::{CancelToken, Interrupted, Wait};
use crate::sync::{ThreadId, current, yield_now};

/// One evaluation, run by many threads.
#[derive(Debug)]
pub struct Evaluation {
    gate: BandwidthGate,
    id: u64,
    cancel: CancelToken,
}

impl BandwidthGate {
    /// Starts an evaluation whose checkpoints end once the token is cancelled.
    pub fn evaluation(&self, cancel: CancelToken) -> Evaluation {
        let mut state = self.inner.state.lock();
        state.evaluations += 1;
        state.open += 1;
        // Before its first checkpoint it runs whatever k is; with k = 0 that is all that it does.
        state.passes += u64::from(self.mode() != Mode::Park(0));
        Evaluation { gate: self.clone(), id: state.evaluations, cancel }
    }
}

impl Evaluation {
    /// To be called by each thread every few chunks. May park the thread.
    ///
    /// # Errors
    /// If the token is cancelled.
    #[inline]
    pub fn checkpoint(&self) -> Result<(), Interrupted> {
        if self.cancel.is_cancelled() {
            return Err(Interrupted::Cancelled);
        }
        if self.gate.is_held() { self.checkpoint_held() } else { Ok(()) }
    }

    /// The calling thread has no more work for now: its ticket, if it has one, goes to another. Never needed for
    /// correctness.
    pub fn leave(&self) {
        if self.gate.is_held() && self.gate.inner.state.lock().hand_in_own(current()) {
            self.gate.inner.wake_all();
        }
    }

    #[cold]
    #[inline(never)]
    fn checkpoint_held(&self) -> Result<(), Interrupted> {
        match self.gate.mode() {
            Mode::Off => return Ok(()),
            Mode::Yield => {
                yield_now();
                return Ok(());
            }
            Mode::Park(_) => {}
        }
        let _registration = self.gate.wakes_on(Some(&self.cancel));
        let thread = current();
        let mut state = self.gate.inner.state.lock();
        // The ticket is handed in and taken again: that is what makes a lowered k effective.
        state.tickets.retain(|(owner, _)| *owner != thread);
        let (mut state, outcome) = self.gate.park(state, Wait::cancelled_by(&self.cancel));
        outcome?;
        if self.gate.is_held() {
            state.tickets.push((thread, self.id));
            state.passes += 1;
            state.note_running();
        }
        Ok(())
    }
}

impl Drop for Evaluation {
    fn drop(&mut self) {
        let mut state = self.gate.inner.state.lock();
        state.open -= 1;
        let wake = state.hand_in(self.id);
        drop(state);
        if wake {
            self.gate.inner.wake_all();
        }
    }
}

impl State {
    /// Takes back the tickets of an evaluation. Whether somebody may be waiting for them.
    pub(super) fn hand_in(&mut self, evaluation: u64) -> bool {
        let before = self.tickets.len();
        self.tickets.retain(|(_, id)| *id != evaluation);
        self.tickets.len() < before && self.parked > 0
    }

    /// Takes back the ticket of a thread. Whether somebody may be waiting for it.
    pub(super) fn hand_in_own(&mut self, thread: ThreadId) -> bool {
        let before = self.tickets.len();
        self.tickets.retain(|(owner, _)| *owner != thread);
        self.tickets.len() < before && self.parked > 0
    }
}
