//! The moduli of [`field8`](super::field8) and their constants in 52-bit limbs.

/// Bits of a limb.
pub(super) const BITS: u32 = 52;
/// A full limb.
pub(super) const MASK: u64 = (1 << BITS) - 1;
/// 64-bit words to 52-bit limbs.
#[inline(always)]
pub(super) const fn split<const N: usize>(words: &[u64]) -> [u64; N] {
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        let (word, shift) = (52 * i / 64, 52 * i % 64);
        if word < words.len() {
            out[i] = words[word] >> shift;
            if shift > 12 && word + 1 < words.len() {
                out[i] |= words[word + 1] << (64 - shift);
            }
            out[i] &= MASK;
        }
        i += 1;
    }
    out
}

/// 52-bit limbs to 64-bit words; the value fits into `out`.
pub(super) fn join(limbs: &[u64], out: &mut [u64]) {
    out.fill(0);
    for (i, limb) in limbs.iter().enumerate() {
        let (word, shift) = (52 * i / 64, 52 * i % 64);
        if let Some(low) = out.get_mut(word) {
            *low |= limb << shift;
        }
        if let Some(high) = out.get_mut(word + 1).filter(|_| shift > 12) {
            *high |= limb >> (64 - shift);
        }
    }
}

/// k·p for normal p; k·p < 2^(52·N).
const fn times<const N: usize>(p: &[u64; N], k: u64) -> [u64; N] {
    let mut out = [0; N];
    let (mut carry, mut i) = (0u128, 0);
    while i < N {
        carry += p[i] as u128 * k as u128;
        out[i] = carry as u64 & MASK;
        carry >>= BITS;
        i += 1;
    }
    out
}

pub(super) const fn is_below<const N: usize>(a: &[u64; N], b: &[u64; N]) -> bool {
    let mut i = N;
    while i > 0 {
        i -= 1;
        if a[i] != b[i] {
            return a[i] < b[i];
        }
    }
    false
}

/// a − b, a ≥ b.
pub(super) const fn difference<const N: usize>(a: &[u64; N], b: &[u64; N]) -> [u64; N] {
    let mut out = [0; N];
    let (mut borrow, mut i) = (0, 0);
    while i < N {
        let t = a[i].wrapping_sub(b[i]).wrapping_sub(borrow);
        out[i] = t & MASK;
        borrow = t >> 63;
        i += 1;
    }
    out
}

/// 2^k mod p.
const fn power_of_two<const N: usize>(p: &[u64; N], k: usize) -> [u64; N] {
    let mut v = [0; N];
    v[0] = 1;
    let mut i = 0;
    while i < k {
        v = times(&v, 2);
        if !is_below(&v, p) {
            v = difference(&v, p);
        }
        i += 1;
    }
    v
}

/// −p⁻¹ mod 2^52 by Newton's iteration.
const fn negated_inverse(p0: u64) -> u64 {
    let mut inverse = 1u64;
    let mut i = 0;
    while i < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p0.wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg() & MASK
}

/// A prime p with its constants in N limbs.
pub(crate) trait Modulus<const N: usize>: Copy + Send + Sync + 'static {
    /// 64-bit words of an element outside, in Montgomery form with 2^(64·WORDS).
    const WORDS: usize;
    /// p.
    const P: [u64; N];
    /// Bound of stored values, in units of p, a power of two.
    const STORED: u64;
    /// −p⁻¹ mod 2^52.
    const NEG_INV: u64 = negated_inverse(Self::P[0]);
    /// R mod p: one.
    const ONE: [u64; N] = power_of_two(&Self::P, 52 * N);
    /// A factor that leads into this Montgomery form from the one outside.
    const ENTER: [u64; N] = power_of_two(&Self::P, 104 * N - 64 * Self::WORDS);
    /// A factor that leads out of it.
    const LEAVE: [u64; N] = power_of_two(&Self::P, 64 * Self::WORDS);
    /// Bits by which the words of an abscissa and of an ordinate are shifted when a point is read (see
    /// [`field8_points`](super::field8_points)).
    const SHIFTS: [u32; 2];
    /// Factors that lead shifted coordinates out of this Montgomery form.
    const LEAVE_POINT: [[u64; N]; 2] = {
        let (x, y) = (52 * N - Self::SHIFTS[0] as usize, 52 * N - Self::SHIFTS[1] as usize);
        // (αx, βy) is on a curve of the same shape if α³ = β²; no addition depends on the curve's constant.
        assert!(3 * (x - 64 * Self::WORDS) == 2 * (y - 64 * Self::WORDS));
        [power_of_two(&Self::P, x), power_of_two(&Self::P, y)]
    };
    /// What a shifted ordinate is subtracted from to negate it: p, shifted.
    const NEGATE: [u64; N] = times(&Self::P, 1 << Self::SHIFTS[1]);
    /// 9p: what [`settle`] adds.
    const SETTLE: [u64; N] = times(&Self::P, 9);
    /// 2·STORED·p: makes factors of differences of stored values.
    const OFFSET: [u64; N] = times(&Self::P, 2 * Self::STORED);
    /// ⌊2^(52N)/p⌋ where STORED = 2, else unused.
    const QUOTIENT: u64;
}

/// The base field of BLS12-381.
#[derive(Clone, Copy)]
pub(crate) struct Bls;

impl Modulus<8> for Bls {
    const WORDS: usize = 6;
    const P: [u64; 8] = split(&[
        0xb9fe_ffff_ffff_aaab,
        0x1eab_fffe_b153_ffff,
        0x6730_d2a0_f6b0_f624,
        0x6477_4b84_f385_12bf,
        0x4b1b_a7b6_434b_acd7,
        0x1a01_11ea_397f_e69a,
    ]);
    const STORED: u64 = 1 << 22;
    const SHIFTS: [u32; 2] = [12, 2];
    const QUOTIENT: u64 = 0;
}

/// The base field of BN254.
#[derive(Clone, Copy)]
pub(crate) struct Bn;

impl Modulus<5> for Bn {
    const WORDS: usize = 4;
    const P: [u64; 5] =
        split(&[0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029]);
    const STORED: u64 = 2;
    const SHIFTS: [u32; 2] = [2, 1];
    const QUOTIENT: u64 = 84;
}
