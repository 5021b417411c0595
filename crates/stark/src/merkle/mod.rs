//! Merkle trees over the rows of tables of different heights.
//!
//! Rows are in natural order, so that x and −x are half the height apart: node j of a level of m nodes has the children
//! j and j + m. A table of 2^k rows joins at the level of 2^k nodes: its row's digest is hashed into the node. The level
//! of 2^cap nodes is the commitment. Openings of many rows share their siblings.
//!
//! The lowest levels are not kept. A block of neighbouring rows is hashed from the evaluations through all levels up to
//! the first that is stored, in a buffer of the thread; an opening hashes again what it needs.

mod build;
mod open;
mod verify;

pub(crate) use build::{Matrix, Tree, TreeSettings};
pub(crate) use open::{Opening, distinct};
pub(crate) use verify::verify;

use crate::hash::Digest;

/// A commitment: the nodes of one level.
pub(crate) type Cap = Vec<Digest>;
