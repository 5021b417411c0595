//! Settings that a run can leave out.

use clap::ValueEnum;
use forebay_stark::Tuning;

/// A choice of the prover, switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Without {
    /// Bus columns whole instead of in chunks
    ChunkedBus,
    /// Inverses by products in the extension
    NormDescent,
    /// The running sum on one thread
    ParallelPrefixSum,
    /// A domain a table and round
    SharedDomains,
    /// Fresh buffers a block of leaves
    ReusedBuffers,
    /// Tasks for small trees too
    SequentialSmallTrees,
    /// All levels of trees stored
    DroppedLevels,
    /// A copy of the codeword for its leaves
    DirectFoldLeaves,
    /// Arity 2 instead of 8: another proof
    Arity,
}

impl Without {
    pub(crate) fn apply(self, tuning: &mut Tuning) {
        match self {
            Without::ChunkedBus => tuning.chunked_bus = false,
            Without::NormDescent => tuning.norm_descent = false,
            Without::ParallelPrefixSum => tuning.parallel_prefix_sum = false,
            Without::SharedDomains => tuning.shared_domains = false,
            Without::ReusedBuffers => tuning.reused_buffers = false,
            Without::SequentialSmallTrees => tuning.sequential_small_trees = false,
            Without::DroppedLevels => tuning.dropped_levels = false,
            Without::DirectFoldLeaves => tuning.direct_fold_leaves = false,
            Without::Arity => {}
        }
    }

    /// The name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
    }
}
