use crate::cancel::{CancelToken, Interrupted, Wait};
use crate::explore;
use crate::gate::protocol::{BandwidthGate, Mode};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

/// Everybody goes on when the last hold goes, whatever the order: no wake-up is lost.
#[test]
fn parked_evaluators_wake_when_the_last_hold_goes() {
    explore(3, || {
        let gate = BandwidthGate::new(Mode::Park(0));
        let evaluator = {
            let gate = gate.clone();
            thread::spawn(move || {
                let mut evaluator = gate.enter(Wait::forever()).unwrap();
                evaluator.checkpoint(Wait::forever()).unwrap();
            })
        };
        let other = {
            let gate = gate.clone();
            thread::spawn(move || drop(gate.hold()))
        };
        drop(gate.hold());
        other.join().unwrap();
        evaluator.join().unwrap();
        assert_eq!((gate.running(), gate.parked()), (0, 0));
        assert!(!gate.is_held());
    });
}

/// The gate is held from the start, so every evaluator enters under the limit.
#[test]
fn at_most_k_run() {
    explore(3, || {
        let gate = BandwidthGate::new(Mode::Park(1));
        let hold = gate.hold();
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (gate, inside) = (gate.clone(), inside.clone());
                thread::spawn(move || {
                    let mut evaluator = gate.enter(Wait::forever()).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                    inside.fetch_sub(1, Ordering::Relaxed);
                    evaluator.checkpoint(Wait::forever()).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                    inside.fetch_sub(1, Ordering::Relaxed);
                })
            })
            .collect();
        // The hold goes on: leaving evaluators must let the others in.
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(gate.stats().most_running, 1);
        drop(hold);
        assert_eq!((gate.running(), gate.parked()), (0, 0));
    });
}

#[test]
fn a_cancelled_evaluator_leaves() {
    explore(3, || {
        let gate = BandwidthGate::new(Mode::Park(0));
        let mut evaluator = gate.enter(Wait::forever()).unwrap();
        let token = CancelToken::new();
        let holder = {
            let (gate, token) = (gate.clone(), token.clone());
            thread::spawn(move || {
                let hold = gate.hold();
                token.cancel();
                hold
            })
        };
        let outcome = evaluator.checkpoint(Wait::cancelled_by(&token));
        assert!(matches!(outcome, Ok(()) | Err(Interrupted::Cancelled)));
        drop(evaluator);
        let hold = holder.join().unwrap();
        assert_eq!((gate.running(), gate.parked()), (0, 0));
        drop(hold);
    });
}

#[test]
fn a_raised_k_wakes() {
    explore(3, || {
        let gate = BandwidthGate::new(Mode::Park(0));
        let hold = gate.hold();
        let evaluator = {
            let gate = gate.clone();
            thread::spawn(move || drop(gate.enter(Wait::forever()).unwrap()))
        };
        gate.set_mode(Mode::Park(1));
        evaluator.join().unwrap();
        drop(hold);
    });
}

/// Threads of a loop take tickets; those of an evaluation that ends go to others.
#[test]
fn tickets_come_back() {
    explore(3, || {
        let gate = BandwidthGate::new(Mode::Park(1));
        let hold = gate.hold();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let gate = gate.clone();
                thread::spawn(move || {
                    let evaluation = gate.evaluation(CancelToken::new());
                    evaluation.checkpoint().unwrap();
                    evaluation.checkpoint().unwrap();
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!((gate.running(), gate.parked()), (0, 0));
        assert_eq!(gate.stats().most_running, 1);
        drop(hold);
    });
}
