//! Building a tree.

use crate::{
    hash::{Digest, Kind, hash_rows, pair},
    simd,
    tuning::Tuning,
};
use rayon::prelude::*;

/// Indices hashed together: whole vectors of BLAKE3 inputs, rows that stay in L1.
const BLOCK: usize = 64;

/// How a tree is built and stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeSettings {
    /// log₂ of the nodes of the commitment.
    pub(crate) log_cap: u32,
    /// Levels that are not stored, from the leaves on.
    pub(crate) dropped: u32,
    /// Levels of fewer nodes are hashed by one thread.
    pub(crate) parallel_from: usize,
    /// Whether a thread keeps its buffers from block to block.
    pub(crate) reuse_buffers: bool,
}

impl TreeSettings {
    /// Settings measured in `docs/stark.md`: three dropped levels keep an eighth of a tree at seven extra leaf hashes a
    /// path; below 1024 nodes a task costs more than it saves.
    pub(crate) fn new(log_cap: u32, tuning: Tuning) -> TreeSettings {
        TreeSettings {
            log_cap,
            dropped: if tuning.dropped_levels { 3 } else { 0 },
            parallel_from: if tuning.sequential_small_trees { 1024 } else { 0 },
            reuse_buffers: tuning.reused_buffers,
        }
    }
}

/// A group of columns of one height.
pub(crate) struct Matrix<'a> {
    pub(crate) columns: Vec<&'a [u64]>,
}

impl Matrix<'_> {
    pub(crate) fn log_height(&self) -> u32 {
        self.columns[0].len().ilog2()
    }

    /// The row's canonical words, without padding.
    pub(crate) fn row(&self, index: usize) -> Vec<u64> {
        self.columns.iter().map(|c| simd::word(crate::field::F::new(c[index]))).collect()
    }
}

/// The stored levels of a tree; the evaluations stay with their owner.
pub(crate) struct Tree {
    log_height: u32,
    settings: TreeSettings,
    /// From the largest stored level to the cap.
    levels: Vec<Vec<Digest>>,
}

/// Buffers of one thread.
#[derive(Default)]
struct Buffers {
    rows: Vec<u64>,
    bytes: Vec<u8>,
    joined: Vec<Digest>,
}

impl Tree {
    /// The tree of these matrices. The tallest are hashed together as leaves: their rows one after the other.
    ///
    /// # Panics
    /// When there is no matrix, one has no columns, or columns differ in length.
    pub(crate) fn new(matrices: &[Matrix<'_>], settings: TreeSettings) -> Tree {
        let log_height = matrices.iter().map(Matrix::log_height).max().unwrap_or(0);
        let log_cap = settings.log_cap.min(log_height);
        let settings = TreeSettings { log_cap, ..settings };
        let stored = log_height.saturating_sub(settings.dropped).max(log_cap);
        let mut bottom = vec![Digest::default(); 1 << stored];
        let leaves = Leaves { matrices, log_height };
        let work = |buffers: &mut Buffers, (block, out): (usize, &mut [Digest])| {
            if !settings.reuse_buffers {
                *buffers = Buffers::default();
            }
            leaves.level(stored, block * BLOCK, out, buffers);
        };
        let mut own = Buffers::default();
        if (1usize << log_height) < settings.parallel_from {
            bottom.chunks_mut(BLOCK).enumerate().for_each(|job| work(&mut own, job));
        } else {
            bottom.par_chunks_mut(BLOCK).enumerate().for_each_init(Buffers::default, work);
        }
        let mut levels = vec![bottom];
        for log in (log_cap..stored).rev() {
            let below = &levels[levels.len() - 1];
            let mut level = vec![Digest::default(); 1 << log];
            let combine = |buffers: &mut Buffers, (block, out): (usize, &mut [Digest])| {
                let start = block * BLOCK;
                let (low, high) = below.split_at(1 << log);
                let end = start + out.len();
                leaves.combine(log, start, &low[start..end], &high[start..end], out, buffers);
            };
            if level.len() < settings.parallel_from {
                level.chunks_mut(BLOCK).enumerate().for_each(|job| combine(&mut own, job));
            } else {
                level.par_chunks_mut(BLOCK).enumerate().for_each_init(Buffers::default, combine);
            }
            levels.push(level);
        }
        Tree { log_height, settings, levels }
    }

    /// The commitment.
    pub(crate) fn cap(&self) -> &[Digest] {
        &self.levels[self.levels.len() - 1]
    }

    pub(crate) fn log_height(&self) -> u32 {
        self.log_height
    }

    pub(crate) fn log_cap(&self) -> u32 {
        self.settings.log_cap
    }

    /// Node `index` of the level of 2^`log` nodes: read, or hashed again below the stored levels.
    pub(crate) fn node(&self, matrices: &[Matrix<'_>], log: u32, index: usize) -> Digest {
        let stored = self.levels[0].len().ilog2();
        if log <= stored {
            return self.levels[(stored - log) as usize][index];
        }
        let mut out = [Digest::default()];
        let leaves = Leaves { matrices, log_height: self.log_height };
        leaves.level(log, index, &mut out, &mut Buffers::default());
        out[0]
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.levels.iter().map(|l| 32 * l.len() as u64).sum()
    }
}

/// The rows under a tree.
struct Leaves<'a> {
    matrices: &'a [Matrix<'a>],
    log_height: u32,
}

impl Leaves<'_> {
    /// Nodes `start ..` of the level of 2^`log` nodes, from the evaluations.
    fn level(&self, log: u32, start: usize, out: &mut [Digest], buffers: &mut Buffers) {
        if log == self.log_height {
            self.rows(log, start, out, buffers);
            return;
        }
        let mut low = vec![Digest::default(); out.len()];
        let mut high = low.clone();
        self.level(log + 1, start, &mut low, buffers);
        self.level(log + 1, start + (1 << log), &mut high, buffers);
        self.combine(log, start, &low, &high, out, buffers);
    }

    /// A level's nodes from their children, with the tables that join here.
    fn combine(
        &self,
        log: u32,
        start: usize,
        low: &[Digest],
        high: &[Digest],
        out: &mut [Digest],
        buffers: &mut Buffers,
    ) {
        pairs(Kind::Node, low, high, out, &mut buffers.bytes);
        if self.matrices.iter().any(|m| m.log_height() == log) {
            let mut joined = std::mem::take(&mut buffers.joined);
            joined.clear();
            joined.resize(out.len(), Digest::default());
            self.rows(log, start, &mut joined, buffers);
            let nodes = out.to_vec();
            pairs(Kind::Join, &nodes, &joined, out, &mut buffers.bytes);
            buffers.joined = joined;
        }
    }

    /// Digests of the rows `start ..` of all matrices of this height.
    fn rows(&self, log: u32, start: usize, out: &mut [Digest], buffers: &mut Buffers) {
        let columns: Vec<&[u64]> = self
            .matrices
            .iter()
            .filter(|m| m.log_height() == log)
            .flat_map(|m| m.columns.iter().copied())
            .collect();
        let row_words = columns.len().next_multiple_of(8);
        if !out.len().is_multiple_of(8) {
            for (i, out) in out.iter_mut().enumerate() {
                let words = columns.iter().map(|c| simd::word(crate::field::F::new(c[start + i])));
                *out = crate::hash::hash_words(words);
            }
            return;
        }
        buffers.rows.resize(out.len() * row_words, 0);
        simd::pack_rows(&columns, start, out.len(), row_words, &mut buffers.rows);
        hash_rows(Kind::Leaf, simd::as_bytes(&buffers.rows), 8 * row_words, out);
    }
}

/// Hashes digests pairwise.
fn pairs(kind: Kind, left: &[Digest], right: &[Digest], out: &mut [Digest], bytes: &mut Vec<u8>) {
    if out.len() == 1 {
        out[0] = pair(kind, &left[0], &right[0]);
        return;
    }
    bytes.clear();
    for (l, r) in left.iter().zip(right) {
        bytes.extend_from_slice(l);
        bytes.extend_from_slice(r);
    }
    hash_rows(kind, bytes, 64, out);
}
