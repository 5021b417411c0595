//! Pacing: what waits although a slot is free.

use crate::bench::{Bench, SECOND, id, spec};
use forebay_scheduler::policy::*;
use std::time::Duration;

/// Few proofs are not held back, however busy the device: their memory is not missed.
#[test]
fn pacing_begins_where_memory_would_pile_up() {
    let config = PolicyConfig {
        synthesis_slots: 50,
        look_ahead: 50,
        host_bytes: 1000,
        pacing: Pacing::DEFAULT,
        ..PolicyConfig::default()
    };
    let mut b = Bench::new(config);
    let (synthesis, interval) = (SECOND * 30, SECOND * 3);
    assert_eq!(b.send(Event::Calibrated { circuit: CircuitId(0), synthesis, interval }), Outcome::Applied);
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 50))), Outcome::Applied);
    // Each commits 20 bytes and will want 10 more: the 25th would be beyond half of the budget.
    assert_eq!(b.synthesising().len(), 24);
    assert_eq!(b.policy.snapshot().hold, Hold::Pacing(None));
}

#[test]
fn pacing_starts_what_the_device_will_want_and_no_more() {
    let pacing = Pacing::JustInTime { free: 0.0, headroom: 0.0, reserve: 1.0, spacing: 0.0 };
    let config = PolicyConfig { synthesis_slots: 50, look_ahead: 50, pacing, ..PolicyConfig::default() };
    let mut b = Bench::new(config);
    let (synthesis, interval) = (SECOND * 30, SECOND * 3);
    let calibrated = Event::Calibrated { circuit: CircuitId(0), synthesis, interval };
    assert_eq!(b.send(calibrated), Outcome::Applied);
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 50))), Outcome::Applied);
    // Σ I < S + I: eleven in the pipeline.
    assert_eq!(b.synthesising().len(), 11);
    assert_eq!(b.policy.snapshot().hold, Hold::Pacing(None));
    let run = Run { partition: id(1, 0), ticket: 1 };
    assert_eq!(b.send(Event::Synthesised { run, took: synthesis }), Outcome::Applied);
    // A worker took it out of the pipeline, so one more starts.
    assert_eq!((b.proving().len(), b.synthesising().len()), (1, 1));
}

#[test]
fn pacing_spaces_starts_and_says_when_to_wake() {
    let pacing = Pacing::JustInTime { free: 0.0, headroom: 0.5, reserve: 1.0, spacing: 0.5 };
    let config = PolicyConfig { synthesis_slots: 50, look_ahead: 50, pacing, ..PolicyConfig::default() };
    let mut b = Bench::new(config);
    let calibrated =
        Event::Calibrated { circuit: CircuitId(0), synthesis: SECOND * 30, interval: SECOND * 3 };
    assert_eq!(b.send(calibrated), Outcome::Applied);
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 50))), Outcome::Applied);
    for n in 0..10u32 {
        assert_eq!(b.synthesising().len(), 1, "{n}");
        let next = b.now + Duration::from_millis(1500);
        assert_eq!(
            (b.policy.snapshot().hold, b.policy.next_wakeup()),
            (Hold::Pacing(Some(next)), Some(next))
        );
        b.now = Time(next.0 - 1);
        assert_eq!(b.send(Event::Tick), Outcome::Applied);
        assert!(b.out.is_empty());
        b.now = next;
        assert_eq!(b.send(Event::Tick), Outcome::Applied);
    }
}

#[test]
fn measured_durations_are_weighted_means_per_circuit() {
    let mut b = Bench::new(PolicyConfig::default());
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 3))), Outcome::Applied);
    for (ticket, seconds) in [(1, 8), (2, 16)] {
        let run = Run { partition: id(1, ticket as u32 - 1), ticket };
        assert_eq!(b.send(Event::Synthesised { run, took: SECOND * seconds }), Outcome::Applied);
    }
    assert_eq!(b.policy.measured(CircuitId(0)), (Some(SECOND * 9), None));
    assert_eq!(b.policy.measured(CircuitId(1)), (None, None));
}

/// Each circuit is paced by its own durations: what is ahead counts with its own interval.
#[test]
fn circuits_are_paced_by_their_own_durations() {
    let pacing = Pacing::JustInTime { free: 0.0, headroom: 0.0, reserve: 1.0, spacing: 0.0 };
    let config = PolicyConfig { synthesis_slots: 99, look_ahead: 99, pacing, ..PolicyConfig::default() };
    let mut b = Bench::new(config);
    for (circuit, synthesis, interval) in [(0, 10, 5), (1, 60, 1)] {
        let (synthesis, interval) = (SECOND * synthesis, SECOND * interval);
        let calibrated = Event::Calibrated { circuit: CircuitId(circuit), synthesis, interval };
        assert_eq!(b.send(calibrated), Outcome::Applied);
    }
    // 10 + 5 s of work in steps of 5.
    assert_eq!(b.send(Event::Submitted(spec(1, 0, 9))), Outcome::Applied);
    assert_eq!(b.synthesising().len(), 3);
    // A job of the slow circuit and of higher priority: 60 + 1 s of work, 15 of which are there, in steps of 1.
    let slow = JobSpec { circuit: CircuitId(1), ..spec(2, 9, 99) };
    assert_eq!(b.send(Event::Submitted(slow)), Outcome::Applied);
    assert_eq!(b.synthesising().len(), 46);
}
