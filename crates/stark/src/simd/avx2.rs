//! Four lanes of AVX2. As `avx512`, with compares of words whose top bit is flipped, since AVX2 compares signed.

use super::lanes::{EPSILON, Lanes};
use crate::field::MODULUS;
use core::arch::x86_64::*;

/// Four words.
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256i);

// SAFETY of all methods: they run only where `avx2` is (the contract of `Lanes`), and the pointers are the callers'.
impl Lanes for Avx2 {
    const WIDTH: usize = 4;
    const LOG: u32 = 2;

    #[inline(always)]
    unsafe fn load(p: *const u64) -> Self {
        // SAFETY: see above.
        unsafe { Avx2(_mm256_loadu_si256(p.cast())) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut u64) {
        // SAFETY: see above.
        unsafe { _mm256_storeu_si256(p.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn splat(word: u64) -> Self {
        // SAFETY: see above.
        unsafe { Avx2(_mm256_set1_epi64x(word as i64)) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { Avx2(add_canonical(self.0, other.canonical().0)) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { Avx2(sub_canonical(self.0, other.canonical().0)) }
    }

    #[inline(always)]
    unsafe fn add_sub(self, other: Self) -> (Self, Self) {
        // SAFETY: see above.
        unsafe {
            let other = other.canonical().0;
            (Avx2(add_canonical(self.0, other)), Avx2(sub_canonical(self.0, other)))
        }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe {
            let (x, y) = (self.0, other.0);
            let epsilon = _mm256_set1_epi64x(EPSILON as i64);
            let x_hi = high_halves(x);
            let y_hi = high_halves(y);
            let ll = _mm256_mul_epu32(x, y);
            let lh = _mm256_mul_epu32(x, y_hi);
            let hl = _mm256_mul_epu32(x_hi, y);
            let hh = _mm256_mul_epu32(x_hi, y_hi);
            let t0 = _mm256_add_epi64(hl, _mm256_srli_epi64::<32>(ll));
            let t1 = _mm256_add_epi64(lh, _mm256_and_si256(t0, epsilon));
            let t2 = _mm256_add_epi64(hh, _mm256_srli_epi64::<32>(t0));
            let hi = _mm256_add_epi64(t2, _mm256_srli_epi64::<32>(t1));
            let t1_low = _mm256_castps_si256(_mm256_moveldup_ps(_mm256_castsi256_ps(t1)));
            let lo = _mm256_blend_epi32::<0xaa>(ll, t1_low);
            let lo = sub_canonical(lo, _mm256_srli_epi64::<32>(hi));
            Avx2(add_canonical(lo, _mm256_mul_epu32(hi, epsilon)))
        }
    }

    #[inline(always)]
    unsafe fn canonical(self) -> Self {
        // SAFETY: see above.
        unsafe {
            let below = less(self.0, _mm256_set1_epi64x(MODULUS as i64));
            let epsilon = _mm256_set1_epi64x(EPSILON as i64);
            Avx2(_mm256_add_epi64(self.0, _mm256_andnot_si256(below, epsilon)))
        }
    }

    #[inline(always)]
    unsafe fn transpose(v: &mut [Self; 8]) {
        // SAFETY: see above.
        unsafe {
            let a0 = _mm256_unpacklo_epi64(v[0].0, v[1].0);
            let a1 = _mm256_unpackhi_epi64(v[0].0, v[1].0);
            let a2 = _mm256_unpacklo_epi64(v[2].0, v[3].0);
            let a3 = _mm256_unpackhi_epi64(v[2].0, v[3].0);
            v[0] = Avx2(_mm256_permute2x128_si256::<0x20>(a0, a2));
            v[1] = Avx2(_mm256_permute2x128_si256::<0x20>(a1, a3));
            v[2] = Avx2(_mm256_permute2x128_si256::<0x31>(a0, a2));
            v[3] = Avx2(_mm256_permute2x128_si256::<0x31>(a1, a3));
        }
    }
}

/// All ones where x < y, unsigned.
#[inline(always)]
unsafe fn less(x: __m256i, y: __m256i) -> __m256i {
    // SAFETY: as the caller.
    unsafe {
        let top = _mm256_set1_epi64x(i64::MIN);
        _mm256_cmpgt_epi64(_mm256_xor_si256(y, top), _mm256_xor_si256(x, top))
    }
}

#[inline(always)]
unsafe fn high_halves(x: __m256i) -> __m256i {
    // SAFETY: as the caller.
    unsafe { _mm256_castps_si256(_mm256_movehdup_ps(_mm256_castsi256_ps(x))) }
}

/// x + y for x any word and y < p: at most one carry.
#[inline(always)]
unsafe fn add_canonical(x: __m256i, y: __m256i) -> __m256i {
    // SAFETY: as the caller. A mask shifted right by 32 is 2^32 − 1.
    unsafe {
        let sum = _mm256_add_epi64(x, y);
        _mm256_add_epi64(sum, _mm256_srli_epi64::<32>(less(sum, y)))
    }
}

/// x − y for x any word and y < p: at most one borrow.
#[inline(always)]
unsafe fn sub_canonical(x: __m256i, y: __m256i) -> __m256i {
    // SAFETY: as the caller.
    unsafe {
        let difference = _mm256_sub_epi64(x, y);
        _mm256_sub_epi64(difference, _mm256_srli_epi64::<32>(less(x, y)))
    }
}
