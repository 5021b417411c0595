//! The quadratic extension with u² = −1 of the fields of [`field8`](super::field8), eight elements at once.
//!
//! Products are Karatsuba's with two reductions instead of three. For factors below αp and βp (each coefficient) the
//! real part before reduction is in (−αβp², αβp²), the imaginary part in [0, 2αβp²). Reduction adds at most 3p/2, so with p added to the
//! real part both are in (0, 3p) while αβ ≤ 0.43·R/p. R/p is 84 at least. The factors that meet: 3p and 8p (or 12p, a doubled
//! ordinate), 9p and 3p; in the 381-bit field 3p and 2^25·p.

use super::{
    eight::{Eight, V, Wide},
    field8::{self as f, Modulus, PACKED},
    field8_points::read_pair,
    msm_field::{LaneField, Line, unpack},
};
use crate::{field::coordinate::Coordinate, msm::point::Affine};
use core::marker::PhantomData;

/// Fp2 over the modulus M in N limbs, outside the coordinate K, each of whose coefficients has W words.
#[derive(Clone, Copy)]
pub(crate) struct Quad<K, M, E, const N: usize, const W: usize>(PhantomData<(K, M, E)>);

type V2<E, const N: usize> = [V<E, N>; 2];

/// Both coefficients, by a loop: closures would be compiled without the caller's features.
macro_rules! both {
    ($like:expr, |$i:ident| $value:expr) => {{
        let mut out: V2<E, N> = $like;
        for $i in 0..2 {
            // SAFETY: the caller's features.
            out[$i] = unsafe { $value };
        }
        out
    }};
}

/// Columns a − b.
#[inline(always)]
unsafe fn wide_sub<E: Eight>(a: Wide<E>, b: &Wide<E>) -> Wide<E> {
    let mut out = a;
    for i in 0..out.len() {
        // SAFETY: the caller's features.
        out[i] = unsafe { a[i].sub(b[i]) };
    }
    out
}

fn halves<const W: usize, K: Coordinate>(v: &K) -> [[u64; W]; 2] {
    const { assert!(size_of::<K>() == 16 * W) };
    // SAFETY: plain limbs of that size, by the contract of `Coordinate`.
    unsafe { core::mem::transmute_copy(v) }
}

fn whole<const W: usize, K: Coordinate>(v: &[[u64; W]; 2]) -> K {
    const { assert!(size_of::<K>() == 16 * W) };
    // SAFETY: any limbs of that size are a value, by the contract of `Coordinate`.
    unsafe { core::mem::transmute_copy(v) }
}

// SAFETY: two `Line`s.
unsafe impl<K: Coordinate, M: Modulus<N>, E: Eight, const N: usize, const W: usize> LaneField
    for Quad<K, M, E, N, W>
{
    type Lanes = E;
    type Scalar = K;
    type Vector = V2<E, N>;
    type Packed = [Line; 2];
    const ZERO: [Line; 2] = [Line([0; PACKED]); 2];

    #[inline(always)]
    unsafe fn one() -> V2<E, N> {
        // SAFETY: the caller's features.
        unsafe { [f::broadcast(&M::ONE), f::broadcast(&[0; N])] }
    }
    #[inline(always)]
    unsafe fn mul(a: &V2<E, N>, b: &V2<E, N>) -> V2<E, N> {
        // SAFETY: the caller's features.
        unsafe {
            let low = E::wide_mul(&a[0], &b[0]);
            let high = E::wide_mul(&a[1], &b[1]);
            let cross = E::wide_mul(&f::sum(&a[0], &a[1]), &f::sum(&b[0], &b[1]));
            let (real, imaginary) = (wide_sub(low, &high), wide_sub(wide_sub(cross, &low), &high));
            let [real, imaginary] = E::reduce_both::<N, M>([&real, &imaginary]);
            [f::sum(&real, &f::broadcast(&M::P)), imaginary]
        }
    }
    /// (a₀ + a₁)(a₀ − a₁) + 2a₀a₁u; the difference is offset, see [`f::factor`].
    #[inline(always)]
    unsafe fn square(a: &V2<E, N>) -> V2<E, N> {
        // SAFETY: the caller's features.
        unsafe {
            let sum = f::sum(&a[0], &a[1]);
            let real = E::mul::<N, M>(&sum, &f::factor::<E, N, M>(&a[0], &a[1]));
            let imaginary = E::mul::<N, M>(&f::sum(&a[0], &a[0]), &a[1]);
            [real, imaginary]
        }
    }
    #[inline(always)]
    unsafe fn factor(a: &V2<E, N>, b: &V2<E, N>) -> V2<E, N> {
        both!(*a, |i| f::factor::<E, N, M>(&a[i], &b[i]))
    }
    #[inline(always)]
    unsafe fn lift(a: &V2<E, N>) -> V2<E, N> {
        both!(*a, |i| f::sum(&a[i], &f::broadcast(&M::OFFSET)))
    }
    #[inline(always)]
    unsafe fn sum(a: &V2<E, N>, b: &V2<E, N>) -> V2<E, N> {
        both!(*a, |i| f::sum(&a[i], &b[i]))
    }
    #[inline(always)]
    unsafe fn sub2(a: &V2<E, N>, b: &V2<E, N>, c: &V2<E, N>) -> V2<E, N> {
        both!(*a, |i| f::settle::<E, N, M>(f::sub(&f::sub(&a[i], &b[i]), &c[i])))
    }
    #[inline(always)]
    unsafe fn sub(a: &V2<E, N>, b: &V2<E, N>) -> V2<E, N> {
        both!(*a, |i| f::settle::<E, N, M>(f::sub(&a[i], &b[i])))
    }
    #[inline(always)]
    unsafe fn negate(v: &V2<E, N>, mask: u8) -> V2<E, N> {
        both!(*v, |i| f::negate::<E, N, M>(&v[i], mask))
    }
    #[inline(always)]
    unsafe fn narrow(v: &V2<E, N>) -> V2<E, N> {
        if M::STORED == 2 {
            return *v;
        }
        // SAFETY: the caller's features.
        let v = unsafe { Self::lift(v) };
        both!(v, |i| E::mul::<N, M>(&v[i], &f::broadcast(&M::ONE)))
    }
    #[inline(always)]
    unsafe fn is_zero(v: &V2<E, N>) -> u8 {
        // SAFETY: the caller's features.
        unsafe { f::is_zero::<E, N, M>(&v[0]) & f::is_zero::<E, N, M>(&v[1]) }
    }
    #[inline(always)]
    unsafe fn all_zero(v: &V2<E, N>) -> u8 {
        // SAFETY: the caller's features.
        unsafe { f::all_zero(&v[0]) & f::all_zero(&v[1]) }
    }
    #[inline(always)]
    unsafe fn select(mask: u8, a: &V2<E, N>, b: &V2<E, N>) -> V2<E, N> {
        both!(*a, |i| f::select(mask, &a[i], &b[i]))
    }
    #[inline(always)]
    unsafe fn clear(mask: u8, v: &V2<E, N>) -> V2<E, N> {
        both!(*v, |i| f::select(mask, &v[i], &f::broadcast(&[0; N])))
    }
    #[inline(always)]
    unsafe fn load(from: [*const [Line; 2]; 8]) -> V2<E, N> {
        // SAFETY: the caller's features.
        let like = unsafe { Self::one() };
        both!(like, |i| {
            let mut lines = [core::ptr::null(); 8];
            for lane in 0..8 {
                lines[lane] = from[lane].cast::<Line>().wrapping_add(i).cast();
            }
            f::load(&lines)
        })
    }
    #[inline(always)]
    unsafe fn store(v: &V2<E, N>, to: [*mut [Line; 2]; 8], lanes: usize) {
        for (i, v) in v.iter().enumerate() {
            // SAFETY: the caller's features and pointers; a line is aligned. Pointers of other lanes are not used.
            unsafe { f::store(v, &to.map(|lines| lines.cast::<Line>().wrapping_add(i).cast()), lanes) }
        }
    }
    #[inline(always)]
    unsafe fn exchange(v: &V2<E, N>, step: usize) -> V2<E, N> {
        both!(*v, |i| f::exchange(&v[i], step))
    }
    #[inline(always)]
    unsafe fn invert_first(v: &V2<E, N>) -> V2<E, N> {
        // SAFETY: the caller's features.
        unsafe {
            let outside: [[u64; W]; 2] = v.map(|v| {
                let limbs = f::first_lane::<E, N, M>(&E::mul::<N, M>(&v, &f::broadcast(&M::LEAVE)));
                let mut words = [0; W];
                f::join(&limbs, &mut words);
                words
            });
            let inverse = halves::<W, K>(&whole::<W, K>(&outside).invert());
            Self::enter(&inverse.map(|words| f::broadcast(&f::split(&words))))
        }
    }
    #[inline(always)]
    unsafe fn enter(v: &V2<E, N>) -> V2<E, N> {
        both!(*v, |i| E::mul::<N, M>(&v[i], &f::broadcast(&M::ENTER)))
    }
    #[inline(always)]
    unsafe fn read(from: &[*const u8; 8]) -> [V2<E, N>; 2] {
        // SAFETY: the caller's features and pointers.
        unsafe {
            let x = read_pair::<E, N, W>(from, [M::SHIFTS[0]; 2]);
            let mut ordinates = *from;
            for ordinate in &mut ordinates {
                *ordinate = ordinate.add(16 * W);
            }
            [x, read_pair::<E, N, W>(&ordinates, [M::SHIFTS[1]; 2])]
        }
    }
    fn leave(point: [&[Line; 2]; 2]) -> Affine<K> {
        let [x, y] = core::array::from_fn(|i| {
            whole(&point[i].map(|line| unpack::<N, W, M>(&line, &M::LEAVE_POINT[i])))
        });
        Affine { x, y }
    }
    fn pack(v: &K) -> [Line; 2] {
        halves::<W, K>(v).map(|words| super::msm_field::pack::<N, M>(&words))
    }
    #[cfg(test)]
    fn unpack(v: &[Line; 2]) -> K {
        whole(&v.map(|line| unpack::<N, W, M>(&line, &M::LEAVE)))
    }
}
