//! Digits over a table, ordered by bucket in two passes that both stay in the second-level cache: each chunk of terms
//! by part of the buckets, then each part by bucket.

use super::{
    classify::{Term, Terms, magnitude},
    fixed_shape::Shape,
};
use crate::field::ScalarField;
use core::ops::Range;
use rayon::prelude::*;
use zeroize::Zeroizing;

/// Terms of a chunk: their entries are about 400 KiB.
pub(super) const CHUNK: usize = 1 << 12;

/// Buckets of a part: a window of 2^18 terms has about as many entries without a table as a part of its buckets has.
pub(super) const PART: usize = 1 << 12;

/// Bytes of an entry of a chunk.
pub(super) const ENTRY_BYTES: usize = size_of::<Term>() + size_of::<u16>();

/// Where a part of the buckets lies: group, and first bucket in it.
pub(super) struct Part {
    pub(super) group: u32,
    pub(super) start: usize,
    pub(super) buckets: usize,
}

/// The parts, group after group; a group's are contiguous.
pub(super) fn parts(shape: Shape) -> Vec<Part> {
    let of_group = |group: u32| {
        let buckets = shape.buckets(group);
        (0..buckets).step_by(PART).map(move |start| Part { group, start, buckets: PART.min(buckets - start) })
    };
    (0..shape.groups).flat_map(of_group).collect()
}

/// The entries of a chunk of terms, part after part. An entry is a term of the table and its bucket in the part.
pub(super) struct Chunk {
    terms: Terms,
    buckets: Zeroizing<Vec<u16>>,
    starts: Zeroizing<Vec<u32>>,
}

/// Where the points of a list's terms are: those of an MSM's `first` on, in a table of `n` for each step.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) n: usize,
    pub(super) first: usize,
}

/// The windows: lowest bit, width, step, first part.
struct Window {
    bit: u32,
    width: u32,
    step: u32,
    part: usize,
}

fn windows(shape: Shape) -> Vec<Window> {
    let mut all = Vec::with_capacity(shape.windows());
    for step in 0..shape.steps {
        let (mut bit, mut part) = (step * shape.step_bits, 0);
        for group in 0..shape.groups {
            let width = shape.width(group);
            all.push(Window { bit, width, step, part });
            bit += width;
            part += shape.buckets(group).div_ceil(PART);
        }
    }
    all
}

/// Words of a scalar to which half a digit is added in every window: windows end below bit 256 + 51, and one word more
/// is read.
type Raised = [u64; 6];

fn raise(m: &[u64; 4], halves: &Raised) -> Raised {
    let mut raised = *halves;
    let mut carry = false;
    for (i, word) in raised.iter_mut().enumerate() {
        let (sum, over) = word.overflowing_add(m.get(i).copied().unwrap_or(0));
        let (sum, again) = sum.overflowing_add(u64::from(carry));
        (*word, carry) = (sum, over | again);
    }
    raised
}

/// The signed digit of a window.
#[inline(always)]
fn digit(raised: &Raised, window: &Window) -> i32 {
    let (word, shift) = ((window.bit / 64) as usize, window.bit % 64);
    let raw = (raised[word] >> shift) | (raised[word + 1] << 1 << (63 - shift));
    (raw & ((1 << window.width) - 1)) as i32 - (1 << (window.width - 1))
}

/// The entries of the scalars that the terms name.
pub(super) fn chunks<F: ScalarField>(
    shape: Shape,
    place: Place,
    scalars: &[F],
    lists: [&[Term]; 2],
) -> Vec<Chunk> {
    let windows = windows(shape);
    let mut halves = Raised::default();
    for window in &windows {
        let bit = window.bit + window.width - 1;
        halves[(bit / 64) as usize] |= 1 << (bit % 64);
    }
    let parts = parts(shape).len();
    let chunk = |terms: &[Term]| Chunk::new(&windows, &halves, parts, place, scalars, terms);
    let [a, b] = lists;
    a.par_chunks(CHUNK).chain(b.par_chunks(CHUNK)).map(chunk).collect()
}

impl Chunk {
    fn new<F: ScalarField>(
        windows: &[Window],
        halves: &Raised,
        parts: usize,
        place: Place,
        scalars: &[F],
        terms: &[Term],
    ) -> Self {
        let mut digits = Zeroizing::new(Vec::with_capacity(windows.len() * terms.len()));
        let mut next = Zeroizing::new(vec![0u32; parts + 1]);
        for term in terms {
            let (m, _) = magnitude(&scalars[(term >> 1) as usize]);
            let raised = raise(&m, halves);
            for window in windows {
                let digit = digit(&raised, window);
                digits.push(digit);
                if digit != 0 {
                    next[window.part + (digit.unsigned_abs() as usize - 1) / PART] += 1;
                }
            }
        }
        let mut total = 0;
        for count in next.iter_mut() {
            (*count, total) = (total, total + *count);
        }
        let starts = next.clone();
        let mut sorted = Zeroizing::new(vec![0; total as usize]);
        let mut buckets = Zeroizing::new(vec![0; total as usize]);
        for (term, digits) in terms.iter().zip(digits.chunks_exact(windows.len())) {
            for (window, digit) in windows.iter().zip(digits).filter(|(_, digit)| **digit != 0) {
                let bucket = digit.unsigned_abs() as usize - 1;
                let next = &mut next[window.part + bucket / PART];
                let index = window.step as usize * place.n + place.first; // below 2^31 with the term's own
                sorted[*next as usize] = (term + 2 * index as Term) ^ Term::from(*digit < 0);
                buckets[*next as usize] = (bucket % PART) as u16;
                *next += 1;
            }
        }
        Chunk { terms: sorted, buckets, starts }
    }

    fn range(&self, part: usize) -> Range<usize> {
        self.starts[part] as usize..self.starts[part + 1] as usize
    }
}

/// Entries of one part that a task adds up: those of some chunks.
pub(super) struct Piece {
    pub(super) part: usize,
    chunks: Range<usize>,
}

/// Cuts each part into pieces, which end where they have `limit` entries or more; parts without entries have none.
pub(super) fn pieces(chunks: &[Chunk], parts: usize, limit: usize) -> Vec<Piece> {
    let mut pieces = vec![];
    for part in 0..parts {
        let (mut start, mut entries) = (0, 0);
        for (i, chunk) in chunks.iter().enumerate() {
            entries += chunk.range(part).len();
            if entries >= limit || (entries > 0 && i + 1 == chunks.len()) {
                pieces.push(Piece { part, chunks: start..i + 1 });
                (start, entries) = (i + 1, 0);
            }
        }
    }
    pieces
}

/// The terms of a piece ordered by bucket, and the end of each bucket's run.
pub(super) fn sort(chunks: &[Chunk], piece: &Piece, buckets: usize) -> (Terms, Zeroizing<Vec<u32>>) {
    let chunks = &chunks[piece.chunks.clone()];
    let mut ends = Zeroizing::new(vec![0u32; buckets]);
    for chunk in chunks {
        for bucket in &chunk.buckets[chunk.range(piece.part)] {
            ends[*bucket as usize] += 1;
        }
    }
    let mut total = 0;
    for end in ends.iter_mut() {
        (*end, total) = (total, total + *end); // starts, for now
    }
    let mut sorted = Zeroizing::new(vec![0; total as usize]);
    for chunk in chunks {
        let range = chunk.range(piece.part);
        for (term, bucket) in chunk.terms[range.clone()].iter().zip(&chunk.buckets[range]) {
            let next = &mut ends[*bucket as usize];
            sorted[*next as usize] = *term;
            *next += 1;
        }
    }
    (sorted, ends)
}
