//! BLAKE3 in batches.
//!
//! A leaf is a row padded with zeros to whole blocks of 64 bytes, a node two digests; each kind has a key of its own, so
//! that one can never stand for the other. Messages of at most 1024 bytes go through BLAKE3's many-input path, which
//! fills the vector registers; the results are those of [`blake3::keyed_hash`], and a test says so. That path is the
//! crate's `platform` module, which it calls unstable: the lock file pins it.

use blake3::{IncrementCounter, platform::Platform};
use std::sync::LazyLock;

/// A BLAKE3 digest.
pub type Digest = [u8; 32];

/// Flags of BLAKE3's specification, section 2.2.
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 2;
const ROOT: u8 = 8;
const KEYED_HASH: u8 = 16;
const BLOCK_BYTES: usize = 64;
/// Messages above this have more than one chunk.
const CHUNK_BYTES: usize = 1024;
/// Inputs a call: a multiple of every platform's degree.
const BATCH: usize = 16;

/// What is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A row, or a group of codeword values.
    Leaf,
    /// Two children.
    Node,
    /// A node and the row of a shorter table that joins at its height.
    Join,
}

struct Keys {
    bytes: [u8; 32],
    words: [u32; 8],
}

fn keys(kind: Kind) -> &'static Keys {
    static ALL: LazyLock<[Keys; 3]> = LazyLock::new(|| {
        ["leaf", "node", "join"].map(|name| {
            let bytes = blake3::derive_key(&format!("forebay-stark 1 {name}"), &[]);
            let mut words = [0u32; 8];
            for (w, b) in words.iter_mut().zip(bytes.chunks_exact(4)) {
                *w = u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            }
            Keys { bytes, words }
        })
    });
    &ALL[kind as usize]
}

/// One message.
pub(crate) fn hash(kind: Kind, message: &[u8]) -> Digest {
    *blake3::keyed_hash(&keys(kind).bytes, message).as_bytes()
}

/// Two digests.
pub(crate) fn pair(kind: Kind, left: &Digest, right: &Digest) -> Digest {
    let mut message = [0u8; 64];
    message[..32].copy_from_slice(left);
    message[32..].copy_from_slice(right);
    hash(kind, &message)
}

/// Messages of `row_bytes` each, one after the other; `row_bytes` is a multiple of 64.
pub(crate) fn hash_rows(kind: Kind, rows: &[u8], row_bytes: usize, out: &mut [Digest]) {
    assert!(row_bytes > 0 && row_bytes.is_multiple_of(BLOCK_BYTES) && rows.len() == row_bytes * out.len());
    macro_rules! by_blocks {
        ($($blocks:literal)*) => {
            match row_bytes / BLOCK_BYTES {
                $($blocks => many::<{ $blocks * BLOCK_BYTES }>(kind, rows, out),)*
                _ => {
                    for (row, out) in rows.chunks_exact(row_bytes).zip(out) {
                        *out = hash(kind, row);
                    }
                }
            }
        };
    }
    const { assert!(CHUNK_BYTES == 16 * BLOCK_BYTES) };
    by_blocks!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
}

fn many<const N: usize>(kind: Kind, rows: &[u8], out: &mut [Digest]) {
    static PLATFORM: LazyLock<Platform> = LazyLock::new(Platform::detect);
    let (messages, _) = rows.as_chunks::<N>();
    for (messages, out) in messages.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
        let mut inputs = [&messages[0]; BATCH];
        for (input, message) in inputs.iter_mut().zip(messages) {
            *input = message;
        }
        PLATFORM.hash_many(
            &inputs[..messages.len()],
            &keys(kind).words,
            0,
            IncrementCounter::No,
            KEYED_HASH,
            CHUNK_START,
            CHUNK_END | ROOT,
            out.as_flattened_mut(),
        );
    }
}

/// A row as it is hashed: canonical words, zeros to whole blocks.
pub(crate) fn hash_words(words: impl IntoIterator<Item = u64>) -> Digest {
    let mut message: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    message.resize(message.len().next_multiple_of(BLOCK_BYTES), 0);
    hash(Kind::Leaf, &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_keyed_hashes() {
        for blocks in [1, 2, 3, 5, 16, 17] {
            for count in [1, 2, 15, 16, 17, 40] {
                let row = 64 * blocks;
                let rows: Vec<u8> = (0..row * count).map(|i| (i * 31 % 251) as u8).collect();
                let mut out = vec![[0; 32]; count];
                hash_rows(Kind::Node, &rows, row, &mut out);
                for (message, out) in rows.chunks(row).zip(&out) {
                    assert_eq!(*out, hash(Kind::Node, message));
                }
            }
        }
    }

    #[test]
    fn kinds_do_not_meet() {
        let digest = [7; 32];
        assert_ne!(pair(Kind::Node, &digest, &digest), pair(Kind::Join, &digest, &digest));
        assert_ne!(pair(Kind::Node, &digest, &digest), hash(Kind::Leaf, &[7; 64]));
    }
}
