//! Evaluation domains and their twiddles, built once a proof and shared by all tables of a size.
//!
//! A table of 2^k rows is interpolated over H, the subgroup of that order, and extended to the coset s·H′ of order
//! 2^(k + b). Rows of an extension are in natural order: row i belongs to s·ω^i, the next trace row is 2^b rows on, and
//! x and −x are half the height apart.

use crate::{
    field::{F, root_of_unity},
    simd,
};
use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// What a domain is determined by. All three count: two cosets of one length are different domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DomainKey {
    /// log₂ of the trace length.
    pub(crate) log_rows: u32,
    /// log₂ of the blowup.
    pub(crate) log_blowup: u32,
    /// The coset's offset s, canonical.
    pub(crate) shift: u64,
}

/// An extended domain with the twiddles that lead there.
pub(crate) struct Domain {
    pub(crate) key: DomainKey,
    /// Twiddles of the coset, layer after layer; the last layer is the first half of the domain.
    forward: Vec<u64>,
}

impl Domain {
    fn new(key: DomainKey) -> Domain {
        let log_n = key.log_rows + key.log_blowup;
        let mut forward = vec![0u64; 1 << log_n];
        if log_n == 0 {
            return Domain { key, forward };
        }
        forward[1..].par_chunks_layers().for_each(|(log_block, layer)| {
            let start = F::new(key.shift).exp_power_of_2((log_n - log_block) as usize);
            geometric(layer, start, root_of_unity(log_block));
        });
        Domain { key, forward }
    }

    pub(crate) fn log_size(&self) -> u32 {
        self.key.log_rows + self.key.log_blowup
    }

    pub(crate) fn twiddles(&self) -> &[u64] {
        &self.forward
    }

    /// Writes the points of rows `start .. start + out.len()`, which lie in one half of the domain.
    pub(crate) fn points(&self, start: usize, out: &mut [u64]) {
        let half = self.forward.len() / 2;
        let layer = &self.forward[half..];
        if start < half {
            out.copy_from_slice(&layer[start..start + out.len()]);
        } else {
            out.fill(0);
            simd::sub_assign(out, &layer[start - half..start - half + out.len()]);
        }
    }
}

/// Splits a table without its first word into layers: (log₂ of the block, twiddles).
trait Layers {
    fn par_chunks_layers(&mut self) -> rayon::vec::IntoIter<(u32, &mut [u64])>;
}

impl Layers for [u64] {
    fn par_chunks_layers(&mut self) -> rayon::vec::IntoIter<(u32, &mut [u64])> {
        let (mut rest, mut layers, mut log_block) = (self, Vec::new(), 1);
        while !rest.is_empty() {
            let (layer, tail) = rest.split_at_mut((1usize << (log_block - 1)).min(rest.len()));
            layers.push((log_block, layer));
            (rest, log_block) = (tail, log_block + 1);
        }
        layers.into_par_iter()
    }
}

/// start, start·ratio, start·ratio², …: by doubling, so that it runs on vectors.
pub(crate) fn geometric(out: &mut [u64], start: F, ratio: F) {
    let Some(first) = out.first_mut() else { return };
    *first = simd::word(start);
    let (mut done, mut step) = (1, ratio);
    while done < out.len() {
        let more = done.min(out.len() - done);
        let (head, tail) = out.split_at_mut(done);
        tail[..more].copy_from_slice(&head[..more]);
        if more % 8 == 0 {
            simd::scale(&mut tail[..more], simd::word(step));
        } else {
            tail[..more].iter_mut().for_each(|w| *w = simd::word(F::new(*w) * step));
        }
        (done, step) = (done + more, step.square());
    }
}

/// The domains of one proof, and the twiddles of ω⁻¹ for all of them.
pub(crate) struct Domains {
    log_blowup: u32,
    shift: u64,
    /// Twiddles of the subgroup's inverse generators up to the largest extension; smaller sizes are its prefixes.
    inverse: Vec<u64>,
    shared: Mutex<HashMap<DomainKey, Arc<Domain>>>,
    /// Whether domains are kept at all.
    pub(crate) share: bool,
}

impl Domains {
    /// Domains for traces of at most 2^`max_log_rows` rows.
    pub(crate) fn new(max_log_rows: u32, log_blowup: u32, shift: F) -> Domains {
        let mut inverse = vec![0u64; 1 << (max_log_rows + log_blowup)];
        inverse[1..].par_chunks_layers().for_each(|(log_block, layer)| {
            geometric(layer, F::ONE, root_of_unity(log_block).inverse());
        });
        Domains { log_blowup, shift: simd::word(shift), inverse, shared: Mutex::default(), share: true }
    }

    /// The domain of traces of 2^`log_rows` rows; built on first use.
    pub(crate) fn of(&self, log_rows: u32) -> Arc<Domain> {
        let key = DomainKey { log_rows, log_blowup: self.log_blowup, shift: self.shift };
        if !self.share {
            return Arc::new(Domain::new(key));
        }
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shared.entry(key).or_insert_with(|| Arc::new(Domain::new(key))))
    }

    /// Twiddles of ω⁻¹ for every size up to the largest.
    pub(crate) fn inverse_twiddles(&self) -> &[u64] {
        &self.inverse
    }

    /// log₂ of the blowup of every domain here.
    pub(crate) fn log_blowup(&self) -> u32 {
        self.log_blowup
    }

    pub(crate) fn shift(&self) -> F {
        F::new(self.shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_differ_by_length_blowup_and_coset() {
        let domains = |blowup, shift| Domains::new(6, blowup, F::new(shift));
        let a = domains(1, 7).of(6);
        assert!(Arc::ptr_eq(&domains(1, 7).of(6), &a) || a.key == domains(1, 7).of(6).key);
        let shared = domains(1, 7);
        assert!(Arc::ptr_eq(&shared.of(5), &shared.of(5)), "one domain a size");
        assert_ne!(a.twiddles(), domains(1, 49).of(6).twiddles());
        assert_ne!(a.key, domains(2, 7).of(5).key, "2^6 x 2 and 2^5 x 4 are not one domain");
        assert_eq!(a.twiddles(), domains(2, 7).of(5).twiddles(), "though they have the same points");
        let key = |log_rows, log_blowup| DomainKey { log_rows, log_blowup, shift: 7 };
        assert_ne!(key(19, 2), key(20, 1), "2^19 x 4 and 2^20 x 2");
    }

    #[test]
    fn points_walk_the_coset() {
        let domain = Domains::new(5, 1, F::new(7)).of(5);
        let mut points = [0; 64];
        let (low, high) = points.split_at_mut(32);
        domain.points(0, low);
        domain.points(32, &mut high[..8]);
        domain.points(40, &mut high[8..]);
        let mut x = F::new(7);
        for &p in &points {
            assert_eq!(F::new(p), x);
            x *= root_of_unity(6);
        }
    }
}
