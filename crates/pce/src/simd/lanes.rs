//! Eight elements at once, each in limbs of 52 bits.
//!
//! m is the modulus, 2^253 < m < 2^255. Words used for a value v = Σ vᵢ·2^(52i):
//! - *normal*: 0 ≤ vᵢ < 2^52, but for the top limb, which holds all that is above;
//! - *lazy*: vᵢ are signed, with |vᵢ| < 2^63.
//!
//! Nothing is converted: an element in Montgomery form with R = 2^256 is the same integer in other limbs. A product that
//! is divided by 2^260 has one factor multiplied by 2^4 beforehand.
//!
//! Every function is for callers compiled with the features of [`Ifma`](super::Ifma), into which it is inlined: that is the
//! safety condition of all of them, beside those of the pointers. They contain no closures, which would be compiled
//! without the features.
//!
//! Gueron, Krasnov, "Software implementation of modular exponentiation, using advanced vector instructions
//! architectures", 2012 (vectorised redundant limbs).

use core::arch::x86_64::*;
use forebay_msm::ScalarField;

/// Bits of a limb.
const BITS: u32 = 52;
/// A full limb.
pub(crate) const MASK: u64 = (1 << BITS) - 1;
/// Limbs of an element.
pub(crate) const LIMBS: usize = 5;

/// Eight elements: limb i of all of them in vector i.
pub(crate) type V = [__m512i; LIMBS];
/// Eight wide values.
pub(crate) type Wide = [__m512i; LIMBS + 1];

/// Which of eight elements is in lane i after [`gather`]; [`store`] undoes it.
#[cfg_attr(not(test), allow(dead_code))] // what is computed does not depend on it
pub(crate) const LANES: [usize; 8] = [0, 2, 1, 3, 4, 6, 5, 7];

/// Five words to six limbs, the top one with all that is above.
pub(crate) const fn split5(v: &[u64; 5]) -> [u64; LIMBS + 1] {
    [
        v[0] & MASK,
        ((v[0] >> 52) | (v[1] << 12)) & MASK,
        ((v[1] >> 40) | (v[2] << 24)) & MASK,
        ((v[2] >> 28) | (v[3] << 36)) & MASK,
        ((v[3] >> 16) | (v[4] << 48)) & MASK,
        v[4] >> 4,
    ]
}

/// The limbs of 2^shift times the value, shift ≤ 4.
pub(crate) const fn split(v: &[u64; 4], shift: u32) -> [u64; LIMBS] {
    [
        (v[0] << shift) & MASK,
        ((v[0] >> (52 - shift)) | (v[1] << (12 + shift))) & MASK,
        ((v[1] >> (40 - shift)) | (v[2] << (24 + shift))) & MASK,
        ((v[2] >> (28 - shift)) | (v[3] << (36 + shift))) & MASK,
        v[3] >> (16 - shift),
    ]
}

/// 2^(52n) − v for n normal limbs that are not all zero.
const fn neg<const N: usize>(v: &[u64; N]) -> [u64; N] {
    let mut out = [0; N];
    let (mut carry, mut i) = (1, 0);
    while i < N {
        let t = (MASK - v[i]) + carry;
        (out[i], carry) = (t & MASK, t >> BITS);
        i += 1;
    }
    out
}

/// The constants of a field.
pub(crate) trait Constants: ScalarField {
    /// m.
    const M: [u64; LIMBS] = split(&Self::MODULUS_LIMBS, 0);
    /// 2^260 − m: adding q·M_BAR subtracts q·m modulo 2^260.
    const M_BAR: [u64; LIMBS] = neg(&Self::M);
    /// 2^312 − 2^8·m.
    const M_BAR_WIDE: [u64; LIMBS + 1] = {
        let m = &Self::MODULUS_LIMBS;
        neg(&split5(&[
            m[0] << 8,
            (m[1] << 8) | (m[0] >> 56),
            (m[2] << 8) | (m[1] >> 56),
            (m[3] << 8) | (m[2] >> 56),
            m[3] >> 56,
        ]))
    };
    /// ⌊2^267/m⌋ < 2^14.
    const QUOTIENT: u64 = crate::reduce::floor_pow2_over(267, &Self::MODULUS_LIMBS);
    /// ⌊2^304/m⌋ < 2^51.
    const QUOTIENT_WIDE: u64 = crate::reduce::floor_pow2_over(304, &Self::MODULUS_LIMBS);
}

impl<F: ScalarField> Constants for F {}

#[inline(always)]
unsafe fn broadcast(v: u64) -> __m512i {
    // SAFETY: the caller's features.
    unsafe { _mm512_set1_epi64(v as i64) }
}

/// The same value in all lanes.
#[inline(always)]
pub(crate) unsafe fn broadcast_wide(v: &[u64; LIMBS + 1]) -> Wide {
    // SAFETY: the caller's features.
    unsafe {
        let mut out = [_mm512_setzero_si512(); LIMBS + 1];
        for i in 0..LIMBS + 1 {
            out[i] = broadcast(v[i]);
        }
        out
    }
}

/// Words of eight elements to limbs of 2^SHIFT times their values; SHIFT ≤ 4.
#[inline(always)]
unsafe fn split_lanes<const SHIFT: u32>(w: [__m512i; 4]) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let mask = broadcast(MASK);
        let mut out = [_mm512_setzero_si512(); LIMBS];
        out[0] = _mm512_and_si512(left(w[0], SHIFT), mask);
        for i in 1..4 {
            let by = 64 - 12 * i as u32 - SHIFT;
            out[i] = _mm512_and_si512(_mm512_or_si512(right(w[i - 1], by), left(w[i], 64 - by)), mask);
        }
        out[4] = right(w[3], 16 - SHIFT);
        out
    }
}

#[inline(always)]
unsafe fn right(v: __m512i, by: u32) -> __m512i {
    // SAFETY: the caller's features.
    unsafe { _mm512_srl_epi64(v, _mm_cvtsi64_si128(i64::from(by))) }
}

#[inline(always)]
unsafe fn left(v: __m512i, by: u32) -> __m512i {
    // SAFETY: the caller's features.
    unsafe { _mm512_sll_epi64(v, _mm_cvtsi64_si128(i64::from(by))) }
}

/// Eight elements, the one at `from[LANES[i]]` in lane i: 2^SHIFT times each, normal.
///
/// # Safety
/// Each pointer is valid for reading an element.
#[inline(always)]
pub(crate) unsafe fn gather<const SHIFT: u32>(from: &[*const [u64; 4]; 8]) -> V {
    // SAFETY: the caller's features and pointers.
    unsafe {
        let mut z = [_mm512_setzero_si512(); 4];
        for i in 0..4 {
            let low = _mm512_castsi256_si512(_mm256_loadu_si256(from[2 * i].cast()));
            z[i] = _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(from[2 * i + 1].cast()));
        }
        let (a, b) = (_mm512_unpacklo_epi64(z[0], z[1]), _mm512_unpackhi_epi64(z[0], z[1]));
        let (c, d) = (_mm512_unpacklo_epi64(z[2], z[3]), _mm512_unpackhi_epi64(z[2], z[3]));
        split_lanes::<SHIFT>([
            _mm512_shuffle_i64x2::<0x88>(a, c),
            _mm512_shuffle_i64x2::<0x88>(b, d),
            _mm512_shuffle_i64x2::<0xdd>(a, c),
            _mm512_shuffle_i64x2::<0xdd>(b, d),
        ])
    }
}

/// The inverse of [`gather`] for normal values below 2^256: elements 2i and 2i + 1 in vector i.
#[inline(always)]
pub(crate) unsafe fn scatter(v: &V) -> [__m512i; 4] {
    // SAFETY: the caller's features.
    unsafe {
        let w0 = _mm512_or_si512(v[0], _mm512_slli_epi64::<52>(v[1]));
        let w1 = _mm512_or_si512(_mm512_srli_epi64::<12>(v[1]), _mm512_slli_epi64::<40>(v[2]));
        let w2 = _mm512_or_si512(_mm512_srli_epi64::<24>(v[2]), _mm512_slli_epi64::<28>(v[3]));
        let w3 = _mm512_or_si512(_mm512_srli_epi64::<36>(v[3]), _mm512_slli_epi64::<16>(v[4]));
        // Words 0, 1 (and 2, 3) of elements 0, 1, 4, 5 in the low halves, of 2, 3, 6, 7 in the high ones.
        let (a, b) = (_mm512_unpacklo_epi64(w0, w1), _mm512_unpacklo_epi64(w2, w3));
        let (c, d) = (_mm512_unpackhi_epi64(w0, w1), _mm512_unpackhi_epi64(w2, w3));
        let mut out = [
            _mm512_shuffle_i64x2::<0x44>(a, b),
            _mm512_shuffle_i64x2::<0x44>(c, d),
            _mm512_shuffle_i64x2::<0xee>(a, b),
            _mm512_shuffle_i64x2::<0xee>(c, d),
        ];
        for pair in &mut out {
            *pair = _mm512_shuffle_i64x2::<0xd8>(*pair, *pair);
        }
        out
    }
}

/// Stores eight elements in the order of the pointers that [`gather`] read them from.
///
/// # Safety
/// The first `live` pointers are valid for writing an element.
#[inline(always)]
pub(crate) unsafe fn store(v: &V, to: &[*mut [u64; 4]; 8], live: usize) {
    // SAFETY: the caller's features and pointers.
    unsafe {
        let pairs = scatter(v);
        for i in 0..4 {
            if 2 * i < live {
                _mm256_storeu_si256(to[2 * i].cast(), _mm512_castsi512_si256(pairs[i]));
            }
            if 2 * i + 1 < live {
                _mm256_storeu_si256(to[2 * i + 1].cast(), _mm512_extracti64x4_epi64::<1>(pairs[i]));
            }
        }
    }
}

/// Carries of lazy values of N limbs into their top limbs.
#[inline(always)]
pub(crate) unsafe fn normalize<const N: usize>(v: &mut [__m512i; N]) {
    // SAFETY: the caller's features.
    unsafe {
        for i in 1..N {
            v[i] = _mm512_add_epi64(v[i], _mm512_srai_epi64::<BITS>(v[i - 1]));
            v[i - 1] = _mm512_and_si512(v[i - 1], broadcast(MASK));
        }
    }
}

/// v mod m in [0, m), normal, for a normal 0 ≤ v < 2^266.
///
/// h = ⌊v/2^215⌋ < 2^51 and q = ⌊h·⌊2^267/m⌋/2^52⌋ ≤ v/m, and v/m − q < 1 + v/2^267 + 2^215/m < 2: at most one m is left
/// in v − q·m, which is below 2^256 and computed modulo 2^260.
#[inline(always)]
pub(crate) unsafe fn reduce<F: ScalarField>(v: &V) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let zero = _mm512_setzero_si512();
        let q = _mm512_madd52hi_epu64(zero, _mm512_srli_epi64::<7>(v[LIMBS - 1]), broadcast(F::QUOTIENT));
        let mut out = *v;
        for i in 0..LIMBS {
            out[i] = _mm512_madd52lo_epu64(out[i], q, broadcast(F::M_BAR[i]));
            if i + 1 < LIMBS {
                out[i + 1] = _mm512_madd52hi_epu64(out[i + 1], q, broadcast(F::M_BAR[i]));
            }
        }
        normalize(&mut out);
        out[LIMBS - 1] = _mm512_and_si512(out[LIMBS - 1], broadcast(MASK));
        canonical::<F>(&out)
    }
}

/// v mod m, normal, for a normal v < 2m.
#[allow(clippy::needless_range_loop)] // iterator adapters are closures
#[inline(always)]
pub(crate) unsafe fn canonical<F: ScalarField>(v: &V) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let mut less = *v;
        for i in 0..LIMBS {
            less[i] = _mm512_sub_epi64(less[i], broadcast(F::M[i]));
        }
        normalize(&mut less);
        let below = _mm512_movepi64_mask(less[LIMBS - 1]);
        for i in 0..LIMBS {
            less[i] = _mm512_mask_mov_epi64(less[i], below, v[i]);
        }
        less
    }
}

/// A value that is v modulo m, normal and below 2^265, for a normal 0 ≤ v < 2^312.
///
/// With the top limb t = ⌊v/2^260⌋ < 2^52 and q = ⌊t·⌊2^304/m⌋/2^52⌋ ≤ v/(2^8·m), and
/// v/(2^8·m) − q < 1 + t/2^52 + 2^252/m < 2.5: what is left of v − q·2^8·m is below 640·m. It is computed modulo 2^312.
#[inline(always)]
pub(crate) unsafe fn narrow<F: ScalarField>(v: &Wide) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let q = _mm512_madd52hi_epu64(_mm512_setzero_si512(), v[LIMBS], broadcast(F::QUOTIENT_WIDE));
        let mut out = *v;
        for i in 0..LIMBS + 1 {
            out[i] = _mm512_madd52lo_epu64(out[i], q, broadcast(F::M_BAR_WIDE[i]));
            if i < LIMBS {
                out[i + 1] = _mm512_madd52hi_epu64(out[i + 1], q, broadcast(F::M_BAR_WIDE[i]));
            }
        }
        normalize(&mut out);
        // The sixth limb has what is above bit 260, and above bit 312 what the modulus drops: the shift drops it too.
        fold(&out)
    }
}

/// Six limbs of a normal value below 2^272 as five, modulo 2^272.
#[inline(always)]
pub(crate) unsafe fn fold(v: &Wide) -> V {
    // SAFETY: the caller's features.
    unsafe { [v[0], v[1], v[2], v[3], _mm512_or_si512(v[4], _mm512_slli_epi64::<BITS>(v[5]))] }
}

/// Columns of products: Σ aᵢ·bⱼ·2^(52(i+j)).
pub(crate) type Columns = [__m512i; 2 * LIMBS];

/// Adds a·b, both normal: less than 10·2^52 to each column.
#[inline(always)]
pub(crate) unsafe fn add_product(t: &mut Columns, a: &V, b: &[__m512i; LIMBS]) {
    // SAFETY: the caller's features.
    unsafe {
        for i in 0..LIMBS {
            for j in 0..LIMBS {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[j], b[i]);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[j], b[i]);
            }
        }
    }
}

/// Montgomery's reduction by 2^260: (t + q·m)/2^260, lazy, below t/2^260 + m, for columns below 2^63.
#[inline(always)]
pub(crate) unsafe fn montgomery<F: ScalarField>(t: &mut Columns) -> V {
    // SAFETY: the caller's features.
    unsafe {
        let (zero, neg_inv) = (_mm512_setzero_si512(), broadcast(F::NEG_INV & MASK));
        for i in 0..LIMBS {
            let q = _mm512_madd52lo_epu64(zero, t[i], neg_inv);
            for j in 0..LIMBS {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], q, broadcast(F::M[j]));
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], q, broadcast(F::M[j]));
            }
            t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<BITS>(t[i]));
        }
        [t[5], t[6], t[7], t[8], t[9]]
    }
}
