//! A borrowed run of affine points, aligned or not.

use crate::curve::AffinePoint;
use core::{marker::PhantomData, ops::Range};

/// Points in the layout of [`AffinePoint`], borrowed from a slice or straight from the bytes of a mapped file, whose
/// sections start wherever they start. A kernel that needs alignment copies tile by tile ([`Bases::copy_into`]): 96
/// bytes beside the hundreds of nanoseconds of an addition.
#[derive(Debug)]
pub struct Bases<'a, A> {
    bytes: &'a [u8],
    point: PhantomData<A>,
}

impl<A> Clone for Bases<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A> Copy for Bases<'_, A> {}

impl<'a, A: AffinePoint> Bases<'a, A> {
    /// Borrows a slice.
    pub fn from_slice(points: &'a [A]) -> Self {
        // SAFETY: by the contract of `AffinePoint` a point is `A::BYTES` bytes without padding.
        let bytes = unsafe { core::slice::from_raw_parts(points.as_ptr().cast(), size_of_val(points)) };
        Bases { bytes, point: PhantomData }
    }

    /// Borrows bytes; `None` if the length is no multiple of the point size. The points are not checked.
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        bytes.len().is_multiple_of(A::BYTES).then_some(Bases { bytes, point: PhantomData })
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / A::BYTES
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The points as a slice, if they happen to be aligned.
    pub fn as_slice(&self) -> Option<&'a [A]> {
        // SAFETY: by the contract of `AffinePoint` every bit pattern is a value.
        let (before, points, after) = unsafe { self.bytes.align_to::<A>() };
        (before.is_empty() && after.is_empty()).then_some(points)
    }

    /// Point `i`.
    ///
    /// # Panics
    /// If `i` is out of range.
    #[inline]
    pub fn get(&self, i: usize) -> A {
        let bytes = &self.bytes[i * A::BYTES..(i + 1) * A::BYTES];
        // SAFETY: the length is the type's size, and every bit pattern is a value.
        unsafe { bytes.as_ptr().cast::<A>().read_unaligned() }
    }

    /// The points of a range.
    ///
    /// # Panics
    /// If the range is out of bounds.
    pub fn slice(&self, range: Range<usize>) -> Bases<'a, A> {
        Bases { bytes: &self.bytes[range.start * A::BYTES..range.end * A::BYTES], point: PhantomData }
    }

    /// Replaces the contents of `out` by the points, aligned.
    pub fn copy_into(&self, out: &mut Vec<A>) {
        out.clear();
        out.extend((0..self.len()).map(|i| self.get(i)));
    }
}
