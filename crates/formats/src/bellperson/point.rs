//! Points as zcash writes them uncompressed: x then y, big-endian; in G2 the coefficient of u comes first.
//!
//! The three top bits of the first byte are flags: compressed, infinity, and the sign of y in a compressed point. Here
//! all three are zero, as bellperson leaves points at infinity out. Source: zkcrypto/pairing, `src/bls12_381/README.md`.

use crate::decode::{Fault, MAX_BYTES};
use forebay_msm::AffinePoint;

const COMPRESSED: u8 = 0x80;
const INFINITY: u8 = 0x40;
const SIGN: u8 = 0x20;

/// Reads a point. The curve equation and the subgroup are not checked.
pub(super) fn decode<A: AffinePoint>(bytes: &[u8]) -> Result<A, Fault> {
    let first = bytes.first().copied().unwrap_or(COMPRESSED);
    if first & COMPRESSED != 0 {
        return Err(Fault::Flag("is flagged as compressed"));
    }
    if first & INFINITY != 0 {
        return Err(Fault::Flag("is the point at infinity, which these files leave out"));
    }
    if first & SIGN != 0 {
        return Err(Fault::Flag("has a sign, which belongs to compressed points"));
    }
    if bytes.iter().all(|byte| *byte == 0) {
        // (0, 0) is on neither curve; in memory it would stand for infinity.
        return Err(Fault::Flag("is all zeros, which is no point"));
    }
    // A coordinate reversed is its coefficients in order, little-endian each: c1 ‖ c0 becomes c0 ‖ c1.
    let mut canonical = [0; MAX_BYTES];
    let half = A::BYTES / 2;
    for (to, from) in canonical.chunks_exact_mut(half).zip(bytes.chunks_exact(half)) {
        to.copy_from_slice(from);
        to.reverse();
    }
    let point = canonical.get(..bytes.len()).and_then(A::read_canonical);
    point.ok_or(Fault::NotReduced)
}

/// Writes a point that is not infinity, into the first bytes of the result.
pub(super) fn encode<A: AffinePoint>(point: &A) -> [u8; MAX_BYTES] {
    let mut bytes = [0; MAX_BYTES];
    if let Some(bytes) = bytes.get_mut(..A::BYTES) {
        point.write_canonical(bytes);
        bytes.chunks_exact_mut(A::BYTES / 2).for_each(<[u8]>::reverse);
    }
    bytes
}
