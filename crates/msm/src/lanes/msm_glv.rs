//! φ(x, y) = (βx, y) on sums, eight at once. See [`glv`](crate::msm::glv).

use super::{
    eight::{Eight, Task},
    msm_field::LaneField,
    msm_table::Record,
};
use crate::field::coordinate::Coordinate;

/// Replaces each sum P by φ(P); infinities stay.
///
/// # Safety
/// The CPU has the features.
pub(super) unsafe fn map_sums<L: LaneField>(sums: &mut [Record<L>]) {
    // SAFETY: the caller's promise.
    unsafe { L::Lanes::run(MapSums(sums)) }
}

struct MapSums<'a, L: LaneField>(&'a mut [Record<L>]);

impl<L: LaneField> Task for MapSums<'_, L> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let beta = L::pack(&L::Scalar::cube_root());
        // SAFETY: the caller's features; the pointers are of records, repeated where there are fewer than eight.
        unsafe {
            let beta = L::enter(&L::load([&raw const beta; 8]));
            for chunk in self.0.chunks_mut(8) {
                let lanes = chunk.len();
                let start = chunk.as_mut_ptr();
                let mut xs = [&raw mut (*start).x; 8];
                let mut ys = [&raw const (*start).y; 8];
                for lane in 1..lanes {
                    xs[lane] = &raw mut (*start.add(lane)).x;
                    ys[lane] = &raw const (*start.add(lane)).y;
                }
                let mut from = [core::ptr::null(); 8];
                for lane in 0..8 {
                    from[lane] = xs[lane].cast_const();
                }
                let (x, y) = (L::load(from), L::load(ys));
                let infinite = L::all_zero(&x) & L::all_zero(&y);
                // A product is a factor below 3p; less zero it is stored.
                let image = L::sub(&L::mul(&L::lift(&x), &beta), &L::clear(0xff, &x));
                L::store(&L::clear(infinite, &L::narrow(&image)), xs, lanes);
            }
        }
    }
}
