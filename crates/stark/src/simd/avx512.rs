//! Eight lanes of AVX-512.
//!
//! Sums and differences take five instructions: one operand is made canonical (a minimum picks between x and
//! x + 2^32 − 1 mod 2^64), then one correction by 2^32 − 1 repairs the carry or borrow. A product is four 32×32
//! products; 2^64 = 2^32 − 1 and 2^96 = −1 mod p reduce it (the reduction of plonky2's and p3's packings).

use super::lanes::{EPSILON, Lanes};
use core::arch::x86_64::*;

/// Eight words.
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512i);

// SAFETY of all methods: they run only where `avx512f` and `avx512dq` are (the contract of `Lanes`), and the pointers
// are the callers'.
impl Lanes for Avx512 {
    const WIDTH: usize = 8;
    const LOG: u32 = 3;

    #[inline(always)]
    unsafe fn load(p: *const u64) -> Self {
        // SAFETY: see above.
        unsafe { Avx512(_mm512_loadu_si512(p.cast())) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut u64) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_si512(p.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn splat(word: u64) -> Self {
        // SAFETY: see above.
        unsafe { Avx512(_mm512_set1_epi64(word as i64)) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { Avx512(add_canonical(self.0, other.canonical().0)) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { Avx512(sub_canonical(self.0, other.canonical().0)) }
    }

    #[inline(always)]
    unsafe fn add_sub(self, other: Self) -> (Self, Self) {
        // SAFETY: see above.
        unsafe {
            let other = other.canonical().0;
            (Avx512(add_canonical(self.0, other)), Avx512(sub_canonical(self.0, other)))
        }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe {
            let (x, y) = (self.0, other.0);
            let epsilon = _mm512_set1_epi64(EPSILON as i64);
            let x_hi = high_halves(x);
            let y_hi = high_halves(y);
            let ll = _mm512_mul_epu32(x, y);
            let lh = _mm512_mul_epu32(x, y_hi);
            let hl = _mm512_mul_epu32(x_hi, y);
            let hh = _mm512_mul_epu32(x_hi, y_hi);
            // None of these sums overflows: each product is at most (2^32 − 1)².
            let t0 = _mm512_add_epi64(hl, _mm512_srli_epi64::<32>(ll));
            let t1 = _mm512_add_epi64(lh, _mm512_and_si512(t0, epsilon));
            let t2 = _mm512_add_epi64(hh, _mm512_srli_epi64::<32>(t0));
            let hi = _mm512_add_epi64(t2, _mm512_srli_epi64::<32>(t1));
            let t1_low = _mm512_castps_si512(_mm512_moveldup_ps(_mm512_castsi512_ps(t1)));
            let lo = _mm512_mask_blend_epi32(0x5555, t1_low, ll);
            // lo − hi_hi + hi_lo·(2^32 − 1).
            let lo = sub_canonical(lo, _mm512_srli_epi64::<32>(hi));
            Avx512(add_canonical(lo, _mm512_mul_epu32(hi, epsilon)))
        }
    }

    #[inline(always)]
    unsafe fn canonical(self) -> Self {
        // SAFETY: see above.
        unsafe {
            let shifted = _mm512_add_epi64(self.0, _mm512_set1_epi64(EPSILON as i64));
            Avx512(_mm512_min_epu64(self.0, shifted))
        }
    }

    #[inline(always)]
    unsafe fn transpose(v: &mut [Self; 8]) {
        // SAFETY: see above.
        unsafe {
            let a0 = _mm512_unpacklo_epi64(v[0].0, v[1].0);
            let a1 = _mm512_unpackhi_epi64(v[0].0, v[1].0);
            let a2 = _mm512_unpacklo_epi64(v[2].0, v[3].0);
            let a3 = _mm512_unpackhi_epi64(v[2].0, v[3].0);
            let a4 = _mm512_unpacklo_epi64(v[4].0, v[5].0);
            let a5 = _mm512_unpackhi_epi64(v[4].0, v[5].0);
            let a6 = _mm512_unpacklo_epi64(v[6].0, v[7].0);
            let a7 = _mm512_unpackhi_epi64(v[6].0, v[7].0);
            let (b0, b2) = pairs(a0, a2);
            let (b1, b3) = pairs(a1, a3);
            let (b4, b6) = pairs(a4, a6);
            let (b5, b7) = pairs(a5, a7);
            v[0] = Avx512(_mm512_shuffle_i64x2::<0x44>(b0, b4));
            v[4] = Avx512(_mm512_shuffle_i64x2::<0xee>(b0, b4));
            v[1] = Avx512(_mm512_shuffle_i64x2::<0x44>(b1, b5));
            v[5] = Avx512(_mm512_shuffle_i64x2::<0xee>(b1, b5));
            v[2] = Avx512(_mm512_shuffle_i64x2::<0x44>(b2, b6));
            v[6] = Avx512(_mm512_shuffle_i64x2::<0xee>(b2, b6));
            v[3] = Avx512(_mm512_shuffle_i64x2::<0x44>(b3, b7));
            v[7] = Avx512(_mm512_shuffle_i64x2::<0xee>(b3, b7));
        }
    }
}

/// Merges the 128-bit lanes of two vectors of pairs: (lanes 0, 2 → columns c, c+… in order; lanes likewise shifted).
#[inline(always)]
unsafe fn pairs(x: __m512i, y: __m512i) -> (__m512i, __m512i) {
    // SAFETY: as the caller.
    unsafe {
        let low = _mm512_permutex2var_epi64(x, _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), y);
        let high = _mm512_permutex2var_epi64(x, _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15), y);
        (low, high)
    }
}

#[inline(always)]
unsafe fn high_halves(x: __m512i) -> __m512i {
    // SAFETY: as the caller.
    unsafe { _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(x))) }
}

/// x + y for x any word and y < p (or y ≤ (2^32 − 1)²): at most one carry, repaired by adding 2^32 − 1.
#[inline(always)]
unsafe fn add_canonical(x: __m512i, y: __m512i) -> __m512i {
    // SAFETY: as the caller.
    unsafe {
        let sum = _mm512_add_epi64(x, y);
        let carry = _mm512_cmplt_epu64_mask(sum, y);
        _mm512_mask_add_epi64(sum, carry, sum, _mm512_set1_epi64(EPSILON as i64))
    }
}

/// x − y for x any word and y < p: at most one borrow, repaired by subtracting 2^32 − 1.
#[inline(always)]
unsafe fn sub_canonical(x: __m512i, y: __m512i) -> __m512i {
    // SAFETY: as the caller.
    unsafe {
        let difference = _mm512_sub_epi64(x, y);
        let borrow = _mm512_cmplt_epu64_mask(x, y);
        _mm512_mask_sub_epi64(difference, borrow, difference, _mm512_set1_epi64(EPSILON as i64))
    }
}
