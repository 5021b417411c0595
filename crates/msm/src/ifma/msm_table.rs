//! Points in 52-bit limbs, aligned to cache lines: what the additions gather from.

use super::msm_field::LaneField;
use crate::{
    field::coordinate::Coordinate,
    msm::{classify::Term, point::Affine, points::Points},
};
use core::mem::MaybeUninit;
use rayon::prelude::*;

/// An affine point in memory; infinity is all zeros.
#[derive(Clone, Copy, PartialEq)]
#[repr(C)]
pub(super) struct Record<L: LaneField> {
    pub(super) x: L::Packed,
    pub(super) y: L::Packed,
}

impl<L: LaneField> Record<L> {
    pub(super) const INFINITY: Self = Record { x: L::ZERO, y: L::ZERO };

    pub(super) fn is_infinity(&self) -> bool {
        self.x == L::ZERO && self.y == L::ZERO
    }

    pub(super) fn to_affine(self) -> Affine<L::Scalar> {
        if self.is_infinity() {
            return Affine::INFINITY;
        }
        Affine { x: L::unpack(&self.x), y: L::unpack(&self.y) }
    }
}

/// Overwrites memory that held what depends on secrets.
pub(super) fn wipe<T>(memory: &mut [MaybeUninit<T>]) {
    // SAFETY: exclusive memory, of which any bytes are allowed.
    unsafe { memory.as_mut_ptr().write_bytes(0, memory.len()) };
    // Keeps the writes from being optimised away.
    core::hint::black_box(memory);
}

/// Records that are wiped when dropped.
pub(super) struct Records<L: LaneField>(Vec<Record<L>>);

impl<L: LaneField> Drop for Records<L> {
    fn drop(&mut self) {
        self.0.clear();
        wipe(self.0.spare_capacity_mut());
    }
}

impl<L: LaneField> core::ops::Deref for Records<L> {
    type Target = [Record<L>];
    fn deref(&self) -> &[Record<L>] {
        &self.0
    }
}

impl<L: LaneField> core::ops::DerefMut for Records<L> {
    fn deref_mut(&mut self) -> &mut [Record<L>] {
        &mut self.0
    }
}

impl<L: LaneField> Records<L> {
    /// That many infinities.
    pub(super) fn infinities(len: usize) -> Self {
        Records(vec![Record::INFINITY; len])
    }
}

/// The points of a list of terms, without their signs; wiped when dropped, as the choice depends on secrets.
pub(super) struct Table<L: LaneField>(Vec<[Record<L>; 8]>);

impl<L: LaneField> Drop for Table<L> {
    fn drop(&mut self) {
        self.0.clear();
        wipe(self.0.spare_capacity_mut());
    }
}

impl<L: LaneField> Table<L> {
    /// Two products for each point. The last block is filled up with infinities.
    ///
    /// # Safety
    /// The CPU has the features.
    pub(super) unsafe fn new(points: Points<'_, L::Scalar>, terms: &[Term]) -> Self {
        let block = |terms: &[Term]| {
            let mut block = [Record::INFINITY; 8];
            for (record, term) in block.iter_mut().zip(terms) {
                let p = points.signed(term & !1);
                *record = Record { x: L::pack(&p.x), y: L::pack(&p.y) };
            }
            // SAFETY: the caller's promise.
            unsafe { enter(&mut block) };
            block
        };
        let mut blocks = Vec::with_capacity(terms.len().div_ceil(8));
        advise_huge_pages(blocks.spare_capacity_mut());
        terms.par_chunks(8).map(block).collect_into_vec(&mut blocks);
        Table(blocks)
    }

    pub(super) fn records(&self) -> &[Record<L>] {
        self.0.as_flattened()
    }
}

/// Asks for large pages, before the first use: gathering at random from small ones costs a walk of the page tables
/// each. Only a hint.
fn advise_huge_pages<T>(memory: &mut [MaybeUninit<T>]) {
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

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")]
unsafe fn enter<L: LaneField>(block: &mut [Record<L>; 8]) {
    // SAFETY: the features are on, and the pointers are those of eight records.
    unsafe {
        let x = L::enter(&L::load(block.each_ref().map(|r| &raw const r.x)));
        let y = L::enter(&L::load(block.each_ref().map(|r| &raw const r.y)));
        L::store(&x, block.each_mut().map(|r| &raw mut r.x), 8);
        L::store(&y, block.each_mut().map(|r| &raw mut r.y), 8);
    }
}

/// Terms without those whose point is infinity.
pub(super) fn finite<K: Coordinate>(points: Points<'_, K>, terms: &mut Vec<Term>) {
    terms.retain(|term| !points.signed(term & !1).is_infinity());
}
