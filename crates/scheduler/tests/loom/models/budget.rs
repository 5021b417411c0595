use crate::budget::{Amounts, Budget, BudgetError};
use crate::cancel::{CancelToken, Interrupted, Wait};
use crate::explore;
use loom::thread;

#[test]
fn three_that_need_the_whole_take_turns() {
    explore(3, || {
        let budget = Budget::new(Amounts::host(2));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let budget = budget.clone();
                thread::spawn(move || drop(budget.reserve(Amounts::host(2), Wait::forever()).unwrap()))
            })
            .collect();
        drop(budget.reserve(Amounts::host(1), Wait::forever()).unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        let usage = budget.usage();
        assert_eq!((usage.used, usage.waiting), (Amounts::ZERO, 0));
        assert_eq!(usage.peak, Amounts::host(2));
    });
}

/// The first waiter is cancelled while the second one, who fits, is blocked behind it.
#[test]
fn a_cancelled_waiter_lets_the_next_one_through() {
    explore(3, || {
        let budget = Budget::new(Amounts::host(3));
        let small = budget.reserve(Amounts::host(1), Wait::forever()).unwrap();
        let token = CancelToken::new();
        let big = {
            let (budget, token) = (budget.clone(), token.clone());
            thread::spawn(move || budget.reserve(Amounts::host(3), Wait::cancelled_by(&token)).map(drop))
        };
        let next = {
            let budget = budget.clone();
            thread::spawn(move || budget.reserve(Amounts::host(2), Wait::forever()).map(drop))
        };
        token.cancel();
        // `small` is held all the while, so the big one cannot have been granted.
        assert_eq!(big.join().unwrap(), Err(BudgetError::Interrupted(Interrupted::Cancelled)));
        assert_eq!(next.join().unwrap(), Ok(()));
        drop(small);
        assert_eq!(budget.usage().used, Amounts::ZERO);
    });
}

#[test]
fn a_cancel_races_with_a_grant() {
    explore(3, || {
        let budget = Budget::new(Amounts::host(1));
        let held = budget.reserve(Amounts::host(1), Wait::forever()).unwrap();
        let token = CancelToken::new();
        let waiter = {
            let (budget, token) = (budget.clone(), token.clone());
            thread::spawn(move || budget.reserve(Amounts::host(1), Wait::cancelled_by(&token)).map(drop))
        };
        let canceller = thread::spawn(move || token.cancel());
        drop(held);
        let outcome = waiter.join().unwrap();
        assert!(matches!(outcome, Ok(()) | Err(BudgetError::Interrupted(Interrupted::Cancelled))));
        canceller.join().unwrap();
        let usage = budget.usage();
        assert_eq!((usage.used, usage.waiting), (Amounts::ZERO, 0));
    });
}

#[test]
fn a_lowered_total_refuses_who_waits() {
    explore(3, || {
        let budget = Budget::new(Amounts::host(2));
        let held = budget.reserve(Amounts::host(1), Wait::forever()).unwrap();
        let waiter = {
            let budget = budget.clone();
            thread::spawn(move || budget.reserve(Amounts::host(2), Wait::forever()).map(drop))
        };
        budget.set_total(Amounts::host(1));
        assert!(matches!(waiter.join().unwrap(), Err(BudgetError::Impossible { .. })));
        drop(held);
        assert_eq!(budget.usage().used, Amounts::ZERO);
    });
}

#[test]
fn shrinking_wakes() {
    explore(3, || {
        let budget = Budget::new(Amounts::host(2));
        let mut held = budget.reserve(Amounts::host(2), Wait::forever()).unwrap();
        let waiter = {
            let budget = budget.clone();
            thread::spawn(move || drop(budget.reserve(Amounts::host(1), Wait::forever()).unwrap()))
        };
        held.shrink_to(Amounts::host(1)).unwrap();
        waiter.join().unwrap();
    });
}
