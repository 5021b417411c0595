//! What the guard does when the device fails.

use forebay_msm::{
    Backend, Bn254, CpuBackend, Curve, ErrorClass,
    backend::{DomainSpec, QuotientBasis, RootGenerator, Transform},
    conformance,
};
use forebay_msm_cuda::{
    CudaBackend, Emulator, Settings,
    guard::{Faults, Guarded, Policy},
};
use std::sync::Arc;

type Fr = <Bn254 as Curve>::Fr;
const SPEC: DomainSpec = DomainSpec { log_n: 5, generator: RootGenerator::SNARKJS };

struct Bench {
    emulator: Arc<Emulator>,
    guarded: Guarded<Bn254>,
    cpu: CpuBackend,
}

fn bench(policy: Policy, budget: Option<usize>) -> Bench {
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).build() else { panic!("no pool") };
    let cpu = CpuBackend::new(Arc::new(pool));
    let Ok(emulator) = Emulator::new(1 << 20).map(Arc::new) else { panic!("no launcher") };
    let settings = Settings { budget, shape: None };
    let Ok(device) = CudaBackend::new(emulator.clone(), cpu.clone(), settings) else { panic!("no backend") };
    let guarded = Guarded::new(Arc::new(device), Arc::new(cpu.clone()), policy, Arc::default());
    Bench { emulator, guarded, cpu }
}

fn vector(k: u64) -> Vec<Fr> {
    (0..SPEC.size() as u64).map(|i| Fr::from(i * i + k)).collect()
}

/// A quotient through a backend.
fn quotient(backend: &dyn Backend<Bn254>) -> Result<Vec<Fr>, ErrorClass> {
    let [mut a, mut b, mut c] = [1, 2, 3].map(vector);
    let result = backend.quotient(SPEC, QuotientBasis::Coefficients, &mut a, &mut b, &mut c);
    result.map(|()| a).map_err(|e| e.class())
}

#[test]
fn a_passing_fault_is_tried_again_on_the_device() {
    let bench = bench(Policy { fall_back: false, ..Policy::default() }, None);
    for launch in [0, 1, 2] {
        bench.emulator.fail_launch(launch, 600);
        assert_eq!(quotient(&bench.guarded), quotient(&bench.cpu));
    }
    assert_eq!(bench.guarded.faults(), Faults { failed: 3, fallen_back: 0, quarantined: false });
}

#[test]
fn a_lost_device_drains_to_the_fallback() {
    let bench = bench(Policy::default(), None);
    bench.emulator.fail_launch(2, 700);
    let before = bench.emulator.launches();
    for _ in 0..3 {
        assert_eq!(quotient(&bench.guarded), quotient(&bench.cpu));
        let mut values = vector(9);
        assert!(bench.guarded.ntt(SPEC, Transform::Forward, &mut values).is_ok());
    }
    assert_eq!(bench.guarded.faults(), Faults { failed: 1, fallen_back: 6, quarantined: true });
    assert_eq!(bench.emulator.launches() - before, 3, "nothing more was launched");
}

#[test]
fn without_a_fallback_the_error_is_the_callers() {
    let bench = bench(Policy { fall_back: false, ..Policy::default() }, None);
    bench.emulator.fail_launch(0, 719);
    assert_eq!(quotient(&bench.guarded), Err(ErrorClass::DeviceLost));
    assert_eq!(quotient(&bench.guarded), Err(ErrorClass::DeviceLost));
    assert_eq!(bench.guarded.faults().failed, 1, "the second was not attempted");
}

#[test]
fn quarantine_after_faults_in_a_row_and_its_end() {
    let policy = Policy { retries: 0, fall_back: true, quarantine_after: 2 };
    let bench = bench(policy, None);
    let expected = quotient(&bench.cpu);
    let mut fault = |fails: bool| {
        if fails {
            bench.emulator.fail_launch(0, 600);
        }
        assert_eq!(quotient(&bench.guarded), expected);
        bench.guarded.faults().quarantined
    };
    // A success in between starts the count anew.
    assert_eq!([true, false, true].map(&mut fault), [false; 3]);
    assert!(fault(true));
    let launches = bench.emulator.launches();
    assert_eq!(quotient(&bench.guarded), expected);
    assert_eq!(bench.emulator.launches(), launches);
    bench.guarded.release();
    assert_eq!(quotient(&bench.guarded), expected);
    assert!(bench.emulator.launches() > launches);
}

#[test]
fn too_little_memory_is_no_fault_and_a_wrong_call_stays_one() {
    let bench = bench(Policy::default(), Some(1024));
    assert_eq!(quotient(&bench.guarded), quotient(&bench.cpu));
    assert_eq!(bench.guarded.faults(), Faults { failed: 0, fallen_back: 1, quarantined: false });
    conformance::ntt_rejects::<Bn254>(&bench.guarded);
    conformance::quotient_rejects::<Bn254>(&bench.guarded);
    assert_eq!(bench.guarded.faults().fallen_back, 1);
}
