//! Opening rows.

use super::build::{Matrix, Tree};
use crate::hash::Digest;
use std::collections::BTreeSet;

/// Rows at some indices and the siblings that lead from them to the cap, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Per matrix, the opened rows in ascending order of their index, one after the other; canonical words.
    pub(crate) rows: Vec<Vec<u64>>,
    /// Siblings, from the leaves up, in ascending order of their index on a level.
    pub(crate) siblings: Vec<Digest>,
}

/// The indices that a matrix of 2^`log` rows is opened at.
pub(crate) fn distinct(indices: &[usize], log: u32) -> BTreeSet<usize> {
    indices.iter().map(|i| i & ((1 << log) - 1)).collect()
}

impl Tree {
    /// Opens `indices`, which count the rows of the tallest matrix (bits above its height are ignored).
    pub(crate) fn open(&self, matrices: &[Matrix<'_>], indices: &[usize]) -> Opening {
        let rows = matrices
            .iter()
            .map(|m| distinct(indices, m.log_height()).into_iter().flat_map(|i| m.row(i)).collect())
            .collect();
        Opening { rows, siblings: self.siblings(matrices, indices) }
    }

    fn siblings(&self, matrices: &[Matrix<'_>], indices: &[usize]) -> Vec<Digest> {
        let mut siblings = Vec::new();
        for log in (self.log_cap() + 1..=self.log_height()).rev() {
            let known = distinct(indices, log);
            let half = 1usize << (log - 1);
            let missing = known.iter().map(|i| i ^ half).filter(|i| !known.contains(i));
            siblings
                .extend(missing.collect::<BTreeSet<_>>().into_iter().map(|i| self.node(matrices, log, i)));
        }
        siblings
    }
}
