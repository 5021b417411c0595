//! Eight elements of a four-limb prime field at once, each in five limbs of 52 bits.
//!
//! The modulus p is below 2^255, so 2^260 ≥ 32p leaves room for sums: values stay unreduced for many levels of a
//! transform. Two products are offered, neither with a final subtraction:
//! - [`mul`]: Montgomery's with R = 2^260, product then reduction (105 multiply-adds).
//! - [`mul_fixed`]: by a factor whose quotient by p was computed beforehand (84 multiply-adds), which changes no
//!   representation: data in Montgomery form with R = 2^256 stays in it. Shoup; D. Harvey, "Faster arithmetic for
//!   number-theoretic transforms", 2014.
//!
//! Gueron, Krasnov, "Software implementation of modular exponentiation, using advanced vector instructions
//! architectures", 2012 (vectorised redundant limbs).
//!
//! Words used for a value v = Σ v_i·2^(52i):
//! - *normal*: 0 ≤ v_i < 2^52, what the multiplier instructions need of their factors (they drop higher bits);
//! - *lazy*: v_i are signed with |v_i| < 2^61 and the sum is right modulo 2^260 only. [`normalize`] brings back the
//!   representative in [0, 2^260), which is the value meant as every bound below keeps values in there.
//!
//! Every function is for callers compiled with the features of [`Ifma`](crate::kernels::Ifma), into which it is
//! inlined: that is the safety condition of all of them, beside those of the pointers. They contain no closures, which
//! would be compiled without the features.

use crate::field::ScalarField;
use core::arch::x86_64::*;

/// Bits of a limb.
const BITS: u32 = 52;
/// A full limb.
pub(crate) const MASK: u64 = (1 << BITS) - 1;
/// Limbs of an element.
pub(crate) const LIMBS: usize = 5;

/// Eight elements: limb i of all of them in vector i.
pub(crate) type V = [__m512i; LIMBS];

/// Which of eight consecutive elements is in lane i after [`load`].
pub(crate) const LANES: [usize; 8] = [0, 2, 1, 3, 4, 6, 5, 7];

/// 64-bit limbs to 52-bit limbs of 2^shift times the value; shift ≤ 4.
pub(crate) const fn split(v: &[u64; 4], shift: u32) -> [u64; LIMBS] {
    [
        (v[0] << shift) & MASK,
        ((v[0] >> (52 - shift)) | (v[1] << (12 + shift))) & MASK,
        ((v[1] >> (40 - shift)) | (v[2] << (24 + shift))) & MASK,
        ((v[2] >> (28 - shift)) | (v[3] << (36 + shift))) & MASK,
        v[3] >> (16 - shift),
    ]
}

/// Σ a_i·b_j·2^(52(i+j)) modulo 2^260, normal.
pub(crate) const fn mul_low(a: &[u64; LIMBS], b: &[u64; LIMBS]) -> [u64; LIMBS] {
    let mut out = [0; LIMBS];
    let (mut carry, mut k) = (0u128, 0);
    while k < LIMBS {
        let mut i = 0;
        while i <= k {
            carry += a[i] as u128 * b[k - i] as u128; // at most 5 products below 2^104
            i += 1;
        }
        out[k] = carry as u64 & MASK;
        carry >>= BITS;
        k += 1;
    }
    out
}

/// −v modulo 2^260.
const fn neg(v: &[u64; LIMBS]) -> [u64; LIMBS] {
    let mut out = [0; LIMBS];
    let (mut carry, mut i) = (1, 0);
    while i < LIMBS {
        let t = (MASK - v[i]) + carry;
        (out[i], carry) = (t & MASK, t >> BITS);
        i += 1;
    }
    out
}

/// 2^shift·v modulo 2^260 for a normal v.
const fn shl(v: &[u64; LIMBS], shift: u32) -> [u64; LIMBS] {
    let mut out = [0; LIMBS];
    let (mut carry, mut i) = (0, 0);
    while i < LIMBS {
        let t = (v[i] << shift) | carry;
        (out[i], carry) = (t & MASK, t >> BITS);
        i += 1;
    }
    out
}

/// −p⁻¹ mod 2^260 by Newton's iteration.
const fn neg_inverse(p: &[u64; LIMBS]) -> [u64; LIMBS] {
    let mut x = [1, 0, 0, 0, 0];
    let mut i = 0;
    while i < 9 {
        let mut two_less = neg(&mul_low(p, &x)); // 2 − p·x; the sum below cannot carry: −p·x is odd
        two_less[0] += 2;
        if two_less[0] > MASK {
            two_less[0] &= MASK; // −p·x = −1 in this limb: add the carry to the next ones
            let mut j = 1;
            while j < LIMBS {
                two_less[j] = (two_less[j] + 1) & MASK;
                if two_less[j] != 0 {
                    break;
                }
                j += 1;
            }
        }
        x = mul_low(&x, &two_less);
        i += 1;
    }
    neg(&x)
}

/// ⌊2^260 / p⌋ by long division; below 2^52 as p has at least 209 bits.
const fn quotient_of_2_260(p: &[u64; LIMBS]) -> u64 {
    // 2^260 = q·p + r: subtract from 2^260 − p on until what is left is below p.
    let (mut q, mut rest) = (1, neg(p));
    while !less(&rest, p) {
        let mut borrow = 0;
        let mut i = 0;
        while i < LIMBS {
            let t = rest[i].wrapping_sub(p[i]).wrapping_sub(borrow);
            (rest[i], borrow) = (t & MASK, t >> 63);
            i += 1;
        }
        q += 1;
    }
    q
}

/// a − b for 64-bit limbs, a ≥ b.
const fn subtract(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let mut out = [0; 4];
    let (mut borrow, mut i) = (false, 0);
    while i < 4 {
        let (t, under) = a[i].overflowing_sub(b[i]);
        let (t, under_again) = t.overflowing_sub(borrow as u64);
        (out[i], borrow) = (t, under | under_again);
        i += 1;
    }
    out
}

const fn less(a: &[u64; LIMBS], b: &[u64; LIMBS]) -> bool {
    let mut i = LIMBS;
    while i > 0 {
        i -= 1;
        if a[i] != b[i] {
            return a[i] < b[i];
        }
    }
    false
}

/// The constants of a field in 52-bit limbs.
pub(crate) trait Field5: ScalarField {
    /// p.
    const P: [u64; LIMBS] = split(&Self::MODULUS_LIMBS, 0);
    /// 2^260 − p: adding q·P_BAR subtracts q·p modulo 2^260.
    const P_BAR: [u64; LIMBS] = neg(&Self::P);
    /// −p⁻¹ mod 2^260.
    const NEG_INV_260: [u64; LIMBS] = neg_inverse(&Self::P);
    /// ⌊2^260/p⌋: at least 32.
    const QUOTIENT: u64 = quotient_of_2_260(&Self::P);
    /// −1 in Montgomery form with R = 2^256, in 64-bit limbs.
    const MINUS_ONE: [u64; 4] = subtract(&Self::MODULUS_LIMBS, &Self::R);
    /// 2p, 4p, 8p: what a difference is offset by to stay above zero.
    const MULTIPLES: [[u64; LIMBS]; 3] = [shl(&Self::P, 1), shl(&Self::P, 2), shl(&Self::P, 3)];
}

impl<F: ScalarField> Field5 for F {}

/// A factor w < p prepared for [`mul_fixed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Multiplier {
    /// The integer w.
    w: [u64; LIMBS],
    /// ⌊w·2^260/p⌋ < 2^260.
    quotient: [u64; LIMBS],
}

impl Multiplier {
    /// The factor that an element is, whatever form the other factor is in.
    pub(crate) fn new<F: Field5>(v: &F) -> Self {
        let w = split(&v.to_canonical(), 0);
        // w·2^260 mod p = 16·(w·2^256 mod p) − k·p; the division by p of what is left is exact, hence a product with
        // the inverse modulo 2^260: ⌊w·2^260/p⌋ = (w·2^260 − rest)/p = rest·(−p⁻¹) mod 2^260.
        let mut rest = *v;
        for _ in 0..4 {
            rest = rest.double();
        }
        Multiplier { w, quotient: mul_low(&split(rest.limbs(), 0), &F::NEG_INV_260) }
    }
}

/// a + b, lazy.
#[inline(always)]
pub(crate) unsafe fn add(a: &V, b: &V) -> V {
    let mut out = *a;
    for i in 0..LIMBS {
        // SAFETY: the caller's features.
        out[i] = unsafe { _mm512_add_epi64(a[i], b[i]) };
    }
    out
}

/// a − b + offset, lazy.
#[inline(always)]
pub(crate) unsafe fn sub(a: &V, b: &V, offset: &[u64; LIMBS]) -> V {
    let mut out = *a;
    for i in 0..LIMBS {
        // SAFETY: the caller's features.
        unsafe {
            let offset = _mm512_set1_epi64(offset[i] as i64);
            out[i] = _mm512_add_epi64(_mm512_sub_epi64(a[i], b[i]), offset);
        }
    }
    out
}

/// The normal form of a lazy value, modulo 2^260.
#[inline(always)]
pub(crate) unsafe fn normalize(v: &V) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let mask = _mm512_set1_epi64(MASK as i64);
        let mut out = *v;
        for i in 1..LIMBS {
            out[i] = _mm512_add_epi64(out[i], _mm512_srai_epi64::<BITS>(out[i - 1]));
            out[i - 1] = _mm512_and_si512(out[i - 1], mask);
        }
        out[LIMBS - 1] = _mm512_and_si512(out[LIMBS - 1], mask);
        out
    }
}

/// v mod p plus 0 or p, lazy, for a normal v < 32p.
///
/// q = ⌊v_4·⌊2^260/p⌋/2^52⌋ ≤ v/p, and v/p − q < 1 + (v/p)/⌊2^260/p⌋ + 2^-40 < 2: at most one p is left.
#[inline(always)]
pub(crate) unsafe fn reduce<F: Field5>(v: &V) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let zero = _mm512_setzero_si512();
        let q = _mm512_madd52hi_epu64(zero, v[LIMBS - 1], _mm512_set1_epi64(F::QUOTIENT as i64));
        let mut out = *v;
        for i in 0..LIMBS {
            let p = _mm512_set1_epi64(F::P_BAR[i] as i64);
            out[i] = _mm512_madd52lo_epu64(out[i], q, p);
            if i + 1 < LIMBS {
                out[i + 1] = _mm512_madd52hi_epu64(out[i + 1], q, p);
            }
        }
        out
    }
}

/// v mod p, normal, for a normal v < 2p.
#[inline(always)]
pub(crate) unsafe fn canonical<F: Field5>(v: &V) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let mask = _mm512_set1_epi64(MASK as i64);
        let mut less = *v;
        for i in 0..LIMBS {
            less[i] = _mm512_sub_epi64(less[i], _mm512_set1_epi64(F::P[i] as i64));
            if i > 0 {
                less[i] = _mm512_add_epi64(less[i], _mm512_srai_epi64::<BITS>(less[i - 1]));
                less[i - 1] = _mm512_and_si512(less[i - 1], mask);
            }
        }
        let below = _mm512_movepi64_mask(less[LIMBS - 1]);
        for i in 0..LIMBS {
            less[i] = _mm512_mask_mov_epi64(less[i], below, v[i]);
        }
        less
    }
}

/// Montgomery product a·b·2^-260, lazy, of normal factors; below (a·b/(2^260·p) + 1)·p. With both below 4p that is
/// below 2p; with b < 16p and a < kp below (k/2 + 1)·p.
///
/// Each of the ten columns sums at most 9 + 9 terms below 2^52 and a carry: below 2^57.
#[inline(always)]
pub(crate) unsafe fn mul<F: Field5>(a: &V, b: &V) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let zero = _mm512_setzero_si512();
        let neg_inv = _mm512_set1_epi64((F::NEG_INV & MASK) as i64);
        let mut t = [zero; 2 * LIMBS];
        for i in 0..LIMBS {
            for j in 0..LIMBS {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[j], b[i]);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[j], b[i]);
            }
        }
        let mask = _mm512_set1_epi64(MASK as i64);
        for i in 0..LIMBS {
            // The low half of q·p_0 would make column i a multiple of 2^52, the next one: its carry is rounded up.
            let q = _mm512_madd52lo_epu64(zero, t[i], neg_inv);
            let up = _mm512_add_epi64(t[i], mask);
            t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<BITS>(up));
            t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], q, _mm512_set1_epi64(F::P[0] as i64));
            for j in 1..LIMBS {
                let p = _mm512_set1_epi64(F::P[j] as i64);
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], q, p);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], q, p);
            }
        }
        [t[5], t[6], t[7], t[8], t[9]]
    }
}

/// a·w mod p in the form that `a` is in, lazy, for a normal a ≤ 31p; below 2p.
///
/// q = ⌊(a·⌊w·2^260/p⌋ − dropped)/2^260⌋, where the columns dropped (0 to 3) sum to less than 2^211. So
/// a·w/p − q < a/2^260 + 2^-49 + 1, and as a < 31/32·2^260 the remainder a·w − q·p is in [0, 2p). It is computed
/// modulo 2^260 alone, from columns 0 to 4 of both products: below 18·2^52 each.
#[inline(always)]
pub(crate) unsafe fn mul_fixed<F: Field5>(a: &V, by: &Multiplier) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let zero = _mm512_setzero_si512();
        let mask = _mm512_set1_epi64(MASK as i64);
        let mut high = [zero; LIMBS + 1]; // columns 4 to 9
        for i in 0..LIMBS {
            let w = _mm512_set1_epi64(by.quotient[i] as i64);
            for j in 0..LIMBS {
                if i + j >= 4 {
                    high[i + j - 4] = _mm512_madd52lo_epu64(high[i + j - 4], a[j], w);
                }
                if i + j >= 3 {
                    high[i + j - 3] = _mm512_madd52hi_epu64(high[i + j - 3], a[j], w);
                }
            }
        }
        let mut t = [zero; LIMBS];
        for i in 0..LIMBS {
            let w = _mm512_set1_epi64(by.w[i] as i64);
            for j in 0..LIMBS - i {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[j], w);
                if i + j + 1 < LIMBS {
                    t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[j], w);
                }
            }
        }
        for i in 0..LIMBS {
            let carried = _mm512_add_epi64(high[i + 1], _mm512_srli_epi64::<BITS>(high[i]));
            high[i + 1] = carried;
            let q = _mm512_and_si512(carried, mask);
            for j in 0..LIMBS - i {
                let p = _mm512_set1_epi64(F::P_BAR[j] as i64);
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], q, p);
                if i + j + 1 < LIMBS {
                    t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], q, p);
                }
            }
        }
        t
    }
}

/// v·2^-k mod p, normal, for a normal v < 32p and 5 ≤ k ≤ 52; below 2p: one Montgomery step of k bits.
///
/// (v + q·p)/2^k < 32p/2^5 + p.
#[inline(always)]
pub(crate) unsafe fn shift_right<F: Field5>(v: &V, k: u32) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let zero = _mm512_setzero_si512();
        let neg_inv = _mm512_set1_epi64((F::NEG_INV & MASK) as i64);
        let q = _mm512_and_si512(
            _mm512_madd52lo_epu64(zero, v[0], neg_inv),
            _mm512_set1_epi64(((1u64 << k) - 1) as i64),
        );
        let mut t = [v[0], v[1], v[2], v[3], v[4], zero];
        for i in 0..LIMBS {
            let p = _mm512_set1_epi64(F::P[i] as i64);
            t[i] = _mm512_madd52lo_epu64(t[i], q, p);
            t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], q, p);
        }
        let mask = _mm512_set1_epi64(MASK as i64);
        for i in 0..LIMBS {
            t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<BITS>(t[i]));
            t[i] = _mm512_and_si512(t[i], mask);
        }
        let (right, left) = (_mm_cvtsi64_si128(i64::from(k)), _mm_cvtsi64_si128(i64::from(BITS - k)));
        let mut out = *v;
        for i in 0..LIMBS {
            let high = _mm512_and_si512(_mm512_sll_epi64(t[i + 1], left), mask);
            out[i] = _mm512_or_si512(_mm512_srl_epi64(t[i], right), high);
        }
        out
    }
}
