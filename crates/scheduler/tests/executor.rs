//! Faults on the real executor: whatever one job does, the others finish, outputs come once and in order, and every
//! byte, slot and hold goes back.

#![allow(clippy::unwrap_used)] // a test may panic

use forebay_scheduler::{
    device::DeviceId,
    executor::{Executor, JobError, JobHandle, Parts, Request, StageContext, StageError, Work},
    gate::{BandwidthGate, Mode, Stages},
    policy::{CircuitId, Failure, Footprint, Hold, Pacing, PolicyConfig, Refusal},
    pools::{self, Pools, Topology},
    reclaim::{self, Reclaimer},
    timeline::{Lane, Timeline},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const FOOTPRINT: Footprint = Footprint { witness: 100, evaluated: 300, device: 0, tail: 50 };

/// What goes wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Error(Stage),
    Panic(Stage),
    /// Fails so many times, then works.
    Passing(Stage, usize),
    /// Takes longer than anybody waits, unless it is cancelled.
    Slow(Stage),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Synthesise,
    Prepare,
    Device,
    Tail,
}

const STAGES: [Stage; 4] = [Stage::Synthesise, Stage::Prepare, Stage::Device, Stage::Tail];

/// A job whose first partition has the fault; values are counted while they live.
struct Planned {
    fault: Fault,
    tries: AtomicUsize,
    alive: Arc<AtomicUsize>,
    on_device: Arc<AtomicUsize>,
    on_host: Arc<AtomicUsize>,
}

struct Token(Arc<AtomicUsize>, u32);

impl Token {
    fn new(alive: &Arc<AtomicUsize>, partition: u32) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Token(Arc::clone(alive), partition)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Planned {
    fn step(&self, stage: Stage, cx: &StageContext<'_>) -> Result<(), StageError<String>> {
        if cx.partition != 0 {
            return cx.check();
        }
        match self.fault {
            Fault::Error(at) if at == stage => Err(StageError::Fatal(format!("planted in {stage:?}"))),
            Fault::Panic(at) if at == stage => panic!("planted in {stage:?}"),
            Fault::Passing(at, times) if at == stage && self.tries.fetch_add(1, Ordering::SeqCst) < times => {
                Err(StageError::Retryable("passing".to_owned()))
            }
            Fault::Slow(at) if at == stage => loop {
                cx.check()?;
                std::thread::sleep(Duration::from_millis(1));
            },
            _ => cx.check(),
        }
    }
}

impl Work for Planned {
    type Ready = Token;
    type Tail = Token;
    type Output = u32;
    type Error = String;

    fn synthesise(&self, partition: u32, cx: &StageContext<'_>) -> Result<Token, StageError<String>> {
        let token = Token::new(&self.alive, partition);
        self.step(Stage::Synthesise, cx)?;
        Ok(token)
    }

    fn prepare(&self, _: &mut Token, cx: &StageContext<'_>) -> Result<(), StageError<String>> {
        self.step(Stage::Prepare, cx)
    }

    fn device(&self, ready: Token, _: DeviceId, cx: &StageContext<'_>) -> Result<Token, StageError<String>> {
        assert_eq!(self.on_device.fetch_add(1, Ordering::SeqCst), 0, "two stages hold one device");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.step(Stage::Device, cx)));
        self.on_device.fetch_sub(1, Ordering::SeqCst);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map(|()| ready)
    }

    fn on_host(&self, ready: Token, _: &StageContext<'_>) -> Result<Token, StageError<String>> {
        self.on_host.fetch_add(1, Ordering::SeqCst);
        Ok(ready)
    }

    fn tail(&self, tail: Token, cx: &StageContext<'_>) -> Result<u32, StageError<String>> {
        self.step(Stage::Tail, cx)?;
        Ok(tail.1)
    }

    fn tail_bytes(&self) -> u64 {
        1000
    }
}

struct Bench {
    executor: Executor,
    alive: Arc<AtomicUsize>,
    on_device: Arc<AtomicUsize>,
    on_host: Arc<AtomicUsize>,
}

impl Bench {
    fn new(policy: PolicyConfig) -> Bench {
        let topology = Topology::of_this_machine();
        let options = pools::Options { synthesis: 1, msm: 1, pin: false };
        let parts = Parts {
            pinned_bytes: 0,
            policy,
            stages: Stages::new(BandwidthGate::new(Mode::Park(1))),
            pools: Pools::new(&options, &topology).unwrap(),
            reclaimer: Arc::new(Reclaimer::new(reclaim::Options::default()).unwrap()),
            timeline: Arc::new(Timeline::default()),
            quarantine_after: 3,
        };
        let executor = Executor::start(parts).unwrap();
        Bench { executor, alive: Arc::default(), on_device: Arc::default(), on_host: Arc::default() }
    }

    fn submit(&self, fault: Fault, partitions: u32) -> JobHandle<Planned> {
        self.submit_with(fault, partitions, None)
    }

    fn submit_with(&self, fault: Fault, partitions: u32, deadline: Option<Duration>) -> JobHandle<Planned> {
        let work = Planned {
            fault,
            tries: AtomicUsize::new(0),
            alive: Arc::clone(&self.alive),
            on_device: Arc::clone(&self.on_device),
            on_host: Arc::clone(&self.on_host),
        };
        let request =
            Request { priority: 0, circuit: CircuitId(0), partitions, footprint: FOOTPRINT, deadline };
        self.executor.submit(request, Arc::new(work))
    }

    /// Nothing is left of any job.
    fn settle(self) {
        let patience = std::time::Instant::now();
        loop {
            let s = self.executor.snapshot();
            let idle =
                s.synthesising + s.ready + s.proving + s.jobs_open + s.jobs_waiting + s.jobs_stopping == 0;
            if idle && s.host_committed == 0 && self.executor.usage().used.host == 0 {
                break;
            }
            assert!(patience.elapsed() < Duration::from_secs(20), "not settled: {s:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(self.executor.overcommits(), 0);
        assert!(!self.executor.stages().gate().is_held());
        let usage = self.executor.usage();
        assert!(usage.peak.host <= usage.total.host);
        drop(self.executor);
        assert_eq!(self.alive.load(Ordering::SeqCst), 0, "values of partitions outlive the executor");
    }
}

fn small() -> PolicyConfig {
    PolicyConfig { synthesis_slots: 2, look_ahead: 3, host_bytes: 2000, ..PolicyConfig::default() }
}

fn failure(handle: JobHandle<Planned>) -> (Failure, Option<(u32, String)>) {
    match handle.wait() {
        Err(JobError::Failed { failure, error }) => (failure, error),
        Err(other) => panic!("another error: {other}"),
        Ok(outputs) => panic!("delivered {outputs:?}"),
    }
}

#[test]
fn outputs_come_in_the_order_of_partitions() {
    let bench = Bench::new(small());
    let handles: Vec<_> = (1..=5).map(|n| bench.submit(Fault::None, n)).collect();
    for (n, handle) in (1..=5).zip(handles) {
        assert_eq!(handle.wait().unwrap(), (0..n).collect::<Vec<_>>());
    }
    let spans = bench.executor.timeline().spans();
    assert_eq!(spans.iter().filter(|s| matches!(s.lane, Lane::Device(0))).count(), 15);
    assert!(spans.iter().all(|s| s.ok));
    bench.settle();
}

#[test]
fn an_error_or_a_panic_fails_its_own_job_alone() {
    let bench = Bench::new(small());
    for stage in STAGES {
        let before = bench.submit(Fault::None, 3);
        let error = bench.submit(Fault::Error(stage), 3);
        let panic = bench.submit(Fault::Panic(stage), 2);
        let after = bench.submit(Fault::None, 3);
        let (reason, reported) = failure(error);
        assert!(matches!(reason, Failure::Partition { index: 0, .. }), "{stage:?}: {reason:?}");
        assert_eq!(reported, Some((0, format!("planted in {stage:?}"))));
        assert_eq!(failure(panic).0, Failure::Panicked { index: 0 }, "{stage:?}");
        assert_eq!(before.wait().unwrap(), [0, 1, 2]);
        assert_eq!(after.wait().unwrap(), [0, 1, 2]);
    }
    bench.settle();
}

#[test]
fn a_passing_fault_is_retried_and_a_lasting_one_is_not_for_ever() {
    let bench = Bench::new(PolicyConfig { attempts: 3, ..small() });
    for stage in STAGES {
        assert_eq!(bench.submit(Fault::Passing(stage, 2), 2).wait().unwrap(), [0, 1], "{stage:?}");
        let (reason, _) = failure(bench.submit(Fault::Passing(Stage::Synthesise, 99), 2));
        assert_eq!(reason, Failure::Partition { index: 0, attempts: 3 });
    }
    bench.settle();
}

#[test]
fn cancelling_stops_what_runs() {
    let bench = Bench::new(small());
    for stage in STAGES {
        let slow = bench.submit(Fault::Slow(stage), 2);
        let other = bench.submit(Fault::None, 1);
        std::thread::sleep(Duration::from_millis(5));
        slow.cancel();
        slow.cancel();
        assert_eq!(failure(slow).0, Failure::Cancelled, "{stage:?}");
        assert_eq!(other.wait().unwrap(), [0]);
    }
    bench.settle();
}

#[test]
fn a_deadline_stops_what_runs() {
    let bench = Bench::new(small());
    let late = bench.submit_with(Fault::Slow(Stage::Device), 1, Some(Duration::from_millis(20)));
    let other = bench.submit(Fault::None, 2);
    assert_eq!(failure(late).0, Failure::Deadline);
    assert_eq!(other.wait().unwrap(), [0, 1]);
    bench.settle();
}

#[test]
fn the_impossible_is_refused_at_once() {
    let bench = Bench::new(PolicyConfig { host_bytes: 449, ..small() });
    match bench.submit(Fault::None, 1).wait() {
        Err(JobError::Refused(Refusal::HostBytes { need: 450, budget: 449 })) => (),
        other => panic!("{other:?}"),
    }
    match bench.submit(Fault::None, 0).wait() {
        Err(JobError::Refused(Refusal::NoPartitions)) => (),
        other => panic!("{other:?}"),
    }
    bench.settle();
}

#[test]
fn a_device_that_keeps_failing_is_taken_out_and_let_back_in() {
    let bench = Bench::new(PolicyConfig { attempts: 100, ..small() });
    let (reason, _) = failure(bench.submit(Fault::Passing(Stage::Device, 1000), 1));
    assert_eq!(reason, Failure::NoDevice, "it was the only device");
    assert!(bench.executor.restore_device(DeviceId(0)));
    assert_eq!(bench.submit(Fault::None, 1).wait().unwrap(), [0]);
    bench.settle();
}

/// A device that always fails: the host does what failed on it twice; at three failures in a row the device is out, and the
/// host does everything until it is let back in.
#[test]
fn the_host_stands_in_for_a_device_that_fails() {
    let bench = Bench::new(PolicyConfig { host_after: Some(2), ..small() });
    let on_host = || bench.on_host.load(Ordering::SeqCst);
    assert_eq!(bench.submit(Fault::Passing(Stage::Device, 1000), 1).wait().unwrap(), [0]);
    assert_eq!((on_host(), bench.executor.snapshot().devices_up), (1, 1));
    assert_eq!(bench.submit(Fault::Passing(Stage::Device, 1000), 1).wait().unwrap(), [0]);
    assert_eq!((on_host(), bench.executor.snapshot().devices_up), (2, 0));
    assert_eq!(bench.submit(Fault::None, 3).wait().unwrap(), [0, 1, 2]);
    assert_eq!(on_host(), 5);
    assert!(bench.executor.restore_device(DeviceId(0)));
    assert_eq!(bench.submit(Fault::None, 3).wait().unwrap(), [0, 1, 2]);
    assert_eq!(on_host(), 5);
    bench.settle();
}

/// A device whose proofs do not verify is as bad as one that fails: each attempt's blinding is fresh, so it is the device.
#[test]
fn a_device_whose_results_are_wrong_is_taken_out() {
    let bench = Bench::new(PolicyConfig { host_after: Some(50), attempts: 100, ..small() });
    assert_eq!(bench.submit(Fault::Passing(Stage::Tail, 3), 1).wait().unwrap(), [0]);
    assert_eq!((bench.on_host.load(Ordering::SeqCst), bench.executor.snapshot().devices_up), (1, 0));
    bench.settle();
}

/// Durations that are known from elsewhere pace the first job already.
#[test]
fn a_calibration_paces_the_first_job() {
    let pacing = Pacing::JustInTime { free: 0.0, headroom: 0.0, reserve: 0.5, spacing: 0.0 };
    let bench = Bench::new(PolicyConfig { pacing, ..small() });
    bench.executor.calibrate(CircuitId(0), Duration::from_millis(1), Duration::from_secs(3600));
    let job = bench.submit(Fault::Slow(Stage::Synthesise), 4);
    let seen = bench.executor.snapshot();
    assert_eq!((seen.synthesising, seen.hold), (1, Hold::Pacing(None)));
    job.cancel();
    assert_eq!(failure(job).0, Failure::Cancelled);
    bench.settle();
}

#[test]
fn dropping_the_executor_fails_what_is_open() {
    let bench = Bench::new(small());
    let handles: Vec<_> = STAGES.iter().map(|&stage| bench.submit(Fault::Slow(stage), 2)).collect();
    std::thread::sleep(Duration::from_millis(5));
    let alive = Arc::clone(&bench.alive);
    drop(bench);
    for handle in handles {
        assert!(handle.wait().is_err());
    }
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn random_faults_leave_nothing_behind() {
    for seed in 0..8 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let bench =
            Bench::new(PolicyConfig { devices: 1, workers_per_device: rng.gen_range(1..4), ..small() });
        let mut open = Vec::new();
        for _ in 0..40 {
            let stage = STAGES[rng.gen_range(0..4)];
            // Faults of the device alone are left out: three in a row take it out of use.
            let fault = match rng.gen_range(0..10) {
                0 => Fault::Error(stage),
                1 => Fault::Panic(stage),
                2 => Fault::Passing(Stage::Synthesise, 1),
                3 => Fault::Slow(stage),
                _ => Fault::None,
            };
            let handle = bench.submit(fault, rng.gen_range(1..4));
            let cancel = matches!(fault, Fault::Slow(_)) || rng.gen_bool(0.1);
            open.push((fault, cancel, handle));
            if rng.gen_bool(0.05) {
                bench.executor.set_budget(rng.gen_range(900..4000), u64::MAX);
            }
        }
        for (_, cancel, handle) in &open {
            if *cancel {
                handle.cancel();
            }
        }
        for (fault, cancel, handle) in open {
            let delivered = handle.wait().is_ok();
            match fault {
                Fault::None | Fault::Passing(..) => assert!(delivered || cancel, "seed {seed}: {fault:?}"),
                _ => assert!(!delivered, "seed {seed}: {fault:?}"),
            }
        }
        bench.executor.set_budget(4000, u64::MAX);
        bench.settle();
    }
}
