//! The bases of an MSM in the kernels' own form.

use super::{classify::Term, compiled::MsmPoint, point::Affine};
use crate::{bases::Bases, field::coordinate::Coordinate};
use core::marker::PhantomData;

/// Terms ahead of which a point is asked for.
const PREFETCH_AHEAD: usize = 16;

/// Bases, seen as pairs of coordinates at any alignment.
#[derive(Clone, Copy)]
pub(crate) struct Points<'a, K> {
    bytes: &'a [u8],
    coordinate: PhantomData<K>,
}

impl<'a, K: Coordinate> Points<'a, K> {
    pub(crate) fn new<A: MsmPoint<Coordinate = K>>(bases: Bases<'a, A>) -> Self {
        const { assert!(size_of::<Affine<K>>() == size_of::<A>()) };
        Points { bytes: bases.as_bytes(), coordinate: PhantomData }
    }

    pub(crate) fn from_affine(points: &'a [Affine<K>]) -> Self {
        // SAFETY: a point is its coordinates, plain limbs without padding.
        let bytes = unsafe { core::slice::from_raw_parts(points.as_ptr().cast(), size_of_val(points)) };
        Points { bytes, coordinate: PhantomData }
    }

    /// All of the bytes.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes of a term's point, without its sign.
    #[inline(always)]
    pub(crate) fn bytes_of(&self, term: Term) -> &'a [u8] {
        let start = (term >> 1) as usize * size_of::<Affine<K>>();
        &self.bytes[start..start + size_of::<Affine<K>>()]
    }

    /// Whether point `i` is infinity.
    #[inline(always)]
    pub(crate) fn is_infinity(&self, i: usize) -> bool {
        // Mostly the first word tells, so that half of a point stays out of the cache.
        let mut words = self.bytes_of(2 * i as Term).chunks_exact(8);
        words.all(|word| u64::from_ne_bytes(core::array::from_fn(|j| word[j])) == 0)
    }

    /// The point of a term, with its sign.
    #[inline(always)]
    pub(crate) fn signed(&self, term: Term) -> Affine<K> {
        let bytes = self.bytes_of(term);
        // SAFETY: the length is the type's size, and any limbs are a value (`Coordinate`'s contract).
        let point = unsafe { bytes.as_ptr().cast::<Affine<K>>().read_unaligned() };
        if term & 1 == 1 { point.neg() } else { point }
    }

    /// Asks the memory for a point that will be read soon after that of `terms[at]`.
    #[inline(always)]
    pub(crate) fn prefetch(&self, terms: &[Term], at: usize) {
        #[cfg(target_arch = "x86_64")]
        if let Some(term) = terms.get(at + PREFETCH_AHEAD) {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let start = self.bytes.as_ptr().wrapping_add((term >> 1) as usize * size_of::<Affine<K>>());
            for line in (0..size_of::<Affine<K>>()).step_by(64) {
                // SAFETY: a prefetch is a hint that never faults.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line).cast()) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (terms, at);
    }
}

/// The curve's own type of a kernel's point.
pub(crate) fn into_curve_point<A: MsmPoint>(p: Affine<A::Coordinate>) -> A {
    const { assert!(size_of::<Affine<A::Coordinate>>() == size_of::<A>()) };
    // SAFETY: equal sizes; `AffinePoint` promises that any bytes are a value, and the layout is the same.
    unsafe { (&raw const p).cast::<A>().read_unaligned() }
}
