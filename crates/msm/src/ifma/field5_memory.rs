//! Between four 64-bit limbs in memory and eight lanes of five 52-bit limbs.
//!
//! Nothing is converted: an element in Montgomery form with R = 2^256 is the same integer in other limbs. As in
//! [`field5`](super::field5), callers are compiled with the features of [`Ifma`](crate::kernels::Ifma).

use super::field5::{LIMBS, MASK, V};
use core::arch::x86_64::*;

/// An element in memory.
pub(crate) type Packed = [u64; 4];

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

/// The limb that begins at bit `by` − `shift` of `low` and goes on in `high`.
#[inline(always)]
unsafe fn joined(low: __m512i, by: u32, high: __m512i, shift: u32) -> __m512i {
    // SAFETY: the caller's features.
    unsafe {
        let both = _mm512_or_si512(right(low, by - shift), left(high, 64 - by + shift));
        _mm512_and_si512(both, _mm512_set1_epi64(MASK as i64))
    }
}

/// Words → 52-bit limbs of 2^SHIFT times the value, normal; SHIFT ≤ 4, value·2^SHIFT < 2^260.
#[inline(always)]
unsafe fn split<const SHIFT: u32>(w: [__m512i; 4]) -> V {
    // SAFETY: the caller's features.
    unsafe {
        [
            _mm512_and_si512(left(w[0], SHIFT), _mm512_set1_epi64(MASK as i64)),
            joined(w[0], 52, w[1], SHIFT),
            joined(w[1], 40, w[2], SHIFT),
            joined(w[2], 28, w[3], SHIFT),
            right(w[3], 16 - SHIFT),
        ]
    }
}

/// Limbs → words, of a normal value below 2^256.
#[inline(always)]
unsafe fn join(v: &V) -> [__m512i; 4] {
    // SAFETY: the caller's features.
    unsafe {
        [
            _mm512_or_si512(v[0], _mm512_slli_epi64::<52>(v[1])),
            _mm512_or_si512(_mm512_srli_epi64::<12>(v[1]), _mm512_slli_epi64::<40>(v[2])),
            _mm512_or_si512(_mm512_srli_epi64::<24>(v[2]), _mm512_slli_epi64::<28>(v[3])),
            _mm512_or_si512(_mm512_srli_epi64::<36>(v[3]), _mm512_slli_epi64::<16>(v[4])),
        ]
    }
}

/// Elements 2i and 2i + 1 in vector i → word i of all eight in the order of [`LANES`](super::field5::LANES).
#[inline(always)]
unsafe fn words(z: [__m512i; 4]) -> [__m512i; 4] {
    // SAFETY: the caller's features.
    unsafe {
        let (a, b) = (_mm512_unpacklo_epi64(z[0], z[1]), _mm512_unpackhi_epi64(z[0], z[1]));
        let (c, d) = (_mm512_unpacklo_epi64(z[2], z[3]), _mm512_unpackhi_epi64(z[2], z[3]));
        [
            _mm512_shuffle_i64x2::<0x88>(a, c),
            _mm512_shuffle_i64x2::<0x88>(b, d),
            _mm512_shuffle_i64x2::<0xdd>(a, c),
            _mm512_shuffle_i64x2::<0xdd>(b, d),
        ]
    }
}

/// Eight consecutive elements, element `LANES[i]` in lane i: 2^SHIFT times each, normal.
///
/// # Safety
/// `from` is valid for reading eight elements.
#[inline(always)]
pub(crate) unsafe fn load<const SHIFT: u32>(from: *const Packed) -> V {
    // SAFETY: the caller's features and pointer.
    unsafe {
        let mut pairs = [_mm512_setzero_si512(); 4];
        for (i, pair) in pairs.iter_mut().enumerate() {
            *pair = _mm512_loadu_si512(from.add(2 * i).cast());
        }
        split::<SHIFT>(words(pairs))
    }
}

/// Eight elements, the one at `from(LANES[i])` in lane i: 2^SHIFT times each, normal.
///
/// # Safety
/// Each pointer is valid for reading an element.
#[inline(always)]
pub(crate) unsafe fn gather<const SHIFT: u32>(from: impl Fn(usize) -> *const Packed) -> V {
    // SAFETY: the caller's features and pointers.
    unsafe {
        let mut pairs = [_mm512_setzero_si512(); 4];
        for (i, pair) in pairs.iter_mut().enumerate() {
            let low = _mm512_castsi256_si512(_mm256_loadu_si256(from(2 * i).cast()));
            *pair = _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(from(2 * i + 1).cast()));
        }
        split::<SHIFT>(words(pairs))
    }
}

/// Stores what [`load`] loads: a normal value below 2^256.
///
/// # Safety
/// `to` is valid for writing eight elements.
#[inline(always)]
pub(crate) unsafe fn store(to: *mut Packed, v: &V) {
    // SAFETY: the caller's features and pointer.
    unsafe {
        let [w0, w1, w2, w3] = join(v);
        // Words 0, 1 (and 2, 3) of elements 0, 1, 4, 5 in the low halves, of 2, 3, 6, 7 in the high ones.
        let (a, b) = (_mm512_unpacklo_epi64(w0, w1), _mm512_unpacklo_epi64(w2, w3));
        let (c, d) = (_mm512_unpackhi_epi64(w0, w1), _mm512_unpackhi_epi64(w2, w3));
        let pairs = [
            _mm512_shuffle_i64x2::<0x44>(a, b),
            _mm512_shuffle_i64x2::<0x44>(c, d),
            _mm512_shuffle_i64x2::<0xee>(a, b),
            _mm512_shuffle_i64x2::<0xee>(c, d),
        ];
        for (i, pair) in pairs.iter().enumerate() {
            _mm512_storeu_si512(to.add(2 * i).cast(), _mm512_shuffle_i64x2::<0xd8>(*pair, *pair));
        }
    }
}

/// Exchanges lanes and vectors in every limb.
#[allow(clippy::needless_range_loop)] // iterator adapters are closures
#[inline(always)]
pub(crate) unsafe fn transpose(v: &mut [V; 8]) {
    for limb in 0..LIMBS {
        let mut rows = [v[0][limb]; 8];
        for i in 1..8 {
            rows[i] = v[i][limb];
        }
        // SAFETY: the caller's features.
        rows = unsafe { super::transpose::transpose(rows) };
        for i in 0..8 {
            v[i][limb] = rows[i];
        }
    }
}
