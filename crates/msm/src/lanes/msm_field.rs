//! What the vector MSM asks of a field in lanes, so that one algorithm serves G1 and G2 of both curves.

use super::{
    eight::{Eight, V},
    field8::{self as f, Modulus, PACKED},
    field8_points::read_pair,
};
use crate::{field::coordinate::Coordinate, msm::point::Affine};
use core::marker::PhantomData;

/// A coordinate field, eight elements at once. The words *factor* and *stored* are those of [`field8`](super::field8).
///
/// The safety condition of every method is that the caller is compiled with the features of
/// [`Lanes`](Self::Lanes), into which it is inlined.
///
/// # Safety
/// An implementor promises that [`Packed`](Self::Packed) is plain words valid for every bit pattern, a whole number of
/// cache lines.
pub(crate) unsafe trait LaneField: Copy + Send + Sync + 'static {
    /// The instruction set.
    type Lanes: Eight;
    /// The same field with one element at a time, as points have it in memory.
    type Scalar: Coordinate;
    /// Eight elements.
    type Vector: Copy;
    /// One element in memory: a value in [0, 2p], cache line by cache line.
    type Packed: Copy + Send + Sync + PartialEq + 'static;
    /// Zero.
    const ZERO: Self::Packed;

    /// One in all lanes.
    unsafe fn one() -> Self::Vector;
    /// Product of factors; a factor below 3p.
    unsafe fn mul(a: &Self::Vector, b: &Self::Vector) -> Self::Vector;
    /// Square of a factor below 3p: below 3p; of one made by [`Self::lift`]: below 2^14·p.
    unsafe fn square(a: &Self::Vector) -> Self::Vector;
    /// a − b as a factor, for stored values.
    unsafe fn factor(a: &Self::Vector, b: &Self::Vector) -> Self::Vector;
    /// A stored value as a factor.
    unsafe fn lift(a: &Self::Vector) -> Self::Vector;
    /// a + b as a factor, which is not to be used in sums again.
    unsafe fn sum(a: &Self::Vector, b: &Self::Vector) -> Self::Vector;
    /// a − b − c, stored; a is a factor below 3p, b and c are stored.
    unsafe fn sub2(a: &Self::Vector, b: &Self::Vector, c: &Self::Vector) -> Self::Vector;
    /// a − b, stored; a is a factor below 3p, b is stored.
    unsafe fn sub(a: &Self::Vector, b: &Self::Vector) -> Self::Vector;
    /// −v in the lanes of the mask, for an ordinate that was read.
    unsafe fn negate(v: &Self::Vector, mask: u8) -> Self::Vector;
    /// A stored value brought into [0, 2p].
    unsafe fn narrow(v: &Self::Vector) -> Self::Vector;
    /// The lanes in which a factor is zero in the field.
    unsafe fn is_zero(v: &Self::Vector) -> u8;
    /// The lanes in which all limbs are zero.
    unsafe fn all_zero(v: &Self::Vector) -> u8;
    /// b in the lanes of the mask, else a.
    unsafe fn select(mask: u8, a: &Self::Vector, b: &Self::Vector) -> Self::Vector;
    /// Zero in the lanes of the mask, else v.
    unsafe fn clear(mask: u8, v: &Self::Vector) -> Self::Vector;
    /// Eight elements from memory; the pointers are valid for reading.
    unsafe fn load(from: [*const Self::Packed; 8]) -> Self::Vector;
    /// The first `lanes` elements to memory, in [0, 2p]; those pointers are valid for writing.
    unsafe fn store(v: &Self::Vector, to: [*mut Self::Packed; 8], lanes: usize);
    /// Exchanges lanes whose numbers differ in bit `step`.
    unsafe fn exchange(v: &Self::Vector, step: usize) -> Self::Vector;
    /// The inverse of lane 0 of a factor below 3p, in all lanes: a factor below 3p; zero for zero.
    unsafe fn invert_first(v: &Self::Vector) -> Self::Vector;
    /// Elements as they are outside, in 52-bit limbs of the same integers, into this Montgomery form.
    unsafe fn enter(v: &Self::Vector) -> Self::Vector;
    /// Coordinates x, y of eight points, as [`field8_points`](super::field8_points) says; each pointer is valid for
    /// reading an `Affine<Self::Scalar>` and need not be aligned.
    unsafe fn read(from: &[*const u8; 8]) -> [Self::Vector; 2];

    /// The point of packed coordinates x, y as they come from [`Self::read`] and additions.
    fn leave(point: [&Self::Packed; 2]) -> Affine<Self::Scalar>;
    /// Other limbs, same integer.
    fn pack(v: &Self::Scalar) -> Self::Packed;
    /// The element of packed words, out of this Montgomery form.
    #[cfg(test)]
    fn unpack(v: &Self::Packed) -> Self::Scalar;
}

/// The words of a coordinate outside.
pub(super) fn words<K: Coordinate, const W: usize>(v: &K) -> [u64; W] {
    const { assert!(size_of::<K>() == 8 * W) };
    // SAFETY: plain limbs of that size, by the contract of `Coordinate`.
    unsafe { core::mem::transmute_copy(v) }
}

/// The coordinate of words below the modulus.
pub(super) fn coordinate<K: Coordinate, const W: usize>(v: &[u64; W]) -> K {
    const { assert!(size_of::<K>() == 8 * W) };
    // SAFETY: any limbs of that size are a value, by the contract of `Coordinate`.
    unsafe { core::mem::transmute_copy(v) }
}

/// One element in memory.
#[derive(Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(super) [u64; PACKED]);

/// The base field with modulus M in N limbs in the lanes of E, outside the coordinate K of W words.
#[derive(Clone, Copy)]
pub(crate) struct Base<K, M, E, const N: usize, const W: usize>(PhantomData<(K, M, E)>);

/// A factor in one lane, by the same steps as the vectors: a·b/R mod p, canonical.
pub(super) fn scalar_mul<const N: usize, M: Modulus<N>>(a: &[u64; N], b: &[u64; N]) -> [u64; N] {
    let mut t = [0u128; 17];
    for i in 0..N {
        for j in 0..N {
            let product = u128::from(a[i]) * u128::from(b[j]);
            t[i + j] += product & u128::from(f::MASK);
            t[i + j + 1] += product >> 52;
        }
    }
    for i in 0..N {
        let q = (t[i] as u64 & f::MASK).wrapping_mul(M::NEG_INV) & f::MASK;
        for j in 0..N {
            let product = u128::from(q) * u128::from(M::P[j]);
            t[i + j] += product & u128::from(f::MASK);
            t[i + j + 1] += product >> 52;
        }
        t[i + 1] += t[i] >> 52;
    }
    let mut packed = [0; PACKED];
    for i in 0..N {
        packed[i] = t[N + i] as u64 & f::MASK;
        t[N + i + 1] += t[N + i] >> 52;
    }
    f::canonical::<N, M>(&packed)
}

pub(super) fn pack<const N: usize, M: Modulus<N>>(words: &[u64]) -> Line {
    let limbs: [u64; N] = f::split(words);
    Line(core::array::from_fn(|i| if i < N { limbs[i] } else { 0 }))
}

/// The words of an element that `by` leads out of Montgomery form.
pub(super) fn unpack<const N: usize, const W: usize, M: Modulus<N>>(line: &Line, by: &[u64; N]) -> [u64; W] {
    let left = scalar_mul::<N, M>(&f::canonical::<N, M>(&line.0), by);
    let mut words = [0; W];
    f::join(&left, &mut words);
    words
}

// SAFETY: `Line` is eight words, one cache line.
unsafe impl<K: Coordinate, M: Modulus<N>, E: Eight, const N: usize, const W: usize> LaneField
    for Base<K, M, E, N, W>
{
    type Lanes = E;
    type Scalar = K;
    type Vector = V<E, N>;
    type Packed = Line;
    const ZERO: Line = Line([0; PACKED]);

    #[inline(always)]
    unsafe fn one() -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::broadcast(&M::ONE) }
    }
    #[inline(always)]
    unsafe fn mul(a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { E::mul::<N, M>(a, b) }
    }
    #[inline(always)]
    unsafe fn square(a: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { E::square::<N, M>(a) }
    }
    #[inline(always)]
    unsafe fn factor(a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::factor::<E, N, M>(a, b) }
    }
    #[inline(always)]
    unsafe fn lift(a: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::sum(a, &f::broadcast(&M::OFFSET)) }
    }
    #[inline(always)]
    unsafe fn sum(a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::sum(a, b) }
    }
    #[inline(always)]
    unsafe fn sub2(a: &V<E, N>, b: &V<E, N>, c: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::settle::<E, N, M>(f::sub(&f::sub(a, b), c)) }
    }
    #[inline(always)]
    unsafe fn sub(a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::settle::<E, N, M>(f::sub(a, b)) }
    }
    #[inline(always)]
    unsafe fn negate(v: &V<E, N>, mask: u8) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::negate::<E, N, M>(v, mask) }
    }
    #[inline(always)]
    unsafe fn narrow(v: &V<E, N>) -> V<E, N> {
        if M::STORED == 2 {
            return *v;
        }
        // SAFETY: the caller's features.
        unsafe { E::mul::<N, M>(&Self::lift(v), &Self::one()) }
    }
    #[inline(always)]
    unsafe fn is_zero(v: &V<E, N>) -> u8 {
        // SAFETY: the caller's features.
        unsafe { f::is_zero::<E, N, M>(v) }
    }
    #[inline(always)]
    unsafe fn all_zero(v: &V<E, N>) -> u8 {
        // SAFETY: the caller's features.
        unsafe { f::all_zero(v) }
    }
    #[inline(always)]
    unsafe fn select(mask: u8, a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::select(mask, a, b) }
    }
    #[inline(always)]
    unsafe fn clear(mask: u8, v: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::select(mask, v, &f::broadcast(&[0; N])) }
    }
    #[inline(always)]
    unsafe fn load(from: [*const Line; 8]) -> V<E, N> {
        // SAFETY: the caller's features and pointers; a line is aligned.
        unsafe { f::load(&from.map(|line| line.cast())) }
    }
    #[inline(always)]
    unsafe fn store(v: &V<E, N>, to: [*mut Line; 8], lanes: usize) {
        // SAFETY: the caller's features and pointers; a line is aligned.
        unsafe { f::store(v, &to.map(|line| line.cast()), lanes) }
    }
    #[inline(always)]
    unsafe fn exchange(v: &V<E, N>, step: usize) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { f::exchange(v, step) }
    }
    #[inline(always)]
    unsafe fn invert_first(v: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe {
            let outside = f::first_lane::<E, N, M>(&E::mul::<N, M>(v, &f::broadcast(&M::LEAVE)));
            let mut limbs = [0; W];
            f::join(&outside, &mut limbs);
            let inverse = coordinate::<K, W>(&limbs).invert();
            Self::enter(&f::broadcast(&f::split(&self::words::<K, W>(&inverse))))
        }
    }
    #[inline(always)]
    unsafe fn enter(v: &V<E, N>) -> V<E, N> {
        // SAFETY: the caller's features.
        unsafe { E::mul::<N, M>(v, &f::broadcast(&M::ENTER)) }
    }
    #[inline(always)]
    unsafe fn read(from: &[*const u8; 8]) -> [V<E, N>; 2] {
        // SAFETY: the caller's features and pointers.
        unsafe { read_pair::<E, N, W>(from, M::SHIFTS) }
    }
    fn leave(point: [&Line; 2]) -> Affine<K> {
        let [x, y] = core::array::from_fn(|i| coordinate(&unpack::<N, W, M>(point[i], &M::LEAVE_POINT[i])));
        Affine { x, y }
    }
    fn pack(v: &K) -> Line {
        pack::<N, M>(&words::<K, W>(v))
    }
    #[cfg(test)]
    fn unpack(v: &Line) -> K {
        coordinate(&unpack::<N, W, M>(v, &M::LEAVE))
    }
}
