//! Eight lanes in two registers of AVX2.

use super::{
    eight::{Eight, Task, V, Wide, count},
    field8_modulus::{BITS, MASK, Modulus},
    products_avx2 as products,
};
use crate::kernels::Avx2;
use core::arch::x86_64::*;

/// Lanes 0 to 3 and 4 to 7.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Two(pub(super) [__m256i; 2]);

/// A task, compiled for the features.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
unsafe fn compiled<T: Task>(task: T) -> T::Output {
    // SAFETY: the features are on.
    unsafe { task.run() }
}

/// Four vectors of four words, turned: lane j of vector i and lane i of vector j are exchanged.
#[inline(always)]
unsafe fn turned(r: [__m256i; 4]) -> [__m256i; 4] {
    // SAFETY: the caller's features.
    unsafe {
        let (a, b) = (_mm256_unpacklo_epi64(r[0], r[1]), _mm256_unpackhi_epi64(r[0], r[1]));
        let (c, d) = (_mm256_unpacklo_epi64(r[2], r[3]), _mm256_unpackhi_epi64(r[2], r[3]));
        [
            _mm256_permute2x128_si256::<0x20>(a, c),
            _mm256_permute2x128_si256::<0x20>(b, d),
            _mm256_permute2x128_si256::<0x31>(a, c),
            _mm256_permute2x128_si256::<0x31>(b, d),
        ]
    }
}

/// An operation on both halves.
macro_rules! both {
    (|$h:ident| $value:expr) => {{
        // SAFETY: the caller's features.
        unsafe {
            let $h = 0;
            let low = $value;
            let $h = 1;
            Two([low, $value])
        }
    }};
}

/// The lanes whose bits are set in the mask, of four from `first` on: all ones.
#[inline(always)]
unsafe fn lanes_of(mask: u8, first: usize) -> __m256i {
    // SAFETY: the caller's features.
    unsafe {
        let bits = _mm256_setr_epi64x(1, 2, 4, 8);
        let mask = _mm256_set1_epi64x(i64::from(mask >> first));
        _mm256_cmpeq_epi64(_mm256_and_si256(mask, bits), bits)
    }
}

/// Products of the low 32 bits.
#[inline(always)]
unsafe fn products_of_words(a: Two, b: Two) -> Two {
    both!(|h| _mm256_mul_epu32(a.0[h], b.0[h]))
}

// SAFETY: 64 bytes of plain words, aligned.
unsafe impl Eight for Two {
    type Witness = Avx2;

    #[inline(always)]
    unsafe fn run<T: Task>(task: T) -> T::Output {
        // SAFETY: the CPU has the features.
        unsafe { compiled(task) }
    }
    #[inline(always)]
    unsafe fn each(word: u64) -> Self {
        // SAFETY: the caller's features.
        unsafe { Two([_mm256_set1_epi64x(word as i64); 2]) }
    }
    #[inline(always)]
    unsafe fn first(self) -> u64 {
        // SAFETY: the caller's features.
        unsafe { _mm256_extract_epi64::<0>(self.0[0]) as u64 }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        both!(|h| _mm256_add_epi64(self.0[h], b.0[h]))
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        both!(|h| _mm256_sub_epi64(self.0[h], b.0[h]))
    }
    #[inline(always)]
    unsafe fn and(self, b: Self) -> Self {
        both!(|h| _mm256_and_si256(self.0[h], b.0[h]))
    }
    #[inline(always)]
    unsafe fn or(self, b: Self) -> Self {
        both!(|h| _mm256_or_si256(self.0[h], b.0[h]))
    }
    #[inline(always)]
    unsafe fn xor(self, b: Self) -> Self {
        both!(|h| _mm256_xor_si256(self.0[h], b.0[h]))
    }
    #[inline(always)]
    unsafe fn sll(self, bits: u32) -> Self {
        both!(|h| _mm256_sll_epi64(self.0[h], count(bits)))
    }
    #[inline(always)]
    unsafe fn srl(self, bits: u32) -> Self {
        both!(|h| _mm256_srl_epi64(self.0[h], count(bits)))
    }
    #[inline(always)]
    unsafe fn zeros(self) -> u8 {
        // SAFETY: the caller's features.
        unsafe {
            let zero = _mm256_setzero_si256();
            let low = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(self.0[0], zero)));
            let high = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(self.0[1], zero)));
            (low | high << 4) as u8
        }
    }
    #[inline(always)]
    unsafe fn select(self, mask: u8, b: Self) -> Self {
        both!(|h| _mm256_blendv_epi8(self.0[h], b.0[h], lanes_of(mask, 4 * h)))
    }
    #[inline(always)]
    unsafe fn exchange(self, step: usize) -> Self {
        match step {
            0 => both!(|h| _mm256_permute4x64_epi64::<0xb1>(self.0[h])),
            1 => both!(|h| _mm256_permute4x64_epi64::<0x4e>(self.0[h])),
            _ => Two([self.0[1], self.0[0]]),
        }
    }

    #[inline(always)]
    unsafe fn read<const COUNT: usize>(from: &[*const u8; 8]) -> [Self; 12] {
        const { assert!(COUNT == 8 || COUNT == 12) };
        // SAFETY: the caller's features and pointers.
        unsafe {
            let mut out = [Self::each(0); 12];
            for four in 0..COUNT / 4 {
                for h in 0..2 {
                    let mut rows = [_mm256_setzero_si256(); 4];
                    for i in 0..4 {
                        rows[i] = _mm256_loadu_si256(from[4 * h + i].cast::<__m256i>().add(four));
                    }
                    let words = turned(rows);
                    for i in 0..4 {
                        out[4 * four + i].0[h] = words[i];
                    }
                }
            }
            out
        }
    }
    #[inline(always)]
    unsafe fn write(words: &[Self; 8], to: &[*mut u64; 8], lanes: usize) {
        // SAFETY: the caller's features and pointers.
        unsafe {
            for four in 0..2 {
                for h in 0..2 {
                    let mut columns = [_mm256_setzero_si256(); 4];
                    for i in 0..4 {
                        columns[i] = words[4 * four + i].0[h];
                    }
                    let rows = turned(columns);
                    for i in 0..4 {
                        if 4 * h + i < lanes {
                            _mm256_storeu_si256(to[4 * h + i].cast::<__m256i>().add(four), rows[i]);
                        }
                    }
                }
            }
        }
    }

    /// AVX2 shifts words of 64 bits without their sign only: limbs are raised by 2^62 first, and their carries lowered by
    /// 2^10 after.
    #[inline(always)]
    unsafe fn carry<const N: usize>(v: V<Self, N>) -> V<Self, N> {
        const RAISED: u64 = 1 << 62;
        // SAFETY: the caller's features.
        unsafe {
            let mut out = v;
            out[0] = out[0].add(Self::each(RAISED));
            for i in 1..N {
                let raised = if i + 1 < N { RAISED } else { 0 };
                let carry = out[i - 1].srl(BITS);
                out[i - 1] = out[i - 1].and(Self::each(MASK));
                out[i] = out[i].add(Self::each(raised.wrapping_sub(RAISED >> BITS))).add(carry);
            }
            out
        }
    }
    #[inline(always)]
    unsafe fn wide_mul<const N: usize>(a: &V<Self, N>, b: &V<Self, N>) -> Wide<Self> {
        // SAFETY: the caller's features.
        unsafe { products::wide_mul(a, b) }
    }
    #[inline(always)]
    unsafe fn reduce<const N: usize, M: Modulus<N>>(t: Wide<Self>) -> V<Self, N> {
        // SAFETY: the caller's features.
        unsafe {
            let [reduced] = products::reduce::<N, M, 1>([&t]);
            reduced
        }
    }
    #[inline(always)]
    unsafe fn reduce_both<const N: usize, M: Modulus<N>>(t: [&Wide<Self>; 2]) -> [V<Self, N>; 2] {
        // SAFETY: the caller's features.
        unsafe { products::reduce::<N, M, 2>(t) }
    }
    #[inline(always)]
    unsafe fn mul<const N: usize, M: Modulus<N>>(a: &V<Self, N>, b: &V<Self, N>) -> V<Self, N> {
        // SAFETY: the caller's features.
        unsafe { products::mul::<N, M>(a, b) }
    }
    #[inline(always)]
    unsafe fn square<const N: usize, M: Modulus<N>>(a: &V<Self, N>) -> V<Self, N> {
        // SAFETY: the caller's features.
        unsafe { products::mul::<N, M>(a, a) }
    }
    /// ⌊⌊top/2^20⌋·factor/2^32⌋: a product of 32-bit words.
    #[inline(always)]
    unsafe fn quotient(top: Self, factor: u64) -> Self {
        // SAFETY: the caller's features.
        unsafe { products_of_words(top.srl(20), Self::each(factor)).srl(32) }
    }
    #[inline(always)]
    unsafe fn sub_multiple<const N: usize, M: Modulus<N>>(v: V<Self, N>, q: Self) -> V<Self, N> {
        // SAFETY: the caller's features.
        unsafe {
            let mut out = v;
            for (out, p) in out.iter_mut().zip(M::P) {
                let low = products_of_words(q, Self::each(p & 0xffff_ffff));
                let high = products_of_words(q, Self::each(p >> 32));
                *out = out.sub(low).sub(high.sll(32));
            }
            out
        }
    }
}
