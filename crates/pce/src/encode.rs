//! One chunk of rows to bytes: combinations are grouped by their list of coefficients.

use crate::chunk::{FAR_BYTES, Header, Item, Items, NEAR_BYTES, NEAR_SPAN, Slot, put_varint};
use crate::circuit::ChunkEntry;
use crate::dictionary::{Code, KINDS};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// One nonempty combination of the chunk.
struct Combination {
    slot: Slot,
    constant: Option<Code>,
    /// Its terms in `ChunkEncoder::terms`.
    start: usize,
    len: usize,
}

/// Combinations with the same coefficients, as a linked list through `ChunkEncoder::next`.
struct Group {
    first: usize,
    last: usize,
    count: usize,
    far: bool,
}

const NONE: usize = usize::MAX;

/// Collects the combinations of one chunk, then writes them. Its memory is bounded by the chunk's limits (and by the
/// longest single row) and is kept from chunk to chunk.
#[derive(Default)]
pub(crate) struct ChunkEncoder {
    /// (coefficient, column), each combination sorted.
    terms: Vec<(Code, u32)>,
    combinations: Vec<Combination>,
    by_content: HashMap<u64, usize, BuildHasherDefault<Identity>>,
    by_pattern: HashMap<u64, usize, BuildHasherDefault<Identity>>,
    groups: Vec<Group>,
    next: Vec<usize>,
    copies: Vec<(Slot, Slot)>,
    sample: Vec<u32>,
}

impl ChunkEncoder {
    /// Terms collected so far.
    pub(crate) fn terms(&self) -> usize {
        self.terms.len()
    }

    /// Adds a nonempty combination. `terms` is sorted and has no column 0, whose coefficient is `constant`.
    pub(crate) fn push(&mut self, slot: Slot, constant: Option<Code>, terms: &[(Code, u32)]) {
        let worth_a_copy = terms.len() + usize::from(constant.is_some()) > 1
            || terms.iter().any(|t| t.0.kind() > 1)
            || constant.is_some_and(|c| c.kind() > 1);
        if worth_a_copy {
            let hash = content_hash(constant, terms);
            match self.by_content.get(&hash) {
                Some(&earlier) if self.same(earlier, constant, terms) => {
                    self.copies.push((slot, self.combinations[earlier].slot));
                    return;
                }
                Some(_) => {}
                None => drop(self.by_content.insert(hash, self.combinations.len())),
            }
        }
        let start = self.terms.len();
        self.terms.extend_from_slice(terms);
        self.combinations.push(Combination { slot, constant, start, len: terms.len() });
    }

    fn same(&self, index: usize, constant: Option<Code>, terms: &[(Code, u32)]) -> bool {
        let c = &self.combinations[index];
        c.constant == constant && self.terms_of(c) == terms
    }

    fn terms_of(&self, c: &Combination) -> &[(Code, u32)] {
        &self.terms[c.start..c.start + c.len]
    }

    /// Writes the chunk to `out`, forgets it, and returns the base of its near columns. A window of near columns does
    /// not contain both a column below `boundary` and one that is not.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>, boundary: u32) -> u32 {
        let base = self.choose_base(boundary);
        self.group(base);
        for group in &self.groups {
            self.write_group(group, base, out);
        }
        if !self.copies.is_empty() {
            Header::write_copies(self.copies.len(), out);
            for (to, from) in &self.copies {
                out.extend_from_slice(&to.0.to_le_bytes());
                out.extend_from_slice(&from.0.to_le_bytes());
            }
        }
        self.terms.clear();
        self.combinations.clear();
        self.by_content.clear();
        self.copies.clear();
        base
    }

    /// The start of the window of [`NEAR_SPAN`] columns that holds the most of a sample of 512 terms.
    fn choose_base(&mut self, boundary: u32) -> u32 {
        let step = self.terms.len() / 512 + 1;
        self.sample.clear();
        self.sample.extend(self.terms.iter().step_by(step).map(|t| t.1));
        self.sample.sort_unstable();
        let (mut best, mut covered, mut low) = ((0, 0), 0, 0);
        for (high, &column) in self.sample.iter().enumerate() {
            while column - self.sample[low] >= NEAR_SPAN {
                low += 1;
            }
            if high + 1 - low > covered {
                covered = high + 1 - low;
                best = (self.sample[low], column);
            }
        }
        // The unused part of the window is shared by both ends.
        let base = best.0.saturating_sub((NEAR_SPAN - 1 - (best.1 - best.0)) / 2);
        if boundary == 0 || best.1 < boundary {
            // Wholly below the boundary if that is where most columns are.
            if boundary == 0 { base } else { base.min(boundary.saturating_sub(NEAR_SPAN)) }
        } else {
            base.max(boundary)
        }
    }

    fn group(&mut self, base: u32) {
        self.groups.clear();
        self.by_pattern.clear();
        self.next.clear();
        self.next.resize(self.combinations.len(), NONE);
        for i in 0..self.combinations.len() {
            let c = &self.combinations[i];
            let terms = self.terms_of(c);
            let far = terms.iter().any(|t| t.1 < base || t.1 - base >= NEAR_SPAN);
            let hash = pattern_hash(far, c.constant, terms);
            let known = self.by_pattern.get(&hash).copied();
            match known.filter(|&g| self.matches(&self.groups[g], far, c)) {
                Some(g) => {
                    let group = &mut self.groups[g];
                    self.next[group.last] = i;
                    group.last = i;
                    group.count += 1;
                }
                None => {
                    self.by_pattern.entry(hash).or_insert(self.groups.len());
                    self.groups.push(Group { first: i, last: i, count: 1, far });
                }
            }
        }
    }

    fn matches(&self, group: &Group, far: bool, c: &Combination) -> bool {
        let other = &self.combinations[group.first];
        group.far == far
            && other.constant == c.constant
            && other.len == c.len
            && self.terms_of(other).iter().zip(self.terms_of(c)).all(|(a, b)| a.0 == b.0)
    }

    fn write_group(&self, group: &Group, base: u32, out: &mut Vec<u8>) {
        let first = &self.combinations[group.first];
        let pattern = self.terms_of(first);
        let mut counts = [0usize; KINDS];
        for term in pattern {
            counts[term.0.kind()] += 1;
        }
        let indexed =
            || first.constant.iter().copied().chain(pattern.iter().map(|t| t.0)).filter(|c| c.kind() > 1);
        let largest = indexed().map(Code::index).max().unwrap_or(0);
        let header = Header { far: group.far, constant: first.constant.map(Code::kind), counts, largest };
        let width = header.write(group.count, out);
        for code in indexed() {
            out.extend_from_slice(&code.index().to_le_bytes()[..width]);
        }
        let mut i = group.first;
        while i != NONE {
            let c = &self.combinations[i];
            out.extend_from_slice(&c.slot.0.to_le_bytes());
            for &(_, column) in self.terms_of(c) {
                if group.far {
                    out.extend_from_slice(&column.to_le_bytes()[..FAR_BYTES]);
                } else {
                    out.extend_from_slice(&(column - base).to_le_bytes()[..NEAR_BYTES]);
                }
            }
            i = self.next[i];
        }
    }
}

impl Header {
    /// Writes the header of a group and returns the width of an index in bytes.
    fn write(&self, count: usize, out: &mut Vec<u8>) -> usize {
        let (width_code, width) = match self.largest {
            0..=0xff => (0, 1),
            0x100..=0xffff => (1, 2),
            _ => (2, 4),
        };
        let constant = self.constant.map_or(Header::NO_CONSTANT, |kind| kind as u8);
        out.push(u8::from(self.far) | width_code << 1 | constant << 3);
        put_varint(count, out);
        let present = (0..KINDS).filter(|&k| self.counts[k] != 0).fold(0u8, |mask, k| mask | 1 << k);
        out.push(present);
        for count in self.counts.into_iter().filter(|&n| n != 0) {
            put_varint(count, out);
        }
        width
    }

    fn write_copies(count: usize, out: &mut Vec<u8>) {
        out.push(Header::COPIES);
        put_varint(count, out);
    }
}

/// A multiply-and-rotate hash: equal contents are verified, so a collision costs space only.
#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

fn content_hash(constant: Option<Code>, terms: &[(Code, u32)]) -> u64 {
    let start = mix(1, constant.map_or(u64::MAX, |c| u64::from(c.0)));
    let hash =
        terms.iter().fold(start, |h, &(code, column)| mix(h, u64::from(code.0) << 32 | u64::from(column)));
    mix(hash, terms.len() as u64)
}

fn pattern_hash(far: bool, constant: Option<Code>, terms: &[(Code, u32)]) -> u64 {
    let start = mix(u64::from(far), constant.map_or(u64::MAX, |c| u64::from(c.0)));
    mix(terms.iter().fold(start, |h, t| mix(h, u64::from(t.0.0))), terms.len() as u64)
}

/// The keys are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |h, &b| mix(h, u64::from(b)));
    }

    fn write_u64(&mut self, v: u64) {
        self.0 = v;
    }
}

/// Moves all columns at or above `boundary` down by `down`.
///
/// A chunk's near window lies on one side of the boundary, so near columns move with their base; far columns are
/// rewritten one by one.
pub(crate) fn relocate(payload: &mut [u8], chunks: &mut [ChunkEntry], boundary: u32, down: u32) {
    for i in 0..chunks.len() {
        if chunks[i].base >= boundary {
            chunks[i].base -= down;
        }
        let start = chunks[i].offset as usize;
        let end = chunks.get(i + 1).map_or(payload.len(), |next| next.offset as usize);
        for (offset, len, record) in far_records(&payload[start..end]) {
            let records = &mut payload[start + offset..start + offset + len];
            for column in records.chunks_exact_mut(record).flat_map(|r| r[2..].as_chunks_mut().0) {
                let v = u32::from_le_bytes(*column);
                *column = (if v >= boundary { v - down } else { v }).to_le_bytes();
            }
        }
    }
}

/// (offset, length, record length) of the records of far groups.
fn far_records(chunk: &[u8]) -> Vec<(usize, usize, usize)> {
    let mut items = Items::new(chunk);
    let mut found = Vec::new();
    // The chunk was written a moment ago: reading it does not fail.
    while let Ok(Some(item)) = items.next() {
        if let Item::Group(group) = item
            && group.far
        {
            found.push((items.offset() - group.records.len(), group.records.len(), group.record));
        }
    }
    found
}
