//! The reported memory of an MSM against what it allocates.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::PrimeField;
use forebay_msm::{Backend, Bases, Bls12_381, Bn254, CpuBackend, Curve, Kernels, msm::MsmPoint};
use group::Group;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: the system's allocator, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), SeqCst) + layout.size();
        PEAK.fetch_max(live, SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn peak_of(f: impl FnOnce()) -> usize {
    let before = LIVE.load(SeqCst);
    PEAK.store(before, SeqCst);
    f();
    PEAK.load(SeqCst) - before
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

fn scalars<F: PrimeField>(n: usize) -> [(&'static str, Vec<F>); 5] {
    let mut rng = ChaCha20Rng::seed_from_u64(33);
    let random: Vec<F> = (0..n).map(|_| F::random(&mut rng)).collect();
    let bits = (0..n).map(|i| if i % 50 == 0 { random[i] } else { F::from(i as u64 % 2) }).collect();
    let short = (0..n as u64).map(|i| F::from(i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let equal = vec![random[0]; n];
    let runs = (0..n).map(|i| random[i % (n / 129).max(1)]).collect(); // runs just above a segment
    [("uniform", random), ("bits", bits), ("short", short), ("equal", equal), ("runs", runs)]
}

fn within_bounds<C: Curve>(threads: usize, log_g1: u32, log_g2: u32)
where
    CpuBackend: Backend<C>,
    C::G1Affine: MsmPoint,
    C::G2Affine: MsmPoint,
{
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    let (g1, g2) = (points::<C::G1>(1 << log_g1), points::<C::G2>(1 << log_g2));
    prepared_within_bounds::<C>(pool.clone(), &g1[..g1.len() / 4]);
    for kernels in Kernels::available() {
        let backend = CpuBackend::with_kernels(pool.clone(), Arc::default(), kernels).unwrap();
        for (kind, scalars) in scalars::<C::Fr>(1 << log_g1) {
            for n in [1, 100, scalars.len() / 8 - 1, scalars.len()] {
                let bound = backend.msm_g1_scratch_bytes::<C>(n);
                let peak = peak_of(|| {
                    Backend::<C>::msm_g1(&backend, Bases::from_slice(&g1[..n]), &scalars[..n]).unwrap();
                });
                println!("{kernels:?} G1 {kind} {n}: {peak} of {bound}");
                assert!(peak <= bound, "{kernels:?} G1 {kind} {n}: {peak} above {bound}");
                let useful = kind != "uniform" || n < scalars.len() || bound < 2 * peak;
                assert!(useful, "{kernels:?} G1 {kind} {n}: {bound} for {peak} is no help");
            }
            let n = g2.len();
            let bound = backend.msm_g2_scratch_bytes::<C>(n);
            let peak = peak_of(|| {
                Backend::<C>::msm_g2(&backend, Bases::from_slice(&g2), &scalars[..n]).unwrap();
            });
            assert!(peak <= bound, "{kernels:?} G2 {kind} {n}: {peak} above {bound}");
        }
    }
}

/// Over prepared bases; and a table holds what it says, about.
fn prepared_within_bounds<C: Curve>(pool: Arc<rayon::ThreadPool>, points: &[C::G1Affine])
where
    C::G1Affine: MsmPoint,
{
    let n = points.len();
    for kernels in Kernels::available() {
        let backend = CpuBackend::with_kernels(pool.clone(), Arc::default(), kernels).unwrap();
        for multiples in [3, 100] {
            let budget = multiples * size_of_val(points);
            let mut fixed = None;
            let peak = peak_of(|| {
                fixed = Some(backend.prepare_g1::<C>(Bases::from_slice(points), budget).unwrap());
            });
            let fixed = fixed.unwrap();
            assert!(fixed.bytes() <= budget && peak < fixed.bytes() + (4 << 20), "{peak} for {fixed:?}");
            let bound = backend.msm_fixed_scratch_bytes(&fixed);
            for (kind, scalars) in scalars::<C::Fr>(n) {
                let peak = peak_of(|| {
                    backend.msm_g1_fixed::<C>(&fixed, &scalars).unwrap();
                });
                println!("{kernels:?} {fixed:?} {kind}: {peak} of {bound}");
                assert!(peak <= bound, "{kernels:?} {fixed:?} {kind}: {peak} above {bound}");
            }
        }
    }
}

/// One test, for the count is of the whole process.
#[test]
fn an_msm_allocates_no_more_than_reported() {
    for threads in [1, 2] {
        within_bounds::<Bls12_381>(threads, 17, 13);
        within_bounds::<Bn254>(threads, 16, 13);
    }
}
