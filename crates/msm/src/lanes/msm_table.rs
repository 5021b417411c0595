//! What the additions gather from: points as they are outside, and sums in 52-bit limbs.

use super::{msm_field::LaneField, msm_rounds::Block};
use crate::{
    field::coordinate::Coordinate,
    msm::{classify::Term, pages::advise_huge_pages, point::Affine, points::Points},
};
use core::{
    arch::x86_64::{_MM_HINT_T1, _mm_prefetch},
    marker::PhantomData,
    mem::MaybeUninit,
};
use rayon::prelude::*;

/// A sum in memory; infinity is all zeros.
#[derive(Clone, Copy, PartialEq)]
#[repr(C)]
pub(super) struct Record<L: LaneField> {
    pub(super) x: L::Packed,
    pub(super) y: L::Packed,
}

impl<L: LaneField> Record<L> {
    pub(super) const INFINITY: Self = Record { x: L::ZERO, y: L::ZERO };

    pub(super) fn is_infinity(&self) -> bool {
        // SAFETY: a record is plain words, by the contract of `LaneField`, and two packed elements without padding.
        let words = unsafe {
            core::slice::from_raw_parts(
                (&raw const *self).cast::<u64>(),
                size_of::<Self>() / size_of::<u64>(),
            )
        };
        words.iter().all(|word| *word == 0) // mostly the first tells; comparing elements would be a call
    }

    pub(super) fn to_affine(self) -> Affine<L::Scalar> {
        if self.is_infinity() {
            return Affine::INFINITY;
        }
        L::leave([&self.x, &self.y])
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

/// Where additions take their points from.
pub(super) trait Source<L: LaneField>: Copy {
    /// Asks the memory for a point, into the second-level cache.
    fn prefetch(self, index: usize);
    /// Eight points, negated in the lanes of the mask.
    ///
    /// # Safety
    /// The caller has the features, into which this is inlined.
    unsafe fn read(self, indices: [usize; 8], negated: u8, to: &mut Block<L>);
}

/// Sums, which are never negated.
impl<L: LaneField> Source<L> for &[Record<L>] {
    #[inline(always)]
    fn prefetch(self, index: usize) {
        let start: *const u8 = self.as_ptr().wrapping_add(index).cast();
        for line in (0..size_of::<Record<L>>()).step_by(64) {
            // SAFETY: a prefetch is a hint that never faults.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(start.wrapping_add(line).cast()) };
        }
    }
    #[inline(always)]
    unsafe fn read(self, indices: [usize; 8], negated: u8, to: &mut Block<L>) {
        debug_assert_eq!(negated, 0, "a sum");
        let (mut x, mut y) = ([core::ptr::null(); 8], [core::ptr::null(); 8]);
        for (lane, index) in indices.into_iter().enumerate() {
            let record = &self[index];
            (x[lane], y[lane]) = (&raw const record.x, &raw const record.y);
        }
        // SAFETY: the caller's features; the pointers are of records.
        unsafe {
            to.x = L::load(x);
            to.y = L::load(y);
        }
    }
}

/// Points as they are outside, in memory at any alignment.
pub(super) struct Outside<'a, L>(&'a [u8], PhantomData<L>);

impl<L> Clone for Outside<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<L> Copy for Outside<'_, L> {}

impl<'a, L: LaneField> Outside<'a, L> {
    pub(super) const SIZE: usize = size_of::<Affine<L::Scalar>>();

    pub(super) fn new(points: Points<'a, L::Scalar>) -> Self {
        Outside(points.as_bytes(), PhantomData)
    }
}

impl<L: LaneField> Source<L> for Outside<'_, L> {
    #[inline(always)]
    fn prefetch(self, index: usize) {
        let start = self.0.as_ptr().wrapping_add(index * Self::SIZE);
        for byte in (0..Self::SIZE).step_by(64) {
            // SAFETY: a prefetch is a hint that never faults.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(start.wrapping_add(byte).cast()) };
        }
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(start.wrapping_add(Self::SIZE - 1).cast()) };
    }
    #[inline(always)]
    unsafe fn read(self, indices: [usize; 8], negated: u8, to: &mut Block<L>) {
        let mut from = [core::ptr::null(); 8];
        for (lane, index) in indices.into_iter().enumerate() {
            from[lane] = self.0[index * Self::SIZE..][..Self::SIZE].as_ptr();
        }
        // SAFETY: the caller's features; each pointer is that of a point.
        unsafe {
            let [x, y] = L::read(&from);
            to.x = x;
            to.y = L::negate(&y, negated);
        }
    }
}

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([u8; 64]);

/// The points of a list of terms, without their signs, in large pages; wiped when dropped, as the choice depends on
/// secrets.
pub(super) struct Table(Vec<CacheLine>);

impl Drop for Table {
    fn drop(&mut self) {
        self.0.clear();
        wipe(self.0.spare_capacity_mut());
    }
}

impl Table {
    /// Points that a task copies.
    const TASK: usize = 1 << 10;

    pub(super) fn new<K: Coordinate>(points: Points<'_, K>, terms: &[Term]) -> Self {
        let size = size_of::<Affine<K>>();
        let lines = (terms.len() * size).div_ceil(64);
        let mut table = Vec::with_capacity(lines);
        advise_huge_pages(table.spare_capacity_mut());
        let spare = &mut table.spare_capacity_mut()[..lines];
        if let Some(last) = spare.last_mut() {
            last.write(CacheLine([0; 64])); // of which the points may fill a part
        }
        // SAFETY: exclusive memory, seen as bytes that may be uninitialised.
        let bytes = unsafe {
            core::slice::from_raw_parts_mut(spare.as_mut_ptr().cast::<MaybeUninit<u8>>(), 64 * lines)
        };
        bytes.par_chunks_mut(Self::TASK * size).zip(terms.par_chunks(Self::TASK)).for_each(|(to, terms)| {
            for (to, term) in to.chunks_exact_mut(size).zip(terms) {
                to.write_copy_of_slice(points.bytes_of(*term));
            }
        });
        // SAFETY: all lines are written: terms.len() points, and the end of the last line.
        unsafe { table.set_len(lines) };
        Table(table)
    }

    pub(super) fn points<L: LaneField>(&self, len: usize) -> Outside<'_, L> {
        // SAFETY: plain bytes.
        let bytes = unsafe { core::slice::from_raw_parts(self.0.as_ptr().cast::<u8>(), 64 * self.0.len()) };
        Outside(&bytes[..len * Outside::<L>::SIZE], PhantomData)
    }
}
