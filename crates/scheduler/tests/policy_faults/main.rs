//! Random schedules with injected faults. An executor on a virtual clock drives the policy through errors, panics, slow
//! stages, cancels, deadlines, lost devices, budgets that move, and events that come twice or late. It keeps its own
//! books and checks every action against them. Everything follows from the seed.
#![allow(clippy::unwrap_used)] // a test may panic

mod books;
mod executor;
mod faults;

use executor::Executor;
use faults::{CALM, Faults, STORM};

fn check(seed: u64, faults: Faults, jobs: u64) -> Executor {
    let mut e = Executor::new(seed, faults);
    e.submit_jobs(jobs);
    e.run();
    assert!(e.running.is_empty() && e.policy.is_idle(), "seed {seed}: {:?}", e.policy.snapshot());
    assert!(e.jobs.values().all(|j| j.resolved), "seed {seed}");
    assert_eq!(e.delivered + e.failed + e.refused, jobs, "seed {seed}");
    let s = e.policy.snapshot();
    assert_eq!((s.totals.delivered, s.totals.failed, s.totals.refused), (e.delivered, e.failed, e.refused));
    assert_eq!(
        (s.jobs_waiting, s.jobs_open, s.queued, s.synthesising, s.ready, s.proving, s.host_committed),
        (0, 0, 0, 0, 0, 0, 0)
    );
    e
}

#[test]
fn without_faults_every_job_that_fits_is_delivered() {
    let mut delivered = 0;
    for seed in 0..100 {
        let e = check(seed, CALM, 40);
        assert_eq!(e.failed, 0, "seed {seed}");
        delivered += e.delivered;
    }
    assert!(delivered > 2500, "{delivered}");
}

#[test]
fn every_job_ends_once_whatever_happens() {
    let (mut delivered, mut failed, mut refused, mut retries) = (0, 0, 0, 0);
    for seed in 1000..1400 {
        let e = check(seed, STORM, 40);
        delivered += e.delivered;
        failed += e.failed;
        refused += e.refused;
        retries += e.policy.snapshot().totals.retries;
    }
    // The storm leaves enough of each to mean something.
    assert!(
        delivered > 1000 && failed > 1000 && refused > 1000 && retries > 1000,
        "{delivered} {failed} {refused} {retries}"
    );
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let history = |seed| check(seed, STORM, 30).past;
    assert_eq!(history(7), history(7));
    assert_ne!(history(7), history(8));
}
