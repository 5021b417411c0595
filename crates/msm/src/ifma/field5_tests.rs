//! The eight-lane arithmetic against big integers and the portable kernels, at the edges of its bounds.

use super::{field5::*, field5_memory::*};
use crate::{
    field::{ScalarField, mont4},
    kernels::Ifma,
};
use halo2curves::bn256::{Fq, Fr};
use num_bigint::BigUint;
use rand_core::{OsRng, RngCore};

type Lanes = [BigUint; 8];

fn big(limbs: &[u64], bits: usize) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |acc, limb| (acc << bits) + limb)
}

fn modulus<F: ScalarField>() -> BigUint {
    big(&F::MODULUS_LIMBS, 64)
}

fn to_limbs<const N: usize>(v: &BigUint, bits: usize) -> [u64; N] {
    core::array::from_fn(|i| {
        let limb = (v >> (bits * i)) & ((BigUint::from(1u8) << bits) - 1u8);
        limb.iter_u64_digits().next().unwrap_or(0)
    })
}

/// Lane i of vector limbs; any bit pattern of a vector is eight words.
fn words(v: &V) -> [[u64; 8]; LIMBS] {
    // SAFETY: both are 320 bytes of plain integers.
    unsafe { core::mem::transmute(*v) }
}

fn vector(values: &Lanes) -> V {
    let limbs = values.each_ref().map(|v| to_limbs::<LIMBS>(v, 52));
    let rows: [[u64; 8]; LIMBS] = core::array::from_fn(|i| core::array::from_fn(|lane| limbs[lane][i]));
    // SAFETY: as in `words`.
    unsafe { core::mem::transmute(rows) }
}

/// The values of normal vectors; panics if a limb is not below 2^52.
fn values(v: &V) -> Lanes {
    let words = words(v);
    core::array::from_fn(|lane| {
        let limbs = words.map(|limb| limb[lane]);
        assert!(limbs.iter().all(|l| *l <= MASK), "not normal: {limbs:x?}");
        big(&limbs, 52)
    })
}

/// Random values and the edges of the range below `bound`, eight at a time.
fn samples<F: ScalarField>(bound: &BigUint) -> Vec<Lanes> {
    let p = modulus::<F>();
    let one = BigUint::from(1u8);
    let ones = [52u32, 104, 156, 208, 256, 260].map(|bits| (&one << bits) - 1u8).into_iter();
    let edges = [BigUint::ZERO, one.clone(), &p - 1u8, p.clone(), &p + 1u8, &p * 2u8 - 1u8, bound - 1u8];
    let limbs_of_ones = ones.clone().map(|v: BigUint| v.min(bound - 1u8));
    let holes = ones.map(|v| (bound - 1u8) - v % bound);
    let mut all: Vec<BigUint> = edges.into_iter().chain(limbs_of_ones).chain(holes).collect();
    all.retain(|v| v < bound);
    all.extend((0..200).map(|_| {
        let limbs: [u64; 6] = core::array::from_fn(|_| OsRng.next_u64());
        big(&limbs, 64) % bound
    }));
    all.resize(all.len().next_multiple_of(8), BigUint::ZERO);
    all.chunks_exact(8).map(|c| core::array::from_fn(|i| c[i].clone())).collect()
}

/// Runs with the features on, so that the vector functions are inlined into something that may use them.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
fn with_features<R>(f: impl FnOnce() -> R) -> R {
    f()
}

fn on_ifma(f: impl FnOnce()) {
    if Ifma::detect().is_some() {
        // SAFETY: the CPU has the features.
        unsafe { with_features(f) }
    }
}

fn constants<F: ScalarField>() {
    let (p, r) = (modulus::<F>(), BigUint::from(1u8) << 260);
    assert_eq!(big(&F::P, 52), p);
    assert_eq!(big(&F::P_BAR, 52), &r - &p);
    assert_eq!((big(&F::NEG_INV_260, 52) * &p + 1u8) % &r, BigUint::ZERO);
    assert_eq!(BigUint::from(F::QUOTIENT), &r / &p);
    assert!(F::QUOTIENT >= 32);
    for (i, multiple) in F::MULTIPLES.iter().enumerate() {
        assert_eq!(big(multiple, 52), &p << (i + 1));
    }
}

fn products<F: ScalarField>() {
    let p = modulus::<F>();
    let inverse = (BigUint::from(1u8) << 260usize).modinv(&p).unwrap();
    let bounds = [(2u8, 2u8, 2u8), (4, 4, 2), (2, 16, 2), (4, 16, 3), (8, 16, 5), (16, 16, 9)];
    for (ka, kb, kr) in bounds {
        for (a, b) in samples::<F>(&(&p * ka)).iter().zip(samples::<F>(&(&p * kb)).iter().rev()) {
            // SAFETY: called with the features.
            let found = values(&unsafe { normalize(&mul::<F>(&vector(a), &vector(b))) });
            for lane in 0..8 {
                assert!(found[lane] < &p * kr, "below {kr}p");
                assert_eq!(&found[lane] % &p, &a[lane] * &b[lane] * &inverse % &p);
            }
        }
    }
}

fn fixed_products<F: ScalarField>() {
    let p = modulus::<F>();
    for w in samples::<F>(&p).iter().flatten() {
        let element = F::from_canonical(to_limbs(w, 64)).unwrap();
        let by = Multiplier::new(&element);
        for a in &samples::<F>(&(&p * 31u8))[..6] {
            // SAFETY: called with the features.
            let found = values(&unsafe { normalize(&mul_fixed::<F>(&vector(a), &by)) });
            for lane in 0..8 {
                assert!(found[lane] < &p * 2u8, "below 2p");
                assert_eq!(&found[lane] % &p, &a[lane] * w % &p);
            }
        }
    }
}

fn reductions<F: ScalarField>() {
    let p = modulus::<F>();
    for v in samples::<F>(&(&p * 32u8)) {
        // SAFETY: called with the features.
        let reduced = unsafe { normalize(&reduce::<F>(&vector(&v))) };
        for (found, v) in values(&reduced).iter().zip(&v) {
            assert!(*found < &p * 2u8);
            assert_eq!(found % &p, v % &p);
        }
        // SAFETY: called with the features.
        for (found, v) in values(&unsafe { canonical::<F>(&reduced) }).iter().zip(&v) {
            assert_eq!(*found, v % &p);
        }
        for k in [5u32, 18, 28, 52] {
            let power = (BigUint::from(1u8) << k).modinv(&p).unwrap();
            // SAFETY: called with the features.
            for (found, v) in values(&unsafe { shift_right::<F>(&vector(&v), k) }).iter().zip(&v) {
                assert!(*found < &p * 2u8);
                assert_eq!(found % &p, v * &power % &p);
            }
        }
    }
}

fn sums<F: ScalarField>() {
    let p = modulus::<F>();
    for (a, b) in samples::<F>(&(&p * 8u8)).iter().zip(samples::<F>(&(&p * 8u8)).iter().rev()) {
        // SAFETY: called with the features.
        let (sum, difference) = unsafe {
            let (a, b) = (vector(a), vector(b));
            (values(&normalize(&add(&a, &b))), values(&normalize(&sub(&a, &b, &F::MULTIPLES[2]))))
        };
        for lane in 0..8 {
            assert_eq!(sum[lane], &a[lane] + &b[lane]);
            assert_eq!(difference[lane], &a[lane] + &p * 8u8 - &b[lane]);
        }
    }
}

fn memory<F: ScalarField>() {
    for v in samples::<F>(&(BigUint::from(1u8) << 256)) {
        let packed = v.each_ref().map(|v| to_limbs::<4>(v, 64));
        let ordered = |shift: u32| LANES.map(|i| &v[i] << shift);
        let mut out = [[0u64; 4]; 8];
        // SAFETY: called with the features; eight elements each.
        unsafe {
            assert_eq!(values(&load::<0>(packed.as_ptr())), ordered(0));
            assert_eq!(values(&load::<4>(packed.as_ptr())), ordered(4));
            assert_eq!(values(&gather::<4>(|i| &packed[7 - i])), LANES.map(|i| &v[7 - i] << 4u32));
            store(out.as_mut_ptr(), &load::<0>(packed.as_ptr()));
        }
        assert_eq!(out, packed);
    }
}

/// The portable Montgomery form in, and out again: a factor 2^4 makes up for the other R.
fn against_portable<F: ScalarField>() {
    for (a, b) in samples::<F>(&modulus::<F>()).iter().zip(samples::<F>(&modulus::<F>()).iter().rev()) {
        let (a, b) = (a.each_ref().map(|v| to_limbs(v, 64)), b.each_ref().map(|v| to_limbs(v, 64)));
        let mut found = [[0u64; 4]; 8];
        // SAFETY: called with the features; eight elements each.
        unsafe {
            let product = mul::<F>(&load::<0>(a.as_ptr()), &load::<4>(b.as_ptr()));
            store(found.as_mut_ptr(), &canonical::<F>(&normalize(&product)));
        }
        for lane in 0..8 {
            assert_eq!(found[lane], mont4::mul::<F>(&a[lane], &b[lane]));
        }
    }
}

fn each_field(f: [fn(); 3]) {
    f.into_iter().for_each(on_ifma);
}

macro_rules! on_every_field {
    ($($name:ident: $check:ident;)*) => { $(
        #[test]
        fn $name() {
            each_field([$check::<blstrs::Scalar>, $check::<Fr>, $check::<Fq>]);
        }
    )* };
}

on_every_field! {
    constants_are_those_of_the_moduli: constants;
    montgomery_products: products;
    products_by_fixed_factors: fixed_products;
    reductions_and_shifts: reductions;
    sums_and_differences: sums;
    loads_and_stores: memory;
    portable_products: against_portable;
}

#[test]
fn transposition() {
    on_ifma(|| {
        let mut v: [V; 8] = core::array::from_fn(|i| {
            vector(&core::array::from_fn(|lane| BigUint::from(8 * i + lane) << 104))
        });
        // SAFETY: called with the features.
        unsafe { transpose(&mut v) };
        for (i, v) in v.iter().enumerate() {
            assert_eq!(values(v), core::array::from_fn(|lane| BigUint::from(8 * lane + i) << 104));
        }
    });
}
