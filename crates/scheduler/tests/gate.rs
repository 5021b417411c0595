//! The gate with real threads: k is exact, and faults leave nothing behind.
#![allow(clippy::unwrap_used)] // helpers of tests

use forebay_scheduler::cancel::{CancelToken, Interrupted, Wait};
use forebay_scheduler::gate::{BandwidthGate, Baseline, Controller, ControllerOptions, Mode, Stages};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_micros(100));
    }
}

/// Eight evaluators loop; once they settle, no more than k of them are between checkpoints, however often it is looked.
#[test]
fn at_most_k_run_while_held() {
    for k in [0, 1, 3] {
        let gate = BandwidthGate::new(Mode::Park(k));
        let (stop, inside, worst) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| {
                    let mut evaluator = gate.enter(Wait::forever()).unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        worst.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        evaluator.checkpoint(Wait::forever()).unwrap();
                    }
                });
            }
            until(|| gate.running() == 8);
            let hold = gate.hold();
            until(|| gate.parked() == 8 - k);
            worst.store(0, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(10));
            assert_eq!((gate.running(), gate.parked()), (k, 8 - k));
            assert!(worst.load(Ordering::SeqCst) <= k);
            // A second hold that ends does not free the gate.
            drop(gate.hold());
            assert_eq!(gate.parked(), 8 - k);
            // A lowered and a raised k are followed.
            gate.set_mode(Mode::Park(5));
            until(|| gate.running() == 5);
            gate.set_mode(Mode::Park(2));
            until(|| gate.running() == 2);
            drop(hold);
            until(|| gate.running() == 8);
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!((gate.running(), gate.parked()), (0, 0));
    }
}

#[test]
fn the_other_modes_never_park() {
    for mode in [Mode::Off, Mode::Yield] {
        let gate = BandwidthGate::new(mode);
        let holder = gate.clone();
        let _hold = thread::spawn(move || holder.hold()).join().unwrap();
        let mut evaluator = gate.enter(Wait::forever()).unwrap();
        evaluator.checkpoint(Wait::forever()).unwrap();
        gate.evaluation(CancelToken::new()).checkpoint().unwrap();
        assert_eq!(gate.stats().parks, 0);
    }
}

#[test]
fn a_holder_does_not_park_itself() {
    let gate = BandwidthGate::new(Mode::Park(0));
    let mut evaluator = gate.enter(Wait::forever()).unwrap();
    let hold = gate.hold();
    evaluator.checkpoint(Wait::forever()).unwrap();
    gate.evaluation(CancelToken::new()).checkpoint().unwrap();
    drop(hold);
}

#[test]
fn a_panic_makes_room() {
    let gate = BandwidthGate::new(Mode::Park(1));
    let theirs = gate.clone();
    let hold = thread::spawn(move || theirs.hold()).join().unwrap();
    let theirs = gate.clone();
    let go = AtomicBool::new(false);
    thread::scope(|s| {
        let panicking = s.spawn(|| {
            let _evaluator = gate.enter(Wait::forever()).unwrap();
            until(|| go.load(Ordering::Relaxed));
            std::panic::resume_unwind(Box::new(()));
        });
        until(|| gate.running() == 1);
        let next = s.spawn(move || theirs.enter(Wait::forever()).map(drop));
        until(|| gate.parked() == 1);
        go.store(true, Ordering::Relaxed);
        assert!(panicking.join().is_err());
        next.join().unwrap().unwrap();
    });
    assert_eq!((gate.running(), gate.parked()), (0, 0));
    // A holder that panics lets go.
    drop(hold);
    let theirs = gate.clone();
    let panicked = thread::spawn(move || {
        let _hold = theirs.hold();
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(panicked.join().is_err());
    assert!(!gate.is_held());
}

#[test]
fn an_interrupted_evaluator_is_out() {
    let gate = BandwidthGate::new(Mode::Park(0));
    let theirs = gate.clone();
    let mut evaluator = gate.enter(Wait::forever()).unwrap();
    let hold = thread::spawn(move || theirs.hold()).join().unwrap();
    let soon = Wait::at_most(Duration::from_millis(2));
    assert_eq!(evaluator.checkpoint(soon), Err(Interrupted::DeadlinePassed));
    assert_eq!((gate.running(), gate.parked()), (0, 0));
    let token = CancelToken::new();
    token.cancel();
    assert_eq!(evaluator.checkpoint(Wait::cancelled_by(&token)), Err(Interrupted::Cancelled));
    assert!(gate.enter(soon).is_err());
    drop(hold);
    // Once the gate is free it may come back.
    evaluator.checkpoint(Wait::forever()).unwrap();
    assert_eq!(gate.running(), 1);
    drop(evaluator);
    assert_eq!(gate.running(), 0);
}

/// A rayon loop passes its checkpoints while another thread holds again and again; then it is cancelled under a hold.
#[test]
fn loops_of_a_pool_finish_and_are_cancelled() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let gate = BandwidthGate::new(Mode::Park(1));
    let done = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let hold = gate.hold();
                thread::sleep(Duration::from_micros(200));
                drop(hold);
                thread::yield_now();
            }
        });
        for _ in 0..20 {
            let evaluation = gate.evaluation(CancelToken::new());
            let ok = pool.install(|| (0..500).into_par_iter().all(|_| evaluation.checkpoint().is_ok()));
            assert!(ok);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!((gate.running(), gate.parked()), (0, 0));

    let token = CancelToken::new();
    let evaluation = gate.evaluation(token.clone());
    let hold = gate.hold();
    thread::scope(|s| {
        let run = s.spawn(|| {
            pool.install(|| {
                (0..1_000_000).into_par_iter().try_for_each(|_| {
                    thread::sleep(Duration::from_micros(10));
                    evaluation.checkpoint()
                })
            })
        });
        until(|| gate.parked() > 0);
        token.cancel();
        assert_eq!(run.join().unwrap(), Err(Interrupted::Cancelled));
    });
    drop((evaluation, hold));
    assert_eq!((gate.running(), gate.parked()), (0, 0));
}

#[test]
fn measured_stages_set_k() {
    let gate = BandwidthGate::new(Mode::Off);
    let stages = Stages::adaptive(gate.clone(), Controller::new(ControllerOptions::new(1.1, 8)));
    assert_eq!(gate.mode(), Mode::Park(8));
    let second = Duration::from_secs(1);
    assert_eq!(stages.record("g2", 100, second, true), None); // no baseline yet
    assert_eq!(gate.mode(), Mode::Park(8));
    stages.set_baseline("g2", Baseline { bytes: 100, time: second });
    assert_eq!(stages.record("g2", 100, 2 * second, true), Some(2.0));
    assert_eq!(gate.mode(), Mode::Park(4));
    // Twice the bytes in twice the time is no inflation.
    assert_eq!(stages.record("g2", 200, 2 * second, true), Some(1.0));
    stages.record("g2", 200, 2 * second, true);
    assert_eq!(gate.mode(), Mode::Park(5));
    // Nobody ran beside it: says nothing.
    for _ in 0..10 {
        stages.record("g2", 200, 2 * second, false);
    }
    assert_eq!(gate.mode(), Mode::Park(5));
    let report = stages.report()["g2"];
    assert_eq!((report.runs, report.worst_inflation, report.last_inflation), (14, Some(2.0), Some(1.0)));
    assert!(stages.begin("g2").finish(100).is_some());
    assert!(!gate.is_held());
}
