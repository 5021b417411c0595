//! The base fields of both curves, eight elements at once: 8 limbs of 52 bits for the 381-bit field, 5 for the 254-bit
//! one. Montgomery form with R = 2^(52·N); product, then reduction; no final subtraction.
//!
//! Words used for a value v = Σ v_i·2^(52i), as in the bounds below, which count in units of the modulus p:
//! - a *factor* is normal (0 ≤ v_i < 2^52): products of limbs are for such;
//! - a *stored* value is normal but for its top limb, which is signed. |v| is below [`Modulus::STORED`];
//! - a *read* value is normal: the words of a reduced coordinate, shifted left by [`Modulus::SHIFTS`]. It is below
//!   2^12·p in the 381-bit field, below 4p (an abscissa) or 2p (an ordinate) in the 254-bit one.
//!
//! A product of factors a < αp, b < βp is below (αβ·p/R + 1)·p with IFMA, (αβ·p/R + 3/2)·p with AVX2. R/p is 2^35 for the
//! 381-bit field, 84 for the 254-bit one, so with αβ ≤ 36, or 2^25 in the first, a product is below 2p. The first has room for differences that double from round to round of a tree of additions
//! (see [`settle`]); the second is brought back below 2p after every one.
//!
//! Every function is for callers compiled with the features of its [`Eight`], into which it is
//! inlined: that is the safety condition of all of them, beside those of the pointers.

use super::field8_modulus::{difference, is_below};
pub(super) use super::{
    eight::{Eight, V},
    field8_modulus::{Bls, Bn, MASK, Modulus, join, split},
};

/// Words of one element in memory, unused ones zero: a cache line.
pub(super) const PACKED: usize = 8;

/// An array by a loop: closures would be compiled without the caller's features.
macro_rules! array {
    ($n:expr, |$i:ident| $value:expr) => {{
        // SAFETY: the caller's features.
        let mut out = [unsafe { E::each(0) }; $n];
        for $i in 0..$n {
            // SAFETY: the caller's features.
            out[$i] = unsafe { $value };
        }
        out
    }};
}

#[inline(always)]
pub(super) unsafe fn broadcast<E: Eight, const N: usize>(v: &[u64; N]) -> V<E, N> {
    array!(N, |i| E::each(v[i]))
}

#[inline(always)]
pub(super) unsafe fn add<E: Eight, const N: usize>(a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
    array!(N, |i| a[i].add(b[i]))
}

#[inline(always)]
pub(super) unsafe fn sub<E: Eight, const N: usize>(a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
    array!(N, |i| a[i].sub(b[i]))
}

/// a + b of normal values, normal.
#[inline(always)]
pub(super) unsafe fn sum<E: Eight, const N: usize>(a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
    // SAFETY: the caller's features.
    unsafe { E::carry(add(a, b)) }
}

/// a − b as a factor, for stored or read a and b (or a factor below 3p for either): a − b + 2·STORED·p, in
/// (0, 4·STORED·p): 2^24·p, or 8p.
#[inline(always)]
pub(super) unsafe fn factor<E: Eight, const N: usize, M: Modulus<N>>(a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
    // SAFETY: the caller's features.
    unsafe { E::carry(add(&sub(a, b), &broadcast(&M::OFFSET))) }
}

/// A stored value of limbs not yet carried, from a value v in [−8p, 3p] where STORED = 2; else |v| is to be below
/// STORED·p, and only carries are left to do.
///
/// Where STORED = 2: u = v + 9p is in [p, 12p], its top limb above 2^45; carries into that limb are between −3 and 3
/// units, so q = ⌊(u_4 − 4)·⌊2^260/p⌋/2^52⌋ ≤ u/p and u/p − q < 1 + 12·0.8/84 + 2^-24. What is left is in [0, 1.2p).
#[inline(always)]
pub(super) unsafe fn settle<E: Eight, const N: usize, M: Modulus<N>>(v: V<E, N>) -> V<E, N> {
    // SAFETY: the caller's features. The top limb is below 2^50, q at most 12.
    unsafe {
        if M::STORED > 2 {
            return E::carry(v);
        }
        let raised = add(&v, &broadcast(&M::SETTLE));
        let q = E::quotient(raised[N - 1].sub(E::each(4)), M::QUOTIENT);
        E::carry(E::sub_multiple::<N, M>(raised, q))
    }
}

/// −v in the lanes of the mask, for the ordinate v of a point that was read, which stays in its bound.
#[inline(always)]
pub(super) unsafe fn negate<E: Eight, const N: usize, M: Modulus<N>>(v: &V<E, N>, mask: u8) -> V<E, N> {
    let negated = array!(N, |i| v[i].select(mask, E::each(M::NEGATE[i]).sub(v[i])));
    // SAFETY: the caller's features.
    unsafe { E::carry(negated) }
}

/// The lanes in which all limbs are zero.
#[inline(always)]
pub(super) unsafe fn all_zero<E: Eight, const N: usize>(v: &V<E, N>) -> u8 {
    // SAFETY: the caller's features.
    unsafe {
        let mut any = v[0];
        for limb in v {
            any = any.or(*limb);
        }
        any.zeros()
    }
}

/// The lanes in which a factor below R is 0 modulo p: its product with 1 is in [0, 3p/2], so 0 or p there.
#[inline(always)]
pub(super) unsafe fn is_zero<E: Eight, const N: usize, M: Modulus<N>>(v: &V<E, N>) -> u8 {
    // SAFETY: the caller's features.
    unsafe {
        let mut t = [E::each(0); 16];
        t[..N].copy_from_slice(v);
        let v = E::reduce::<N, M>(t);
        let mut not_p = E::each(0);
        for (limb, p) in v.iter().zip(M::P) {
            not_p = not_p.or(limb.xor(E::each(p)));
        }
        all_zero(&v) | not_p.zeros()
    }
}

/// b in the lanes of the mask, else a.
#[inline(always)]
pub(super) unsafe fn select<E: Eight, const N: usize>(mask: u8, a: &V<E, N>, b: &V<E, N>) -> V<E, N> {
    array!(N, |i| a[i].select(mask, b[i]))
}

/// Eight elements from eight cache lines.
///
/// # Safety
/// Each pointer is valid for reading [`PACKED`] words.
#[inline(always)]
pub(super) unsafe fn load<E: Eight, const N: usize>(from: &[*const u8; 8]) -> V<E, N> {
    // SAFETY: the caller's features and pointers.
    unsafe {
        let columns = E::read::<PACKED>(from);
        let mut out = [columns[0]; N];
        out.copy_from_slice(&columns[..N]);
        out
    }
}

/// Stores what [`load`] loads, in the lanes below `lanes`.
///
/// # Safety
/// Each of the first `lanes` pointers is valid for writing [`PACKED`] words.
#[inline(always)]
pub(super) unsafe fn store<E: Eight, const N: usize>(v: &V<E, N>, to: &[*mut u64; 8], lanes: usize) {
    // SAFETY: the caller's features and pointers.
    unsafe {
        let mut columns = [E::each(0); PACKED];
        columns[..N].copy_from_slice(v);
        E::write(&columns, to, lanes);
    }
}

/// Exchanges lanes whose numbers differ in bit `step`: over steps 0, 1, 2 every lane meets all others.
#[inline(always)]
pub(super) unsafe fn exchange<E: Eight, const N: usize>(v: &V<E, N>, step: usize) -> V<E, N> {
    array!(N, |i| v[i].exchange(step))
}

/// Lane 0 of a factor below 2p, less p where it is not below: canonical.
#[inline(always)]
pub(super) unsafe fn first_lane<E: Eight, const N: usize, M: Modulus<N>>(v: &V<E, N>) -> [u64; N] {
    let mut limbs = [0; N];
    for i in 0..N {
        // SAFETY: the caller's features.
        limbs[i] = unsafe { v[i].first() };
    }
    if is_below(&limbs, &M::P) { limbs } else { difference(&limbs, &M::P) }
}

/// The canonical limbs of packed words below 2p.
pub(super) fn canonical<const N: usize, M: Modulus<N>>(packed: &[u64; PACKED]) -> [u64; N] {
    let limbs = core::array::from_fn(|i| packed[i]);
    if is_below(&limbs, &M::P) { limbs } else { difference(&limbs, &M::P) }
}
