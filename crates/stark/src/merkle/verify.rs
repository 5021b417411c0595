//! Checking openings.

use super::{Opening, open::distinct};
use crate::hash::{Digest, Kind, hash_words, pair};
use std::collections::BTreeMap;

/// Checks that rows open a commitment. `shapes` are (log₂ of the height, width) of the matrices, `indices` count the
/// rows of the tallest. Every length in the opening is checked against these; nothing is taken from it.
pub(crate) fn verify(cap: &[Digest], shapes: &[(u32, usize)], indices: &[usize], opening: &Opening) -> bool {
    let Some(log_height) = shapes.iter().map(|s| s.0).max() else { return false };
    if !cap.len().is_power_of_two() || cap.len().ilog2() > log_height || opening.rows.len() != shapes.len() {
        return false;
    }
    let fits = shapes
        .iter()
        .zip(&opening.rows)
        .all(|(&(log, width), rows)| width > 0 && rows.len() == width * distinct(indices, log).len());
    if !fits {
        return false;
    }
    let log_cap = cap.len().ilog2();
    let mut siblings = opening.siblings.iter();
    let mut level = digests(log_height, shapes, indices, opening);
    for log in (log_cap..log_height).rev() {
        let Some(above) = parents(&level, log, &mut siblings) else { return false };
        level = above;
        if shapes.iter().any(|s| s.0 == log) {
            for (index, row) in digests(log, shapes, indices, opening) {
                let Some(node) = level.get_mut(&index) else { return false };
                *node = pair(Kind::Join, node, &row);
            }
        }
    }
    siblings.next().is_none() && level.iter().all(|(&i, digest)| cap.get(i) == Some(digest))
}

/// Digests of the opened rows of the matrices of one height, by index. Lengths were checked.
fn digests(
    log: u32,
    shapes: &[(u32, usize)],
    indices: &[usize],
    opening: &Opening,
) -> BTreeMap<usize, Digest> {
    let at = distinct(indices, log).into_iter().enumerate();
    at.map(|(place, index)| {
        let rows = shapes.iter().zip(&opening.rows).filter(|(s, _)| s.0 == log);
        let words = rows.flat_map(|(&(_, width), rows)| rows.iter().skip(place * width).take(width).copied());
        (index, hash_words(words))
    })
    .collect()
}

/// The level of 2^`log` nodes from what is known of the one below.
fn parents<'a>(
    below: &BTreeMap<usize, Digest>,
    log: u32,
    siblings: &mut impl Iterator<Item = &'a Digest>,
) -> Option<BTreeMap<usize, Digest>> {
    let half = 1usize << log;
    let mut missing: BTreeMap<usize, Digest> = BTreeMap::new();
    let mut wanted: Vec<usize> = below.keys().map(|i| i ^ half).filter(|i| !below.contains_key(i)).collect();
    wanted.sort_unstable();
    for index in wanted {
        missing.insert(index, *siblings.next()?);
    }
    let mut level = BTreeMap::new();
    for &index in below.keys() {
        let node = index & (half - 1);
        let child = |i: usize| below.get(&i).or_else(|| missing.get(&i));
        level.insert(node, pair(Kind::Node, child(node)?, child(node + half)?));
    }
    Some(level)
}

#[cfg(test)]
mod tests {
    use super::super::build::{Matrix, Tree, TreeSettings};
    use super::*;

    fn matrix(log: u32, width: usize, seed: u64) -> Vec<Vec<u64>> {
        (0..width as u64)
            .map(|c| {
                (0..1u64 << log).map(|r| (r + 1000 * c + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
            })
            .collect()
    }

    fn build(dropped: u32, check: impl Fn(&Tree, &[Matrix<'_>], &[(u32, usize)])) {
        let data = [matrix(9, 3, 1), matrix(8, 5, 2), matrix(9, 9, 3), matrix(3, 1, 4)];
        let matrices: Vec<Matrix<'_>> =
            data.iter().map(|m| Matrix { columns: m.iter().map(Vec::as_slice).collect() }).collect();
        let shapes: Vec<_> = matrices.iter().map(|m| (m.log_height(), m.columns.len())).collect();
        let settings = TreeSettings { log_cap: 2, dropped, parallel_from: 1024, reuse_buffers: true };
        check(&Tree::new(&matrices, settings), &matrices, &shapes);
    }

    const INDICES: [usize; 6] = [0, 511, 7, 263, 7, 8];

    #[test]
    fn openings_verify_whatever_is_stored() {
        let mut caps = Vec::new();
        for dropped in 0..8 {
            build(dropped, |tree, matrices, shapes| {
                let opening = tree.open(matrices, &INDICES);
                assert!(verify(tree.cap(), shapes, &INDICES, &opening), "{dropped}");
            });
            build(dropped, |tree, _, _| assert_eq!(tree.cap().len(), 4));
            let cap = std::cell::RefCell::new(Vec::new());
            build(dropped, |tree, _, _| *cap.borrow_mut() = tree.cap().to_vec());
            caps.push(cap.into_inner());
        }
        assert!(caps.windows(2).all(|w| w[0] == w[1]), "the commitment does not depend on what is stored");
    }

    /// A node from its definition, one hash at a time.
    fn node(matrices: &[Matrix<'_>], log_height: u32, log: u32, index: usize) -> Digest {
        let rows = matrices.iter().filter(|m| m.log_height() == log);
        let row: Vec<u64> = rows.flat_map(|m| m.row(index)).collect();
        if log == log_height {
            return hash_words(row);
        }
        let child = |i| node(matrices, log_height, log + 1, i);
        let digest = pair(Kind::Node, &child(index), &child(index + (1 << log)));
        if row.is_empty() { digest } else { pair(Kind::Join, &digest, &hash_words(row)) }
    }

    #[test]
    fn roots_are_as_defined() {
        build(3, |tree, matrices, _| {
            let defined: Vec<Digest> = (0..4).map(|i| node(matrices, 9, 2, i)).collect();
            assert_eq!(tree.cap(), defined);
        });
    }

    /// The peer's tree with our hashes: it pairs neighbours, so its rows come in bit-reversed order.
    #[test]
    fn roots_are_those_of_p3() {
        use crate::field::{F, PrimeField64};
        use p3_matrix::dense::RowMajorMatrix;
        use p3_merkle_tree::MerkleTree;
        use p3_symmetric::{CryptographicHasher, PseudoCompressionFunction};

        #[derive(Clone)]
        struct Rows;
        impl CryptographicHasher<F, Digest> for Rows {
            fn hash_iter<I: IntoIterator<Item = F>>(&self, row: I) -> Digest {
                hash_words(row.into_iter().map(|f| f.as_canonical_u64()))
            }
        }
        #[derive(Clone)]
        struct Nodes;
        impl PseudoCompressionFunction<Digest, 2> for Nodes {
            fn compress(&self, [left, right]: [Digest; 2]) -> Digest {
                pair(Kind::Node, &left, &right)
            }
        }

        const LOG: u32 = 9;
        let reversed = |i: usize, log: u32| i.reverse_bits() >> (usize::BITS - log);
        for widths in [vec![1], vec![3, 9], vec![16, 1, 40]] {
            let data: Vec<_> = widths.iter().map(|&w| matrix(LOG, w, 70 + w as u64)).collect();
            let matrices: Vec<Matrix<'_>> =
                data.iter().map(|m| Matrix { columns: m.iter().map(Vec::as_slice).collect() }).collect();
            let theirs = data.iter().map(|m| {
                let row = |r: usize| m.iter().map(move |c| F::new(c[reversed(r, LOG)]));
                RowMajorMatrix::new((0..1 << LOG).flat_map(row).collect(), m.len())
            });
            let theirs = MerkleTree::<F, u8, _, 2, 32>::new::<F, u8, _, _>(&Rows, &Nodes, theirs.collect());
            let cap = theirs.cap(2);
            let settings = TreeSettings { log_cap: 2, dropped: 3, parallel_from: 1024, reuse_buffers: true };
            let ours = Tree::new(&matrices, settings);
            for (j, node) in ours.cap().iter().enumerate() {
                assert_eq!(*node, cap.roots()[reversed(j, 2)]);
            }
        }
    }

    #[test]
    fn tampered_openings_do_not_verify() {
        build(3, |tree, matrices, shapes| {
            let good = tree.open(matrices, &INDICES);
            let refused = |opening: &Opening| assert!(!verify(tree.cap(), shapes, &INDICES, opening));
            for m in 0..good.rows.len() {
                for w in 0..good.rows[m].len() {
                    let mut bad = good.clone();
                    bad.rows[m][w] ^= 1;
                    refused(&bad);
                }
                let mut bad = good.clone();
                bad.rows[m].pop();
                refused(&bad);
                let mut bad = good.clone();
                bad.rows[m].push(0);
                refused(&bad);
            }
            for s in 0..good.siblings.len() {
                let mut bad = good.clone();
                bad.siblings[s][31] ^= 128;
                refused(&bad);
                let mut bad = good.clone();
                bad.siblings.remove(s);
                refused(&bad);
            }
            let mut bad = good.clone();
            bad.siblings.push([0; 32]);
            refused(&bad);
            let mut bad = good.clone();
            bad.rows.pop();
            refused(&bad);
            let mut cap = tree.cap().to_vec();
            cap[3][0] ^= 1;
            assert!(!verify(&cap, shapes, &INDICES, &good), "index 511 and 7 end in node 3");
            assert!(!verify(&cap[..3], shapes, &INDICES, &good));
            assert!(!verify(tree.cap(), shapes, &[0, 511, 7, 262, 7, 8], &good), "another index");
            assert!(!verify(tree.cap(), &[], &INDICES, &good));
        });
    }
}
