//! The base fields in lanes against big integers, at the edges of their bounds.

use super::{
    eight::{Eight, V},
    field8::{self as f, Bls, Bn, Modulus},
    testing::on_lanes,
};
use num_bigint::BigUint;
use rand_core::{OsRng, RngCore};

type Lanes = [BigUint; 8];

fn big(limbs: &[u64], bits: usize) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |acc, limb| (acc << bits) + limb)
}

fn limbs<const N: usize>(v: &BigUint, bits: usize) -> [u64; N] {
    core::array::from_fn(|i| {
        let limb = (v >> (bits * i)) & ((BigUint::from(1u8) << bits) - 1u8);
        limb.iter_u64_digits().next().unwrap_or(0)
    })
}

fn vector<E: Eight, const N: usize>(values: &Lanes) -> V<E, N> {
    let lanes: [[u64; N]; 8] = values.each_ref().map(|v| limbs(v, 52));
    core::array::from_fn(|i| {
        let row: [u64; 8] = core::array::from_fn(|lane| lanes[lane][i]);
        // SAFETY: both are 64 bytes of plain integers.
        unsafe { core::mem::transmute_copy(&row) }
    })
}

fn rows<E: Eight, const N: usize>(v: &V<E, N>) -> [[u64; 8]; N] {
    // SAFETY: both are 64 bytes of plain integers.
    core::array::from_fn(|i| unsafe { core::mem::transmute_copy(&v[i]) })
}

/// The values of normal vectors; panics if a limb is not below 2^52.
fn values<E: Eight, const N: usize>(v: &V<E, N>) -> Lanes {
    let rows = rows(v);
    core::array::from_fn(|lane| {
        let limbs = rows.map(|limb| limb[lane]);
        assert!(limbs.iter().all(|l| *l <= f::MASK), "not normal: {limbs:x?}");
        big(&limbs, 52)
    })
}

/// The values of vectors with a signed top limb, plus `offset`, which makes them positive.
fn stored_values<E: Eight, const N: usize>(v: &V<E, N>, offset: &BigUint) -> Lanes {
    let rows = rows(v);
    core::array::from_fn(|lane| {
        let limbs = rows.map(|limb| limb[lane]);
        assert!(limbs[..N - 1].iter().all(|l| *l <= f::MASK), "not normal: {limbs:x?}");
        let low = big(&limbs[..N - 1], 52) + offset;
        let top = limbs[N - 1] as i64;
        let high = BigUint::from(top.unsigned_abs()) << (52 * (N - 1));
        if top < 0 { low - high } else { low + high }
    })
}

fn modulus<const N: usize, M: Modulus<N>>() -> BigUint {
    big(&M::P, 52)
}

/// The edges of the range below `bound`, and random values, eight at a time.
fn samples<const N: usize, M: Modulus<N>>(bound: &BigUint) -> Vec<Lanes> {
    let p = modulus::<N, M>();
    let one = BigUint::from(1u8);
    let mut all =
        vec![BigUint::ZERO, one.clone(), &p - 1u8, p.clone(), &p + 1u8, &p * 2u8 - 1u8, bound - 1u8];
    for i in 1..N {
        all.push((&one << (52 * i)) - 1u8);
        all.push((bound - 1u8) - (((&one << (52 * i)) - 1u8) % bound));
    }
    all.retain(|v| v < bound);
    all.extend((0..200).map(|_| {
        let words: [u64; 8] = core::array::from_fn(|_| OsRng.next_u64());
        big(&words, 64) % bound
    }));
    all.resize(all.len().next_multiple_of(8), BigUint::ZERO);
    all.chunks_exact(8).map(|c| core::array::from_fn(|i| c[i].clone())).collect()
}

fn constants<const N: usize, M: Modulus<N>>() {
    let (p, one) = (modulus::<N, M>(), BigUint::from(1u8));
    let r = &one << (52 * N);
    assert_eq!((BigUint::from(M::NEG_INV) * &p + 1u8) % (&one << 52), BigUint::ZERO);
    assert_eq!(big(&M::ONE, 52), &r % &p);
    let outside = &one << (64 * M::WORDS);
    assert_eq!(big(&M::ENTER, 52) * &outside % &p, &r * &r % &p);
    assert_eq!(big(&M::LEAVE, 52), &outside % &p);
    assert_eq!(big(&M::OFFSET, 52), &p * (2 * M::STORED));
    assert_eq!(big(&M::SETTLE, 52), &p * 9u8);
    assert_eq!(big(&M::NEGATE, 52), &p << M::SHIFTS[1]);
    if M::STORED == 2 {
        assert_eq!(BigUint::from(M::QUOTIENT), &r / &p);
    }
    // Room for a factor below 3p and a difference.
    assert!(&r / &p >= BigUint::from(3 * 4 * M::STORED));
}

fn products<E: Eight, const N: usize, M: Modulus<N>>() {
    let p = modulus::<N, M>();
    let inverse = (BigUint::from(1u8) << (52 * N)).modinv(&p).unwrap();
    for (ka, kb) in [(2, 2), (3, 4 * M::STORED), (4 * M::STORED, 3)] {
        for (a, b) in samples::<N, M>(&(&p * ka)).iter().zip(samples::<N, M>(&(&p * kb)).iter().rev()) {
            // SAFETY: called with the features.
            let found = values(&unsafe { E::mul::<N, M>(&vector(a), &vector(b)) });
            for lane in 0..8 {
                assert!(found[lane] < &p * 2u8, "below 2p");
                assert_eq!(&found[lane] % &p, &a[lane] * &b[lane] * &inverse % &p);
            }
        }
    }
    for a in samples::<N, M>(&(&p * 3u8)) {
        // SAFETY: called with the features.
        let found = values(&unsafe { E::square::<N, M>(&vector(&a)) });
        for (found, a) in found.iter().zip(&a) {
            assert!(*found < &p * 2u8, "below 2p");
            assert_eq!(found % &p, a * a * &inverse % &p);
        }
    }
}

/// Products of limbs at the edges where a product's halves round up, down and to even, before and after reduction; columns of
/// either sign.
fn reductions<E: Eight, const N: usize, M: Modulus<N>>() {
    let p = modulus::<N, M>();
    let r = BigUint::from(1u8) << (52 * N);
    let inverse = r.modinv(&p).unwrap();
    let edges = [0, 1, 2, (1 << 51) - 1, 1 << 51, (1 << 51) + 1, f::MASK - 1, f::MASK];
    let value = |seed: &mut u64| -> BigUint {
        let limbs: [u64; N] = core::array::from_fn(|_| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if *seed >> 63 == 1 { edges[(*seed >> 40) as usize % 8] } else { *seed >> 12 }
        });
        big(&limbs, 52)
    };
    let mut seed = 1;
    for _ in 0..2000 {
        let [a, b, c, d]: [Lanes; 4] =
            core::array::from_fn(|_| core::array::from_fn(|_| value(&mut seed) % (&r >> 1)));
        // SAFETY: called with the features.
        let (wide, reduced) = unsafe {
            let (first, second) =
                (E::wide_mul::<N>(&vector(&a), &vector(&b)), E::wide_mul::<N>(&vector(&c), &vector(&d)));
            let mut difference = first;
            for i in 0..16 {
                difference[i] = first[i].sub(second[i]);
            }
            // R²/2 makes the result positive: factors are below R/2.
            difference[2 * N - 1] = difference[2 * N - 1].add(E::each(1 << 51));
            (rows(&first), E::reduce::<N, M>(difference))
        };
        for lane in 0..8 {
            let column = |i: usize| BigUint::from((wide[i][lane] as i64 + (1 << 60)) as u64) << (52 * i);
            let raised =
                (0..2 * N).fold(BigUint::ZERO, |sum, i| sum + (BigUint::from(1u64 << 60) << (52 * i)));
            let sum = (0..2 * N).fold(BigUint::ZERO, |sum, i| sum + column(i));
            assert_eq!(sum - raised, &a[lane] * &b[lane], "columns");
        }
        let found = values(&reduced);
        for lane in 0..8 {
            let t = &a[lane] * &b[lane] + ((&r * &r) >> 1u32) - &c[lane] * &d[lane];
            assert_eq!(&found[lane] % &p, &t * &inverse % &p);
            let (floor, twice) = (&t / &r, (&found[lane] << 1));
            assert!(found[lane] >= floor && twice <= ((floor + 1u8) << 1) + &p * 3u8, "in t/R + [0, 3p/2]");
        }
    }
}

fn sums<E: Eight, const N: usize, M: Modulus<N>>() {
    let p = modulus::<N, M>();
    let bound = &p * M::STORED;
    for (a, b) in samples::<N, M>(&bound).iter().zip(samples::<N, M>(&bound).iter().rev()) {
        // SAFETY: called with the features.
        let found = values(&unsafe { f::factor::<E, N, M>(&vector(a), &vector(b)) });
        for lane in 0..8 {
            assert_eq!(found[lane], &a[lane] + &p * (2 * M::STORED) - &b[lane]);
        }
    }
    for (a, b) in samples::<N, M>(&(&p * 3u8)).iter().zip(samples::<N, M>(&(&p * 4u8)).iter().rev()) {
        let offset = &p * 8u8;
        let ordinate = b.each_ref().map(|b| b % ((&p << M::SHIFTS[1]) + 1u8));
        // SAFETY: called with the features.
        let (found, negated) = unsafe {
            let difference = f::sub(&f::sub(&vector::<E, N>(a), &vector(b)), &vector(b));
            (f::settle::<E, N, M>(difference), f::negate::<E, N, M>(&vector(&ordinate), 0b0101_0110))
        };
        let (found, negated) = (stored_values(&found, &offset), values(&negated));
        for lane in 0..8 {
            assert_eq!(&found[lane] % &p, (&a[lane] + &offset - &b[lane] - &b[lane]) % &p);
            if M::STORED == 2 {
                assert!(found[lane] >= offset && found[lane] < &offset + &p * 2u8, "settled");
            }
            let y = &ordinate[lane];
            let expected = if 0b0101_0110 >> lane & 1 == 1 { (&p << M::SHIFTS[1]) - y } else { y.clone() };
            assert_eq!(negated[lane], expected);
        }
    }
}

fn zeros<E: Eight, const N: usize, M: Modulus<N>>() {
    let p = modulus::<N, M>();
    let multiples: Lanes = core::array::from_fn(|i| &p * [0, 1, 2, 3, 4 * M::STORED - 1, 1, 2, 5][i]);
    let near: Lanes =
        core::array::from_fn(|i| if i % 2 == 0 { &multiples[i] + 1u8 } else { multiples[i].clone() });
    // SAFETY: called with the features.
    unsafe {
        assert_eq!(f::is_zero::<E, N, M>(&vector(&multiples)), 0xff);
        assert_eq!(f::is_zero::<E, N, M>(&vector(&near)), 0xaa);
        assert_eq!(f::all_zero::<E, N>(&vector(&multiples)), 1);
    }
}

#[test]
fn every_modulus() {
    constants::<8, Bls>();
    constants::<5, Bn>();
}

#[test]
fn every_field() {
    on_lanes!(|E| {
        products::<E, 8, Bls>();
        products::<E, 5, Bn>();
        reductions::<E, 8, Bls>();
        reductions::<E, 5, Bn>();
        sums::<E, 8, Bls>();
        sums::<E, 5, Bn>();
        zeros::<E, 8, Bls>();
        zeros::<E, 5, Bn>();
    });
}

#[test]
fn limbs_and_words() {
    for _ in 0..100 {
        let words: [u64; 6] = core::array::from_fn(|_| OsRng.next_u64());
        let limbs: [u64; 8] = f::split(&words);
        assert_eq!(big(&limbs, 52), big(&words, 64));
        let mut back = [0; 6];
        f::join(&limbs, &mut back);
        assert_eq!(back, words);
    }
}
