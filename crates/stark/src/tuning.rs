//! Choices that change a proof's cost and not its bytes, each on by default; `docs/stark.md` tells what each is worth.

/// How the prover works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Bus columns in chunks of 1024 rows that stay in L2, instead of whole columns at a time.
    pub chunked_bus: bool,
    /// Inverses in the extension by adjugate and norm, instead of products in the extension.
    pub norm_descent: bool,
    /// The running sum in three parallel phases, instead of one thread.
    pub parallel_prefix_sum: bool,
    /// One domain a size, instead of one a table and round.
    pub shared_domains: bool,
    /// Rows packed for hashing in a buffer of the thread, instead of a fresh one a block.
    pub reused_buffers: bool,
    /// Levels of fewer than 1024 nodes hashed by one thread.
    pub sequential_small_trees: bool,
    /// The three lowest levels of a tree hashed again at queries, instead of stored.
    pub dropped_levels: bool,
    /// Groups of a fold hashed straight from the codeword, instead of from a copy.
    pub direct_fold_leaves: bool,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            chunked_bus: true,
            norm_descent: true,
            parallel_prefix_sum: true,
            shared_domains: true,
            reused_buffers: true,
            sequential_small_trees: true,
            dropped_levels: true,
            direct_fold_leaves: true,
        }
    }
}
