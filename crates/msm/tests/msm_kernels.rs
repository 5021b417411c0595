//! Every kernel of the MSM against the others and against blst, at sizes where windows are wide, runs are longer than
//! a segment and rounds are full.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::PrimeField;
use forebay_msm::{Backend, Bases, Bls12_381, Bn254, CpuBackend, Curve, Kernels};
use group::{Curve as _, Group};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::sync::Arc;

const N: usize = 12_000;

fn points<G: Group + group::Curve>() -> Vec<G::AffineRepr>
where
    G::AffineRepr: Default + Clone,
{
    let chain: Vec<G> =
        std::iter::successors(Some(G::generator()), |p| Some(p.double() + G::generator())).take(N).collect();
    let mut points = vec![Default::default(); N];
    G::batch_normalize(&chain, &mut points);
    points
}

fn scalars<F: PrimeField>() -> [Vec<F>; 3] {
    let mut rng = ChaCha20Rng::seed_from_u64(21);
    let random: Vec<F> = (0..N).map(|_| F::random(&mut rng)).collect();
    let bits = (0..N).map(|i| if i % 50 == 0 { random[i] } else { F::from(i as u64 % 2) }).collect();
    // Two buckets a window, far longer than a segment, and a few points elsewhere.
    let two = (0..N).map(|i| random[if i % 1000 == 0 { i } else { i % 2 }]).collect();
    [random, bits, two]
}

/// Full-width scalars whose lowest bits are zero but for 4,000 of them, which are 1 … 4000: the first window of 13 bits or
/// more has that many buckets of one point each, more than the vector kernel has blocks in either group of BLS12-381.
fn sparse<F: PrimeField>(n: usize) -> Vec<F> {
    let mut rng = ChaCha20Rng::seed_from_u64(22);
    let shift = F::from(1 << 20);
    // Below r/2^20 before the shift, so that nothing wraps around.
    let high = |rng: &mut ChaCha20Rng| {
        (0..7).fold(F::ZERO, |x, _| x * F::from(1 << 32) + F::from(u64::from(rng.next_u32() >> 1)))
    };
    (0..n).map(|i| high(&mut rng) * shift + F::from(if i < 4000 { i as u64 + 1 } else { 0 })).collect()
}

fn backends() -> Vec<CpuBackend> {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    Kernels::available()
        .map(|kernels| CpuBackend::with_kernels(pool.clone(), Arc::default(), kernels).unwrap())
        .collect()
}

fn agree<C: Curve>()
where
    CpuBackend: Backend<C>,
{
    let (g1, g2) = (points::<C::G1>(), points::<C::G2>());
    for scalars in scalars::<C::Fr>() {
        let backends = backends();
        let in_g1 = |b: &CpuBackend| Backend::<C>::msm_g1(b, Bases::from_slice(&g1), &scalars).unwrap();
        let in_g2 = |b: &CpuBackend| Backend::<C>::msm_g2(b, Bases::from_slice(&g2), &scalars).unwrap();
        assert!(backends.windows(2).all(|b| in_g1(&b[0]) == in_g1(&b[1])), "G1");
        assert!(backends.windows(2).all(|b| in_g2(&b[0]) == in_g2(&b[1])), "G2");
    }
}

/// One thread and enough terms for the widths above.
#[test]
fn single_points_in_more_buckets_than_blocks_all_count() {
    const TERMS: usize = 1 << 16;
    type G1 = <Bls12_381 as Curve>::G1Affine;
    let some = points::<<Bls12_381 as Curve>::G1>();
    let points: Vec<G1> = some.iter().copied().cycle().take(TERMS).collect();
    let scalars = sparse::<<Bls12_381 as Curve>::Fr>(TERMS);
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let sums: Vec<_> = Kernels::available()
        .map(|kernels| {
            let backend = CpuBackend::with_kernels(pool.clone(), Arc::default(), kernels).unwrap();
            Backend::<Bls12_381>::msm_g1(&backend, Bases::from_slice(&points), &scalars).unwrap()
        })
        .collect();
    assert!(sums.windows(2).all(|s| s[0] == s[1]));
}

#[test]
fn kernels_agree_on_bls12_381() {
    agree::<Bls12_381>();
}

#[test]
fn kernels_agree_on_bn254() {
    agree::<Bn254>();
}

#[test]
fn blst_agrees() {
    let points = points::<blstrs::G1Projective>();
    for scalars in scalars::<blstrs::Scalar>() {
        let bytes: Vec<[u8; 32]> = scalars.iter().map(|k| k.to_repr()).collect();
        let bases = [points.as_ptr().cast::<blst::blst_p1_affine>(), core::ptr::null()];
        let digits = [bytes.as_ptr().cast::<u8>(), core::ptr::null()];
        let mut sum = blst::blst_p1::default();
        let mut affine = blst::blst_p1_affine::default();
        // SAFETY: contiguous points and scalars, as a null second pointer says; scratch as large as blst asks for.
        let compressed = unsafe {
            let mut scratch = vec![0u64; blst::blst_p1s_mult_pippenger_scratch_sizeof(N) / 8 + 1];
            let scratch = scratch.as_mut_ptr();
            blst::blst_p1s_mult_pippenger(&mut sum, bases.as_ptr(), N, digits.as_ptr(), 255, scratch);
            blst::blst_p1_to_affine(&mut affine, &sum);
            let mut out = [0u8; 48];
            blst::blst_p1_affine_compress(out.as_mut_ptr(), &affine);
            out
        };
        for backend in backends() {
            let found = Backend::<Bls12_381>::msm_g1(&backend, Bases::from_slice(&points), &scalars).unwrap();
            assert_eq!(found.to_affine().to_compressed(), compressed);
        }
    }
}
