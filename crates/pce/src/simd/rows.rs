//! Products of rows, eight at a time: c = a∘b, and the check that a∘b = c.
//!
//! A product of reduced factors is (2^4·a·b + q·m)/2^260 < 2m: 105 multiply-adds for eight, and one conditional
//! subtraction.

use super::Ifma;
use super::lanes::{self, LIMBS, V};
use core::arch::x86_64::*;
use forebay_msm::ScalarField;

type Limbs = [u64; 4];

/// cᵢ = aᵢ·bᵢ for the first rows, a multiple of eight; returns their number.
pub(crate) fn multiply<F: ScalarField>(_: Ifma, a: &[Limbs], b: &[Limbs], c: &mut [Limbs]) -> usize {
    let rows = a.len().min(b.len()).min(c.len()) & !7;
    // SAFETY: an `Ifma` exists, so the CPU has the features.
    unsafe { multiply_rows::<F>(&a[..rows], &b[..rows], &mut c[..rows]) };
    rows
}

/// The first group of eight rows that has one with aᵢ·bᵢ ≠ cᵢ, as the index of its first row, else the number of rows
/// looked at, a multiple of eight.
pub(crate) fn satisfied<F: ScalarField>(_: Ifma, a: &[Limbs], b: &[Limbs], c: &[Limbs]) -> usize {
    let rows = a.len().min(b.len()).min(c.len()) & !7;
    // SAFETY: as in `multiply`.
    unsafe { satisfied_rows::<F>(&a[..rows], &b[..rows], &c[..rows]) }
}

/// # Safety
/// The CPU has the features; the slices are equally long, a multiple of eight.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn multiply_rows<F: ScalarField>(a: &[Limbs], b: &[Limbs], c: &mut [Limbs]) {
    for first in (0..c.len()).step_by(8) {
        // SAFETY: the features are enabled here; eight rows are left in each slice.
        unsafe {
            let product = product::<F>(a.as_ptr().add(first), b.as_ptr().add(first));
            let mut to = [c.as_mut_ptr().add(first); 8];
            for (i, to) in to.iter_mut().enumerate() {
                *to = to.add(i);
            }
            lanes::store(&product, &to, 8);
        }
    }
}

/// # Safety
/// As for [`multiply_rows`].
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn satisfied_rows<F: ScalarField>(a: &[Limbs], b: &[Limbs], c: &[Limbs]) -> usize {
    for first in (0..c.len()).step_by(8) {
        // SAFETY: as in `multiply_rows`.
        unsafe {
            let product = product::<F>(a.as_ptr().add(first), b.as_ptr().add(first));
            let expected = eight::<0>(c.as_ptr().add(first));
            let mut differ = 0;
            for i in 0..LIMBS {
                differ |= _mm512_cmpneq_epi64_mask(product[i], expected[i]);
            }
            if differ != 0 {
                return first;
            }
        }
    }
    c.len()
}

/// # Safety
/// The caller's features; both pointers are valid for reading eight rows.
#[inline(always)]
unsafe fn product<F: ScalarField>(a: *const Limbs, b: *const Limbs) -> V {
    // SAFETY: the caller's.
    unsafe {
        let mut t = [_mm512_setzero_si512(); 2 * LIMBS];
        lanes::add_product(&mut t, &eight::<4>(a), &eight::<0>(b));
        let mut v = lanes::montgomery::<F>(&mut t);
        lanes::normalize(&mut v);
        lanes::canonical::<F>(&v)
    }
}

/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn eight<const SHIFT: u32>(from: *const Limbs) -> V {
    // SAFETY: the caller's.
    unsafe {
        let mut pointers = [from; 8];
        for (i, pointer) in pointers.iter_mut().enumerate() {
            *pointer = pointer.add(i);
        }
        lanes::gather::<SHIFT>(&pointers)
    }
}
