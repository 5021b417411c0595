//! MSM on the CPU launcher: the conformance suite of every backend, both curves, G1 and G2; every way to cut it.

mod common;

use common::{MsmOnly, check, check_prepared, known_points, random};
use ff::PrimeField;
use forebay_msm::{Bls12_381, Bn254, Curve, ErrorClass, conformance};
use forebay_msm_cuda::msm::{DevicePoint, Tuning};

type BlsG1 = <Bls12_381 as Curve>::G1Affine;
type BlsG2 = <Bls12_381 as Curve>::G2Affine;
type BnG1 = <Bn254 as Curve>::G1Affine;
type BnG2 = <Bn254 as Curve>::G2Affine;

const MEMORY: usize = 64 << 20;

#[test]
fn bls12_381_conformance() {
    conformance::run_msm::<Bls12_381>(&MsmOnly::new(MEMORY, Tuning::default()));
}

#[test]
fn bn254_conformance() {
    conformance::run_msm::<Bn254>(&MsmOnly::new(MEMORY, Tuning::default()));
}

/// Powers of two against the CPU backend.
fn sizes<A: DevicePoint>(largest: u32) {
    let points = known_points::<A>(1 << largest);
    let device = MsmOnly::new(MEMORY, Tuning::default());
    for log_n in 0..=largest {
        let n = 1 << log_n;
        check(&device, "random", &points[..n], &random(n, u64::from(log_n)));
    }
}

#[test]
fn bls12_381_g1_sizes() {
    sizes::<BlsG1>(12);
}

#[test]
fn bls12_381_g2_sizes() {
    sizes::<BlsG2>(12);
}

#[test]
fn bn254_g1_sizes() {
    sizes::<BnG1>(12);
}

#[test]
fn bn254_g2_sizes() {
    sizes::<BnG2>(12);
}

/// Scalars that are hard to share out: everything in one bucket, almost nothing to do, few distinct values.
fn adversarial<F: PrimeField>(n: usize) -> Vec<(&'static str, Vec<F>)> {
    let random = random::<F>(n, 9);
    let each = |f: &dyn Fn(usize) -> F| (0..n).map(f).collect();
    vec![
        ("random", random.clone()),
        ("all equal", each(&|_| random[0])),
        ("one giant bucket", each(&|i| if i % 97 == 0 { random[i] } else { F::from(3) })),
        ("all r − 1", each(&|_| -F::ONE)),
        ("98 % zeros and ones", each(&|i| if i % 50 == 0 { random[i] } else { F::from(i as u64 % 2) })),
        ("zeros, ones and minus ones", each(&|i| [F::ZERO, F::ONE, -F::ONE][i % 3])),
        ("short", each(&|i| F::from(i as u64))),
        ("all zero", each(&|_| F::ZERO)),
        ("last alone", each(&|i| if i + 1 == n { random[i] } else { F::ZERO })),
    ]
}

fn tunings() -> Vec<Tuning> {
    let tuning = |width, share, strip| Tuning { width: Some(width), share, strip, chunk: None };
    vec![
        // One, two and three passes of the sort.
        tuning(5, Some(1), Some(1)),
        tuning(9, Some(3), Some(7)),
        tuning(10, Some(2), Some(500)),
        tuning(11, Some(200), Some(3)),
        // Chunks of points, copied one after the other.
        Tuning { chunk: Some(1), ..Tuning::default() },
        Tuning { chunk: Some(2048), share: Some(5), ..Tuning::default() },
    ]
}

/// However it is cut and in whatever order threads run, the sum is the same.
fn every_cut<A: DevicePoint>(n: usize) {
    let mut points = known_points::<A>(n);
    // Repeated points, opposite ones, infinity.
    for i in (0..n).step_by(5) {
        points[i] = [points[0], -points[0], A::identity()][i % 3];
    }
    for (seed, tuning) in (0..).zip(tunings()) {
        let device = MsmOnly::new(MEMORY, tuning);
        device.emulator.set_seed(seed);
        for (case, scalars) in adversarial::<A::Scalar>(n) {
            check(&device, &format!("{case}, {tuning:?}"), &points, &scalars);
        }
    }
}

#[test]
fn bls12_381_g1_every_cut() {
    every_cut::<BlsG1>(1100);
}

#[test]
fn bn254_g1_every_cut() {
    every_cut::<BnG1>(2200);
}

#[test]
fn bn254_g2_every_cut() {
    every_cut::<BnG2>(1030);
}

/// Points on the device, alone and with as many multiples as the budget holds.
fn tables<A: DevicePoint>(n: usize) {
    let points = known_points::<A>(n);
    let mut copies = Vec::new();
    for budget in [1, 2, 5, 300].map(|k| k * n * A::BYTES + 100) {
        let device = MsmOnly::new(MEMORY, Tuning { width: Some(8), ..Tuning::default() });
        let cases = adversarial::<A::Scalar>(n);
        copies.push(check_prepared(&device, budget, &points, &cases));
    }
    let windows = (A::Scalar::NUM_BITS as usize).div_ceil(8);
    assert_eq!(copies, [1, 2, 5, windows], "copies in the table");
}

#[test]
fn bls12_381_g1_tables() {
    tables::<BlsG1>(300);
}

#[test]
fn bn254_g2_tables() {
    tables::<BnG2>(150);
}

/// A budget is enough or refused before the first launch; a smaller one means chunks, then halves.
#[test]
fn memory_is_planned() {
    let points = known_points::<BnG1>(5000);
    let scalars = random(5000, 3);
    let mut launches = Vec::new();
    for budget in [64 << 20, 6 << 20, 2500 << 10, 1200 << 10] {
        let device = MsmOnly::new(budget, Tuning::default());
        check(&device, &format!("{budget} bytes"), &points, &scalars);
        assert!(device.emulator.used() <= budget, "more than the budget is allocated");
        launches.push(device.emulator.launches());
    }
    assert!(launches.is_sorted() && launches[0] < launches[3], "smaller budgets cut finer: {launches:?}");
    let device = MsmOnly::new(500 << 10, Tuning::default());
    let refused = device.msm(forebay_msm::Bases::from_slice(&points), &scalars).unwrap_err();
    assert_eq!((refused.class(), device.emulator.launches()), (ErrorClass::OutOfMemory, 0));
}

/// An error at any launch is reported with its class, and the next call works.
#[test]
fn errors_are_reported() {
    let points = known_points::<BnG1>(40);
    let scalars = random(40, 4);
    let probe = MsmOnly::new(MEMORY, Tuning::default());
    check(&probe, "no fault", &points, &scalars);
    let device = MsmOnly::new(MEMORY, Tuning::default());
    for launch in 0..probe.emulator.launches() {
        device.emulator.fail_launch(launch, 600);
        let error = device.msm(forebay_msm::Bases::from_slice(&points), &scalars).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Retryable, "launch {launch}");
    }
    check(&device, "after faults", &points, &scalars);
    device.emulator.fail_launch(2, 700);
    for _ in 0..2 {
        let error = device.msm(forebay_msm::Bases::from_slice(&points), &scalars).unwrap_err();
        assert_eq!(error.class(), ErrorClass::DeviceLost);
    }
}
