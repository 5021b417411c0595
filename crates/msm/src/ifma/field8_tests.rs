//! The fields in lanes against big integers, at the edges of their bounds, and against the portable ones.

use super::{
    field2::Quad,
    field8::{self as f, Bls, Bn, Modulus, PACKED, V},
    msm_field::{Base, LaneField, Line},
    msm_rounds::{Block, Rounds},
};
use crate::{
    field::{
        coordinate::{Bn254Fq, Coordinate},
        fp381::{Fp381, Fp381Quadratic},
        quadratic::Quadratic,
    },
    kernels::Ifma,
    msm::point::Affine,
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

fn vector<const N: usize>(values: &Lanes) -> V<N> {
    let lanes: [[u64; N]; 8] = values.each_ref().map(|v| limbs(v, 52));
    core::array::from_fn(|i| {
        let row: [u64; 8] = core::array::from_fn(|lane| lanes[lane][i]);
        // SAFETY: both are 64 bytes of plain integers.
        unsafe { core::mem::transmute(row) }
    })
}

fn rows<const N: usize>(v: &V<N>) -> [[u64; 8]; N] {
    // SAFETY: both are 64 bytes of plain integers.
    v.map(|limb| unsafe { core::mem::transmute(limb) })
}

/// The values of normal vectors; panics if a limb is not below 2^52.
fn values<const N: usize>(v: &V<N>) -> Lanes {
    let rows = rows(v);
    core::array::from_fn(|lane| {
        let limbs = rows.map(|limb| limb[lane]);
        assert!(limbs.iter().all(|l| *l <= f::MASK), "not normal: {limbs:x?}");
        big(&limbs, 52)
    })
}

/// The values of vectors with a signed top limb, plus `offset`, which makes them positive.
fn stored_values<const N: usize>(v: &V<N>, offset: &BigUint) -> Lanes {
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

fn products<const N: usize, M: Modulus<N>>() {
    let p = modulus::<N, M>();
    let inverse = (BigUint::from(1u8) << (52 * N)).modinv(&p).unwrap();
    for (ka, kb) in [(2, 2), (3, 4 * M::STORED), (4 * M::STORED, 3)] {
        for (a, b) in samples::<N, M>(&(&p * ka)).iter().zip(samples::<N, M>(&(&p * kb)).iter().rev()) {
            // SAFETY: called with the features.
            let found = values(&unsafe { f::mul::<N, M>(&vector(a), &vector(b)) });
            for lane in 0..8 {
                assert!(found[lane] < &p * 2u8, "below 2p");
                assert_eq!(&found[lane] % &p, &a[lane] * &b[lane] * &inverse % &p);
            }
        }
    }
    for a in samples::<N, M>(&(&p * 3u8)) {
        // SAFETY: called with the features.
        let found = values(&unsafe { f::square::<N, M>(&vector(&a)) });
        for (found, a) in found.iter().zip(&a) {
            assert!(*found < &p * 2u8, "below 2p");
            assert_eq!(found % &p, a * a * &inverse % &p);
        }
    }
}

fn sums<const N: usize, M: Modulus<N>>() {
    let p = modulus::<N, M>();
    let bound = &p * M::STORED;
    for (a, b) in samples::<N, M>(&bound).iter().zip(samples::<N, M>(&bound).iter().rev()) {
        // SAFETY: called with the features.
        let found = values(&unsafe { f::factor::<N, M>(&vector(a), &vector(b)) });
        for lane in 0..8 {
            assert_eq!(found[lane], &a[lane] + &p * (2 * M::STORED) - &b[lane]);
        }
    }
    for (a, b) in samples::<N, M>(&(&p * 3u8)).iter().zip(samples::<N, M>(&(&p * 4u8)).iter().rev()) {
        let offset = &p * 8u8;
        let ordinate = b.each_ref().map(|b| b % ((&p << M::SHIFTS[1]) + 1u8));
        // SAFETY: called with the features.
        let (found, negated) = unsafe {
            let difference = f::sub(&f::sub(&vector::<N>(a), &vector(b)), &vector(b));
            (f::settle::<N, M>(difference), f::negate::<N, M>(&vector(&ordinate), 0b0101_0110))
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

fn zeros<const N: usize, M: Modulus<N>>() {
    let p = modulus::<N, M>();
    let multiples: Lanes = core::array::from_fn(|i| &p * [0, 1, 2, 3, 4 * M::STORED - 1, 1, 2, 5][i]);
    let near: Lanes =
        core::array::from_fn(|i| if i % 2 == 0 { &multiples[i] + 1u8 } else { multiples[i].clone() });
    // SAFETY: called with the features.
    unsafe {
        assert_eq!(f::is_zero::<N, M>(&vector(&multiples)), 0xff);
        assert_eq!(f::is_zero::<N, M>(&vector(&near)), 0xaa);
        assert_eq!(f::all_zero::<N>(&vector(&multiples)), 1);
    }
}

fn in_and_out<L: LaneField>(elements: &[L::Scalar]) {
    for chunk in elements.chunks_exact(8) {
        let packed: [L::Packed; 8] = core::array::from_fn(|i| L::pack(&chunk[i]));
        let mut entered = [L::ZERO; 8];
        let mut inverse = [L::ZERO; 8];
        // SAFETY: called with the features; eight elements each.
        unsafe {
            let v = L::enter(&L::load(packed.each_ref().map(|p| p as *const _)));
            L::store(&v, entered.each_mut().map(|p| p as *mut _), 8);
            L::store(&L::narrow(&L::invert_first(&v)), inverse.each_mut().map(|p| p as *mut _), 8);
        }
        assert!(entered.iter().zip(chunk).all(|(v, element)| L::unpack(v) == *element));
        assert!(inverse.iter().all(|v| L::unpack(v) == chunk[0].invert()));
    }
}

/// Points read at any alignment, and led out again; the limbs are the shifted words.
fn points_in_and_out<L: LaneField>(elements: &[L::Scalar]) {
    let size = size_of::<Affine<L::Scalar>>();
    for (x, y) in elements.chunks_exact(8).zip(elements.chunks_exact(8).rev()) {
        let mut bytes = vec![0u8; 8 * size + 64];
        let mut from = [core::ptr::null(); 8];
        for lane in 0..8 {
            let to = bytes[lane * (size + 5)..][..size].as_mut_ptr();
            // SAFETY: that many bytes; coordinates are plain limbs.
            unsafe { to.cast::<Affine<L::Scalar>>().write_unaligned(Affine { x: x[lane], y: y[lane] }) };
            from[lane] = to.cast_const();
        }
        let (mut px, mut py) = ([L::ZERO; 8], [L::ZERO; 8]);
        // SAFETY: called with the features; pointers to eight points.
        unsafe {
            let [x, y] = L::read(from);
            L::store(&L::narrow(&x), px.each_mut().map(|p| p as *mut _), 8);
            L::store(&L::narrow(&y), py.each_mut().map(|p| p as *mut _), 8);
        }
        for lane in 0..8 {
            assert_eq!(L::leave([&px[lane], &py[lane]]), Affine { x: x[lane], y: y[lane] });
        }
    }
}

/// Products, squares and differences of lanes against those of the portable field.
fn against_portable<L: LaneField>(elements: &[L::Scalar]) {
    let load = |chunk: &[L::Scalar]| {
        let packed: [L::Packed; 8] = core::array::from_fn(|i| L::pack(&chunk[i]));
        // SAFETY: called with the features; eight elements.
        unsafe { L::enter(&L::load(packed.each_ref().map(|p| p as *const _))) }
    };
    let check = |v: L::Vector, expected: &dyn Fn(usize) -> L::Scalar| {
        let mut found = [L::ZERO; 8];
        // SAFETY: called with the features; eight elements.
        unsafe { L::store(&L::narrow(&v), found.each_mut().map(|p| p as *mut _), 8) };
        (0..8).for_each(|lane| assert_eq!(L::unpack(&found[lane]), expected(lane)));
    };
    for (a, b) in elements.chunks_exact(8).zip(elements.chunks_exact(8).rev()) {
        let (va, vb) = (load(a), load(b));
        // SAFETY: called with the features, in the order and bounds of an addition.
        unsafe {
            check(L::mul(&va, &vb), &|i| a[i].mul(&b[i]));
            check(L::square(&va), &|i| a[i].square());
            let difference = L::factor(&va, &vb);
            check(L::mul(&difference, &va), &|i| a[i].sub(&b[i]).mul(&a[i]));
            check(L::sub2(&va, &vb, &vb), &|i| a[i].sub(&b[i]).sub(&b[i]));
            check(L::sub(&va, &vb), &|i| a[i].sub(&b[i]));
            check(L::square(&L::lift(&va)), &|i| a[i].square());
            check(L::mul(&L::sum(&L::lift(&va), &L::lift(&va)), &vb), &|i| a[i].double().mul(&b[i]));
            check(L::exchange(&va, 2), &|i| a[i ^ 4]);
        }
    }
}

/// Elements from random words, and 0, 1, −1 and small ones, through the portable arithmetic only.
fn elements<K: Coordinate>() -> Vec<K> {
    let mut all = vec![K::ZERO, K::ONE, K::ONE.neg(), K::ONE.double(), K::ONE.double().neg()];
    let mut v = K::ONE.double();
    while all.len() < 128 {
        let word = OsRng.next_u64();
        v = (0..64).fold(v, |v, i| if word >> i & 1 == 1 { v.square().add(&K::ONE) } else { v.double() });
        all.push(v);
    }
    all
}

#[test]
fn every_field() {
    on_ifma(|| {
        constants::<8, Bls>();
        constants::<5, Bn>();
        products::<8, Bls>();
        products::<5, Bn>();
        sums::<8, Bls>();
        sums::<5, Bn>();
        zeros::<8, Bls>();
        zeros::<5, Bn>();
    });
}

#[test]
fn every_coordinate() {
    fn check<L: LaneField>() {
        let elements = elements::<L::Scalar>();
        in_and_out::<L>(&elements);
        points_in_and_out::<L>(&elements);
        against_portable::<L>(&elements);
    }
    on_ifma(|| {
        check::<Base<Fp381, Bls, 8, 6>>();
        check::<Base<Bn254Fq, Bn, 5, 4>>();
        check::<Quad<Fp381Quadratic, Bls, 8, 6>>();
        check::<Quad<Quadratic<Bn254Fq>, Bn, 5, 4>>();
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
    let line = Line([0; PACKED]);
    assert!(line == Base::<Fp381, Bls, 8, 6>::ZERO);
}

/// Lanes that double, cancel, or have an infinity beside ones that do not.
#[test]
fn special_lanes() {
    type L = Base<Fp381, Bls, 8, 6>;
    use crate::msm::point::Xyzz;
    use group::prime::PrimeCurveAffine;
    let generator = blstrs::G1Affine::generator();
    // SAFETY: a point is two coordinates of six limbs, by the contract of `MsmPoint`.
    let g: Affine<Fp381> = unsafe { core::mem::transmute_copy(&generator) };
    let multiple = |k: usize| Xyzz::from_affine(&g).mul_small(k).to_affine();
    let (p, q, zero) = (multiple(5), multiple(9), Affine::INFINITY);
    let lanes = [(p, q), (p, p), (p, p.neg()), (zero, q), (p, zero), (zero, zero), (q, q), (q, p)];
    on_ifma(|| {
        let load = |points: [Affine<Fp381>; 8]| {
            let (x, y) = (points.map(|p| L::pack(&p.x)), points.map(|p| L::pack(&p.y)));
            // SAFETY: called with the features; eight elements each.
            unsafe {
                let mut block = Block::<L> {
                    x: L::enter(&L::load(x.each_ref().map(|v| v as *const _))),
                    y: L::enter(&L::load(y.each_ref().map(|v| v as *const _))),
                };
                let infinite = L::all_zero(&L::load(x.each_ref().map(|v| v as *const _)));
                block.x = L::clear(infinite, &block.x);
                block.y = L::clear(infinite, &block.y);
                block
            }
        };
        let mut rounds = Rounds::<L>::new(2);
        rounds.blocks = vec![load(lanes.map(|l| l.0)), load(lanes.map(|l| l.1))];
        rounds.careful = true;
        let (mut x, mut y) = ([L::ZERO; 8], [L::ZERO; 8]);
        // SAFETY: called with the features; eight elements each.
        unsafe {
            rounds.add(&[[0, 1]], |_, _| ());
            let sum = rounds.blocks[0];
            let infinite = L::all_zero(&sum.x) & L::all_zero(&sum.y);
            assert_eq!(infinite, 0b0010_0100);
            L::store(&L::clear(infinite, &L::narrow(&sum.x)), x.each_mut().map(|v| v as *mut _), 8);
            L::store(&L::clear(infinite, &L::narrow(&sum.y)), y.each_mut().map(|v| v as *mut _), 8);
        }
        for (lane, (p, q)) in lanes.iter().enumerate() {
            let expected = Xyzz::from_affine(p).add_affine(q).to_affine();
            assert_eq!(Affine { x: L::unpack(&x[lane]), y: L::unpack(&y[lane]) }, expected, "lane {lane}");
        }
    });
}
