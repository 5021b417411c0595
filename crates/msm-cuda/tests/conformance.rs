//! The conformance suite on the CPU launcher, and comparisons with the CPU backend.

use ff::PrimeField;
use forebay_msm::{
    Backend, Bls12_381, Bn254, CpuBackend, Curve, ErrorClass,
    backend::{Coset, DomainSpec, QuotientBasis, RootGenerator, Transform},
    conformance,
};
use forebay_msm_cuda::{CudaBackend, Emulator, Settings, device::Device, ntt::Shape};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::sync::Arc;

fn cpu() -> CpuBackend {
    match rayon::ThreadPoolBuilder::new().num_threads(2).build() {
        Ok(pool) => CpuBackend::new(Arc::new(pool)),
        Err(e) => panic!("{e}"),
    }
}

/// The library under test, which a run with sanitizers or with a planted defect replaces.
fn emulator() -> Arc<Emulator> {
    let memory = 64 << 20;
    let emulator = match std::env::var_os("FOREBAY_TEST_EMULATOR") {
        Some(library) => Emulator::load(library.as_ref(), memory),
        None => Emulator::new(memory),
    };
    match emulator {
        Ok(emulator) => Arc::new(emulator),
        Err(e) => panic!("{e}"),
    }
}

fn backend(device: Arc<dyn Device>, shape: Option<Shape>) -> CudaBackend {
    match CudaBackend::new(device, cpu(), Settings { budget: None, shape }) {
        Ok(backend) => backend,
        Err(e) => panic!("{e}"),
    }
}

/// Short passes, so that small domains take several; odd and even numbers of levels; tiles with and without columns.
const SHAPES: [Option<Shape>; 4] = [
    None,
    Some(Shape { max_levels: 3, log_tile: 5 }),
    Some(Shape { max_levels: 4, log_tile: 4 }),
    Some(Shape { max_levels: 1, log_tile: 3 }),
];

fn suite<C: Curve>()
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    for (seed, shape) in (7..).zip(SHAPES) {
        let emulator = emulator();
        emulator.set_seed(seed);
        let backend = backend(emulator.clone(), shape);
        conformance::ntt_against_horner::<C>(&backend);
        conformance::ntt_generators::<C>(&backend);
        conformance::ntt_rejects::<C>(&backend);
        conformance::run_quotient::<C>(&backend);
        backend.release();
        assert_eq!(emulator.used(), 0);
    }
}

#[test]
fn bls12_381_small_domains() {
    suite::<Bls12_381>();
}

#[test]
fn bn254_small_domains() {
    suite::<Bn254>();
}

#[test]
fn bls12_381_relations() {
    conformance::ntt_relations::<Bls12_381>(&backend(emulator(), None));
}

#[test]
fn bn254_relations() {
    conformance::ntt_relations::<Bn254>(&backend(emulator(), None));
}

/// Vectors that meet the edges of the field's arithmetic.
fn adversarial<F: PrimeField>(n: usize) -> Vec<(&'static str, Vec<F>)> {
    let mut rng = ChaCha20Rng::seed_from_u64(n as u64);
    let random: Vec<F> = (0..n).map(|_| F::random(&mut rng)).collect();
    let each = |f: &dyn Fn(usize) -> F| (0..n).map(f).collect::<Vec<F>>();
    vec![
        ("zeros", vec![F::ZERO; n]),
        ("ones", vec![F::ONE; n]),
        ("r − 1", vec![-F::ONE; n]),
        ("signs", each(&|i| if i % 2 == 0 { F::ONE } else { -F::ONE })),
        ("one at the end", each(&|i| if i == n - 1 { F::ONE } else { F::ZERO })),
        ("near r", each(&|i| -F::from(i as u64 % 3))),
        ("powers of two", each(&|i| F::from(2).pow_vartime([i as u64 % 256]))),
        ("random", random),
    ]
}

const TRANSFORMS: [Transform; 6] = [
    Transform::Forward,
    Transform::Inverse,
    Transform::CosetForward(Coset::Generator),
    Transform::CosetInverse(Coset::Generator),
    Transform::CosetForward(Coset::OddRoots),
    Transform::CosetInverse(Coset::OddRoots),
];

fn as_on_the_cpu<C: Curve>(backend: &CudaBackend, log_n: u32, cases: usize)
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    let cpu = cpu();
    let spec = DomainSpec { log_n, generator: RootGenerator::of_field::<C>() };
    let vectors = adversarial::<C::Fr>(spec.size());
    for (name, values) in vectors.iter().rev().take(cases) {
        for transform in TRANSFORMS {
            let (mut found, mut expected) = (values.clone(), values.clone());
            Backend::<C>::ntt(backend, spec, transform, &mut found).unwrap_or_else(|e| panic!("{name}: {e}"));
            Backend::<C>::ntt(&cpu, spec, transform, &mut expected).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(found == expected, "{transform:?} of {name}, 2^{log_n}");
        }
        for basis in [QuotientBasis::OddCosetLagrange, QuotientBasis::Coefficients] {
            let inputs = [values.clone(), vectors[7].1.clone(), vectors[6].1.clone()];
            let [mut a, mut b, mut c] = inputs.clone();
            let [mut x, mut y, mut z] = inputs;
            let found = Backend::<C>::quotient(backend, spec, basis, &mut a, &mut b, &mut c);
            let expected = Backend::<C>::quotient(&cpu, spec, basis, &mut x, &mut y, &mut z);
            assert!(found.is_ok() && expected.is_ok() && a == x, "{basis:?} of {name}, 2^{log_n}");
        }
    }
}

#[test]
fn edges_and_random_thread_order() {
    let emulator = emulator();
    for (seed, shape) in (0..).zip(SHAPES) {
        let backend = backend(emulator.clone(), shape);
        for log_n in 0..=9 {
            emulator.set_seed(seed + 10 * u64::from(log_n));
            as_on_the_cpu::<Bls12_381>(&backend, log_n, if log_n < 7 { 8 } else { 2 });
            as_on_the_cpu::<Bn254>(&backend, log_n, if log_n < 7 { 8 } else { 2 });
        }
    }
}

#[test]
fn two_passes_of_the_real_shape() {
    let backend = backend(emulator(), None);
    as_on_the_cpu::<Bls12_381>(&backend, 14, 1);
    as_on_the_cpu::<Bn254>(&backend, 14, 1);
}

/// Launches, not counting the one that makes the twiddle factors.
#[test]
fn passes_are_as_few_as_said() {
    let emulator = emulator();
    let backend = backend(emulator.clone(), Some(Shape { max_levels: 3, log_tile: 4 }));
    let spec = DomainSpec { log_n: 9, generator: RootGenerator::SNARKJS };
    let [mut a, mut b, mut c] = [(); 3].map(|()| vec![<Bn254 as Curve>::Fr::from(3); 512]);
    let launches = |work: &mut dyn FnMut() -> bool| {
        let before = emulator.launches();
        assert!(work());
        emulator.launches() - before
    };
    let mut ntt = || Backend::<Bn254>::ntt(&backend, spec, Transform::Forward, &mut a).is_ok();
    assert_eq!((launches(&mut ntt), launches(&mut ntt)), (4, 3));
    for (basis, passes) in [(QuotientBasis::OddCosetLagrange, 15), (QuotientBasis::Coefficients, 17)] {
        let mut quotient =
            || Backend::<Bn254>::quotient(&backend, spec, basis, &mut a, &mut b, &mut c).is_ok();
        assert_eq!(launches(&mut quotient), passes);
    }
}

/// Memory is refused as planned, and a device that fails is reported with its class and keeps nothing.
#[test]
fn memory_and_faults() {
    let emulator = emulator();
    let settings = Settings { budget: Some(100 << 10), shape: None };
    let Ok(backend) = CudaBackend::new(emulator.clone(), cpu(), settings) else { panic!("no backend") };
    let spec = |log_n| DomainSpec { log_n, generator: RootGenerator::SNARKJS };
    let ntt = |log_n: u32| {
        let mut values = vec![<Bn254 as Curve>::Fr::from(5); 1 << log_n];
        Backend::<Bn254>::ntt(&backend, spec(log_n), Transform::Forward, &mut values).map_err(|e| e.class())
    };
    assert_eq!(ntt(11), Err(ErrorClass::OutOfMemory));
    assert_eq!((emulator.launches(), emulator.used()), (0, 0), "nothing was tried");
    let planned = backend.quotient_bytes::<Bn254>(spec(9)).unwrap_or_default();
    assert!((3 * 512 * 32 + 256 * 32..3 * 512 * 32 + 256 * 32 + (8 << 10)).contains(&planned), "{planned}");
    assert_eq!(ntt(9), Ok(()));
    emulator.fail_launch(0, 600);
    assert_eq!((ntt(9), ntt(9)), (Err(ErrorClass::Retryable), Ok(())));
    emulator.fail_launch(0, 719);
    assert_eq!((ntt(9), ntt(9)), (Err(ErrorClass::DeviceLost), Err(ErrorClass::DeviceLost)));
    drop(backend);
    assert_eq!(emulator.used(), 0);
}
