//! Proofs beside others: the scheduler's budget, timeline and cancellation.

use forebay_scheduler::{
    budget::{Amounts, Budget, BudgetError},
    cancel::{CancelToken, Interrupted, Wait},
    timeline::{Lane, Span, Timeline, WaitReason, svg},
};
use forebay_stark::{
    Observer, Options, Parameters, Proof, ProveError, ProvingKey, Shared, TableParallelism, air::Air,
    peak_bytes, programs::workload::Workload, prove, setup, verify,
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{
    thread,
    time::{Duration, Instant},
};

const WORKLOAD: Workload = Workload { log_n: 10, limb_bits: 8 };
const HEIGHTS: [u32; 3] = [10, 9, 8];

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

fn key(pool: &ThreadPool) -> ProvingKey {
    let parameters = Parameters { queries: 10, grinding_bits: 1, ..Parameters::default() };
    let boxed = WORKLOAD.airs();
    let airs: Vec<&dyn Air> = boxed.iter().map(AsRef::as_ref).collect();
    setup(pool, &airs, parameters).expect("the workload compiles")
}

fn shared<'a>(budget: &'a Budget, timeline: &'a Timeline, job: u64) -> Shared<'a> {
    Shared { budget, timeline, wait: Wait::forever(), job, partition: 0, lane: Lane::Worker(job as u32) }
}

fn proof(pool: &ThreadPool, key: &ProvingKey, options: Options<'_>) -> Result<Proof, ProveError> {
    let (traces, public) = WORKLOAD.traces();
    let proof = prove(pool, key, traces, &public, options)?;
    assert_eq!(verify(key.verifying_key(), &public, &proof), Ok(()));
    Ok(proof)
}

#[test]
fn stages_stand_on_the_timeline() {
    let pool = pool(2);
    let key = key(&pool);
    let (budget, timeline) = (Budget::new(Amounts::MAX), Timeline::default());
    let before = timeline.now();
    proof(&pool, &key, Options { shared: Some(shared(&budget, &timeline, 7)), ..Options::default() })
        .unwrap();
    let (after, spans) = (timeline.now(), timeline.spans());
    let stages: Vec<&str> = spans.iter().map(|s| s.stage).collect();
    assert_eq!(
        stages,
        [
            "twiddles",
            "main columns",
            "main tree",
            "bus columns",
            "bus extension",
            "bus tree",
            "quotient",
            "quotient extension",
            "quotient tree",
            "values",
            "codewords",
            "folds",
            "queries"
        ]
    );
    let slack = Duration::from_micros(50); // between two readings of the clock
    assert!(spans.iter().all(|s| s.job == 7 && s.lane == Lane::Worker(7) && s.ok && s.end >= s.start));
    assert!(spans.iter().all(|s| s.start + slack >= before && s.end <= after));
    assert!(spans.windows(2).all(|w| w[0].end <= w[1].start + slack), "one stage after the other");
    let bytes = |stage: &str| spans.iter().find(|s| s.stage == stage).map_or(0, |s| s.bytes);
    assert!(bytes("main columns") > 8 * 14 * 2048, "the columns' extension");
    assert!(svg::waterfall(&spans, 800).contains("quotient tree"));
}

#[test]
fn two_proofs_take_turns_where_memory_is_for_one() {
    let pool = pool(2);
    let key = key(&pool);
    let one = peak_bytes(key.verifying_key(), &HEIGHTS, 2).unwrap();
    let (budget, timeline) = (Budget::new(Amounts::host(one + one / 2)), Timeline::default());
    let held = budget.try_reserve(Amounts::host(one)).unwrap();
    thread::scope(|scope| {
        for job in 0..2 {
            let (pool, key, budget, timeline) = (&pool, &key, &budget, &timeline);
            scope.spawn(move || {
                let options = Options { shared: Some(shared(budget, timeline, job)), ..Options::default() };
                proof(pool, key, options).unwrap();
            });
        }
        while budget.usage().waiting < 2 {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(timeline.spans().is_empty(), "nothing begins without memory");
        drop(held);
    });
    let usage = budget.usage();
    assert_eq!((usage.used, usage.peak.host), (Amounts::ZERO, one));
    let spans = timeline.spans();
    let of = |job: u64| spans.iter().filter(move |s| s.job == job);
    let (start, end) = (|j| of(j).map(|s| s.start).min(), |j| of(j).map(|s| s.end).max());
    let slack = Some(Duration::from_micros(50));
    let after = |a: u64, b: u64| start(b).zip(slack).map(|(s, slack)| s + slack) >= end(a);
    assert!(after(0, 1) || after(1, 0), "one proof after the other");
    let waited = |s: &Span| s.waited.is_some_and(|(why, time)| why == WaitReason::Budget && !time.is_zero());
    assert!([0, 1].into_iter().all(|job| of(job).next().is_some_and(waited)), "the first stage tells");
}

#[test]
fn what_can_never_fit_is_refused_at_once() {
    let pool = pool(2);
    let key = key(&pool);
    let (budget, timeline) = (Budget::new(Amounts::host(1 << 20)), Timeline::default());
    let options = Options { shared: Some(shared(&budget, &timeline, 0)), ..Options::default() };
    let refused = proof(&pool, &key, options).unwrap_err();
    assert!(matches!(refused, ProveError::Budget(BudgetError::Impossible { .. })), "{refused}");
    assert!(timeline.spans().is_empty());
    let all = peak_bytes(key.verifying_key(), &HEIGHTS, 2).unwrap();
    assert!(peak_bytes(key.verifying_key(), &[10, 9], 2).is_err());
    assert!(peak_bytes(key.verifying_key(), &[11, 9, 8], 2).unwrap() > all);
}

#[test]
fn auto_works_on_less_at_once_where_memory_is_short_and_a_setting_does_not() {
    let pool = pool(8);
    let key = key(&pool);
    let verifying = key.verifying_key();
    let (all, least) =
        (peak_bytes(verifying, &HEIGHTS, 8).unwrap(), peak_bytes(verifying, &HEIGHTS, 1).unwrap());
    // Every thread has buffers of its own, whatever is done at once.
    let short = least + (all - least) / 2;
    let (budget, timeline) = (Budget::new(Amounts::host(short)), Timeline::default());
    let with = |tables| Options { tables, shared: Some(shared(&budget, &timeline, 0)), ..Options::default() };
    let lean = proof(&pool, &key, with(TableParallelism::Auto)).unwrap();
    assert!(budget.usage().peak.host <= short && short < all);
    let refused = proof(&pool, &key, with(TableParallelism::Fixed(8))).unwrap_err();
    assert!(matches!(refused, ProveError::Budget(BudgetError::Impossible { .. })), "{refused}");
    let most = Options { tables: TableParallelism::Fixed(usize::MAX), ..Options::default() };
    let free = proof(&pool, &key, most).unwrap();
    assert_eq!(lean, free, "the proof is the same");
}

/// Gives a proof up when a stage ends.
struct GiveUp<'a>(&'static str, &'a CancelToken);

impl Observer for GiveUp<'_> {
    fn stage(&self, name: &'static str, _: Instant, _: Instant, _: u64) {
        if name == self.0 {
            self.1.cancel();
        }
    }
}

#[test]
fn a_cancelled_proof_ends_after_the_stage() {
    let pool = pool(2);
    let key = key(&pool);
    for stage in ["twiddles", "bus columns", "quotient", "folds"] {
        let (budget, timeline) = (Budget::new(Amounts::MAX), Timeline::default());
        let token = CancelToken::new();
        let give_up = GiveUp(stage, &token);
        let shared = Shared { wait: Wait::cancelled_by(&token), ..shared(&budget, &timeline, 0) };
        let options = Options { observer: Some(&give_up), shared: Some(shared), ..Options::default() };
        let ended = proof(&pool, &key, options).unwrap_err();
        assert_eq!(ended, ProveError::Interrupted(Interrupted::Cancelled));
        assert_eq!(timeline.spans().last().map(|s| s.stage), Some(stage));
        assert_eq!(budget.usage().used, Amounts::ZERO);
    }
    // A deadline that has passed: not even the budget is waited for.
    let (budget, timeline) = (Budget::new(Amounts::MAX), Timeline::default());
    let late = Shared { wait: Wait::at_most(Duration::ZERO), ..shared(&budget, &timeline, 0) };
    let ended = proof(&pool, &key, Options { shared: Some(late), ..Options::default() }).unwrap_err();
    assert_eq!(ended, ProveError::Interrupted(Interrupted::DeadlinePassed));
}
