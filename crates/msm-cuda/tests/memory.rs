//! The scheduler's memory: page-locked buffers, copies beside the work, device bytes that are reserved and given back.
//!
//! Streams of the launcher are late here: what is not ordered happens in an order that the seed draws.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{Careless, cpu, known_points, random};
use forebay_msm::{
    Backend, BackendError, Bases, Bn254, Curve, ErrorClass,
    backend::{Coset, DomainSpec, QuotientBasis, RootGenerator, Transform},
};
use forebay_msm_cuda::{
    CudaBackend, Emulator, Settings,
    device::Device,
    msm::Tuning,
    staging::{HostPages, Staging},
};
use forebay_scheduler::{
    budget::{Amounts, Budget},
    pinned::PinnedArena,
};
use std::sync::Arc;

type Fr = <Bn254 as Curve>::Fr;
type G1 = <Bn254 as Curve>::G1Affine;

const MEMORY: usize = 32 << 20;
/// A page: vectors of 2^9 elements are four pieces.
const HALF: usize = 4096;

fn emulator(seed: u64) -> Arc<Emulator> {
    let emulator = Emulator::new(MEMORY).unwrap();
    emulator.be_late();
    emulator.set_seed(seed);
    Arc::new(emulator)
}

/// A backend whose copies go through small halves, and their arena.
fn staged(device: Arc<dyn Device>, pinned: u64) -> (CudaBackend, PinnedArena, Budget) {
    let budget = Budget::new(Amounts { host: 0, pinned, device: MEMORY as u64 });
    let arena = PinnedArena::new(budget.clone(), HostPages::of(&device));
    let staging = Staging::new(arena.clone(), Arc::clone(cpu().pool())).with_half(HALF);
    let backend = CudaBackend::new(device, cpu(), Settings::default()).unwrap();
    let chunked = Tuning { chunk: Some(1024), ..Tuning::default() };
    (backend.with_msm_tuning(chunked).with_budget(&budget).with_staging(staging), arena, budget)
}

fn spec(log_n: u32) -> DomainSpec {
    DomainSpec { log_n, generator: RootGenerator::SNARKJS }
}

fn vector(k: u64) -> Vec<Fr> {
    (0..512).map(|i| -Fr::from((i + k) * (i + 7 * k + 1))).collect()
}

fn quotient(backend: &dyn Backend<Bn254>, basis: QuotientBasis) -> Result<Vec<Fr>, BackendError> {
    let [mut a, mut b, mut c] = [1, 2, 3].map(vector);
    backend.quotient(spec(9), basis, &mut a, &mut b, &mut c).map(|()| a)
}

/// Everything that copies, as on the CPU.
fn right(backend: &CudaBackend, case: &str) {
    for basis in [QuotientBasis::OddCosetLagrange, QuotientBasis::Coefficients] {
        assert!(quotient(backend, basis).unwrap() == quotient(&cpu(), basis).unwrap(), "{case}: {basis:?}");
    }
    let mut values = vector(5);
    for transform in [Transform::CosetForward(Coset::Generator), Transform::CosetInverse(Coset::Generator)] {
        Backend::<Bn254>::ntt(backend, spec(9), transform, &mut values).unwrap();
    }
    assert!(values == vector(5), "{case}: transforms");
    // Three chunks of points, so that a buffer is filled again.
    let (points, scalars) = (known_points::<G1>(2500), random::<Fr>(2500, 8));
    let sum = |backend: &dyn Backend<Bn254>| backend.msm_g1(Bases::from_slice(&points), &scalars).unwrap();
    assert!(sum(backend) == sum(&cpu()), "{case}: sums");
}

#[test]
fn late_streams_and_small_halves_change_no_result() {
    for seed in 1..6 {
        let emulator = emulator(seed);
        let (backend, arena, budget) = staged(emulator.clone(), 1 << 20);
        right(&backend, &format!("seed {seed}"));
        let counters = arena.counters();
        // One buffer of two halves, taken anew by each of the four operations, wiped behind each.
        assert_eq!((counters.locked, counters.reused, counters.waited), (1, 4, 0));
        assert!(counters.wiped > 0 && arena.idle_bytes() == 2 * HALF);
        assert_eq!((budget.usage().used.pinned, budget.usage().used.device), (2 * HALF as u64, 0));
        backend.release();
        arena.trim();
        assert_eq!((budget.usage().used, emulator.used()), (Amounts::ZERO, 0));
    }
}

#[test]
fn without_pinned_bytes_copies_are_pageable_and_right() {
    for seed in 1..3 {
        let (backend, arena, _) = staged(emulator(seed), HALF as u64);
        right(&backend, "no pinned bytes");
        assert_eq!(arena.counters().locked, 0);
        let plain = CudaBackend::new(emulator(seed), cpu(), Settings::default()).unwrap();
        right(&plain, "no budget");
    }
}

/// What the launcher is for here: a wait that is left out gives a wrong result.
#[test]
fn a_missing_wait_is_caught() {
    let wrong = |stream_waits, host_waits| {
        let results = (1..8).map(|seed| {
            let device = Arc::new(Careless { inner: emulator(seed), stream_waits, host_waits });
            let (backend, _, _) = staged(device, 1 << 20);
            let basis = QuotientBasis::Coefficients;
            quotient(&backend, basis).unwrap() != quotient(&cpu(), basis).unwrap()
        });
        results.filter(|wrong| *wrong).count()
    };
    assert_eq!(wrong(true, true), 0);
    assert!(wrong(false, true) > 0, "work began before its input had arrived, and nobody noticed");
    assert!(wrong(true, false) > 0, "a half was filled while it was read, and nobody noticed");
}

#[test]
fn device_bytes_are_reserved_while_they_are_used() {
    let emulator = emulator(1);
    let (backend, _, budget) = staged(emulator.clone(), 1 << 20);
    let basis = QuotientBasis::Coefficients;
    assert!(quotient(&backend, basis).is_ok());
    let planned = backend.quotient_bytes::<Bn254>(spec(9)).unwrap() as u64;
    assert_eq!((budget.usage().used.device, budget.usage().peak.device), (0, planned));
    // A failure gives them back too.
    emulator.fail_launch(3, 600);
    assert_eq!(quotient(&backend, basis).unwrap_err().class(), ErrorClass::Retryable);
    assert_eq!(budget.usage().used.device, 0);
    // Somebody else has most of them: refused at once, nothing launched, and not for ever.
    let others = budget.try_reserve(Amounts::device(MEMORY as u64 - planned + 256)).unwrap();
    let before = emulator.launches();
    assert_eq!(quotient(&backend, basis).unwrap_err().class(), ErrorClass::OutOfMemory);
    assert_eq!(emulator.launches(), before);
    drop(others);
    assert!(quotient(&backend, basis).is_ok());
    // More than there is at all.
    budget.set_total(Amounts::device(planned - 256));
    let error = quotient(&backend, basis).unwrap_err();
    assert!(error.class() == ErrorClass::OutOfMemory && error.to_string().contains("planned"), "{error}");
}

#[test]
fn points_that_stay_are_reserved_and_working_memory_makes_way() {
    let emulator = emulator(1);
    let (backend, _, budget) = staged(emulator.clone(), 1 << 20);
    right(&backend, "before");
    let (points, scalars) = (known_points::<G1>(700), random::<Fr>(700, 3));
    let bases = || Bases::from_slice(&points);
    let prepared = backend.prepare(bases(), 20 << 20).unwrap();
    assert!(prepared.copies() > 1, "a table");
    assert_eq!(budget.usage().used.device, prepared.bytes() as u64);
    assert!(emulator.used() <= MEMORY && emulator.used() >= prepared.bytes());
    let expected = Backend::<Bn254>::msm_g1(&cpu(), bases(), &scalars).unwrap();
    assert!(backend.msm_prepared(&prepared, &scalars).unwrap() == expected);
    right(&backend, "beside");
    // The budget has not as many any more.
    budget.set_total(Amounts { device: prepared.bytes() as u64 + 1000, ..budget.usage().total });
    let refused = backend.prepare(bases(), 20 << 20).map(drop).unwrap_err();
    assert_eq!(refused.class(), ErrorClass::OutOfMemory);
    drop(prepared);
    assert_eq!(budget.usage().used.device, 0);
}
