//! Points in large pages, from the start of a cache line on.

use super::point::Affine;
use crate::field::coordinate::Coordinate;
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
};
use std::collections::TryReserveError;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([u8; 64]);

/// A list of points of fixed length.
pub(crate) struct PagedPoints<K> {
    lines: Vec<CacheLine>,
    len: usize,
    coordinate: PhantomData<K>,
}

impl<K: Coordinate> PagedPoints<K> {
    /// Bytes that so many points take; `None` above the address space.
    pub(crate) fn bytes_for(len: usize) -> Option<usize> {
        len.checked_mul(size_of::<Affine<K>>())?.checked_next_multiple_of(64)
    }

    /// That many infinities.
    pub(crate) fn infinities(len: usize) -> Result<Self, TryReserveError> {
        const { assert!(align_of::<Affine<K>>() <= 64) };
        let mut lines = Vec::new();
        let count = Self::bytes_for(len).unwrap_or(usize::MAX) / 64;
        lines.try_reserve_exact(count)?;
        advise_huge_pages(lines.spare_capacity_mut());
        lines.resize(count, CacheLine([0; 64]));
        Ok(PagedPoints { lines, len, coordinate: PhantomData })
    }

    /// The bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        64 * self.lines.capacity()
    }
}

impl<K: Coordinate> Deref for PagedPoints<K> {
    type Target = [Affine<K>];
    fn deref(&self) -> &[Affine<K>] {
        // SAFETY: the lines are aligned and hold `len` points; any bytes are a point (`Coordinate`'s contract).
        unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<K: Coordinate> DerefMut for PagedPoints<K> {
    fn deref_mut(&mut self) -> &mut [Affine<K>] {
        // SAFETY: as above, and exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// Asks for large pages, before the first use: gathering at random from small ones costs a walk of the page tables
/// each. Only a hint.
pub(crate) fn advise_huge_pages<T>(memory: &mut [MaybeUninit<T>]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 1 << 12;
        let start = (memory.as_mut_ptr() as usize).next_multiple_of(PAGE);
        let end = memory.as_mut_ptr_range().end as usize;
        if end > start + (2 << 20) {
            // SAFETY: whole pages of memory that is ours; the advice changes no contents.
            unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}
