//! The gate's closed loop on the executor: evaluators that slow tails down are held back, and let run again once they are
//! not the cause any more.

#![allow(clippy::unwrap_used)] // a test may panic

use forebay_scheduler::{
    device::DeviceId,
    executor::{Executor, JobHandle, Parts, Request, StageContext, StageError, Work},
    gate::{BandwidthGate, Controller, ControllerOptions, LEARNING, Mode, StageKey, Stages},
    policy::{CircuitId, Footprint, Pacing, PolicyConfig},
    pools::{self, Pools, Topology},
    reclaim::{self, Reclaimer},
    timeline::Timeline,
};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::sleep,
    time::Duration,
};

/// Evaluators, all of which may run at first.
const EVALUATORS: u32 = 4;

/// A machine on which every evaluator that runs adds to the time of a tail, while it is asked to.
#[derive(Default)]
struct Contended {
    slows: AtomicBool,
    running: AtomicU32,
    bytes: u64,
}

struct Job(Arc<Contended>);

impl Work for Job {
    type Ready = ();
    type Tail = ();
    type Output = ();
    type Error = String;

    /// Longer than the tails of all that run at once, so that evaluators are always there.
    fn synthesise(&self, _: u32, cx: &StageContext<'_>) -> Result<(), StageError<String>> {
        let evaluation = cx.gate.evaluation(cx.cancel.clone());
        for _ in 0..60 {
            self.0.running.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(2));
            self.0.running.fetch_sub(1, Ordering::SeqCst);
            evaluation.checkpoint().map_err(|_| StageError::Cancelled)?;
        }
        Ok(())
    }

    fn device(&self, (): (), _: DeviceId, _: &StageContext<'_>) -> Result<(), StageError<String>> {
        Ok(())
    }

    /// 20 ms, and with each evaluator 40 ms more: beyond the bound (2) by more than a sleep is late.
    fn tail(&self, (): (), _: &StageContext<'_>) -> Result<(), StageError<String>> {
        for _ in 0..10 {
            sleep(Duration::from_millis(2));
            if self.0.slows.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(4) * self.0.running.load(Ordering::SeqCst));
            }
        }
        Ok(())
    }

    fn tail_bytes(&self) -> u64 {
        self.0.bytes
    }
}

fn executor() -> Executor {
    let options = pools::Options { synthesis: 1, msm: 1, pin: false };
    let controller = Controller::new(ControllerOptions::new(2.0, EVALUATORS));
    let parts = Parts {
        pinned_bytes: 0,
        policy: PolicyConfig {
            synthesis_slots: EVALUATORS,
            look_ahead: 2 * EVALUATORS,
            workers_per_device: 1,
            host_bytes: 1000,
            pacing: Pacing::Off,
            ..PolicyConfig::default()
        },
        stages: Stages::adaptive(BandwidthGate::new(Mode::Off), controller),
        pools: Pools::new(&options, &Topology::of_this_machine()).unwrap(),
        reclaimer: Arc::new(Reclaimer::new(reclaim::Options::default()).unwrap()),
        timeline: Arc::new(Timeline::default()),
        quarantine_after: 3,
    };
    Executor::start(parts).unwrap()
}

fn submit(executor: &Executor, machine: &Arc<Contended>) -> JobHandle<Job> {
    let footprint = Footprint { witness: 1, evaluated: 1, device: 0, tail: 1 };
    let request = Request { priority: 0, circuit: CircuitId(7), partitions: 1, footprint, deadline: None };
    executor.submit(request, Arc::new(Job(Arc::clone(machine))))
}

/// Jobs without a pause, until k is as wanted; says how many it took. A thousand are enough on any machine.
fn until(executor: &Executor, machine: &Arc<Contended>, wanted: impl Fn(u32) -> bool) -> u32 {
    let mut open: VecDeque<_> = (0..2 * EVALUATORS).map(|_| submit(executor, machine)).collect();
    for done in 0..1000 {
        if wanted(executor.stages().k().unwrap()) {
            open.into_iter().for_each(|job| drop(job.wait().unwrap()));
            return done;
        }
        open.pop_front().unwrap().wait().unwrap();
        open.push_back(submit(executor, machine));
    }
    panic!("k is {:?}: {:?}", executor.stages().k(), executor.stages().report());
}

#[test]
fn k_follows_what_slows_the_tails() {
    let executor = executor();
    let machine = Arc::new(Contended { slows: AtomicBool::new(true), bytes: 1000, ..Contended::default() });
    assert_eq!(executor.stages().k(), Some(EVALUATORS));
    until(&executor, &machine, |k| k <= 1);
    let tail = StageKey { circuit: 7, stage: "tail" };
    let report = executor.stages().report()[&tail];
    assert!(report.alone >= u64::from(LEARNING) && report.judged > 0, "{report:?}");
    assert!(report.worst_inflation.unwrap() > 2.0, "{report:?}");
    assert!(executor.stages().gate().stats().parks > 0);

    machine.slows.store(false, Ordering::SeqCst);
    until(&executor, &machine, |k| k == EVALUATORS);
    machine.slows.store(true, Ordering::SeqCst);
    until(&executor, &machine, |k| k <= 1);
    assert!(!executor.stages().gate().is_held());
    assert_eq!(executor.overcommits(), 0);
}

/// A tail of unknown bytes holds the gate at the k that is set, and moves nothing.
#[test]
fn unmeasured_tails_leave_k_alone() {
    let executor = executor();
    let machine = Arc::new(Contended { slows: AtomicBool::new(true), ..Contended::default() });
    for job in [submit(&executor, &machine), submit(&executor, &machine)] {
        job.wait().unwrap();
    }
    assert_eq!(executor.stages().gate().mode(), Mode::Park(EVALUATORS));
    assert_eq!(executor.stages().gate().stats().holds, 2);
    assert!(executor.stages().report().is_empty());
}
