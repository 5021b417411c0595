//! Orders: bit reversal and index negation.

use core::mem::MaybeUninit;
use rayon::prelude::*;

/// Elements per task of a pass that only moves them.
const TASK: usize = 1 << 12;

/// Bits of a tile's side: tiles of 16 runs of 16 elements, 512 bytes a run for a field element.
const TILE_LOG: u32 = 4;
const TILE: usize = 1 << TILE_LOG;

/// From this logarithm of the size on, tiles: below it (2^12 field elements are 128 KiB) all is in a cache.
const TILED_FROM: u32 = 12;

/// Exchanges v_i and v_j where j is i with its bits reversed. The length is a power of two.
pub(crate) fn bit_reverse<T: Copy + Send>(values: &mut [T]) {
    let n = values.len();
    if n <= 2 {
        return;
    }
    if n.ilog2() >= TILED_FROM {
        return bit_reverse_tiled(values);
    }
    let shift = usize::BITS - n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> shift;
        if i < j {
            values.swap(i, j);
        }
    }
}

fn reverse(v: usize, bits: u32) -> usize {
    if bits == 0 { 0 } else { v.reverse_bits() >> (usize::BITS - bits) }
}

/// A slice of which tasks use disjoint tiles.
struct Tiles<T> {
    values: *mut T,
    /// Logarithm of the distance between the runs of a tile.
    log_stride: u32,
}

// SAFETY: the tasks of `bit_reverse_tiled` use disjoint elements of an exclusively borrowed slice.
unsafe impl<T: Send> Sync for Tiles<T> {}

impl<T: Copy> Tiles<T> {
    /// Element `column` of run `row` of tile `middle`.
    fn at(&self, row: usize, middle: usize, column: usize) -> *mut T {
        self.values.wrapping_add((row << self.log_stride) | (middle << TILE_LOG) | column)
    }

    /// Fetches a tile towards the second-level cache: its runs are pages apart, beyond the hardware's reach.
    #[inline(always)]
    fn prefetch(&self, middle: usize) {
        #[cfg(target_arch = "x86_64")]
        for row in 0..TILE {
            for byte in (0..TILE * size_of::<T>()).step_by(64) {
                use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
                let line = self.at(row, middle, 0).cast::<i8>().wrapping_add(byte);
                // SAFETY: SSE is part of the target; a prefetch of any address is harmless.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(line) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = middle;
    }

    /// Copies a tile run by run. The runs of a tile share cache sets (they are a power of two apart), so a tile is never
    /// touched element by element where it is.
    ///
    /// # Safety
    /// The tile exists and nobody else uses it.
    #[inline(always)]
    unsafe fn read(&self, middle: usize, tile: &mut Tile<T>) {
        for (row, run) in tile.iter_mut().enumerate() {
            // SAFETY: a run is `TILE` consecutive elements.
            unsafe { run.as_mut_ptr().cast::<T>().copy_from_nonoverlapping(self.at(row, middle, 0), TILE) };
        }
    }

    /// Writes the transpose of `tile` with rows and columns in bit-reversed order.
    ///
    /// # Safety
    /// As [`Self::read`], and the tile was read.
    #[inline(always)]
    unsafe fn write_reversed(&self, middle: usize, tile: &Tile<T>) {
        for (row, column) in REVERSED.into_iter().enumerate() {
            let run = self.at(row, middle, 0);
            for (i, reversed) in REVERSED.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { run.add(i).write(tile[*reversed][column].assume_init()) };
            }
        }
    }
}

/// A tile in a buffer.
type Tile<T> = [[MaybeUninit<T>; TILE]; TILE];

/// i with its bits reversed.
const REVERSED: [usize; TILE] = {
    let mut out = [0; TILE];
    let mut i = 0;
    while i < TILE {
        out[i] = i.reverse_bits() >> (usize::BITS - TILE_LOG);
        i += 1;
    }
    out
};

/// An index is (row, middle, column) with [`TILE_LOG`] bits at either end; reversal exchanges the tiles of a middle and
/// of its reverse, and transposes them. A tile is read and written in runs of whole cache lines.
fn bit_reverse_tiled<T: Copy + Send>(values: &mut [T]) {
    let log_n = values.len().ilog2();
    let bits = log_n - 2 * TILE_LOG;
    let tiles = Tiles { values: values.as_mut_ptr(), log_stride: log_n - TILE_LOG };
    let tiles = &tiles;
    (0..1usize << bits).into_par_iter().with_min_len(TASK >> (2 * TILE_LOG)).for_each(|middle| {
        let other = reverse(middle, bits);
        let next = (middle + 1) & ((1 << bits) - 1);
        if next <= reverse(next, bits) {
            tiles.prefetch(next);
            tiles.prefetch(reverse(next, bits));
        }
        // SAFETY: the task of the lower of the two is the only one to use either tile.
        unsafe {
            if middle == other {
                let mut tile = [[const { MaybeUninit::uninit() }; TILE]; TILE];
                tiles.read(middle, &mut tile);
                tiles.write_reversed(middle, &tile);
            } else if middle < other {
                let mut two = [[[const { MaybeUninit::uninit() }; TILE]; TILE]; 2];
                let [a, b] = &mut two;
                tiles.read(middle, a);
                tiles.read(other, b);
                tiles.write_reversed(other, a);
                tiles.write_reversed(middle, b);
            }
        }
    });
}

/// Exchanges v_i and v_(n−i) for 0 < i < n.
pub(crate) fn mirror<T: Send>(values: &mut [T]) {
    let Some((_, rest)) = values.split_first_mut() else { return };
    let half = rest.len() / 2;
    let (left, right) = rest.split_at_mut(half);
    let pairs = left.par_iter_mut().zip(right.par_iter_mut().rev()).with_min_len(TASK);
    pairs.for_each(|(a, b)| core::mem::swap(a, b));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_goes_to_its_place() {
        for log_n in 0..=TILED_FROM + 3 {
            let mut values: Vec<[usize; 4]> = (0..1usize << log_n).map(|i| [i, 1, 2, 3]).collect();
            bit_reverse(&mut values);
            assert!(values.iter().enumerate().all(|(i, v)| *v == [reverse(i, log_n), 1, 2, 3]), "2^{log_n}");
            bit_reverse(&mut values);
            assert!(values.iter().enumerate().all(|(i, v)| v[0] == i), "twice, 2^{log_n}");
        }
    }
}
