//! The budget under random schedules and injected faults: never above the total, always back to zero, nobody starves.
#![allow(clippy::unwrap_used)] // helpers of tests

use forebay_scheduler::budget::{Amounts, Budget, BudgetError, Kind};
use forebay_scheduler::cancel::{CancelToken, Interrupted, Wait};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

fn waiting(budget: &Budget, count: usize) {
    while budget.usage().waiting < count {
        thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn impossible_requests_are_refused_at_once() {
    let budget = Budget::new(Amounts { host: 10, pinned: 5, device: 0 });
    let held = budget.try_reserve(Amounts::host(10)).unwrap();
    let refused = budget.reserve(Amounts { host: 1, pinned: 6, device: 0 }, Wait::forever());
    assert_eq!(refused.unwrap_err(), BudgetError::Impossible { kind: Kind::Pinned, needed: 6, total: 5 });
    let refused = budget.reserve(Amounts::device(1), Wait::forever());
    assert_eq!(refused.unwrap_err(), BudgetError::Impossible { kind: Kind::Device, needed: 1, total: 0 });
    assert_eq!(budget.try_reserve(Amounts::host(1)).unwrap_err(), BudgetError::Full);
    drop(held);
    assert_eq!(budget.usage().used, Amounts::ZERO);
}

#[test]
fn parts_are_given_back_and_moved() {
    let budget = Budget::new(Amounts::host(10));
    let mut whole = budget.try_reserve(Amounts::host(8)).unwrap();
    let part = whole.split(Amounts::host(3)).unwrap();
    assert_eq!((whole.amounts().host, part.amounts().host, budget.usage().used.host), (5, 3, 8));
    whole.shrink_to(Amounts::host(1)).unwrap();
    assert_eq!(budget.usage().used.host, 4);
    assert_eq!(whole.shrink_to(Amounts::host(2)), Err(BudgetError::NotHeld { kind: Kind::Host }));
    assert!(matches!(whole.split(Amounts::device(1)), Err(BudgetError::NotHeld { kind: Kind::Device })));
    whole.try_grow(Amounts::host(6)).unwrap();
    assert_eq!(whole.try_grow(Amounts::host(1)), Err(BudgetError::Full));
    assert_eq!((whole.amounts().host, budget.usage().used.host), (7, 10));
    drop((whole, part));
    assert_eq!(budget.usage().used, Amounts::ZERO);
    assert_eq!(budget.usage().peak, Amounts::host(10));
}

/// A big request waits; small ones that come later and would fit wait behind it. Other kinds of bytes do not.
#[test]
fn a_big_request_is_not_overtaken() {
    let budget = Budget::new(Amounts { host: 10, pinned: 0, device: 4 });
    let held = budget.try_reserve(Amounts::host(5)).unwrap();
    let (send, order) = mpsc::channel();
    let threads: Vec<_> = [10, 1, 2]
        .into_iter()
        .enumerate()
        .map(|(i, bytes)| {
            let (theirs, send) = (budget.clone(), send.clone());
            let thread = thread::spawn(move || {
                let granted = theirs.reserve(Amounts::host(bytes), Wait::forever()).unwrap();
                send.send(bytes).unwrap();
                drop(granted);
            });
            waiting(&budget, i + 1);
            thread
        })
        .collect();
    assert_eq!(budget.try_reserve(Amounts::host(1)).unwrap_err(), BudgetError::Full);
    drop(budget.try_reserve(Amounts::device(4)).unwrap());
    assert_eq!(budget.usage().waiting, 3);
    drop(held);
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(order.recv().unwrap(), 10);
    assert_eq!(budget.usage().used, Amounts::ZERO);
}

#[test]
fn deadlines_and_cancellation_end_a_wait() {
    let budget = Budget::new(Amounts::host(2));
    let held = budget.try_reserve(Amounts::host(1)).unwrap();
    let late = budget.reserve(Amounts::host(2), Wait::at_most(Duration::from_millis(5)));
    assert_eq!(late.unwrap_err(), BudgetError::Interrupted(Interrupted::DeadlinePassed));
    let token = CancelToken::new();
    let waiter = {
        let (budget, token) = (budget.clone(), token.clone());
        thread::spawn(move || budget.reserve(Amounts::host(2), Wait::cancelled_by(&token)).map(drop))
    };
    waiting(&budget, 1);
    token.cancel();
    assert_eq!(waiter.join().unwrap(), Err(BudgetError::Interrupted(Interrupted::Cancelled)));
    let never = budget.reserve(Amounts::host(2), Wait::cancelled_by(&token));
    assert_eq!(never.unwrap_err(), BudgetError::Interrupted(Interrupted::Cancelled));
    drop(held);
    assert_eq!((budget.usage().used, budget.usage().waiting), (Amounts::ZERO, 0));
}

#[test]
fn a_panic_gives_the_bytes_back() {
    let budget = Budget::new(Amounts::host(1));
    let theirs = budget.clone();
    let panicked = thread::spawn(move || {
        let _held = theirs.try_reserve(Amounts::host(1)).unwrap();
        panic!("injected");
    });
    assert!(panicked.join().is_err());
    assert_eq!(budget.usage().used, Amounts::ZERO);
    drop(budget.reserve(Amounts::host(1), Wait::forever()).unwrap());
}

#[test]
fn a_lowered_total_keeps_reservations_and_makes_others_wait() {
    let budget = Budget::new(Amounts { host: 10, pinned: 0, device: 10 });
    let held = budget.try_reserve(Amounts::host(8)).unwrap();
    budget.set_total(Amounts { host: 4, pinned: 0, device: 10 });
    assert_eq!(budget.usage().used.host, 8);
    assert_eq!(budget.try_reserve(Amounts::host(1)).unwrap_err(), BudgetError::Full);
    // Host bytes are above their total; device bytes are not concerned.
    drop(budget.try_reserve(Amounts::device(10)).unwrap());
    drop(held);
    drop(budget.try_reserve(Amounts::host(4)).unwrap());
    assert!(matches!(budget.try_reserve(Amounts::host(5)), Err(BudgetError::Impossible { .. })));
}

/// What a thread of the random schedule does with a reservation.
#[derive(Clone, Copy, Debug)]
enum Step {
    Hold(u64, u64),
    Shrink(u64),
    Split(u64),
    Panic(u64),
    Late(u64),
    Cancelled(u64),
    Lower(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1u64..=8, 0u64..=4).prop_map(|(h, d)| Step::Hold(h, d)),
        1 => (1u64..=8).prop_map(Step::Shrink),
        1 => (1u64..=8).prop_map(Step::Split),
        1 => (1u64..=8).prop_map(Step::Panic),
        1 => (1u64..=8).prop_map(Step::Late),
        1 => (1u64..=8).prop_map(Step::Cancelled),
        1 => (4u64..=8).prop_map(Step::Lower),
    ]
}

/// The sum of what the threads believe to hold. `Lower` may leave it above the total of the moment, never above the first.
struct Ledger {
    budget: Budget,
    held: AtomicU64,
}

impl Ledger {
    fn with(
        &self,
        amounts: Amounts,
        wait: Wait<'_>,
        then: impl FnOnce(&mut forebay_scheduler::budget::Reservation),
    ) {
        let Ok(mut granted) = self.budget.reserve(amounts, wait) else { return };
        assert!(self.held.fetch_add(amounts.host, Ordering::SeqCst) + amounts.host <= 8);
        thread::yield_now();
        self.held.fetch_sub(amounts.host, Ordering::SeqCst);
        then(&mut granted);
    }

    fn perform(&self, step: Step) {
        match step {
            Step::Hold(host, device) => {
                self.with(Amounts { host, pinned: 0, device }, Wait::forever(), |_| {});
            }
            Step::Shrink(host) => {
                self.with(Amounts::host(host), Wait::forever(), |r| {
                    r.shrink_to(Amounts::host(host / 2)).unwrap()
                });
            }
            Step::Split(host) => self.with(Amounts::host(host), Wait::forever(), |r| {
                drop(r.split(Amounts::host(host / 2)).unwrap());
            }),
            Step::Panic(host) => {
                let panicking = || {
                    self.with(Amounts::host(host), Wait::forever(), |_| {
                        std::panic::resume_unwind(Box::new(()))
                    })
                };
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panicking));
            }
            Step::Late(host) => {
                self.with(Amounts::host(host), Wait::at_most(Duration::from_micros(20)), |_| {});
            }
            Step::Cancelled(host) => {
                let token = CancelToken::new();
                thread::scope(|s| {
                    s.spawn(|| token.cancel());
                    self.with(Amounts::host(host), Wait::cancelled_by(&token), |_| {});
                });
            }
            Step::Lower(host) => {
                self.budget.set_total(Amounts { host, pinned: 0, device: 4 });
                thread::yield_now();
                self.budget.set_total(Amounts { host: 8, pinned: 0, device: 4 });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Ends (nobody is forgotten), and with nothing used.
    #[test]
    fn random_schedules_end_at_zero(work in prop::collection::vec(prop::collection::vec(step(), 1..24), 2..6)) {
        let budget = Budget::new(Amounts { host: 8, pinned: 0, device: 4 });
        let ledger = Arc::new(Ledger { budget: budget.clone(), held: AtomicU64::new(0) });
        let threads: Vec<_> = work
            .into_iter()
            .map(|steps| {
                let ledger = ledger.clone();
                thread::spawn(move || steps.into_iter().for_each(|step| ledger.perform(step)))
            })
            .collect();
        for thread in threads {
            prop_assert!(thread.join().is_ok());
        }
        let usage = budget.usage();
        prop_assert_eq!((usage.used, usage.waiting), (Amounts::ZERO, 0));
        prop_assert!(usage.peak.host <= 8 && usage.peak.device <= 4);
    }
}
