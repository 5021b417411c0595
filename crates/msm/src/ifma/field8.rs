//! The base fields of both curves, eight elements at once: 8 limbs of 52 bits for the 381-bit field, 5 for the 254-bit
//! one. Montgomery form with R = 2^(52·N); product, then reduction; no final subtraction.
//!
//! Words used for a value v = Σ v_i·2^(52i), as in the bounds below, which count in units of the modulus p:
//! - a *factor* is normal (0 ≤ v_i < 2^52): the multiplier instructions drop higher bits;
//! - a *stored* value is normal but for its top limb, which is signed. |v| is below [`Modulus::STORED`];
//! - a *read* value is normal: the words of a reduced coordinate, shifted left by [`Modulus::SHIFTS`]. It is below
//!   2^12·p in the 381-bit field, below 4p (an abscissa) or 2p (an ordinate) in the 254-bit one.
//!
//! A product of factors a < αp, b < βp is below (αβ·p/R + 1)·p, so below 2p when αβ ≤ R/p: 2^35 for the 381-bit field,
//! 84 for the 254-bit one. The first has room for differences that double from round to round of a tree of additions
//! (see [`settle`]); the second is brought back below 2p after every one.
//!
//! Every function is for callers compiled with the features of [`Ifma`](crate::kernels::Ifma), into which it is
//! inlined: that is the safety condition of all of them, beside those of the pointers.
//!
//! Gueron, Krasnov, "Software implementation of modular exponentiation, using advanced vector instructions
//! architectures", 2012 (vectorised redundant limbs).

use super::field8_modulus::{BITS, difference, is_below};
pub(super) use super::field8_modulus::{Bls, Bn, MASK, Modulus, join, split};
use core::arch::x86_64::*;

/// Words of one element in memory, unused ones zero: a cache line, so that loads are aligned.
pub(super) const PACKED: usize = 8;

/// Eight elements: limb i of all of them in vector i.
pub(super) type V<const N: usize> = [__m512i; N];
/// A product before reduction: columns below 2^58 in magnitude, signed.
pub(super) type Wide = [__m512i; 16];

/// An array by a loop: closures would be compiled without the caller's features.
macro_rules! array {
    ($n:expr, |$i:ident| $value:expr) => {{
        // SAFETY: the caller's features.
        let mut out = [unsafe { _mm512_setzero_si512() }; $n];
        for $i in 0..$n {
            // SAFETY: the caller's features.
            out[$i] = unsafe { $value };
        }
        out
    }};
}

#[inline(always)]
unsafe fn each(limb: u64) -> __m512i {
    // SAFETY: the caller's features.
    unsafe { _mm512_set1_epi64(limb as i64) }
}

#[inline(always)]
pub(super) unsafe fn broadcast<const N: usize>(v: &[u64; N]) -> V<N> {
    array!(N, |i| each(v[i]))
}

/// Carries signed limbs on; the top one keeps its sign.
#[inline(always)]
pub(super) unsafe fn carry<const N: usize>(v: V<N>) -> V<N> {
    // SAFETY: the caller's features.
    unsafe {
        let mut out = v;
        for i in 1..N {
            out[i] = _mm512_add_epi64(out[i], _mm512_srai_epi64::<BITS>(out[i - 1]));
            out[i - 1] = _mm512_and_si512(out[i - 1], each(MASK));
        }
        out
    }
}

/// a·b before reduction, of factors: each of 16 columns sums at most 16 terms below 2^52.
#[inline(always)]
pub(super) unsafe fn wide_mul<const N: usize>(a: &V<N>, b: &V<N>) -> Wide {
    // SAFETY: the caller's features.
    unsafe {
        let mut t = [_mm512_setzero_si512(); 16];
        for i in 0..N {
            for j in 0..N {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[j], b[i]);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[j], b[i]);
            }
        }
        t
    }
}

/// a² before reduction, of a factor.
#[inline(always)]
pub(super) unsafe fn wide_square<const N: usize>(a: &V<N>) -> Wide {
    // SAFETY: the caller's features.
    unsafe {
        let mut t = [_mm512_setzero_si512(); 16];
        for i in 0..N {
            for j in i + 1..N {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[j], a[i]);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[j], a[i]);
            }
        }
        for column in &mut t[..2 * N] {
            *column = _mm512_add_epi64(*column, *column);
        }
        for i in 0..N {
            t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a[i], a[i]);
            t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], a[i], a[i]);
        }
        t
    }
}

/// t/R mod p for columns of magnitude below 2^60, signed; in (t/R, t/R + p], carried.
#[inline(always)]
pub(super) unsafe fn reduce<const N: usize, M: Modulus<N>>(mut t: Wide) -> V<N> {
    // SAFETY: the caller's features.
    unsafe {
        let zero = _mm512_setzero_si512();
        for i in 0..N {
            // The low half of q·p_0 would make column i a multiple of 2^52, the next one: its carry is rounded up.
            let q = _mm512_madd52lo_epu64(zero, t[i], each(M::NEG_INV));
            let up = _mm512_add_epi64(t[i], each(MASK));
            t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64::<BITS>(up));
            t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], q, each(M::P[0]));
            for j in 1..N {
                let p = each(M::P[j]);
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], q, p);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], q, p);
            }
        }
        let mut high = [zero; N];
        high.copy_from_slice(&t[N..2 * N]);
        carry(high)
    }
}

/// The Montgomery product of factors; a factor.
#[inline(always)]
pub(super) unsafe fn mul<const N: usize, M: Modulus<N>>(a: &V<N>, b: &V<N>) -> V<N> {
    // SAFETY: the caller's features.
    unsafe { reduce::<N, M>(wide_mul(a, b)) }
}

/// The Montgomery square of a factor; a factor.
#[inline(always)]
pub(super) unsafe fn square<const N: usize, M: Modulus<N>>(a: &V<N>) -> V<N> {
    // SAFETY: the caller's features.
    unsafe { reduce::<N, M>(wide_square(a)) }
}

#[inline(always)]
pub(super) unsafe fn add<const N: usize>(a: &V<N>, b: &V<N>) -> V<N> {
    array!(N, |i| _mm512_add_epi64(a[i], b[i]))
}

#[inline(always)]
pub(super) unsafe fn sub<const N: usize>(a: &V<N>, b: &V<N>) -> V<N> {
    array!(N, |i| _mm512_sub_epi64(a[i], b[i]))
}

/// a − b as a factor, for stored or read a and b (or a factor below 3p for either): a − b + 2·STORED·p, in
/// (0, 4·STORED·p): 2^24·p, or 8p.
#[inline(always)]
pub(super) unsafe fn factor<const N: usize, M: Modulus<N>>(a: &V<N>, b: &V<N>) -> V<N> {
    // SAFETY: the caller's features.
    unsafe { carry(add(&sub(a, b), &broadcast(&M::OFFSET))) }
}

/// A stored value of limbs not yet carried, from a value v in [−8p, 3p] where STORED = 2; else |v| is to be below
/// STORED·p, and only carries are left to do.
///
/// Where STORED = 2: u = v + 9p is in [p, 12p], its top limb above 2^45; carries into that limb are between −3 and 3
/// units, so q = ⌊(u_4 − 4)·⌊2^260/p⌋/2^52⌋ ≤ u/p and u/p − q < 1 + 12·0.8/84 + 2^-40. What is left is in [0, 1.2p).
#[inline(always)]
pub(super) unsafe fn settle<const N: usize, M: Modulus<N>>(v: V<N>) -> V<N> {
    // SAFETY: the caller's features.
    unsafe {
        if M::STORED > 2 {
            return carry(v);
        }
        let mut out = add(&v, &broadcast(&M::SETTLE));
        let top = _mm512_sub_epi64(out[N - 1], each(4));
        let q = _mm512_madd52hi_epu64(_mm512_setzero_si512(), top, each(M::QUOTIENT));
        // q ≤ 12 and p has 52-bit limbs: plain products with 64 bits would do, the low halves' sum is subtracted.
        let zero = _mm512_setzero_si512();
        for i in 0..N {
            let p = each(M::P[i]);
            out[i] = _mm512_sub_epi64(out[i], _mm512_madd52lo_epu64(zero, q, p));
            if i + 1 < N {
                out[i + 1] = _mm512_sub_epi64(out[i + 1], _mm512_madd52hi_epu64(zero, q, p));
            }
        }
        carry(out)
    }
}

/// −v in the lanes of the mask, for the ordinate v of a point that was read, which stays in its bound.
#[inline(always)]
pub(super) unsafe fn negate<const N: usize, M: Modulus<N>>(v: &V<N>, mask: __mmask8) -> V<N> {
    let negated = array!(N, |i| _mm512_mask_sub_epi64(v[i], mask, each(M::NEGATE[i]), v[i]));
    // SAFETY: the caller's features.
    unsafe { carry(negated) }
}

/// The lanes in which all limbs are zero.
#[inline(always)]
pub(super) unsafe fn all_zero<const N: usize>(v: &V<N>) -> __mmask8 {
    // SAFETY: the caller's features.
    unsafe {
        let mut any = _mm512_setzero_si512();
        for limb in v {
            any = _mm512_or_si512(any, *limb);
        }
        _mm512_testn_epi64_mask(any, any)
    }
}

/// The lanes in which a factor below R is 0 modulo p: its product with 1 is in [0, p], so 0 or p there.
#[inline(always)]
pub(super) unsafe fn is_zero<const N: usize, M: Modulus<N>>(v: &V<N>) -> __mmask8 {
    // SAFETY: the caller's features.
    unsafe {
        let mut t = [_mm512_setzero_si512(); 16];
        t[..N].copy_from_slice(v);
        let v = reduce::<N, M>(t);
        let mut not_p = _mm512_setzero_si512();
        for (limb, p) in v.iter().zip(M::P) {
            not_p = _mm512_or_si512(not_p, _mm512_xor_si512(*limb, each(p)));
        }
        all_zero(&v) | _mm512_testn_epi64_mask(not_p, not_p)
    }
}

/// b in the lanes of the mask, else a.
#[inline(always)]
pub(super) unsafe fn select<const N: usize>(mask: __mmask8, a: &V<N>, b: &V<N>) -> V<N> {
    array!(N, |i| _mm512_mask_mov_epi64(a[i], mask, b[i]))
}

/// Eight elements from eight cache lines.
///
/// # Safety
/// Each pointer is valid for reading [`PACKED`] words and aligned to 64 bytes.
#[inline(always)]
pub(super) unsafe fn load<const N: usize>(from: [*const u64; 8]) -> V<N> {
    // SAFETY: the caller's features and pointers.
    unsafe {
        let mut rows = [_mm512_setzero_si512(); 8];
        for (row, from) in rows.iter_mut().zip(from) {
            *row = _mm512_load_si512(from.cast());
        }
        let columns = super::transpose::transpose(rows);
        let mut out = [columns[0]; N];
        out.copy_from_slice(&columns[..N]);
        out
    }
}

/// Stores what [`load`] loads, in the lanes below `lanes`.
///
/// # Safety
/// Each of the first `lanes` pointers is valid for writing [`PACKED`] words and aligned to 64 bytes.
#[inline(always)]
pub(super) unsafe fn store<const N: usize>(v: &V<N>, to: &[*mut u64; 8], lanes: usize) {
    // SAFETY: the caller's features and pointers.
    unsafe {
        let mut columns = [_mm512_setzero_si512(); 8];
        columns[..N].copy_from_slice(v);
        let rows = super::transpose::transpose(columns);
        for (row, to) in rows.iter().zip(to).take(lanes) {
            _mm512_store_si512(to.cast(), *row);
        }
    }
}

/// Rotates the lanes so that over steps 0, 1, 2 every lane meets all others: exchanges lanes whose numbers differ in
/// bit `step`.
#[inline(always)]
pub(super) unsafe fn exchange<const N: usize>(v: &V<N>, step: usize) -> V<N> {
    array!(N, |i| match step {
        0 => _mm512_permutex_epi64::<0xb1>(v[i]),
        1 => _mm512_permutex_epi64::<0x4e>(v[i]),
        _ => _mm512_shuffle_i64x2::<0x4e>(v[i], v[i]),
    })
}

/// Lane 0 of a factor below 2p, less p where it is not below: canonical.
#[inline(always)]
pub(super) unsafe fn first_lane<const N: usize, M: Modulus<N>>(v: &V<N>) -> [u64; N] {
    // SAFETY: the caller's features.
    let limbs = v.map(|limb| unsafe { _mm_cvtsi128_si64(_mm512_castsi512_si128(limb)) as u64 });
    if is_below(&limbs, &M::P) { limbs } else { difference(&limbs, &M::P) }
}

/// The canonical limbs of packed words below 2p.
pub(super) fn canonical<const N: usize, M: Modulus<N>>(packed: &[u64; PACKED]) -> [u64; N] {
    let limbs = core::array::from_fn(|i| packed[i]);
    if is_below(&limbs, &M::P) { limbs } else { difference(&limbs, &M::P) }
}
