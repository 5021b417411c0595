//! Budgets of bytes: host memory, pinned host memory, device memory.
//!
//! # Protocol
//! One mutex guards the totals, what is used, and a queue of waiters in order of arrival. Nobody runs foreign code or
//! blocks while holding it. A [`Reservation`] is the only proof of use: `used` is the sum of all live reservations, always.
//!
//! - **No overtaking that starves.** A request is granted at once only if it fits *and* no earlier waiter wants a kind of
//!   byte that it wants too. So for each kind the order is first come, first served, and a big request gets its turn
//!   however many small ones come after it; a request for device bytes does not queue behind one for host bytes.
//! - **No hold and wait.** A request for several kinds is granted whole or not at all.
//! - **Impossible is refused at once**: what exceeds the totals would wait for ever. Lowering a total refuses the waiters
//!   that became impossible; reservations stay as they are, and new ones wait until enough is given back.
//! - **No lost wake-up.** A waiter is granted *by* the thread that makes room: it adds the bytes to `used`, marks the
//!   waiter's slot and notifies it, all under the mutex. Every event that can let somebody through (a release, a raised
//!   total, a waiter that gives up, a waiter that is refused) runs `State::grant`, which serves everybody who fits. A waiter
//!   that is granted and interrupted at the same time finds its slot granted, and takes it.

use crate::cancel::{Interrupted, Wait};
use crate::sync::{Arc, AtomicU8, Condvar, Mutex, Ordering};
use core::fmt;
use std::collections::VecDeque;

/// What kind of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pageable host memory.
    Host,
    /// Page-locked host memory.
    Pinned,
    /// Device memory.
    Device,
}

const KINDS: [Kind; 3] = [Kind::Host, Kind::Pinned, Kind::Device];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Host => "host",
            Kind::Pinned => "pinned",
            Kind::Device => "device",
        })
    }
}

/// Bytes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Bytes of pageable host memory.
    pub host: u64,
    /// Bytes of page-locked host memory.
    pub pinned: u64,
    /// Bytes of device memory.
    pub device: u64,
}

impl Amounts {
    /// Nothing.
    pub const ZERO: Amounts = Amounts { host: 0, pinned: 0, device: 0 };
    /// As much as there can be: a budget without limits.
    pub const MAX: Amounts = Amounts { host: u64::MAX, pinned: u64::MAX, device: u64::MAX };

    /// Host bytes alone.
    pub const fn host(bytes: u64) -> Self {
        Amounts { host: bytes, ..Amounts::ZERO }
    }

    /// Pinned bytes alone.
    pub const fn pinned(bytes: u64) -> Self {
        Amounts { pinned: bytes, ..Amounts::ZERO }
    }

    /// Device bytes alone.
    pub const fn device(bytes: u64) -> Self {
        Amounts { device: bytes, ..Amounts::ZERO }
    }

    /// The bytes of one kind.
    pub const fn get(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Host => self.host,
            Kind::Pinned => self.pinned,
            Kind::Device => self.device,
        }
    }

    /// The sum, unless a kind overflows.
    pub fn checked_add(self, other: Amounts) -> Option<Amounts> {
        Some(Amounts {
            host: self.host.checked_add(other.host)?,
            pinned: self.pinned.checked_add(other.pinned)?,
            device: self.device.checked_add(other.device)?,
        })
    }

    /// The difference, unless a kind would be below zero.
    pub fn checked_sub(self, other: Amounts) -> Option<Amounts> {
        Some(Amounts {
            host: self.host.checked_sub(other.host)?,
            pinned: self.pinned.checked_sub(other.pinned)?,
            device: self.device.checked_sub(other.device)?,
        })
    }

    /// The bigger of each kind.
    pub fn max(self, other: Amounts) -> Amounts {
        Amounts {
            host: self.host.max(other.host),
            pinned: self.pinned.max(other.pinned),
            device: self.device.max(other.device),
        }
    }

    /// The first kind of which there is more than in `limit`.
    fn exceeds(&self, limit: &Amounts) -> Option<Kind> {
        KINDS.into_iter().find(|kind| self.get(*kind) > limit.get(*kind))
    }
}

/// Why nothing was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// More than there is altogether: waiting would not help.
    #[error("{needed} bytes of {kind} memory are needed, and the budget is {total}")]
    Impossible {
        /// The kind of bytes.
        kind: Kind,
        /// How many were asked for.
        needed: u64,
        /// The whole budget.
        total: u64,
    },
    /// There is no room now, or somebody waits already (only from calls that do not wait).
    #[error("there is no room in the budget now")]
    Full,
    /// The wait was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A part of a reservation was asked for that is bigger than the reservation.
    #[error("a reservation has less {kind} memory than was asked of it")]
    NotHeld {
        /// The kind of bytes.
        kind: Kind,
    },
}

/// A snapshot of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The limits.
    pub total: Amounts,
    /// The sum of live reservations. Above `total` for a while after the total was lowered.
    pub used: Amounts,
    /// The most that was ever used, of each kind by itself.
    pub peak: Amounts,
    /// Requests that wait.
    pub waiting: usize,
}

/// The budget. Clones are one budget.
#[derive(Clone)]
pub struct Budget {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
}

struct State {
    total: Amounts,
    used: Amounts,
    peak: Amounts,
    queue: VecDeque<Arc<Waiter>>,
}

/// A request in the queue. `outcome` is read and written under the budget's mutex alone.
struct Waiter {
    amounts: Amounts,
    outcome: AtomicU8,
    wake: Condvar,
}

const WAITING: u8 = 0;
const GRANTED: u8 = 1;
const REFUSED: u8 = 2;

impl Waiter {
    fn decide(&self, outcome: u8) {
        self.outcome.store(outcome, Ordering::Relaxed);
        self.wake.notify_all();
    }
}

impl State {
    fn check_possible(&self, amounts: &Amounts) -> Result<(), BudgetError> {
        match amounts.exceeds(&self.total) {
            Some(kind) => {
                Err(BudgetError::Impossible { kind, needed: amounts.get(kind), total: self.total.get(kind) })
            }
            None => Ok(()),
        }
    }

    /// Takes the bytes if they fit and no earlier waiter wants some of the same kind.
    fn take(&mut self, amounts: &Amounts) -> bool {
        let waited_for = |kind: Kind| self.queue.iter().any(|w| w.amounts.get(kind) > 0);
        if KINDS.into_iter().any(|kind| amounts.get(kind) > 0 && waited_for(kind)) {
            return false;
        }
        self.take_if_it_fits(amounts)
    }

    fn take_if_it_fits(&mut self, amounts: &Amounts) -> bool {
        let Some(used) = self.used.checked_add(*amounts) else { return false };
        // Only kinds that are asked for count: another may be above a total that was lowered.
        if KINDS.into_iter().any(|kind| amounts.get(kind) > 0 && used.get(kind) > self.total.get(kind)) {
            return false;
        }
        self.used = used;
        self.peak = self.peak.max(used);
        true
    }

    /// Serves everybody who fits: in order, and for each kind not past somebody who does not fit.
    fn grant(&mut self) {
        let mut blocked = [false; 3];
        let mut left = VecDeque::with_capacity(self.queue.len());
        for waiter in std::mem::take(&mut self.queue) {
            let wants = KINDS.map(|kind| waiter.amounts.get(kind) > 0);
            let behind = wants.iter().zip(&blocked).any(|(w, b)| *w && *b);
            if !behind && self.take_if_it_fits(&waiter.amounts) {
                waiter.decide(GRANTED);
                continue;
            }
            blocked.iter_mut().zip(wants).for_each(|(b, w)| *b |= w);
            left.push_back(waiter);
        }
        self.queue = left;
    }

    fn give_back(&mut self, amounts: &Amounts) {
        let used = self.used.checked_sub(*amounts);
        debug_assert!(used.is_some(), "more was given back than was reserved");
        self.used = used.unwrap_or(Amounts::ZERO);
        self.grant();
    }
}

impl Budget {
    /// A budget of these bytes. [`Amounts::MAX`] limits nothing and still counts.
    pub fn new(total: Amounts) -> Self {
        let (used, peak) = (Amounts::ZERO, Amounts::ZERO);
        let state = Mutex::new(State { total, used, peak, queue: VecDeque::new() });
        Budget { inner: Arc::new(Inner { state }) }
    }

    /// Reserves bytes, waiting for its turn. All of them or nothing.
    ///
    /// # Errors
    /// If it can never be granted, or the wait is interrupted.
    pub fn reserve(&self, amounts: Amounts, wait: Wait<'_>) -> Result<Reservation, BudgetError> {
        if let Some(granted) = self.reserve_now(amounts)? {
            return Ok(granted);
        }
        let waiter = Arc::new(Waiter { amounts, outcome: AtomicU8::new(WAITING), wake: Condvar::new() });
        let _registration = wait.cancel.map(|token| {
            let (inner, waiter) = (self.inner.clone(), waiter.clone());
            token.on_cancel(std::sync::Arc::new(move || {
                drop(inner.state.lock());
                waiter.wake.notify_all();
            }))
        });
        let mut state = self.inner.state.lock();
        state.check_possible(&amounts)?;
        state.queue.push_back(waiter.clone());
        state.grant();
        loop {
            match waiter.outcome.load(Ordering::Relaxed) {
                GRANTED => return Ok(self.reservation(amounts)),
                REFUSED => return Err(state.check_possible(&amounts).err().unwrap_or(BudgetError::Full)),
                _ => {}
            }
            if let Some(why) = wait.interrupted() {
                state.queue.retain(|other| !Arc::ptr_eq(other, &waiter));
                state.grant();
                return Err(why.into());
            }
            state = waiter.wake.wait(state, wait.deadline);
        }
    }

    /// Reserves bytes if that needs no waiting.
    ///
    /// # Errors
    /// [`BudgetError::Impossible`], or [`BudgetError::Full`] if it would wait.
    pub fn try_reserve(&self, amounts: Amounts) -> Result<Reservation, BudgetError> {
        self.reserve_now(amounts)?.ok_or(BudgetError::Full)
    }

    /// Changes the limits. Reservations stay; waiters that can never be granted any more are refused.
    pub fn set_total(&self, total: Amounts) {
        let mut state = self.inner.state.lock();
        state.total = total;
        let queue = std::mem::take(&mut state.queue);
        let (refused, left): (Vec<_>, Vec<_>) =
            queue.into_iter().partition(|w| w.amounts.exceeds(&total).is_some());
        state.queue = left.into();
        refused.iter().for_each(|waiter| waiter.decide(REFUSED));
        state.grant();
    }

    /// What is used, at this moment.
    pub fn usage(&self) -> Usage {
        let state = self.inner.state.lock();
        Usage { total: state.total, used: state.used, peak: state.peak, waiting: state.queue.len() }
    }

    fn reserve_now(&self, amounts: Amounts) -> Result<Option<Reservation>, BudgetError> {
        let mut state = self.inner.state.lock();
        state.check_possible(&amounts)?;
        let taken = state.take(&amounts);
        drop(state);
        Ok(taken.then(|| self.reservation(amounts)))
    }

    fn reservation(&self, amounts: Amounts) -> Reservation {
        Reservation { budget: self.clone(), amounts }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("usage", &self.usage()).finish()
    }
}

/// Bytes that are reserved until it is dropped, in whatever thread and for whatever reason.
#[must_use = "dropping it gives the bytes back"]
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    amounts: Amounts,
}

impl Reservation {
    /// What is reserved.
    pub fn amounts(&self) -> Amounts {
        self.amounts
    }

    /// Keeps this much and gives the rest back at once.
    ///
    /// # Errors
    /// If it would have to grow; nothing changes then.
    pub fn shrink_to(&mut self, amounts: Amounts) -> Result<(), BudgetError> {
        let rest = self.without(amounts)?;
        self.amounts = amounts;
        self.budget.inner.state.lock().give_back(&rest);
        Ok(())
    }

    /// Takes a part out, as a reservation of its own. The budget sees no change.
    ///
    /// # Errors
    /// If the part is bigger than the reservation; nothing changes then.
    pub fn split(&mut self, part: Amounts) -> Result<Reservation, BudgetError> {
        self.amounts = self.without(part)?;
        Ok(self.budget.reservation(part))
    }

    /// Adds more, if that needs no waiting. (Waiting while holding could deadlock: reserve the whole at the start.)
    ///
    /// # Errors
    /// If there is no room; nothing changes then.
    pub fn try_grow(&mut self, more: Amounts) -> Result<(), BudgetError> {
        let mut added = self.budget.try_reserve(more)?;
        self.amounts = self.amounts.checked_add(more).ok_or(BudgetError::Full)?;
        added.amounts = Amounts::ZERO;
        Ok(())
    }

    fn without(&self, part: Amounts) -> Result<Amounts, BudgetError> {
        let held = &self.amounts;
        held.checked_sub(part).ok_or_else(|| {
            let kind = part.exceeds(held).unwrap_or(Kind::Host);
            BudgetError::NotHeld { kind }
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.amounts != Amounts::ZERO {
            self.budget.inner.state.lock().give_back(&self.amounts);
        }
    }
}
