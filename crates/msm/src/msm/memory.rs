//! What an MSM allocates, for a scheduler's budget: bounds from the sizes of its lists.
//!
//! A tile holds, beside its inputs: the classes (4 bytes a term, and 12 more while they are joined); then, one class of
//! scalars after the other, a copy of the points (vector path, from a few MiB on), the digits, and per thread one
//! window's sorted entries, its runs, its buckets and the adder's own memory.

use super::glv::Windows;

/// The sizes of the parts of one bucket method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    /// Bytes of copied points for each term; 0 where they are read in place.
    pub(crate) copied: usize,
    /// Bytes per entry of a window, for each thread.
    pub(crate) per_entry: usize,
    /// Bytes per bucket, for each thread.
    pub(crate) per_bucket: usize,
    /// Bytes that an adder has whatever the size, for each thread.
    pub(crate) adder: usize,
}

/// Bytes while the classes are made: three lists with room for all terms of a chunk, and the joined ones.
pub(super) const CLASSES: usize = 16;

/// Bytes of the classes that stay: indices.
const TERMS: usize = 4;

/// The most that a tile of `terms` terms allocates over `threads` threads, where `windows` chooses for a number of
/// terms.
///
/// Fewer full-width terms than `terms` need no more: their windows, at most those of half as many terms, double at most
/// where the terms halve.
pub(crate) fn tile_bytes(
    terms: usize,
    threads: usize,
    parts: &Parts,
    windows: impl Fn(usize) -> Windows,
) -> usize {
    let of_half = windows((terms / 2).max(1));
    let Windows { parts: cut, .. } = of_half;
    // Cut scalars have twice the buckets, and the sums of both.
    let buckets = windows(terms.max(1)).buckets() * if cut == 2 { 3 } else { 1 };
    let digits = of_half.count * cut * 2 * terms;
    let of_thread = cut * terms * parts.per_entry + buckets * parts.per_bucket + parts.adder;
    let bucket_method = terms * (TERMS + parts.copied) + digits + threads * of_thread;
    // A thread's lists of tasks, rayon's own, the last line of a copy.
    let small = (64 << 10) * (threads + 1);
    bucket_method.max(terms * CLASSES) + small
}
