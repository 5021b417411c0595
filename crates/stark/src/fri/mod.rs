//! The low-degree test: FRI (Ben-Sasson, Bentov, Horesh, Riabzev, ICALP 2018) with codewords of several heights.
//!
//! The tallest codeword is folded by an arity a challenge at a time; a shorter codeword joins when the fold has its
//! height, with the next power of the challenge. The domain's offset is divided out: index i stands for ω^i at every
//! height, and a fold of x and −x is (a + b) + β·x⁻¹·(a − b), twice the usual one. The schedule follows from parameters
//! and heights alone.

mod prove;
mod verify;

pub(crate) use prove::prove;
pub(crate) use verify::verify;

use crate::{field::E, layout::Layout, merkle::Cap, params::Parameters};

/// The commitments of the folds and what is left at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Commitments {
    pub(crate) caps: Vec<Cap>,
    /// Coefficients, from the constant on.
    pub(crate) last: Vec<E>,
    pub(crate) nonce: u64,
}

/// The opened groups of one fold: what the verifier does not already know, and the way to the cap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LayerOpening {
    pub(crate) values: Vec<E>,
    pub(crate) siblings: Vec<crate::hash::Digest>,
}

/// Which folds are done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// log₂ of the tallest codeword.
    pub(crate) log_start: u32,
    /// log₂ of the arity of each fold.
    pub(crate) log_arities: Vec<u32>,
    /// log₂ of what is left.
    pub(crate) log_end: u32,
}

impl Schedule {
    pub(crate) fn new(parameters: &Parameters, layout: &Layout) -> Schedule {
        let heights: Vec<u32> = layout.groups.iter().map(|g| g.log_rows + layout.log_blowup).collect();
        let least = heights.iter().copied().min().unwrap_or(0);
        let log_end = (parameters.log_final + parameters.log_blowup).min(least);
        let log_start = layout.log_height();
        let (mut log, mut log_arities) = (log_start, Vec::new());
        while log > log_end {
            // The next height at which a codeword joins must not be skipped.
            let stop = heights.iter().copied().filter(|&h| h < log).max().unwrap_or(log_end).max(log_end);
            let arity = parameters.log_arity.min(log - stop);
            log_arities.push(arity);
            log -= arity;
        }
        Schedule { log_start, log_arities, log_end }
    }

    /// (log₂ of the codeword, log₂ of the arity) of each fold.
    pub(crate) fn layers(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut log = self.log_start;
        self.log_arities.iter().map(move |&arity| {
            let this = (log, arity);
            log -= arity;
            this
        })
    }

    /// log₂ of the coefficients of the last polynomial.
    pub(crate) fn log_final(&self, parameters: &Parameters) -> u32 {
        self.log_end - parameters.log_blowup
    }
}
