//! Products of 52-bit limbs by fused multiply-adds on doubles, which have 53 bits of mantissa: AVX2 itself multiplies 32 bits.
//!
//! A product ab < 2^104 of limbs is split into ab = H·2^52 + L with |L| ≤ 2^51:
//! - h = fma(a, b, 2^104) lies in [2^104, 2^105], where doubles are 2^52 apart: h = 2^104 + H·2^52 with H = ⌊ab/2^52⌉;
//! - s = 2^104 + 3·2^51 − h = (3 − 2H)·2^51 is exact. Its constant has 54 bits, so it is the product of a multiply-add;
//! - l = fma(a, b, s) = L + 3·2^51 lies in [2^52, 2^53], where doubles are 1 apart: exact.
//!
//! So the bits of h and l, seen as words, are H and L above constants ([`HIGH`], [`LOW`]), also at the upper end of each range, as the bits of
//! doubles count on from one power of two to the next. Words are added up in columns that start at what all the constants sum to, negated: a
//! product of limbs is three multiply-adds and two additions of words. The quotients q of a reduction are signed, |q| ≤ 2^51, so
//! that the product with a limb p is in (−2^103, 2^103); it is split likewise around 3·2^103.
//!
//! Rounding is to nearest, as Rust has it everywhere; no value is denormal, and timing does not depend on values.
//!
//! Emmart, Zheng, Weems, "Faster modular exponentiation using double precision floating point arithmetic on the GPU",
//! ARITH 2018 (there with rounding to zero, which makes L unsigned).

use super::{
    eight::{Eight, V, Wide},
    eight_avx2::Two,
    field8_modulus::{BITS, MASK, Modulus},
};
use core::arch::{asm, x86_64::*};

/// 2^51 and 2^104.
const TWO_51: f64 = (1u64 << 51) as f64;
const TWO_104: f64 = (1u64 << 52) as f64 * (1u64 << 52) as f64;
/// The bits of 2^52: a limb in the low bits makes the double 2^52 + limb.
const INTEGER: u64 = 0x4330 << 48;
/// The bits of l where L = 0: of 3·2^51.
const LOW: u64 = 0x4338 << 48;
/// The bits of h where H = 0: of 2^104.
const HIGH: u64 = 0x4670 << 48;
/// The same for a signed factor: of 3·2^103.
const SIGNED_HIGH: u64 = 0x4678 << 48;

/// What a column is raised by before it is shifted as an unsigned word.
const RAISED: u64 = 1 << 62;

/// How a product of limbs is split.
#[derive(Clone, Copy)]
struct Split {
    /// What h starts from.
    high: f64,
    /// The two factors of s's constant, `high` + 3·2^51.
    low: [f64; 2],
}

/// 2^104 + 3·2^51 = 2^51·(2^53 + 3), and 2^53 + 3 = 5·1801439850948199.
const UNSIGNED: Split = Split { high: TWO_104, low: [5.0, 1_801_439_850_948_199.0 * TWO_51] };
/// 3·2^103 + 3·2^51 = 3·2^51·(2^52 + 1).
const SIGNED: Split = Split { high: 1.5 * TWO_104, low: [3.0 * TWO_51, 4_503_599_627_370_497.0] };

/// The columns of a row of N products of limbs, and the one that enters next.
type Columns = [__m256i; 9];

/// What columns start at, negated sums of constants. Column k is met by rows k − N to k: first (k < N: at row 0) by the high half of a
/// row's last product, then by both halves, at last by the low half of the first product.
const fn starts(len: usize, low: u64, high: u64) -> [u64; 17] {
    let mut starts = [0u64; 17];
    let mut k = 0;
    while k < 2 * len {
        let (lows, highs) = if k < len { (k + 1, k) } else { (2 * len - 1 - k, 2 * len - k) };
        let sum = low.wrapping_mul(lows as u64).wrapping_add(high.wrapping_mul(highs as u64));
        starts[k] = sum.wrapping_neg();
        k += 1;
    }
    starts
}

/// As [`starts`] for a reduction, which adds no low half of q·p₀ to the column that it shifts out, and raises what it carries
/// from there. Columns from N on, the result, are raised by p.
const fn reduction_starts<const N: usize>(mut starts: [u64; 17], p: &[u64; N]) -> [u64; 17] {
    let mut k = 0;
    while k < N {
        starts[k] = starts[k].wrapping_add(LOW);
        starts[k + 1] = starts[k + 1].wrapping_sub(RAISED >> BITS);
        starts[N + k] = starts[N + k].wrapping_add(p[k]);
        k += 1;
    }
    starts
}

/// The constants of a modulus.
trait Constants<const N: usize>: Modulus<N> {
    /// p in doubles, each limb in four lanes.
    const LIMBS: [[f64; 4]; N] = {
        let (mut out, mut i) = ([[0.0; 4]; N], 0);
        while i < N {
            out[i] = [Self::P[i] as f64; 4];
            i += 1;
        }
        out
    };
    /// For a product and its reduction, row by row.
    const MUL: [u64; 17] =
        reduction_starts(starts(N, LOW.wrapping_mul(2), HIGH.wrapping_add(SIGNED_HIGH)), &Self::P);
    /// For a reduction.
    const REDUCE: [u64; 17] = reduction_starts(starts(N, LOW, SIGNED_HIGH), &Self::P);
}

impl<const N: usize, M: Modulus<N>> Constants<N> for M {}

/// The constants of [`Split`] in lanes.
#[derive(Clone, Copy)]
struct SplitLanes {
    high: __m256d,
    low: [__m256d; 2],
}

/// Adds a·b to the columns, for a limb a and the limbs b from `$b` on, those of the given numbers.
///
/// Six instructions a product, which leave nine columns and the constants in registers. The compiler hoists multiply-adds until it
/// runs out of registers: its columns of a product take 1.5 times as long (`docs/kernels.md`).
macro_rules! add_products {
    ($t:ident, $len:ident, $a:expr, $b:expr, $split:expr, $($j:literal)*) => {{
        let (a, b, split): (__m256d, *const f64, SplitLanes) = ($a, $b, $split);
        $(if $j < $len {
            let (mut low, mut high) = ($t[$j], $t[$j + 1]);
            asm!(
                "vmovupd {h}, [{b} + {at}]",
                "vfmadd213pd {h}, {a}, {start}",       // h
                "vpaddq {high}, {high}, {h}",
                "vfmsub231pd {h}, {x}, {y}",           // s = x·y − h
                "vfmadd231pd {h}, {a}, [{b} + {at}]",  // l
                "vpaddq {low}, {low}, {h}",
                h = out(ymm_reg) _,
                a = in(ymm_reg) a,
                b = in(reg) b,
                at = const 32 * $j,
                start = in(ymm_reg) split.high,
                x = in(ymm_reg) split.low[0],
                y = in(ymm_reg) split.low[1],
                low = inout(ymm_reg) low,
                high = inout(ymm_reg) high,
                options(pure, readonly, nostack, preserves_flags),
            );
            ($t[$j], $t[$j + 1]) = (low, high);
        })*
    }};
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn each(word: u64) -> __m256i {
    _mm256_set1_epi64x(word as i64)
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn split_lanes(split: Split) -> SplitLanes {
    let low = [_mm256_set1_pd(split.low[0]), _mm256_set1_pd(split.low[1])];
    SplitLanes { high: _mm256_set1_pd(split.high), low }
}

/// 2^52 + limb, as doubles.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn raised(limb: __m256i) -> __m256d {
    _mm256_castsi256_pd(_mm256_or_si256(limb, each(INTEGER)))
}

/// Normal limbs as doubles, half after half.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn doubles<const N: usize>(v: &V<Two, N>) -> [[__m256d; N]; 2] {
    let two_52 = _mm256_castsi256_pd(each(INTEGER));
    let mut out = [[two_52; N]; 2];
    for i in 0..N {
        out[0][i] = _mm256_sub_pd(raised(v[i].0[0]), two_52);
        out[1][i] = _mm256_sub_pd(raised(v[i].0[1]), two_52);
    }
    out
}

/// Adds a·b for one limb a.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn multiply<const N: usize>(t: &mut Columns, a: __m256d, b: &[__m256d; N]) {
    // SAFETY: reads N doubles in four lanes from `b` on.
    unsafe { add_products!(t, N, a, b.as_ptr().cast(), split_lanes(UNSIGNED), 0 1 2 3 4 5 6 7) }
}

/// q = L of column 0 mod 2^52 times −p⁻¹ mod 2^52: nothing is added to L, so it is a signed double. The column is taken with 2^52
/// above it, which adds 2^52 times the factor to the product, all in its high half; h starts from so much less.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn quotient<const N: usize, M: Modulus<N>>(t: &Columns) -> __m256d {
    let column = raised(_mm256_and_si256(t[0], each(MASK)));
    let factor = _mm256_set1_pd(M::NEG_INV as f64);
    let start = _mm256_set1_pd(TWO_104 - M::NEG_INV as f64 * (2.0 * TWO_51));
    let high = _mm256_fmadd_pd(column, factor, start);
    _mm256_fmadd_pd(column, factor, _mm256_sub_pd(start, high))
}

/// Adds q·p, which makes column 0 a multiple of 2^52, carries that into column 1 and moves the columns by one; the last one
/// begins with `start`. Column 0 is below 2^61 in magnitude.
///
/// The low half of q·p₀ is known, so it is not computed. With r = column 0 mod 2^52 it is −r for r < 2^51 and 2^52 − r for
/// r > 2^51. For r = 2^51 both splits are ties, which go to even H: then q = 2^51 if −p⁻¹ = 1 mod 4, else −2^51, and as
/// p₀ = 3 mod 4 in the first case and 1 in the other, the low half is −2^51. So the carry is that of column 0 + 2^51 − 1.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn reduce_step<const N: usize, M: Modulus<N>>(t: &mut Columns, q: __m256d, start: __m256i) {
    let split = split_lanes(SIGNED);
    let p = &<M as Constants<N>>::LIMBS;
    let rounded = _mm256_add_epi64(t[0], each(RAISED + (1 << 51) - 1));
    let carry = _mm256_srl_epi64(rounded, _mm_cvtsi64_si128(i64::from(BITS)));
    let high = _mm256_fmadd_pd(q, _mm256_set1_pd(p[0][0]), split.high);
    t[1] = _mm256_add_epi64(_mm256_add_epi64(t[1], carry), _mm256_castpd_si256(high));
    // SAFETY: reads N doubles in four lanes from `p` on.
    unsafe { add_products!(t, N, q, p.as_ptr().cast(), split, 1 2 3 4 5 6 7) };
    shift::<N>(t, start);
}

/// Moves the columns by one. Not a loop, which becomes a call that moves memory.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn shift<const N: usize>(t: &mut Columns, start: __m256i) {
    const { assert!(N == 5 || N == 8) };
    [t[0], t[1], t[2], t[3], t[4]] = [t[1], t[2], t[3], t[4], t[5]];
    if N == 8 {
        [t[5], t[6], t[7]] = [t[6], t[7], t[8]];
    }
    t[N] = start;
}

/// The first columns of one half.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn first<const N: usize>(starts: &[u64; 17]) -> Columns {
    let mut t = [each(0); 9];
    for j in 0..=N {
        t[j] = each(starts[j]);
    }
    t
}

/// The first N columns of both halves, carried.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn last<const N: usize>(low: &Columns, high: &Columns) -> V<Two, N> {
    let mut out = [Two([each(0); 2]); N];
    for j in 0..N {
        out[j] = Two([low[j], high[j]]);
    }
    // SAFETY: the features are on.
    unsafe { Two::carry(out) }
}

/// The Montgomery product of normal limbs.
///
/// A row's quotient waits for the row before, and its products for the quotient, about 30 cycles in all. Each quotient is followed by a row of
/// the other half, so that neither is waited for.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
pub(super) fn mul<const N: usize, M: Modulus<N>>(a: &V<Two, N>, b: &V<Two, N>) -> V<Two, N> {
    let (a, b) = (doubles(a), doubles(b));
    let starts = &<M as Constants<N>>::MUL;
    let (mut low, mut high) = (first::<N>(starts), first::<N>(starts));
    multiply(&mut low, a[0][0], &b[0]);
    let mut q_low = quotient::<N, M>(&low);
    multiply(&mut high, a[1][0], &b[1]);
    let mut q_high = quotient::<N, M>(&high);
    for i in 1..N {
        let start = each(starts[N + i]);
        reduce_step::<N, M>(&mut low, q_low, start);
        multiply(&mut low, a[0][i], &b[0]);
        q_low = quotient::<N, M>(&low);
        reduce_step::<N, M>(&mut high, q_high, start);
        multiply(&mut high, a[1][i], &b[1]);
        q_high = quotient::<N, M>(&high);
    }
    reduce_step::<N, M>(&mut low, q_low, each(0));
    reduce_step::<N, M>(&mut high, q_high, each(0));
    last(&low, &high)
}

/// The columns of a product of normal limbs.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
pub(super) fn wide_mul<const N: usize>(a: &V<Two, N>, b: &V<Two, N>) -> Wide<Two> {
    let (a, b) = (doubles(a), doubles(b));
    let starts = &const { starts(N, LOW, HIGH) };
    let mut out = [Two([each(0); 2]); 16];
    for half in 0..2 {
        let mut t = first::<N>(starts);
        for i in 0..N {
            multiply(&mut t, a[half][i], &b[half]);
            out[i].0[half] = t[0];
            shift::<N>(&mut t, each(starts[N + 1 + i]));
        }
        for j in 0..N {
            out[N + j].0[half] = t[j];
        }
    }
    out
}

/// [`Eight::reduce`] of several products at once: in t/R + [p/2, 3p/2], as the quotients are signed and p is added.
///
/// A row's quotient waits for the row before. The more products there are, the less that costs.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
pub(super) fn reduce<const N: usize, M: Modulus<N>, const W: usize>(wide: [&Wide<Two>; W]) -> [V<Two, N>; W] {
    let starts = &<M as Constants<N>>::REDUCE;
    let mut t = [[first::<N>(starts); 2]; W];
    for (t, wide) in t.iter_mut().zip(wide) {
        for j in 0..=N {
            t[0][j] = _mm256_add_epi64(t[0][j], wide[j].0[0]);
            t[1][j] = _mm256_add_epi64(t[1][j], wide[j].0[1]);
        }
    }
    for i in 0..N {
        let mut q = [[_mm256_setzero_pd(); 2]; W];
        for (q, t) in q.iter_mut().zip(&t) {
            *q = [quotient::<N, M>(&t[0]), quotient::<N, M>(&t[1])];
        }
        for ((t, q), wide) in t.iter_mut().zip(q).zip(wide) {
            // The column that comes in; after the last row none does.
            let start = each(starts[N + 1 + i]);
            let next = if i + 1 < N { wide[N + 1 + i].0 } else { [each(0); 2] };
            reduce_step::<N, M>(&mut t[0], q[0], _mm256_add_epi64(start, next[0]));
            reduce_step::<N, M>(&mut t[1], q[1], _mm256_add_epi64(start, next[1]));
        }
    }
    let mut out = [[Two([each(0); 2]); N]; W];
    for (out, t) in out.iter_mut().zip(&t) {
        *out = last(&t[0], &t[1]);
    }
    out
}
