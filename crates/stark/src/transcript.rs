//! Fiat–Shamir over BLAKE3.
//!
//! Every absorbed item carries its label and its length, so that no two sequences of items are the same bytes. A
//! challenge hashes all that came before into the next state and reads its output stream; words at or above p are
//! skipped, so challenges are uniform in the field.

use crate::{
    field::{E, F, MODULUS, words},
    hash::Digest,
};

/// The prover's and the verifier's shared state.
#[derive(Clone)]
pub(crate) struct Transcript {
    hasher: blake3::Hasher,
}

impl Transcript {
    pub(crate) fn new(protocol: &str) -> Transcript {
        let mut transcript =
            Transcript { hasher: blake3::Hasher::new_derive_key("forebay-stark 1 transcript") };
        transcript.bytes("protocol", protocol.as_bytes());
        transcript
    }

    /// Absorbs bytes.
    pub(crate) fn bytes(&mut self, label: &str, bytes: &[u8]) {
        self.header(label, bytes.len());
        self.hasher.update(bytes);
    }

    fn header(&mut self, label: &str, len: usize) {
        self.hasher.update(&(label.len() as u64).to_le_bytes());
        self.hasher.update(label.as_bytes());
        self.hasher.update(&(len as u64).to_le_bytes());
    }

    pub(crate) fn number(&mut self, label: &str, number: u64) {
        self.bytes(label, &number.to_le_bytes());
    }

    pub(crate) fn base(&mut self, label: &str, elements: &[F]) {
        self.header(label, 8 * elements.len());
        for &e in elements {
            self.hasher.update(&p3_field::PrimeField64::as_canonical_u64(&e).to_le_bytes());
        }
    }

    pub(crate) fn ext(&mut self, label: &str, elements: &[E]) {
        self.header(label, 24 * elements.len());
        for &e in elements {
            for w in words(e) {
                self.hasher.update(&w.to_le_bytes());
            }
        }
    }

    pub(crate) fn cap(&mut self, label: &str, cap: &[Digest]) {
        self.bytes(label, cap.as_flattened());
    }

    /// The stream of a challenge; what was absorbed is folded into the state.
    fn squeeze(&mut self, label: &str) -> blake3::OutputReader {
        self.header(label, 0);
        let mut state = [0u8; 32];
        let mut reader = self.hasher.finalize_xof();
        reader.fill(&mut state);
        self.hasher = blake3::Hasher::new_derive_key("forebay-stark 1 transcript");
        self.bytes("state", &state);
        reader
    }

    /// An extension element.
    pub(crate) fn challenge(&mut self, label: &str) -> E {
        let mut reader = self.squeeze(label);
        let mut word = || loop {
            let mut bytes = [0u8; 8];
            reader.fill(&mut bytes);
            let word = u64::from_le_bytes(bytes);
            if word < MODULUS {
                return word;
            }
        };
        crate::field::ext([word(), word(), word()])
    }

    /// A point outside the base field, where all domains lie.
    pub(crate) fn out_of_domain(&mut self, label: &str) -> E {
        loop {
            let point = self.challenge(label);
            if !in_base_field(point) {
                return point;
            }
        }
    }

    /// Indices below 2^`log`.
    pub(crate) fn indices(&mut self, label: &str, count: usize, log: u32) -> Vec<usize> {
        let mut reader = self.squeeze(label);
        let mut index = || {
            let mut bytes = [0u8; 8];
            reader.fill(&mut bytes);
            (u64::from_le_bytes(bytes) & ((1u64 << log) - 1)) as usize
        };
        (0..count).map(|_| index()).collect()
    }

    /// Whether `nonce` has the wanted number of leading zero bits after this state.
    pub(crate) fn grinds(&self, nonce: u64, bits: u32) -> bool {
        let mut trial = self.clone();
        trial.number("nonce", nonce);
        let mut first = [0u8; 8];
        trial.hasher.finalize_xof().fill(&mut first);
        u64::from_be_bytes(first).leading_zeros() >= bits
    }
}

/// Whether a point could lie in a domain: those are subsets of the base field.
pub(crate) fn in_base_field(point: E) -> bool {
    let [_, b, c] = words(point);
    b == 0 && c == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_labels_are_bound() {
        let challenge = |items: &[(&str, &[u8])]| {
            let mut t = Transcript::new("test");
            items.iter().for_each(|(label, bytes)| t.bytes(label, bytes));
            t.challenge("c")
        };
        let base = challenge(&[("a", b"xy"), ("b", b"z")]);
        assert_eq!(base, challenge(&[("a", b"xy"), ("b", b"z")]));
        for other in [
            &[("a", b"x".as_slice()), ("b", b"yz")][..],
            &[("a", b"xyz"), ("b", b"")],
            &[("b", b"xy"), ("a", b"z")],
            &[("a", b"xy")],
            &[("ab", b"xy"), ("", b"z")],
        ] {
            assert_ne!(base, challenge(other));
        }
    }

    #[test]
    fn challenges_depend_on_those_before() {
        let mut a = Transcript::new("test");
        let mut b = a.clone();
        let first = a.challenge("x");
        assert_ne!(first, a.challenge("x"));
        assert_eq!(first, b.challenge("x"));
        assert_ne!(b.challenge("y"), Transcript::new("test").challenge("y"));
    }

    #[test]
    fn points_of_the_base_field_are_told() {
        assert!(in_base_field(E::from(F::new(9))));
        assert!(!in_base_field(crate::field::ext([9, 0, 1])));
    }

    #[test]
    fn grinding_counts_leading_zeros() {
        let t = Transcript::new("test");
        let nonce = (0..).find(|&n| t.grinds(n, 8)).unwrap();
        assert!(nonce > 0 && !t.grinds(nonce - 1, 8) && t.grinds(nonce, 0));
    }
}
