//! The vector type that kernels are written over.

use crate::field::F;
use p3_field::PrimeField64;

/// 2^64 − p.
pub(super) const EPSILON: u64 = 0xffff_ffff;

/// `WIDTH` field elements, as raw words: any word stands for its residue.
///
/// # Safety
/// Implementations may need CPU features; every method is called only where they are.
pub(super) trait Lanes: Copy {
    /// A power of two, at most eight.
    const WIDTH: usize;
    /// log₂ of the width.
    const LOG: u32;
    /// Reads `WIDTH` words from `p`, any alignment.
    unsafe fn load(p: *const u64) -> Self;
    /// Writes `WIDTH` words to `p`.
    unsafe fn store(self, p: *mut u64);
    /// One word in every lane.
    unsafe fn splat(word: u64) -> Self;
    /// Sum.
    unsafe fn add(self, other: Self) -> Self;
    /// Difference.
    unsafe fn sub(self, other: Self) -> Self;
    /// Sum and difference: cheaper together.
    unsafe fn add_sub(self, other: Self) -> (Self, Self);
    /// Product.
    unsafe fn mul(self, other: Self) -> Self;
    /// The words below p.
    unsafe fn canonical(self) -> Self;
    /// Transposes the first `WIDTH` of eight vectors as a square; the others are untouched.
    unsafe fn transpose(block: &mut [Self; 8]);
}

/// One element: every CPU, and the reference for the others.
#[derive(Clone, Copy)]
pub(super) struct Portable(F);

impl Lanes for Portable {
    const WIDTH: usize = 1;
    const LOG: u32 = 0;

    #[inline(always)]
    unsafe fn load(p: *const u64) -> Self {
        // SAFETY: the caller's pointer is readable.
        Portable(F::new(unsafe { p.read() }))
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut u64) {
        // SAFETY: the caller's pointer is writable.
        unsafe { p.write(self.0.as_canonical_u64()) }
    }

    #[inline(always)]
    unsafe fn splat(word: u64) -> Self {
        Portable(F::new(word))
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Portable(self.0 + other.0)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Portable(self.0 - other.0)
    }

    #[inline(always)]
    unsafe fn add_sub(self, other: Self) -> (Self, Self) {
        (Portable(self.0 + other.0), Portable(self.0 - other.0))
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Portable(self.0 * other.0)
    }

    #[inline(always)]
    unsafe fn canonical(self) -> Self {
        Portable(F::new(self.0.as_canonical_u64()))
    }

    #[inline(always)]
    unsafe fn transpose(_: &mut [Self; 8]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words at the edges of every carry and borrow, and a walk through the rest.
    fn words() -> Vec<u64> {
        let p = F::ORDER_U64;
        let mut words = vec![
            0,
            1,
            2,
            EPSILON - 1,
            EPSILON,
            EPSILON + 1,
            1 << 63,
            p - 2,
            p - 1,
            p,
            p + 1,
            u64::MAX - 1,
            u64::MAX,
            0x7fff_ffff_ffff_ffff,
            0xffff_fffe_ffff_ffff,
            0xffff_ffff_0000_0000,
        ];
        let mut x = 0x1234_5678_9abc_def1u64;
        for _ in 0..48 {
            x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ 0xabcd;
            words.push(x);
        }
        words
    }

    /// Every pair of words through every operation, against p3's scalar arithmetic.
    #[inline(always)]
    unsafe fn agrees<V: Lanes>() {
        let words = words();
        for &a in &words {
            for chunk in words.chunks_exact(8) {
                let mut lane = 0;
                while lane < 8 {
                    // SAFETY: inside the chunk; the feature is the caller's.
                    unsafe { agrees_at::<V>(a, &chunk[lane..lane + V::WIDTH]) };
                    lane += V::WIDTH;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn agrees_at<V: Lanes>(a: u64, b: &[u64]) {
        let mut out = [[0u64; 8]; 7];
        // SAFETY: `b` holds WIDTH words, the rows of `out` eight.
        unsafe {
            let (va, vb) = (V::splat(a), V::load(b.as_ptr()));
            let (sum, difference) = va.add_sub(vb);
            let results = [va.add(vb), va.sub(vb), va.mul(vb), sum, difference, vb.canonical(), vb.sub(va)];
            for (out, result) in out.iter_mut().zip(results) {
                result.store(out.as_mut_ptr());
            }
        }
        let fa = F::new(a);
        for (i, &b) in b.iter().enumerate() {
            let fb = F::new(b);
            let expected = [fa + fb, fa - fb, fa * fb, fa + fb, fa - fb, fb, fb - fa];
            for (out, expected) in out.iter().zip(expected) {
                assert_eq!(F::new(out[i]), expected, "{a:#x} {b:#x}");
            }
            assert_eq!(out[5][i], fb.as_canonical_u64());
        }
    }

    #[inline(always)]
    unsafe fn transposes<V: Lanes>() {
        let words: Vec<u64> = (0..64).collect();
        let mut out = vec![0u64; 64];
        // SAFETY: eight vectors of at most eight words.
        unsafe {
            let mut block = [V::splat(0); 8];
            for (i, v) in block.iter_mut().enumerate().take(V::WIDTH) {
                *v = V::load(words.as_ptr().add(8 * i));
            }
            V::transpose(&mut block);
            for (i, v) in block.iter().enumerate().take(V::WIDTH) {
                v.store(out.as_mut_ptr().add(8 * i));
            }
        }
        for r in 0..V::WIDTH {
            for c in 0..V::WIDTH {
                assert_eq!(out[8 * r + c], words[8 * c + r]);
            }
        }
    }

    #[test]
    fn portable_lanes_agree_with_the_field() {
        // SAFETY: no feature is needed.
        unsafe {
            agrees::<Portable>();
            transposes::<Portable>();
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn vector_lanes_agree_with_the_field() {
        // SAFETY: each is run where the CPU has it.
        unsafe {
            if is_x86_feature_detected!("avx2") {
                agrees::<crate::simd::avx2::Avx2>();
                transposes::<crate::simd::avx2::Avx2>();
            }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                agrees::<crate::simd::avx512::Avx512>();
                transposes::<crate::simd::avx512::Avx512>();
            }
        }
    }
}
