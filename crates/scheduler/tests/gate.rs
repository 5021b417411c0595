//! The gate with real threads: k is exact, and faults leave nothing behind.
#![allow(clippy::unwrap_used)] // helpers of tests

use forebay_scheduler::cancel::{CancelToken, Interrupted, Wait};
use forebay_scheduler::gate::{
    BandwidthGate, Baseline, Controller, ControllerOptions, LEARNING, Measured, Mode, StageKey, Stages,
};
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

const fn tail(circuit: u64) -> StageKey {
    StageKey { circuit, stage: "tail" }
}

/// A run in which k was in force.
fn run(bytes: u64, millis: u64, beside: bool) -> Measured {
    Measured { bytes, time: Duration::from_millis(millis), limited: true, beside, shared: false }
}

fn adaptive(max: u32) -> Stages {
    let gate = BandwidthGate::new(Mode::Off);
    Stages::adaptive(gate, Controller::new(ControllerOptions::new(1.1, max)))
}

#[test]
fn measured_stages_set_k() {
    let stages = adaptive(8);
    let gate = stages.gate().clone();
    assert_eq!((gate.mode(), stages.k()), (Mode::Park(8), Some(8)));
    assert_eq!(stages.record(tail(1), run(100, 1000, true)), None); // no baseline yet
    assert_eq!(gate.mode(), Mode::Park(8));
    stages.set_baseline(tail(1), Baseline { bytes: 100, time: Duration::from_secs(1) });
    assert_eq!(stages.record(tail(1), run(100, 2000, true)), Some(2.0));
    assert_eq!(gate.mode(), Mode::Park(4));
    // Twice the bytes in twice the time is no inflation.
    assert_eq!(stages.record(tail(1), run(200, 2000, true)), Some(1.0));
    stages.record(tail(1), run(200, 2000, true));
    assert_eq!(gate.mode(), Mode::Park(5));
    // The limit was not in force: says nothing.
    for _ in 0..10 {
        stages.record(tail(1), Measured { limited: false, ..run(200, 2000, true) });
    }
    assert_eq!(gate.mode(), Mode::Park(5));
    let report = stages.report()[&tail(1)];
    assert_eq!((report.runs, report.alone, report.judged), (14, 0, 13));
    assert_eq!((report.worst_inflation, report.last_inflation), (Some(2.0), Some(1.0)));
    // Nothing to learn: a baseline was given.
    let hold = stages.begin(tail(1));
    assert_eq!(gate.mode(), Mode::Park(5));
    assert!(hold.finish(100).is_some());
    assert!(!gate.is_held());
}

/// A large circuit's tail takes 1 ns a byte, a small one's, which is mostly the verification, 50. Neither looks slowed
/// down beside the other; one that is slowed down does, by as much as it is.
#[test]
fn circuits_of_different_size_have_baselines_of_their_own() {
    let stages = adaptive(8);
    let (large, small) = (run(1_000_000_000, 1000, true), run(100_000, 5, true));
    let alone = |run| Measured { beside: false, ..run };
    stages.record(tail(1), alone(large));
    stages.record(tail(2), alone(small));
    for _ in 0..100 {
        assert_eq!(stages.record(tail(1), large), Some(1.0));
        assert_eq!(stages.record(tail(2), small), Some(1.0));
        assert_eq!(stages.k(), Some(8));
    }
    assert_eq!(stages.record(tail(2), Measured { time: 2 * small.time, ..small }), Some(2.0));
    assert_eq!(stages.k(), Some(4), "both share the machine, so they share k");
    let report = stages.report();
    for circuit in [1, 2] {
        let seen = report[&tail(circuit)];
        assert_eq!((seen.alone, seen.judged), (1, seen.runs - 1), "circuit {circuit}");
    }
    assert_eq!(stages.baseline(tail(2)), Some(Baseline { bytes: 100_000, time: small.time }));
    // The same under one number: what would happen without the key.
    let merged = adaptive(8);
    merged.record(tail(1), alone(large));
    assert!(merged.record(tail(1), small).unwrap() > 49.0);
}

/// A stage that other partitions' kernels share the host with is slowed by them: it neither cuts k nor teaches how long the stage
/// takes by itself.
#[test]
fn what_other_kernels_slow_down_is_not_blamed_on_evaluators() {
    let stages = adaptive(8);
    stages.set_baseline(tail(1), Baseline { bytes: 100, time: Duration::from_secs(1) });
    let shared = Measured { shared: true, ..run(100, 5000, true) };
    for _ in 0..100 {
        assert_eq!(stages.record(tail(1), shared), Some(5.0));
        stages.record(tail(1), Measured { beside: false, ..shared });
    }
    assert_eq!(stages.k(), Some(8));
    assert_eq!(stages.baseline(tail(1)), Some(Baseline { bytes: 100, time: Duration::from_secs(1) }));
    let report = stages.report()[&tail(1)];
    assert_eq!((report.runs, report.shared, report.judged), (200, 200, 0));
}

/// Kernels share the host with a stage: all of its time, at its beginning, for a while.
#[test]
fn kernels_beside_a_stage_are_seen() {
    let stages = adaptive(8);
    let shared = |stages: &Stages| stages.report()[&tail(1)].shared;
    let _ = stages.begin(tail(1)).finish(100);
    assert_eq!(shared(&stages), 0, "by itself");
    let kernels = stages.host_kernels();
    let _ = stages.begin(tail(1)).finish(100);
    assert_eq!(shared(&stages), 1, "all the time");
    let stage = stages.begin(tail(1));
    drop(kernels);
    let _ = stage.finish(100);
    assert_eq!(shared(&stages), 2, "at the beginning");
    let stage = stages.begin(tail(1));
    drop(stages.host_kernels());
    let _ = stage.finish(100);
    assert_eq!(shared(&stages), 3, "for a while");
    let (first, second) = (stages.begin(tail(1)), stages.begin(tail(1)));
    let _ = (first.finish(100), second.finish(100));
    assert_eq!(shared(&stages), 5, "each other's tails");
    let _ = stages.begin(tail(1)).finish(100);
    assert_eq!(shared(&stages), 5);
}

/// On a machine where more than three evaluators slow every tail down, two circuits in turn settle k at three, or one above
/// where the controller tries.
#[test]
fn two_circuits_settle_one_k() {
    let stages = adaptive(16);
    let base = [run(1_000_000_000, 1000, true), run(100_000, 5, true)];
    for (circuit, base) in base.iter().enumerate() {
        stages.record(tail(circuit as u64), Measured { beside: false, ..*base });
    }
    let mut seen = Vec::new();
    for i in 0..200 {
        let (k, circuit) = (stages.k().unwrap(), i % 2);
        let time = base[circuit].time.mul_f64(1.0 + 0.2 * f64::from(k.saturating_sub(3)));
        stages.record(tail(circuit as u64), Measured { time, beside: k > 0, ..base[circuit] });
        seen.push(k);
    }
    assert_eq!(seen[0], 16);
    assert!(seen[20..].iter().all(|k| (2..=4).contains(k)), "{seen:?}");
    assert!(seen[20..].contains(&3), "{seen:?}");
}

/// The first runs of a circuit hold all evaluators back, whatever k is; k comes back with the last of them, also when a
/// stage fails.
#[test]
fn the_first_runs_of_a_circuit_are_alone() {
    let stages = adaptive(8);
    let gate = stages.gate().clone();
    for circuit in [1, 2] {
        for lesson in 0..LEARNING {
            let (hold, other) = (stages.begin(tail(circuit)), stages.begin(tail(circuit + 10)));
            assert_eq!(gate.mode(), Mode::Park(0), "circuit {circuit}, lesson {lesson}");
            let _ = hold.finish(100);
            assert_eq!(gate.mode(), Mode::Park(0), "the other still learns");
            drop(other);
            assert_eq!(gate.mode(), Mode::Park(8));
        }
        let hold = stages.begin(tail(circuit));
        assert_eq!(gate.mode(), Mode::Park(8));
        drop(hold);
    }
    let report = stages.report();
    assert_eq!((report[&tail(1)].runs, report[&tail(1)].alone), (LEARNING.into(), LEARNING.into()));
    assert_eq!((report[&tail(11)].runs, report[&tail(1)].judged), (0, 0));
    // What only measures holds nobody back.
    let measuring = Stages::new(BandwidthGate::new(Mode::Park(3)));
    let _hold = measuring.begin(tail(1));
    assert_eq!((measuring.gate().mode(), measuring.k()), (Mode::Park(3), None));
}

/// Whether evaluators ran beside a stage is seen at the gate.
#[test]
fn company_is_seen() {
    let gate = BandwidthGate::new(Mode::Park(2));
    let stages = Stages::new(gate.clone());
    let alone = || stages.report()[&tail(1)].alone;
    let _ = stages.begin(tail(1)).finish(1);
    assert_eq!(alone(), 1);
    // One that runs already; one that comes; a loop that is under way; one that begins.
    let evaluator = gate.enter(Wait::forever()).unwrap();
    let _ = stages.begin(tail(1)).finish(1);
    assert_eq!(alone(), 1);
    drop(evaluator);
    let hold = stages.begin(tail(1));
    thread::scope(|s| {
        s.spawn(|| drop(gate.enter(Wait::forever()).unwrap()));
    });
    let _ = hold.finish(1);
    assert_eq!(alone(), 1);
    let evaluation = gate.evaluation(CancelToken::new());
    let _ = stages.begin(tail(1)).finish(1);
    assert_eq!(alone(), 1);
    drop(evaluation);
    let hold = stages.begin(tail(1));
    drop(gate.evaluation(CancelToken::new()));
    let _ = hold.finish(1);
    assert_eq!(alone(), 1);
    let _ = stages.begin(tail(1)).finish(1);
    assert_eq!(alone(), 2);
    assert_eq!(stages.report()[&tail(1)].runs, 6);
    // With k = 0, what runs comes to rest at its next checkpoint.
    gate.set_mode(Mode::Park(0));
    let evaluation = gate.evaluation(CancelToken::new());
    let _ = stages.begin(tail(1)).finish(1);
    assert_eq!(alone(), 3);
    let hold = stages.begin(tail(1));
    gate.set_mode(Mode::Park(1));
    thread::scope(|s| {
        s.spawn(|| evaluation.checkpoint().unwrap());
    });
    let _ = hold.finish(1);
    assert_eq!(alone(), 3, "k was raised meanwhile");
}
