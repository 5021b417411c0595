//! Points as they are in memory, read into eight lanes without a conversion.
//!
//! A coordinate outside is the words of c·2^(64·W) mod p. The same integer in 52-bit limbs, shifted left by s bits, is
//! the Montgomery form with R = 2^(52·N) of c·2^(64W + s − 52N). With shifts s, t for abscissae and ordinates such that
//! 3·(52N − 64W − s) = 2·(52N − 64W − t), which is (12, 2) for the 381-bit field and (2, 1) for the 254-bit one,
//! (x, y) ↦ (αx, βy) has α³ = β²: an isomorphism onto y² = x³ + β²b. The formulas of additions and doublings contain no b,
//! so sums are computed there, and only what leaves the lanes is multiplied back ([`LEAVE_POINT`](super::field8::Modulus::LEAVE_POINT)).

use super::eight::{Eight, V};
use super::field8_modulus::MASK;

/// The limbs of 2^shift times the words.
#[inline(always)]
unsafe fn shifted<E: Eight, const N: usize, const W: usize>(words: &[E], shift: u32) -> V<E, N> {
    // SAFETY: the caller's features.
    unsafe {
        let zero = E::each(0);
        let mut out = [zero; N];
        for (i, out) in out.iter_mut().enumerate() {
            let bit = 52 * i as u32;
            let mut limb = if bit < shift {
                words[0].sll(shift - bit)
            } else {
                let at = ((bit - shift) / 64) as usize;
                if at < W { words[at].srl((bit - shift) % 64) } else { zero }
            };
            // The word that begins within this limb and after its first bit.
            let next = (bit + 63).saturating_sub(shift) / 64;
            let start = 64 * next + shift;
            if (next as usize) < W && start > bit && start < bit + 52 {
                limb = limb.or(words[next as usize].sll(start - bit));
            }
            *out = limb.and(E::each(MASK));
        }
        out
    }
}

/// Two neighbouring elements of eight points, each shifted by as many bits as `shifts` says.
///
/// # Safety
/// The caller has the features, and each pointer is valid for reading 2·W words; none needs to be aligned.
#[inline(always)]
pub(super) unsafe fn read_pair<E: Eight, const N: usize, const W: usize>(
    from: &[*const u8; 8],
    shifts: [u32; 2],
) -> [V<E, N>; 2] {
    const { assert!(W == 4 || W == 6) };
    // SAFETY: the caller's features and pointers.
    unsafe {
        let words = if W == 4 { E::read::<8>(from) } else { E::read::<12>(from) };
        [shifted::<E, N, W>(&words[..W], shifts[0]), shifted::<E, N, W>(&words[W..], shifts[1])]
    }
}
