//! Vector kernels on columns of raw Goldilocks words, picked at run time.
//!
//! Every kernel is written once over [`Lanes`] and compiled three times: for AVX-512 (eight lanes), for AVX2 (four) and
//! portably (one). A binary for the baseline instruction set therefore runs at full speed where the CPU can. Bodies are
//! `inline(always)`, free of closures and iterators: those would be compiled without the vector features.
//!
//! The safe functions here check lengths; columns are whole numbers of eight words.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod elementwise;
mod extension;
#[cfg(test)]
mod extension_tests;
mod lanes;
mod ntt;
mod rows;

pub(crate) use elementwise::{
    add, add_assign, inverse_backward, inverse_forward, mul, mul_assign, scale, sub, sub_assign,
};
pub(crate) use extension::{
    adjugate, dot, ext_fold, ext_fold_assign, ext_mul, ext_mul_assign, ext_scale_add, linear_form, mac,
    point_differences, word,
};
pub(crate) use ntt::{Expansion, dif, dit};
pub(crate) use rows::pack_rows;

use crate::field::F;
use std::sync::LazyLock;

/// What the CPU offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// One element at a time.
    Portable,
    /// Four lanes.
    Avx2,
    /// Eight lanes.
    Avx512,
}

/// Name of the environment variable that lowers the level: `portable` or `avx2`.
const CAP: &str = "FOREBAY_STARK_SIMD";

static LEVEL: LazyLock<Level> = LazyLock::new(|| {
    let cap = std::env::var(CAP).unwrap_or_default();
    #[cfg(target_arch = "x86_64")]
    if cap != "portable" {
        let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
        if avx512 && cap != "avx2" {
            return Level::Avx512;
        }
        if is_x86_feature_detected!("avx2") {
            return Level::Avx2;
        }
    }
    Level::Portable
});

/// The level in use: what the CPU has, or less if the environment variable `FOREBAY_STARK_SIMD` says so.
pub fn level() -> Level {
    *LEVEL
}

/// Defines an unsafe function that runs a body, generic over `Lanes`, at the CPU's level.
macro_rules! dispatch {
    ($(fn $name:ident = $body:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?;)*) => {$(
        /// # Safety
        /// As the body's.
        #[inline]
        pub(super) unsafe fn $name($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                /// # Safety
                /// The CPU must have the features, and as the body's.
                #[target_feature(enable = "avx512f,avx512dq")]
                unsafe fn avx512($($arg: $ty),*) $(-> $ret)? {
                    // SAFETY: the features are enabled here; the rest is the caller's.
                    unsafe { $body::<crate::simd::avx512::Avx512>($($arg),*) }
                }
                /// # Safety
                /// The CPU must have the feature, and as the body's.
                #[target_feature(enable = "avx2")]
                unsafe fn avx2($($arg: $ty),*) $(-> $ret)? {
                    // SAFETY: the feature is enabled here; the rest is the caller's.
                    unsafe { $body::<crate::simd::avx2::Avx2>($($arg),*) }
                }
                match crate::simd::level() {
                    // SAFETY: the CPU was asked; the rest is the caller's.
                    crate::simd::Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: the CPU was asked; the rest is the caller's.
                    crate::simd::Level::Avx2 => return unsafe { avx2($($arg),*) },
                    crate::simd::Level::Portable => {}
                }
            }
            // SAFETY: the caller's.
            unsafe { $body::<crate::simd::lanes::Portable>($($arg),*) }
        }
    )*};
}
use dispatch;

/// Whole vectors at every level.
#[track_caller]
fn check_lengths(n: usize, others: &[usize]) {
    assert!(n.is_multiple_of(8) && others.iter().all(|&len| len == n), "columns of unequal or odd length");
}

/// A column of field elements as raw words.
pub(crate) fn as_words(column: &[F]) -> &[u64] {
    const { assert!(size_of::<F>() == 8 && align_of::<F>() == 8) };
    // SAFETY: `Goldilocks` is `repr(transparent)` over `u64` and any word is a value of it; p3-goldilocks is pinned.
    unsafe { core::slice::from_raw_parts(column.as_ptr().cast(), column.len()) }
}

/// Words as their bytes, little-endian, which is how they lie in memory.
pub(crate) fn as_bytes(words: &[u64]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little")) };
    // SAFETY: any byte of a `u64` is a `u8`, which has no alignment.
    unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), 8 * words.len()) }
}
