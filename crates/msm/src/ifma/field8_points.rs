//! Points as they are in memory, read into eight lanes without a conversion.
//!
//! A coordinate outside is the words of c·2^(64·W) mod p. The same integer in 52-bit limbs, shifted left by s bits, is
//! the Montgomery form with R = 2^(52·N) of c·2^(64W + s − 52N). With shifts s, t for abscissae and ordinates such that
//! 3·(52N − 64W − s) = 2·(52N − 64W − t), which is (12, 2) for the 381-bit field and (2, 1) for the 254-bit one,
//! (x, y) ↦ (αx, βy) has α³ = β²: an isomorphism onto y² = x³ + β²b. The formulas of additions and doublings contain no b,
//! so sums are computed there, and only what leaves the lanes is multiplied back ([`LEAVE_POINT`](super::field8::Modulus::LEAVE_POINT)).

use super::{
    field8::{MASK, V},
    transpose::transpose,
};
use core::arch::x86_64::*;

/// The limbs of 2^shift times the words.
#[inline(always)]
unsafe fn shifted<const N: usize, const W: usize>(words: &[__m512i], shift: u32) -> V<N> {
    // SAFETY: the caller's features.
    unsafe {
        let mask = _mm512_set1_epi64(MASK as i64);
        let zero = _mm512_setzero_si512();
        let mut out = [zero; N];
        for (i, out) in out.iter_mut().enumerate() {
            let bit = 52 * i as u32;
            let mut limb = if bit < shift {
                _mm512_sll_epi64(words[0], count(shift - bit))
            } else {
                let at = ((bit - shift) / 64) as usize;
                if at < W { _mm512_srl_epi64(words[at], count((bit - shift) % 64)) } else { zero }
            };
            // The word that begins within this limb and after its first bit.
            let next = (bit + 63).saturating_sub(shift) / 64;
            let start = 64 * next + shift;
            if (next as usize) < W && start > bit && start < bit + 52 {
                limb = _mm512_or_si512(limb, _mm512_sll_epi64(words[next as usize], count(start - bit)));
            }
            *out = _mm512_and_si512(limb, mask);
        }
        out
    }
}

#[inline(always)]
unsafe fn count(bits: u32) -> __m128i {
    // SAFETY: a move.
    unsafe { _mm_cvtsi64_si128(i64::from(bits)) }
}

/// Eight times 2·W words, at any alignment: word i of all in vector i.
#[inline(always)]
unsafe fn words<const W: usize>(from: [*const u8; 8]) -> [__m512i; 12] {
    const { assert!(W == 4 || W == 6) };
    // SAFETY: the caller's features and pointers.
    unsafe {
        let mut rows = [_mm512_setzero_si512(); 8];
        for i in 0..8 {
            rows[i] = _mm512_loadu_si512(from[i].cast());
        }
        let mut out = [_mm512_setzero_si512(); 12];
        out[..8].copy_from_slice(&transpose(rows));
        if W == 6 {
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

/// Two neighbouring elements of eight points, each shifted by as many bits as `shifts` says.
///
/// # Safety
/// The caller has the features, and each pointer is valid for reading 2·W words; none needs to be aligned.
#[inline(always)]
pub(super) unsafe fn read_pair<const N: usize, const W: usize>(
    from: [*const u8; 8],
    shifts: [u32; 2],
) -> [V<N>; 2] {
    // SAFETY: the caller's features and pointers.
    unsafe {
        let words = words::<W>(from);
        [shifted::<N, W>(&words[..W], shifts[0]), shifted::<N, W>(&words[W..], shifts[1])]
    }
}
