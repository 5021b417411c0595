//! Combinations of one pattern, eight at a time: a lane is a combination, a step is a term.
//!
//! # Bounds
//! With n ≤ 2^10 terms ([`MAX_TERMS`]) and the portable path's names (`reduce.rs`), a combination is
//! v = constant + o·m + Σ ±cᵢ·wᵢR + (Σ 2^4·(cᵢR)·(wᵢR) + q·m)/2^260, where o is the sum of the magnitudes of negative
//! coefficients, so that v ≥ 0.
//!
//! 1. v < W·m with W = 2 + o + Σ positive coefficients + n/2: a reduced large product is below 2^4·m²/2^260 < m/2.
//!    One positive magnitude at most two in all, the constant counted, and o ≤ 1: v < 2m, since only o·m can be reached.
//! 2. W ≤ 2^11, always so without small coefficients: v < 2^266, which [`reduce`](lanes::reduce) takes.
//! 3. In any case W < 2 + 2^10·2^44 < 2^55 and v < 2^310, which [`narrow`](lanes::narrow) takes before.
//! 4. Carries are propagated after at most 64 terms ([`CARRY_EVERY`]). A term adds at most 2·2^52 to a limb of a sum
//!    and 10·2^52 to a column of products, so limbs stay below 2^60 in magnitude and columns below 2^62.
//! 5. The top limb of five holds v/2^208 < 2^58, that of six v/2^260 < 2^50, the top column Σ/2^468 < 2^57.
//!
//! Cost per term and lane, in vector instructions over eight lanes: 16 to get eight witness values into lanes, 14 to cut
//! them into limbs, then 5 sums for ±1, 10 multiply-adds for small and 50 for large coefficients. Per combination: 9
//! multiply-adds and two carry chains, 22 more when W > 2^11, 55 for Montgomery's reduction.

use super::Ifma;
use super::lanes::{self, Columns, LIMBS, V, Wide};
use crate::chunk::{Group, SLOT_BYTES, Slot};
use crate::kernel::{self, COLUMN, Pattern};
use core::arch::x86_64::*;
use forebay_msm::ScalarField;
use forebay_msm::field::mont4::mac;

type Limbs = [u64; 4];
type Computed<T> = Result<T, &'static str>;

/// Longer combinations take the portable path.
pub(crate) const MAX_TERMS: usize = 1 << 10;

/// Terms between two propagations of carries.
const CARRY_EVERY: usize = 64;

/// Combinations between asking for witness values and using them. Against not asking, 11 runs in turn with medians of 21:
/// sha256(4096 bit) 8.3 for 9.0 ms, a PoRep-like circuit of 2^20 rows 27.1 for 29.6, circuits that stay in the cache the
/// same. With 8 the gain was 7 % and nothing.
const PREFETCH: usize = 32;

/// The fewest combinations that are worth eight lanes: an estimate from instruction counts, not measured by itself.
pub(crate) const MIN_LIVE: usize = 3;

/// A group, prepared for lanes.
struct Job<'a> {
    group: &'a Group<'a>,
    pattern: &'a Pattern<'a>,
    /// 2^4 times the large coefficients.
    large: &'a [[u64; LIMBS]],
    /// What a combination starts with: the constant's term and o·m.
    start: [u64; LIMBS + 1],
    /// Whether W > 2^11.
    wide: bool,
    /// Whether v < 2m: no quotient is needed.
    below_two: bool,
    /// The witness from the base of the columns on.
    witness: &'a [Limbs],
    /// Combinations to compute.
    count: usize,
}

/// Computes the first combinations of a group, as many as fill lanes well, and returns their number. Groups of more
/// than [`MAX_TERMS`] terms are left alone.
pub(crate) fn combinations<F: ScalarField, const WIDTH: usize>(
    _: Ifma,
    group: &Group<'_>,
    pattern: &Pattern<'_>,
    witness: &[Limbs],
    base: usize,
    out: &mut [&mut [Limbs]; 3],
) -> Computed<usize> {
    let rest = group.combinations() % 8;
    let count = group.combinations() - if rest < MIN_LIVE { rest } else { 0 };
    if group.terms() > MAX_TERMS || count == 0 {
        return Ok(0);
    }
    // What reads columns relies on it; the pattern was made from the group's counts.
    let terms = pattern.plus_ones + pattern.minus_ones + pattern.plus.len() + pattern.minus.len();
    if terms + pattern.large.len() != group.terms() || group.record != SLOT_BYTES + WIDTH * group.terms() {
        return Err(COLUMN);
    }
    let large: Vec<_> = pattern.large.iter().map(|k| lanes::split(k, 4)).collect();
    let positive = pattern.plus_ones as u64 + pattern.plus.iter().sum::<u64>();
    let offset = pattern.minus_ones as u64 + pattern.minus.iter().sum::<u64>();
    let small = !pattern.plus.is_empty() || !pattern.minus.is_empty();
    let job = Job {
        group,
        pattern,
        large: &large,
        start: start::<F>(&pattern.constant, offset, small),
        wide: 2 + positive + offset + large.len() as u64 / 2 > 1 << 11,
        below_two: large.is_empty()
            && offset <= 1
            && offset + positive + u64::from(group.constant.is_some()) <= 2,
        witness: witness.get(base..).ok_or(COLUMN)?,
        count,
    };
    debug_assert!(small || !job.wide, "point 2");
    // SAFETY: an `Ifma` exists, so the CPU has the features; the lengths were checked.
    unsafe {
        match (small, large.is_empty()) {
            (false, true) => blocks::<F, WIDTH, false, false>(&job, out),
            (true, true) => blocks::<F, WIDTH, true, false>(&job, out),
            (false, false) => blocks::<F, WIDTH, false, true>(&job, out),
            (true, false) => blocks::<F, WIDTH, true, true>(&job, out),
        }?;
    }
    Ok(count)
}

/// constant + offset·m, in five limbs (the top one with all that is above) unless there are small coefficients.
fn start<F: ScalarField>(constant: &Limbs, offset: u64, small: bool) -> [u64; LIMBS + 1] {
    let mut words = [0; 5];
    for i in 0..4 {
        (words[i], words[4]) = mac(constant[i], offset, F::MODULUS_LIMBS[i], words[4]);
    }
    let mut limbs = lanes::split5(&words);
    if !small {
        limbs[4] |= limbs[5] << 52; // below 2^58: point 5
        limbs[5] = 0;
    }
    limbs
}

/// # Safety
/// The CPU has the features; the job's group has records of `WIDTH` bytes per term and as many terms as its pattern.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn blocks<F: ScalarField, const WIDTH: usize, const SMALL: bool, const LARGE: bool>(
    job: &Job<'_>,
    out: &mut [&mut [Limbs]; 3],
) -> Computed<()> {
    let (records, size) = (job.group.records.as_ptr(), job.group.record);
    let mut first = 0;
    while first < job.count {
        let ahead = first + PREFETCH;
        if ahead + 8 <= job.count {
            for i in 0..8 {
                // SAFETY: record `ahead + i` is inside the group.
                unsafe { prefetch::<WIDTH>(job, records.add((ahead + i) * size)) };
            }
        }
        let live = if job.count - first < 8 { job.count - first } else { 8 };
        let mut lanes = [records; 8];
        for (i, lane) in lanes.iter_mut().enumerate() {
            // Lanes beyond the last combination compute it again.
            let index = first + if i < live { i } else { live - 1 };
            // SAFETY: record `index` is inside the group.
            *lane = unsafe { records.add(index * size) };
        }
        // SAFETY: the features are enabled here; each lane is a whole record.
        let sum = unsafe { block::<F, WIDTH, SMALL, LARGE>(job, &lanes) }?;
        let mut to = [core::ptr::null_mut(); 8];
        for i in 0..live {
            // SAFETY: a record begins with its slot.
            let slot = Slot::read(unsafe { lanes[i].cast::<[u8; 2]>().read() });
            to[i] = core::ptr::from_mut(kernel::output(out, slot)?);
        }
        // SAFETY: the first `live` pointers come from mutable references.
        unsafe { lanes::store(&sum, &to, live) };
        first += live;
    }
    Ok(())
}

/// Asks for the witness values of a combination.
#[inline(always)]
unsafe fn prefetch<const WIDTH: usize>(job: &Job<'_>, record: *const u8) {
    for at in 0..job.group.terms() {
        // SAFETY: column `at` is inside the record. The address need not be valid.
        unsafe {
            let index = column::<WIDTH>(record, at);
            _mm_prefetch::<_MM_HINT_T0>(job.witness.as_ptr().wrapping_add(index).cast());
        }
    }
}

/// Column `at` of a record.
#[inline(always)]
unsafe fn column<const WIDTH: usize>(record: *const u8, at: usize) -> usize {
    let mut bytes = [0; 8];
    // SAFETY: the caller's: column `at` is inside the record.
    let column = unsafe { record.add(SLOT_BYTES + at * WIDTH).cast::<[u8; WIDTH]>().read() };
    bytes[..WIDTH].copy_from_slice(&column);
    u64::from_le_bytes(bytes) as usize
}

/// Eight combinations, normal and reduced.
#[inline(always)]
unsafe fn block<F: ScalarField, const WIDTH: usize, const SMALL: bool, const LARGE: bool>(
    job: &Job<'_>,
    records: &[*const u8; 8],
) -> Computed<V> {
    // SAFETY: the caller's; terms are counted up to the group's number of terms.
    unsafe {
        let p = job.pattern;
        let mut sum = lanes::broadcast_wide(&job.start);
        let mut at = 0;
        for _ in 0..p.plus_ones {
            let w = term::<WIDTH>(job, records, at)?;
            for i in 0..LIMBS {
                sum[i] = _mm512_add_epi64(sum[i], w[i]);
            }
            carry::<SMALL>(&mut sum, &mut at);
        }
        for _ in 0..p.minus_ones {
            let w = term::<WIDTH>(job, records, at)?;
            for i in 0..LIMBS {
                sum[i] = _mm512_sub_epi64(sum[i], w[i]);
            }
            carry::<SMALL>(&mut sum, &mut at);
        }
        if SMALL {
            multiples::<WIDTH>(job, records, &mut at, p.plus, &mut sum)?;
            if !p.minus.is_empty() {
                let mut less = [_mm512_setzero_si512(); LIMBS + 1];
                multiples::<WIDTH>(job, records, &mut at, p.minus, &mut less)?;
                for i in 0..LIMBS + 1 {
                    sum[i] = _mm512_sub_epi64(sum[i], less[i]);
                }
            }
        }
        if LARGE {
            let products = products::<F, WIDTH>(job, records, at)?;
            for i in 0..LIMBS {
                sum[i] = _mm512_add_epi64(sum[i], products[i]);
            }
        }
        Ok(finish::<F, SMALL>(job, &mut sum))
    }
}

/// The witness values of a term of eight combinations.
#[inline(always)]
unsafe fn term<const WIDTH: usize>(job: &Job<'_>, records: &[*const u8; 8], at: usize) -> Computed<V> {
    let mut from = [job.witness.as_ptr(); 8];
    for i in 0..8 {
        // SAFETY: the caller's: column `at` is inside the record.
        let index = unsafe { column::<WIDTH>(records[i], at) };
        if index >= job.witness.len() {
            return Err(COLUMN);
        }
        // SAFETY: the index is inside the witness.
        from[i] = unsafe { from[i].add(index) };
    }
    // SAFETY: the caller's features; the pointers are elements of the witness.
    Ok(unsafe { lanes::gather::<0>(&from) })
}

/// Counts a term and propagates carries when it is time.
#[inline(always)]
unsafe fn carry<const SIX: bool>(sum: &mut Wide, at: &mut usize) {
    *at += 1;
    if (*at).is_multiple_of(CARRY_EVERY) {
        // SAFETY: the caller's features.
        unsafe { normalize::<SIX>(sum) };
    }
}

#[inline(always)]
unsafe fn normalize<const SIX: bool>(sum: &mut Wide) {
    // SAFETY: the caller's features.
    unsafe {
        if SIX {
            lanes::normalize(sum);
        } else {
            let mut five = [sum[0], sum[1], sum[2], sum[3], sum[4]];
            lanes::normalize(&mut five);
            sum[..LIMBS].copy_from_slice(&five);
        }
    }
}

/// Adds the multiples of witness values by small coefficients.
#[inline(always)]
unsafe fn multiples<const WIDTH: usize>(
    job: &Job<'_>,
    records: &[*const u8; 8],
    at: &mut usize,
    coefficients: &[u64],
    sum: &mut Wide,
) -> Computed<()> {
    // SAFETY: the caller's.
    unsafe {
        for &k in coefficients {
            let w = term::<WIDTH>(job, records, *at)?;
            let k = _mm512_set1_epi64(k as i64);
            for i in 0..LIMBS {
                sum[i] = _mm512_madd52lo_epu64(sum[i], w[i], k);
                sum[i + 1] = _mm512_madd52hi_epu64(sum[i + 1], w[i], k);
            }
            carry::<true>(sum, at);
        }
        Ok(())
    }
}

/// The sum of the products by large coefficients, divided by R; lazy.
#[inline(always)]
unsafe fn products<F: ScalarField, const WIDTH: usize>(
    job: &Job<'_>,
    records: &[*const u8; 8],
    mut at: usize,
) -> Computed<V> {
    // SAFETY: the caller's.
    unsafe {
        let mut t: Columns = [_mm512_setzero_si512(); 2 * LIMBS];
        for k in job.large {
            let w = term::<WIDTH>(job, records, at)?;
            let mut factor = w;
            for i in 0..LIMBS {
                factor[i] = _mm512_set1_epi64(k[i] as i64);
            }
            lanes::add_product(&mut t, &w, &factor);
            at += 1;
            if at.is_multiple_of(CARRY_EVERY) {
                lanes::normalize(&mut t);
            }
        }
        Ok(lanes::montgomery::<F>(&mut t))
    }
}

/// Points 2 and 3 of the module's bounds.
#[inline(always)]
unsafe fn finish<F: ScalarField, const SMALL: bool>(job: &Job<'_>, sum: &mut Wide) -> V {
    // SAFETY: the caller's features.
    unsafe {
        normalize::<SMALL>(sum);
        let v = if !SMALL {
            let five = [sum[0], sum[1], sum[2], sum[3], sum[4]];
            if job.below_two {
                return lanes::canonical::<F>(&five);
            }
            five
        } else if job.wide {
            lanes::narrow::<F>(sum)
        } else {
            lanes::fold(sum)
        };
        lanes::reduce::<F>(&v)
    }
}
