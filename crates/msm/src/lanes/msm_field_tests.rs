//! The coordinates in lanes against the portable ones.

use super::{
    msm::{BlsG1, BlsG2, BnG1, BnG2},
    msm_field::LaneField,
    msm_rounds::{Block, Rounds},
    testing::on_lanes,
};
use crate::{
    field::{coordinate::Coordinate, fp381::Fp381},
    msm::point::Affine,
};
use rand_core::{OsRng, RngCore};

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
            let [x, y] = L::read(&from);
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
            check(L::mul(&L::square(&L::lift(&va)), &vb), &|i| a[i].square().mul(&b[i]));
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
fn every_coordinate() {
    fn check<L: LaneField>() {
        let elements = elements::<L::Scalar>();
        in_and_out::<L>(&elements);
        points_in_and_out::<L>(&elements);
        against_portable::<L>(&elements);
    }
    on_lanes!(|E| {
        check::<BlsG1<E>>();
        check::<BnG1<E>>();
        check::<BlsG2<E>>();
        check::<BnG2<E>>();
    });
}

/// Lanes that double, cancel, or have an infinity beside ones that do not.
#[test]
fn special_lanes() {
    on_lanes!(|E| special_lanes_of::<BlsG1<E>>());
}

fn special_lanes_of<L: LaneField<Scalar = Fp381>>() {
    use crate::msm::point::Xyzz;
    use group::prime::PrimeCurveAffine;
    let generator = blstrs::G1Affine::generator();
    // SAFETY: a point is two coordinates of six limbs, by the contract of `MsmPoint`.
    let g: Affine<Fp381> = unsafe { core::mem::transmute_copy(&generator) };
    let multiple = |k: usize| Xyzz::from_affine(&g).mul_small(k).to_affine();
    let (p, q, zero) = (multiple(5), multiple(9), Affine::INFINITY);
    let lanes = [(p, q), (p, p), (p, p.neg()), (zero, q), (p, zero), (zero, zero), (q, q), (q, p)];
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
}
