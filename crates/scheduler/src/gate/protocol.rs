//! Holds, checkpoints, parking.
//!
//! # State
//! - `flag`, a 32-bit atomic on a cache line of its own: the number of holds. Above 0 the gate is *held*. It is a count and
//!   not a 0/1 mark: with a mark, the first of two overlapping holders to finish would clear it under the other.
//! - `limit`, an atomic: the mode, or k.
//! - under one mutex: the holds taken through this type (`own`) and their threads, the evaluators that *run*
//!   (registered and not parked), and those parked.
//!
//! # Who does what
//! - [`hold`](BandwidthGate::hold) adds one to the flag. It never blocks and never waits for evaluators to park: they do so
//!   at their next checkpoint.
//! - A checkpoint loads the flag, relaxed. 0: done. This is all that happens while nobody holds.
//! - If it is held and the mode is `park(k)` with more than k running, the evaluator takes the mutex, leaves the running
//!   set, and sleeps on the condition variable until the gate is free or fewer than k run. Only then does it enter the
//!   running set again. It decides under the mutex, so no two evaluators take the same place.
//! - Entering ([`BandwidthGate::enter`]) obeys the same rule; leaving frees a place and wakes the parked.
//! - The last hold to go, a leaving evaluator, a change of mode and a cancelled token notify under (or after passing
//!   through) the mutex, so that an evaluator between its look and its sleep is not missed.
//!
//! # Memory ordering
//! The flag carries no data: no evaluator reads what a holder wrote. So relaxed is enough; the only question is when a
//! checkpoint sees a change. Going up: at the latest a few checkpoints later (coherence makes every store visible in finite
//! time); exactness is about checkpoints passed *after* the change is seen, and the running set is guarded by the mutex.
//! Going down: the evaluator that reads a stale "held" takes the mutex, which the last holder took after its decrement;
//! whichever comes second sees the other's write. So nobody sleeps on a stale flag.
//!
//! # A host that writes the flag itself
//! A C++ host may add and subtract on the flag's address (see [`ffi`](super::ffi)). Nothing is notified then, so whenever
//! the flag differs from `own`, parked evaluators sleep for no longer than [`FOREIGN_POLL`] at a time.
//!
//! # No deadlock
//! A parked evaluator waits for holders only. So: a holder must not wait for evaluators. A thread that holds the gate
//! itself never parks (it may steal evaluators' work while it waits in a thread pool); threads that work *for* a holder
//! must not evaluate, so critical stages and evaluators belong into different pools. A cancelled evaluator wakes up and
//! stays outside the running set; one that panics leaves it by dropping its guard.

use crate::cancel::{CancelToken, Interrupted, Wait};
use crate::sync::{
    Arc, AtomicI32, AtomicU32, Condvar, Mutex, MutexGuard, Ordering, ThreadId, current, yield_now,
};
use std::time::{Duration, Instant};

/// How long a parked evaluator sleeps at most when a host writes the flag itself: a tenth or less of the stages that are
/// worth a hold (0.4 s and more on the seed's machine, tens of milliseconds on two cores).
pub const FOREIGN_POLL: Duration = Duration::from_millis(1);

/// What a checkpoint does while the gate is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Off,
    /// Gives up the time slice (the seed's system).
    Yield,
    /// Parks, so that at most this many evaluators run. 0 parks all of them.
    Park(u32),
}

/// The largest k. Numbers above it stand for the other modes.
const MAX_K: u32 = u32::MAX - 2;
const YIELD: u32 = u32::MAX - 1;
const OFF: u32 = u32::MAX;

impl Mode {
    fn encode(self) -> u32 {
        match self {
            Mode::Off => OFF,
            Mode::Yield => YIELD,
            Mode::Park(k) => k.min(MAX_K),
        }
    }

    fn decode(limit: u32) -> Self {
        match limit {
            OFF => Mode::Off,
            YIELD => Mode::Yield,
            k => Mode::Park(k),
        }
    }
}

/// The number of holds, alone on its cache lines (two: the adjacent-line prefetcher fetches pairs). A C++ host sees
/// `std::atomic<int32_t>` at the same address.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct GateFlag {
    holds: AtomicI32,
}

/// The gate. Clones are one gate.
#[derive(Clone)]
pub struct BandwidthGate {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    flag: GateFlag,
    limit: AtomicU32,
    pub(super) state: Mutex<State>,
    /// Parked evaluators sleep here.
    wake: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    /// Holds taken through [`BandwidthGate::hold`].
    own: i32,
    /// Their threads.
    holders: Vec<ThreadId>,
    /// Evaluators that run.
    running: u32,
    pub(super) parked: u32,
    /// Threads of rayon loops that may run while the gate is held, each with the evaluation that it works for. They
    /// count as running.
    pub(super) tickets: Vec<(ThreadId, u64)>,
    pub(super) evaluations: u64,
    /// Evaluations that are not over.
    pub(super) open: u32,
    /// Times that an evaluator was let run.
    pub(super) passes: u64,
    pub(super) stats: GateStats,
}

/// What a gate has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateStats {
    /// Holds taken through the API.
    pub holds: u64,
    /// Times that an evaluator parked.
    pub parks: u64,
    /// The sum of the times they were parked.
    pub parked_for: Duration,
    /// The most evaluators that ran at once, of those that the gate knows.
    pub most_running: u32,
}

impl State {
    pub(super) fn running(&self) -> u32 {
        self.running + self.tickets.len() as u32
    }

    pub(super) fn note_running(&mut self) {
        self.stats.most_running = self.stats.most_running.max(self.running());
    }
}

impl BandwidthGate {
    /// A gate that nobody holds.
    pub fn new(mode: Mode) -> Self {
        let inner = Inner {
            flag: GateFlag { holds: AtomicI32::new(0) },
            limit: AtomicU32::new(mode.encode()),
            state: Mutex::new(State::default()),
            wake: Condvar::new(),
        };
        BandwidthGate { inner: Arc::new(inner) }
    }

    /// Marks the start of a bandwidth-critical stage. Holds nest and overlap; the gate is free when all are dropped.
    pub fn hold(&self) -> Hold {
        let thread = current();
        let mut state = self.inner.state.lock();
        state.own += 1;
        state.stats.holds += 1;
        state.holders.push(thread);
        if self.inner.flag.holds.fetch_add(1, Ordering::Relaxed) <= 0 {
            state.tickets.clear();
        }
        Hold { gate: self.clone(), thread }
    }

    /// Whether somebody holds.
    #[inline]
    pub fn is_held(&self) -> bool {
        self.inner.flag.holds.load(Ordering::Relaxed) > 0
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        Mode::decode(self.inner.limit.load(Ordering::Relaxed))
    }

    /// Changes the mode; parked evaluators follow it at once, running ones at their next checkpoint.
    pub fn set_mode(&self, mode: Mode) {
        let _state = self.inner.state.lock();
        self.inner.limit.store(mode.encode(), Ordering::Relaxed);
        self.inner.wake.notify_all();
    }

    /// Registers the calling thread as an evaluator, when the gate lets it run.
    ///
    /// # Errors
    /// If the wait is interrupted.
    pub fn enter(&self, wait: Wait<'_>) -> Result<Evaluator, Interrupted> {
        let mut evaluator = Evaluator { gate: self.clone(), runs: false, pinned: core::marker::PhantomData };
        let _registration = self.wakes_on(wait.cancel);
        evaluator.run_when_allowed(self, self.inner.state.lock(), wait)?;
        Ok(evaluator)
    }

    /// What it has seen so far.
    pub fn stats(&self) -> GateStats {
        self.inner.state.lock().stats
    }

    /// Evaluators that run, of those that the gate knows.
    pub fn running(&self) -> u32 {
        self.inner.state.lock().running()
    }

    /// Evaluators that are parked.
    pub fn parked(&self) -> u32 {
        self.inner.state.lock().parked
    }

    /// The address of the flag, for a host that counts on it itself. Valid as long as the gate, or a clone of it, lives.
    pub fn flag_address(&self) -> *mut i32 {
        // The atomic is the first field of a repr(C) type, and may be written through a shared reference.
        core::ptr::from_ref(&self.inner.flag).cast::<i32>().cast_mut()
    }

    /// Wakes the parked when the token is cancelled.
    pub(super) fn wakes_on(&self, token: Option<&CancelToken>) -> Option<crate::cancel::Registration> {
        let inner = self.inner.clone();
        token.map(|token| token.on_cancel(std::sync::Arc::new(move || inner.wake_all())))
    }

    /// Whether one more may run beside those that do. `None` says that parking is not the mode or nobody holds.
    fn room(&self, state: &State) -> Option<bool> {
        if !self.is_held() {
            return None;
        }
        match self.mode() {
            Mode::Park(k) => Some(state.running() < k || state.holders.contains(&current())),
            Mode::Off | Mode::Yield => None,
        }
    }

    /// Sleeps until one more may run. The caller then counts itself.
    pub(super) fn park<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        wait: Wait<'_>,
    ) -> (MutexGuard<'a, State>, Result<(), Interrupted>) {
        if self.room(&state) != Some(false) {
            return (state, Ok(()));
        }
        let start = Instant::now();
        state.parked += 1;
        state.stats.parks += 1;
        let outcome = loop {
            if let Some(why) = wait.interrupted() {
                break Err(why);
            }
            if self.room(&state) != Some(false) {
                break Ok(());
            }
            let foreign = self.inner.flag.holds.load(Ordering::Relaxed) != state.own;
            let poll = foreign.then(|| Instant::now() + FOREIGN_POLL);
            let until = poll.into_iter().chain(wait.deadline).min();
            state = self.inner.wake.wait(state, until);
        };
        if !self.is_held() {
            state.tickets.clear();
        }
        state.parked -= 1;
        state.stats.parked_for += start.elapsed();
        (state, outcome)
    }
}

impl Inner {
    /// Wakes the parked. Passing through the mutex catches the one who has looked and does not sleep yet.
    pub(super) fn wake_all(&self) {
        drop(self.state.lock());
        self.wake.notify_all();
    }
}

impl core::fmt::Debug for BandwidthGate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BandwidthGate").field("mode", &self.mode()).field("held", &self.is_held()).finish()
    }
}

/// A bandwidth-critical stage is running. It may be dropped in another thread than it was made in.
#[must_use = "dropping it ends the stage"]
#[derive(Debug)]
pub struct Hold {
    gate: BandwidthGate,
    pub(super) thread: ThreadId,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let inner = &self.gate.inner;
        let mut state = inner.state.lock();
        state.own -= 1;
        if let Some(at) = state.holders.iter().position(|t| *t == self.thread) {
            state.holders.swap_remove(at);
        }
        if inner.flag.holds.fetch_sub(1, Ordering::Relaxed) == 1 {
            state.tickets.clear();
        }
        // Not only the last: a holder's own thread counts as free to run while it holds, and waiters re-read the flag.
        if state.parked > 0 {
            inner.wake.notify_all();
        }
    }
}

/// A registered evaluator: one per thread, and it stays there. While it lives and is not parked, it counts as running.
#[must_use = "dropping it says that the evaluator has finished"]
#[derive(Debug)]
pub struct Evaluator {
    gate: BandwidthGate,
    /// Whether the gate counts it. Not while parked, nor after an interrupted checkpoint.
    runs: bool,
    pinned: core::marker::PhantomData<*const ()>,
}

impl Evaluator {
    /// To be called every few chunks: about one relaxed load while nobody holds. May park.
    ///
    /// # Errors
    /// If the wait is interrupted while parked. The evaluator should then stop; it does not count as running any more.
    #[inline]
    pub fn checkpoint(&mut self, wait: Wait<'_>) -> Result<(), Interrupted> {
        if self.gate.inner.flag.holds.load(Ordering::Relaxed) <= 0 && self.runs {
            return Ok(());
        }
        self.checkpoint_held(wait)
    }

    #[cold]
    #[inline(never)]
    fn checkpoint_held(&mut self, wait: Wait<'_>) -> Result<(), Interrupted> {
        if self.runs {
            match self.gate.mode() {
                Mode::Off => return Ok(()),
                Mode::Yield => {
                    yield_now();
                    return Ok(());
                }
                Mode::Park(_) => {}
            }
        }
        let gate = self.gate.clone();
        let _registration = gate.wakes_on(wait.cancel);
        let mut state = gate.inner.state.lock();
        if self.runs {
            state.running -= 1;
            self.runs = false;
        }
        self.run_when_allowed(&gate, state, wait)
    }

    /// Enters the running set as soon as there is room.
    fn run_when_allowed<'g>(
        &mut self,
        gate: &'g BandwidthGate,
        state: MutexGuard<'g, State>,
        wait: Wait<'_>,
    ) -> Result<(), Interrupted> {
        let (mut state, outcome) = gate.park(state, wait);
        outcome?;
        state.running += 1;
        state.passes += 1;
        state.note_running();
        self.runs = true;
        Ok(())
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        if !self.runs {
            return;
        }
        let mut state = self.gate.inner.state.lock();
        state.running -= 1;
        if state.parked > 0 {
            self.gate.inner.wake.notify_all();
        }
    }
}
