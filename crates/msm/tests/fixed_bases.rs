//! MSM over prepared bases: the conformance suite through tables of different sizes, sizes at which windows are wide,
//! budgets.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::PrimeField;
use forebay_msm::{
    AffinePoint, Backend, BackendError, Bases, Bls12_381, Bn254, Capabilities, CpuBackend, Curve, ErrorClass,
    Kernels,
    backend::{DomainSpec, QuotientBasis, Transform},
    conformance,
    msm::{FixedBases, MsmPoint},
};
use group::Group;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::sync::{Arc, Mutex};

fn backend(kernels: Kernels, threads: usize) -> CpuBackend {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    CpuBackend::with_kernels(pool, Arc::default(), kernels).unwrap()
}

/// The last bases and their table.
type Prepared<A> = Mutex<Option<(Vec<u8>, FixedBases<A>)>>;

/// A backend whose MSMs go through tables of at most `multiples` multiples of each base.
struct ThroughTables<C: Curve<G1Affine: MsmPoint, G2Affine: MsmPoint>> {
    backend: CpuBackend,
    multiples: usize,
    g1: Prepared<C::G1Affine>,
    g2: Prepared<C::G2Affine>,
}

impl<C: Curve<G1Affine: MsmPoint, G2Affine: MsmPoint>> ThroughTables<C> {
    fn with<A: MsmPoint, R>(
        &self,
        prepared: &Prepared<A>,
        bases: Bases<'_, A>,
        prepare: impl Fn(usize) -> Result<FixedBases<A>, BackendError>,
        msm: impl Fn(&FixedBases<A>) -> R,
    ) -> R {
        let mut last = prepared.lock().unwrap();
        if last.as_ref().is_none_or(|(bytes, _)| bytes != bases.as_bytes()) {
            let budget = (self.multiples * bases.len() * A::BYTES).next_multiple_of(64);
            let fixed = prepare(budget).unwrap();
            assert!(fixed.bytes() <= budget, "{fixed:?} takes {} of {budget} bytes", fixed.bytes());
            assert_eq!(fixed.len(), bases.len());
            assert!(fixed.multiples() <= self.multiples);
            *last = Some((bases.as_bytes().to_vec(), fixed));
        }
        msm(&last.as_ref().unwrap().1)
    }
}

impl<C: Curve<G1Affine: MsmPoint, G2Affine: MsmPoint>> Backend<C> for ThroughTables<C> {
    fn capabilities(&self) -> Capabilities {
        Backend::<C>::capabilities(&self.backend)
    }
    fn scratch_bytes(&self, n: usize) -> usize {
        Backend::<C>::scratch_bytes(&self.backend, n)
    }
    fn msm_g1(&self, bases: Bases<'_, C::G1Affine>, scalars: &[C::Fr]) -> Result<C::G1, BackendError> {
        let prepare = |budget| self.backend.prepare_g1::<C>(bases, budget);
        self.with(&self.g1, bases, prepare, |fixed| self.backend.msm_g1_fixed::<C>(fixed, scalars))
    }
    fn msm_g2(&self, bases: Bases<'_, C::G2Affine>, scalars: &[C::Fr]) -> Result<C::G2, BackendError> {
        let prepare = |budget| self.backend.prepare_g2::<C>(bases, budget);
        self.with(&self.g2, bases, prepare, |fixed| self.backend.msm_g2_fixed::<C>(fixed, scalars))
    }
    fn ntt(&self, _: DomainSpec, _: Transform, _: &mut [C::Fr]) -> Result<(), BackendError> {
        unimplemented!("MSM only")
    }
    fn quotient(
        &self,
        _: DomainSpec,
        _: QuotientBasis,
        _: &mut [C::Fr],
        _: &mut [C::Fr],
        _: &mut [C::Fr],
    ) -> Result<(), BackendError> {
        unimplemented!("MSM only")
    }
}

fn suite<C: Curve<G1Affine: MsmPoint, G2Affine: MsmPoint>>() {
    for kernels in Kernels::available() {
        for (threads, multiples) in [(1, 100), (3, 3)] {
            let backend = backend(kernels, threads);
            let (g1, g2) = (Mutex::new(None), Mutex::new(None));
            conformance::run_msm::<C>(&ThroughTables { backend, multiples, g1, g2 });
        }
    }
}

#[test]
fn bls12_381_conforms() {
    suite::<Bls12_381>();
}

#[test]
fn bn254_conforms() {
    suite::<Bn254>();
}

fn points<G: group::Curve + Group>(n: usize) -> Vec<G::AffineRepr>
where
    G::AffineRepr: Default + Clone,
{
    let chain: Vec<G> =
        std::iter::successors(Some(G::generator()), |p| Some(p.double() + G::generator())).take(n).collect();
    let mut points = vec![Default::default(); n];
    G::batch_normalize(&chain, &mut points);
    points
}

/// "top" has the same top digit everywhere, "giant" one digit in one bucket, "sparse" a window with one point in each
/// bucket: more single points than the vector kernel has blocks for.
fn scalars<F: PrimeField>(n: usize) -> [(&'static str, Vec<F>); 8] {
    let mut rng = ChaCha20Rng::seed_from_u64(34);
    let random: Vec<F> = (0..n).map(|_| F::random(&mut rng)).collect();
    let bits = (0..n).map(|i| if i % 50 == 0 { random[i] } else { F::from(i as u64 % 2) }).collect();
    let short: Vec<F> = (0..n as u64).map(|i| F::from(i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let mixed = (0..n).map(|i| if i % 2 == 0 { random[i] } else { -short[i] }).collect();
    let top = (0..n as u64).map(|i| F::from(2).pow_vartime([249]) + F::from(i)).collect();
    let low = |i: u64| if i < 4096 { F::from(i) } else { F::ZERO };
    let sparse = (0..n as u64).map(|i| F::from(2).pow_vartime([249]) + low(i)).collect();
    let giant = vec![F::from(2).pow_vartime([240]); n];
    let equal = vec![random[1]; n];
    [
        ("uniform", random),
        ("bits", bits),
        ("short", short),
        ("mixed", mixed),
        ("equal", equal),
        ("top", top),
        ("giant", giant),
        ("sparse", sparse),
    ]
}

/// Several parts of buckets, pieces of parts, all cuts of a step, against the kernels without a table.
fn wide<C: Curve<G1Affine: MsmPoint, G2Affine: MsmPoint>>(n1: usize, n2: usize) {
    let (g1, g2) = (points::<C::G1>(n1), points::<C::G2>(n2));
    let maker = backend(Kernels::Auto, 2);
    for budget in [4, 100] {
        let fixed1 = maker.prepare_g1::<C>(Bases::from_slice(&g1), budget * n1 * C::G1Affine::BYTES).unwrap();
        let fixed2 = maker.prepare_g2::<C>(Bases::from_slice(&g2), budget * n2 * C::G2Affine::BYTES).unwrap();
        for (kind, scalars) in scalars::<C::Fr>(n1) {
            let expected1 = Backend::<C>::msm_g1(&maker, Bases::from_slice(&g1), &scalars).unwrap();
            let expected2 = Backend::<C>::msm_g2(&maker, Bases::from_slice(&g2), &scalars[..n2]).unwrap();
            for kernels in Kernels::available() {
                let backend = backend(kernels, 3);
                let found1 = backend.msm_g1_fixed::<C>(&fixed1, &scalars).unwrap();
                assert!(found1 == expected1, "{kernels:?} G1 {kind}, {fixed1:?}");
                let found2 = backend.msm_g2_fixed::<C>(&fixed2, &scalars[..n2]).unwrap();
                assert!(found2 == expected2, "{kernels:?} G2 {kind}, {fixed2:?}");
            }
        }
    }
}

#[test]
fn bls12_381_wide_windows() {
    wide::<Bls12_381>(40_001, 9_000);
}

#[test]
fn bn254_wide_windows() {
    wide::<Bn254>(70_001, 9_000);
}

#[test]
fn budgets() {
    let backend = backend(Kernels::Auto, 1);
    let points = points::<<Bn254 as Curve>::G1>(1000);
    let prepare = |budget| backend.prepare_g1::<Bn254>(Bases::from_slice(&points), budget);
    for (budget, multiples) in [(64_000, 1), (127_999, 1), (128_000, 2), (64_000 * 7 + 1, 7)] {
        let fixed = prepare(budget).unwrap();
        assert!(fixed.multiples() <= multiples, "{fixed:?} for {budget} bytes");
        assert_eq!(fixed.bytes(), 64_000 * fixed.multiples());
    }
    for budget in [0, 63_999] {
        let error = prepare(budget).unwrap_err();
        assert_eq!(error.class(), ErrorClass::OutOfMemory);
    }
    assert!(prepare(usize::MAX).unwrap().multiples() > 10);
    let fixed = prepare(64_000).unwrap();
    let error = backend.msm_g1_fixed::<Bn254>(&fixed, &[ff::Field::ONE; 999]).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Bug);
}
