//! A memory-bandwidth-aware scheduler for provers that keep many proofs in flight.
//!
//! It owns the locks, the throttle, the memory and the threads of a prover, and knows nothing of curves, devices' APIs or
//! async runtimes: it can be taken into another prover by itself.
//!
//! | part | promise |
//! |---|---|
//! | [`budget`] | host, pinned and device bytes; fair waiting; an impossible request is refused at once |
//! | [`gate`] | evaluators give way while a bandwidth-critical stage runs |
//! | [`device`] | one lock per device, held for device work alone |
//! | [`reclaim`] | big buffers are recycled, wiped by one thread, not unmapped |
//! | [`pinned`] | page-locked buffers for a device's copies: within the budget, used again, wiped |
//! | [`pools`] | named, pinned thread pools |
//! | [`probe`] | what machine this is, where its memory bandwidth saturates, which configuration fits |
//! | [`config`] | the `[scheduler]` section of the configuration |
//! | [`counters`] | page faults, mapped memory, TLB shoot-downs, from /proc |
//! | [`blocks`] | an allocator that recycles big blocks, whoever allocates them |
//! | [`policy`] | which partition next: a pure state machine |
//! | [`executor`] | the policy on real threads |
//! | [`timeline`] | what happened when; pictures of it |
//! | [`sim`] | the policy on a virtual clock, with a model of the machine |
//! | [`cancel`] | cancellation and deadlines, which every wait of this crate honours |
//!
//! The README beside this crate's manifest argues why the protocols are right.

pub mod blocks;
pub mod budget;
pub mod cancel;
pub mod config;
pub mod counters;
pub mod device;
pub mod executor;
pub mod gate;
pub mod pinned;
pub mod policy;
pub mod pools;
pub mod probe;
pub mod reclaim;
pub mod sim;
mod sync;
pub mod timeline;

pub use blocks::{BigBlocks, BlockStats};
