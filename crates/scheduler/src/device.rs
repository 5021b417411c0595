//! One lock per device.
//!
//! # Protocol
//! One mutex guards `held` and a queue of waiters ordered by (priority, arrival): a smaller priority number is served
//! first, equals in order of arrival. The lock is handed over: the thread that lets go marks the first waiter's slot
//! as granted and notifies it, with `held` still true in between, so nobody barges in and no wake-up is lost. A waiter
//! that gives up leaves the queue under the mutex; if it was granted at the same moment, it takes the lock.
//!
//! # Use
//! A [`DeviceGuard`] covers device work alone. Host work that follows (the G2 tail, assembling) must not run under it:
//! it keeps the device idle. [`DeviceGuard::release`] consumes the guard and returns [`Released`]; a host tail takes a
//! `Released` by value or reference, so it cannot be called by somebody who still has the guard of that stage.
//!
//! A panic under the lock drops the guard like any other exit: the lock is free for the next one. What the panicking
//! stage left on the device is the device's owner's to reset.

use crate::cancel::{Interrupted, Wait};
use crate::sync::{Arc, AtomicU8, Condvar, Mutex, Ordering};
use std::time::{Duration, Instant};

/// Which device: an index from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub u32);

impl DeviceId {
    /// No device: the host's kernels stand in.
    pub const HOST: DeviceId = DeviceId(u32::MAX);
}

/// The lock of one device. Clones are one lock.
#[derive(Clone)]
pub struct DeviceLock {
    inner: Arc<Inner>,
}

struct Inner {
    device: DeviceId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: bool,
    arrivals: u64,
    /// Sorted by (priority, arrival).
    queue: Vec<Arc<Waiter>>,
    stats: LockStats,
}

struct Waiter {
    order: (i64, u64),
    granted: AtomicU8,
    wake: Condvar,
}

/// What a lock has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockStats {
    /// Times it was taken.
    pub acquisitions: u64,
    /// Times somebody gave up waiting.
    pub interrupted: u64,
    /// Sum of the times for which it was held.
    pub held: Duration,
    /// The longest of them.
    pub longest_hold: Duration,
    /// Sum of the times that those who got it had waited.
    pub waited: Duration,
    /// The longest of them.
    pub longest_wait: Duration,
}

impl State {
    /// Hands the lock to the first waiter, or frees it.
    fn pass_on(&mut self) {
        if self.queue.is_empty() {
            self.held = false;
            return;
        }
        let first = self.queue.remove(0);
        first.granted.store(1, Ordering::Relaxed);
        first.wake.notify_all();
    }
}

impl DeviceLock {
    /// The lock of a device.
    pub fn new(device: DeviceId) -> Self {
        DeviceLock { inner: Arc::new(Inner { device, state: Mutex::new(State::default()) }) }
    }

    /// The device.
    pub fn device(&self) -> DeviceId {
        self.inner.device
    }

    /// Takes the lock, after everybody of smaller or equal priority number who came before.
    ///
    /// # Errors
    /// If the wait is interrupted.
    pub fn acquire(&self, priority: i64, wait: Wait<'_>) -> Result<DeviceGuard, Interrupted> {
        let asked = Instant::now();
        if let Some(guard) = self.try_acquire_at(asked) {
            return Ok(guard);
        }
        let waiter = self.enqueue(priority);
        let _registration = wait.cancel.map(|token| {
            let (inner, waiter) = (self.inner.clone(), waiter.clone());
            token.on_cancel(std::sync::Arc::new(move || {
                drop(inner.state.lock());
                waiter.wake.notify_all();
            }))
        });
        let mut state = self.inner.state.lock();
        loop {
            if waiter.granted.load(Ordering::Relaxed) == 1 {
                return Ok(self.guard(asked, state));
            }
            if let Some(why) = wait.interrupted() {
                state.queue.retain(|other| !Arc::ptr_eq(other, &waiter));
                state.stats.interrupted += 1;
                return Err(why);
            }
            state = waiter.wake.wait(state, wait.deadline);
        }
    }

    /// Takes the lock if it is free.
    pub fn try_acquire(&self) -> Option<DeviceGuard> {
        self.try_acquire_at(Instant::now())
    }

    /// What it has seen so far; the hold that is going on is not in it.
    pub fn stats(&self) -> LockStats {
        self.inner.state.lock().stats
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.inner.state.lock().queue.len()
    }

    fn try_acquire_at(&self, asked: Instant) -> Option<DeviceGuard> {
        let mut state = self.inner.state.lock();
        if state.held {
            return None;
        }
        state.held = true;
        Some(self.guard(asked, state))
    }

    /// A place in the queue; granted at once if the lock has become free.
    fn enqueue(&self, priority: i64) -> Arc<Waiter> {
        let mut state = self.inner.state.lock();
        let order = (priority, state.arrivals);
        state.arrivals += 1;
        let waiter = Arc::new(Waiter { order, granted: AtomicU8::new(0), wake: Condvar::new() });
        let at = state.queue.partition_point(|other| other.order < order);
        state.queue.insert(at, waiter.clone());
        if !state.held {
            state.held = true;
            state.pass_on();
        }
        waiter
    }

    fn guard(&self, asked: Instant, mut state: crate::sync::MutexGuard<'_, State>) -> DeviceGuard {
        let since = Instant::now();
        let waited = since.saturating_duration_since(asked);
        let stats = &mut state.stats;
        stats.acquisitions += 1;
        stats.waited += waited;
        stats.longest_wait = stats.longest_wait.max(waited);
        DeviceGuard { lock: self.clone(), since, waited }
    }
}

impl core::fmt::Debug for DeviceLock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DeviceLock").field("device", &self.inner.device).finish_non_exhaustive()
    }
}

/// The right to use a device. Dropping it lets the next one in.
#[must_use = "dropping it lets the next one in"]
#[derive(Debug)]
pub struct DeviceGuard {
    lock: DeviceLock,
    since: Instant,
    waited: Duration,
}

impl DeviceGuard {
    /// The device.
    pub fn device(&self) -> DeviceId {
        self.lock.inner.device
    }

    /// Lets the next one in. Host tails take the result.
    pub fn release(self) -> Released {
        let (device, waited) = (self.device(), self.waited);
        let (start, end) = (self.since, Instant::now());
        drop(self);
        Released { device, waited, start, end }
    }
}

impl Drop for DeviceGuard {
    fn drop(&mut self) {
        let held = self.since.elapsed();
        let mut state = self.lock.inner.state.lock();
        state.stats.held += held;
        state.stats.longest_hold = state.stats.longest_hold.max(held);
        state.pass_on();
    }
}

/// Proof that a stage let go of its device. Only [`DeviceGuard::release`] makes one.
#[derive(Debug)]
#[non_exhaustive]
pub struct Released {
    /// The device that was held.
    pub device: DeviceId,
    /// For how long the lock was waited for.
    pub waited: Duration,
    /// When it was taken.
    pub start: Instant,
    /// When it was released.
    pub end: Instant,
}

/// One worker of a device.
#[derive(Clone, Debug)]
pub struct DeviceWorker {
    /// The lock that it shares with the device's other workers.
    pub lock: DeviceLock,
    /// Which of the device's workers: from 0.
    pub index: usize,
}

/// The devices of a machine and their workers. With no GPU the CPU kernels are the device.
#[derive(Clone, Debug)]
pub struct DeviceSet {
    locks: Vec<DeviceLock>,
    workers_per_device: usize,
}

impl DeviceSet {
    /// This many devices (at least one), each with this many workers (at least one): with two, the host work of one
    /// overlaps the device work of the other.
    pub fn new(devices: usize, workers_per_device: usize) -> Self {
        let locks = (0..devices.max(1) as u32).map(|id| DeviceLock::new(DeviceId(id))).collect();
        DeviceSet { locks, workers_per_device: workers_per_device.max(1) }
    }

    /// The lock of each device.
    pub fn locks(&self) -> &[DeviceLock] {
        &self.locks
    }

    /// Every worker: the first of each device, then the second of each, and so on, so that a prefix is spread evenly.
    pub fn workers(&self) -> impl Iterator<Item = DeviceWorker> + '_ {
        (0..self.workers_per_device)
            .flat_map(|index| self.locks.iter().map(move |lock| DeviceWorker { lock: lock.clone(), index }))
    }
}
