//! The lanes' arithmetic against big integers at the edges of its bounds.
#![allow(clippy::unwrap_used)]

use super::lanes::*;
use super::{Ifma, Path, first_unsatisfied, multiply};
use core::arch::x86_64::__m512i;
use forebay_msm::field::mont4;
use forebay_msm::{Kernels, KernelsUnavailable, ScalarField};
use num_bigint::BigUint;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Big = BigUint;

fn big(limbs: &[u64], bits: usize) -> Big {
    limbs.iter().rev().fold(Big::ZERO, |acc, limb| (acc << bits) + limb)
}

fn limbs<const N: usize>(v: &Big, bits: usize) -> [u64; N] {
    let words = |shift: usize| (v >> shift).iter_u64_digits().next().unwrap_or(0);
    core::array::from_fn(|i| if i + 1 < N { words(bits * i) & ((1 << bits) - 1) } else { words(bits * i) })
}

fn modulus<F: ScalarField>() -> Big {
    big(&F::MODULUS_LIMBS, 64)
}

/// The same values in lanes, in normal form.
fn vectors<const N: usize>(values: &[Big; 8]) -> [__m512i; N] {
    let rows = values.each_ref().map(|v| limbs::<N>(v, 52));
    core::array::from_fn(|i| {
        let words: [u64; 8] = core::array::from_fn(|lane| rows[lane][i]);
        // SAFETY: both are 64 bytes of plain integers.
        unsafe { core::mem::transmute(words) }
    })
}

/// The values of lanes whose limbs, but for the top one, must be normal.
fn values<const N: usize>(v: &[__m512i; N]) -> [Big; 8] {
    // SAFETY: as in `vectors`.
    let words = v.map(|v| unsafe { core::mem::transmute::<__m512i, [u64; 8]>(v) });
    core::array::from_fn(|lane| {
        let limbs: [u64; N] = core::array::from_fn(|i| words[i][lane]);
        assert!(limbs[..N - 1].iter().all(|l| *l <= MASK), "not normal: {limbs:x?}");
        big(&limbs, 52)
    })
}

/// Values below `bound`: edges of limbs and of multiples of m, and random ones of every size.
fn samples<F: ScalarField>(bound: &Big) -> Vec<[Big; 8]> {
    let (m, one) = (modulus::<F>(), Big::from(1u8));
    let mut all = vec![Big::ZERO, one.clone(), bound - 1u8];
    for k in [1u64, 2, 3, 31, 32, 255, 256, 257, 639, 640, 641, 1 << 11, 1 << 40, 1 << 55] {
        all.extend([&m * k - 1u8, &m * k, &m * k + 1u8]);
    }
    all.extend((0..=bound.bits()).flat_map(|bits| [&one << bits, (&one << bits) - 1u8]));
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for _ in 0..400 {
        let limbs: [u64; 6] = rng.r#gen();
        all.push((big(&limbs, 64) % bound) >> rng.gen_range(0..60));
    }
    all.retain(|v| v < bound);
    all.resize(all.len().next_multiple_of(8), Big::ZERO);
    all.chunks_exact(8).map(|c| core::array::from_fn(|i| c[i].clone())).collect()
}

/// The functions under test, compiled for the lanes.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn reduced<F: ScalarField>(v: &V) -> V {
    // SAFETY: the features are enabled here.
    unsafe { reduce::<F>(v) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn narrowed<F: ScalarField>(v: &Wide) -> V {
    // SAFETY: the features are enabled here.
    unsafe { narrow::<F>(v) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn canonical_form<F: ScalarField>(v: &V) -> V {
    // SAFETY: the features are enabled here.
    unsafe { canonical::<F>(v) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn round_trip(from: &[*const [u64; 4]; 8], to: &[*mut [u64; 4]; 8], live: usize) -> V {
    // SAFETY: the features are enabled here; the caller's pointers.
    unsafe {
        let v = gather::<0>(from);
        store(&v, to, live);
        v
    }
}

fn reductions<F: ScalarField>() {
    let m = modulus::<F>();
    for sample in samples::<F>(&(Big::from(1u8) << 266)) {
        // SAFETY: the caller has seen that the CPU has the features.
        let found = values(&unsafe { reduced::<F>(&vectors(&sample)) });
        assert_eq!(found, sample.map(|v| v % &m));
    }
    for sample in samples::<F>(&(&m * 2u8)) {
        // SAFETY: as above.
        let found = values(&unsafe { canonical_form::<F>(&vectors(&sample)) });
        assert_eq!(found, sample.map(|v| v % &m));
    }
    for sample in samples::<F>(&(Big::from(1u8) << 312)) {
        // SAFETY: as above.
        let found = values(&unsafe { narrowed::<F>(&vectors(&sample)) });
        for (found, v) in found.iter().zip(&sample) {
            assert_eq!((found % &m, found < &(&m * 640u32)), (v % &m, true));
        }
    }
}

#[test]
fn reductions_agree_with_big_integers_up_to_their_bounds() {
    if Ifma::detect().is_some() {
        reductions::<blstrs::Scalar>();
        reductions::<halo2curves::bn256::Fr>();
    }
}

#[test]
fn gathering_and_storing_keep_their_order() {
    if Ifma::detect().is_none() {
        return;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let from: [[u64; 4]; 8] = rng.r#gen();
    for live in 1..=8 {
        let mut to = [[7u64; 4]; 8];
        let pointers = to.each_mut().map(core::ptr::from_mut);
        // SAFETY: the CPU has the features; the pointers are those of eight elements.
        let v = unsafe { round_trip(&from.each_ref().map(core::ptr::from_ref), &pointers, live) };
        for (lane, value) in values(&v).iter().enumerate() {
            assert_eq!(*value, big(&from[LANES[lane]], 64), "lane {lane}");
        }
        for i in 0..8 {
            assert_eq!(to[i], if i < live { from[i] } else { [7; 4] }, "element {i} of {live}");
        }
    }
}

fn products_of_rows<F: ScalarField>() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut top = F::MODULUS_LIMBS;
    top[0] -= 1;
    let edges = [[0; 4], [1, 0, 0, 0], F::R, top, *(-F::ONE).limbs()];
    let mut value = || if rng.r#gen() { edges[rng.gen_range(0..5)] } else { *F::random(&mut rng).limbs() };
    for n in [0, 1, 7, 8, 9, 64, 1003] {
        let a: Vec<[u64; 4]> = (0..n).map(|_| value()).collect();
        let b: Vec<[u64; 4]> = (0..n).map(|_| value()).collect();
        let expected: Vec<[u64; 4]> = a.iter().zip(&b).map(|(a, b)| mont4::mul::<F>(a, b)).collect();
        for path in Kernels::available().map(|k| k.choose().unwrap()) {
            let mut c = vec![[9; 4]; n];
            multiply::<F>(path, &a, &b, &mut c);
            assert_eq!(c, expected, "{path:?}");
            assert_eq!(first_unsatisfied::<F>(path, &a, &b, &c), None);
            for row in (0..n).rev() {
                c[row][row % 4] ^= 1 << (row % 64);
                assert_eq!(first_unsatisfied::<F>(path, &a, &b, &c), Some(row), "{path:?}");
            }
        }
    }
}

#[test]
fn products_of_rows_agree_with_the_portable_ones() {
    products_of_rows::<blstrs::Scalar>();
    products_of_rows::<halo2curves::bn256::Fr>();
}

#[test]
fn forced_paths_are_taken() {
    assert!(matches!(Kernels::Portable.choose(), Ok(Path::Portable)));
    match Ifma::detect() {
        Some(_) => {
            assert!(matches!(Kernels::Ifma.choose(), Ok(Path::Ifma(_))));
            assert!(matches!(Kernels::Auto.choose(), Ok(Path::Ifma(_))));
        }
        None => {
            assert_eq!(Kernels::Ifma.choose().err(), Some(KernelsUnavailable(Kernels::Ifma)));
            assert!(matches!(Kernels::Auto.choose(), Ok(Path::Portable | Path::Avx2(_))));
        }
    }
}
