//! Eight lanes in one register of AVX-512, limbs multiplied by IFMA52.
//!
//! Gueron, Krasnov, "Software implementation of modular exponentiation, using advanced vector instructions
//! architectures", 2012 (vectorised redundant limbs).

use super::{
    eight::{Eight, Task, V, Wide, count},
    field8_modulus::{BITS, MASK, Modulus},
};
use crate::{ifma::transpose::transpose, kernels::Ifma};
use core::arch::x86_64::*;

/// A task, compiled for the features.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
#[inline(never)]
unsafe fn compiled<T: Task>(task: T) -> T::Output {
    // SAFETY: the features are on.
    unsafe { task.run() }
}

/// a² before reduction, of normal limbs.
#[inline(always)]
unsafe fn wide_square<const N: usize>(a: &V<__m512i, N>) -> Wide<__m512i> {
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

// SAFETY: 64 bytes of plain words.
unsafe impl Eight for __m512i {
    type Witness = Ifma;

    #[inline(always)]
    unsafe fn run<T: Task>(task: T) -> T::Output {
        // SAFETY: the CPU has the features.
        unsafe { compiled(task) }
    }
    #[inline(always)]
    unsafe fn each(word: u64) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_set1_epi64(word as i64) }
    }
    #[inline(always)]
    unsafe fn first(self) -> u64 {
        // SAFETY: the caller's features.
        unsafe { _mm_cvtsi128_si64(_mm512_castsi512_si128(self)) as u64 }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_add_epi64(self, b) }
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_sub_epi64(self, b) }
    }
    #[inline(always)]
    unsafe fn and(self, b: Self) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_and_si512(self, b) }
    }
    #[inline(always)]
    unsafe fn or(self, b: Self) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_or_si512(self, b) }
    }
    #[inline(always)]
    unsafe fn xor(self, b: Self) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_xor_si512(self, b) }
    }
    #[inline(always)]
    unsafe fn sll(self, bits: u32) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_sll_epi64(self, count(bits)) }
    }
    #[inline(always)]
    unsafe fn srl(self, bits: u32) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_srl_epi64(self, count(bits)) }
    }
    #[inline(always)]
    unsafe fn zeros(self) -> u8 {
        // SAFETY: the caller's features.
        unsafe { _mm512_testn_epi64_mask(self, self) }
    }
    #[inline(always)]
    unsafe fn select(self, mask: u8, b: Self) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_mask_mov_epi64(self, mask, b) }
    }
    #[inline(always)]
    unsafe fn exchange(self, step: usize) -> Self {
        // SAFETY: the caller's features.
        unsafe {
            match step {
                0 => _mm512_permutex_epi64::<0xb1>(self),
                1 => _mm512_permutex_epi64::<0x4e>(self),
                _ => _mm512_shuffle_i64x2::<0x4e>(self, self),
            }
        }
    }

    #[inline(always)]
    unsafe fn read<const COUNT: usize>(from: &[*const u8; 8]) -> [Self; 12] {
        const { assert!(COUNT == 8 || COUNT == 12) };
        // SAFETY: the caller's features and pointers.
        unsafe {
            let mut rows = [_mm512_setzero_si512(); 8];
            for i in 0..8 {
                rows[i] = _mm512_loadu_si512(from[i].cast());
            }
            let mut out = [_mm512_setzero_si512(); 12];
            out[..8].copy_from_slice(&transpose(rows));
            if COUNT == 12 {
                let mut pairs = [_mm512_setzero_si512(); 4]; // points i and i + 2
                for (pair, i) in pairs.iter_mut().zip([0, 1, 4, 5]) {
                    let low = _mm512_castsi256_si512(_mm256_loadu_si256(from[i].add(64).cast()));
                    *pair = _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(from[i + 2].add(64).cast()));
                }
                let (a, b) =
                    (_mm512_unpacklo_epi64(pairs[0], pairs[1]), _mm512_unpackhi_epi64(pairs[0], pairs[1]));
                let (c, d) =
                    (_mm512_unpacklo_epi64(pairs[2], pairs[3]), _mm512_unpackhi_epi64(pairs[2], pairs[3]));
                out[8] = _mm512_shuffle_i64x2::<0x88>(a, c);
                out[9] = _mm512_shuffle_i64x2::<0x88>(b, d);
                out[10] = _mm512_shuffle_i64x2::<0xdd>(a, c);
                out[11] = _mm512_shuffle_i64x2::<0xdd>(b, d);
            }
            out
        }
    }
    #[inline(always)]
    unsafe fn write(words: &[Self; 8], to: &[*mut u64; 8], lanes: usize) {
        // SAFETY: the caller's features and pointers.
        unsafe {
            let rows = transpose(*words);
            for (row, to) in rows.iter().zip(to).take(lanes) {
                _mm512_storeu_si512(to.cast(), *row);
            }
        }
    }

    #[inline(always)]
    unsafe fn carry<const N: usize>(v: V<Self, N>) -> V<Self, N> {
        // SAFETY: the caller's features.
        unsafe {
            let mut out = v;
            for i in 1..N {
                out[i] = _mm512_add_epi64(out[i], _mm512_srai_epi64::<BITS>(out[i - 1]));
                out[i - 1] = _mm512_and_si512(out[i - 1], Self::each(MASK));
            }
            out
        }
    }
    /// Each of 16 columns sums at most 16 terms below 2^52.
    #[inline(always)]
    unsafe fn wide_mul<const N: usize>(a: &V<Self, N>, b: &V<Self, N>) -> Wide<Self> {
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
    /// In (t/R, t/R + p].
    #[inline(always)]
    unsafe fn reduce<const N: usize, M: Modulus<N>>(mut t: Wide<Self>) -> V<Self, N> {
        // SAFETY: the caller's features.
        unsafe {
            let zero = _mm512_setzero_si512();
            for i in 0..N {
                // The low half of q·p_0 would make column i a multiple of 2^52, the next one: its carry is rounded up.
                let q = _mm512_madd52lo_epu64(zero, t[i], Self::each(M::NEG_INV));
                let up = _mm512_add_epi64(t[i], Self::each(MASK));
                t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64::<BITS>(up));
                t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], q, Self::each(M::P[0]));
                for j in 1..N {
                    let p = Self::each(M::P[j]);
                    t[i + j] = _mm512_madd52lo_epu64(t[i + j], q, p);
                    t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], q, p);
                }
            }
            let mut high = [zero; N];
            high.copy_from_slice(&t[N..2 * N]);
            Self::carry(high)
        }
    }
    #[inline(always)]
    unsafe fn reduce_both<const N: usize, M: Modulus<N>>(t: [&Wide<Self>; 2]) -> [V<Self, N>; 2] {
        // SAFETY: the caller's features.
        unsafe { [Self::reduce::<N, M>(*t[0]), Self::reduce::<N, M>(*t[1])] }
    }
    #[inline(always)]
    unsafe fn mul<const N: usize, M: Modulus<N>>(a: &V<Self, N>, b: &V<Self, N>) -> V<Self, N> {
        // SAFETY: the caller's features.
        unsafe { Self::reduce::<N, M>(Self::wide_mul(a, b)) }
    }
    #[inline(always)]
    unsafe fn square<const N: usize, M: Modulus<N>>(a: &V<Self, N>) -> V<Self, N> {
        // SAFETY: the caller's features.
        unsafe { Self::reduce::<N, M>(wide_square(a)) }
    }
    #[inline(always)]
    unsafe fn quotient(top: Self, factor: u64) -> Self {
        // SAFETY: the caller's features.
        unsafe { _mm512_madd52hi_epu64(_mm512_setzero_si512(), top, Self::each(factor)) }
    }
    #[inline(always)]
    unsafe fn sub_multiple<const N: usize, M: Modulus<N>>(v: V<Self, N>, q: Self) -> V<Self, N> {
        // SAFETY: the caller's features.
        unsafe {
            let zero = _mm512_setzero_si512();
            let mut out = v;
            for i in 0..N {
                let p = Self::each(M::P[i]);
                out[i] = _mm512_sub_epi64(out[i], _mm512_madd52lo_epu64(zero, q, p));
                if i + 1 < N {
                    out[i + 1] = _mm512_sub_epi64(out[i + 1], _mm512_madd52hi_epu64(zero, q, p));
                }
            }
            out
        }
    }
}
