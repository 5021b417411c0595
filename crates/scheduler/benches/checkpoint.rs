//! What a checkpoint costs while nobody holds the gate.

use criterion::{Criterion, criterion_group, criterion_main};
use forebay_scheduler::cancel::{CancelToken, Wait};
use forebay_scheduler::gate::{BandwidthGate, Mode};
use std::hint::black_box;

fn checkpoints(c: &mut Criterion) {
    let gate = BandwidthGate::new(Mode::Park(1));
    let Ok(mut evaluator) = gate.enter(Wait::forever()) else { return };
    c.bench_function("checkpoint/registered", |b| {
        b.iter(|| black_box(&mut evaluator).checkpoint(Wait::forever()))
    });
    let evaluation = gate.evaluation(CancelToken::new());
    c.bench_function("checkpoint/evaluation", |b| b.iter(|| black_box(&evaluation).checkpoint()));
    let value = std::sync::atomic::AtomicI32::new(0);
    c.bench_function("one relaxed load", |b| {
        b.iter(|| black_box(&value).load(std::sync::atomic::Ordering::Relaxed))
    });
}

criterion_group!(benches, checkpoints);
criterion_main!(benches);
