//! Points as ark-serialize writes them uncompressed.
//!
//! On BLS12-381 they are zcash's (ark-bls12-381 has its own code): x then y, big-endian, c1 before c0; the flags are the
//! three top bits of the first byte, and of those only that of infinity may be set. On BN254 the generic code of ark-ec
//! writes x then y, little-endian, c0 before c1; the two top bits of the last byte are flags: the sign of y, which says
//! nothing that y does not, and is not looked at here nor by arkworks; and infinity. Infinity has zeros for coordinates.
//! Source: ark-bls12-381 0.6, `src/curves/util.rs`; ark-ec 0.6, `src/models/short_weierstrass`.

use crate::decode::{Fault, MAX_BYTES};
use forebay_msm::{AffinePoint, Curve, CurveId};

/// Reads a point. The curve equation and the subgroup are not checked. arkworks itself takes a point of BN254 with
/// coordinates for infinity if the flag says so; here it is refused.
pub(super) fn decode<C: Curve, P: AffinePoint>(bytes: &[u8]) -> Result<P, Fault> {
    let mut buffer = [0; MAX_BYTES];
    let Some(canonical) = buffer.get_mut(..bytes.len()) else { return Err(Fault::NotReduced) };
    canonical.copy_from_slice(bytes);
    let infinity = match C::ID {
        CurveId::Bls12_381 => normalize_zcash(canonical)?,
        CurveId::Bn254 => normalize_little_endian(canonical)?,
    };
    let zeros = canonical.iter().all(|b| *b == 0);
    match (infinity, zeros) {
        (true, true) => Ok(P::identity()),
        (true, false) => Err(Fault::Flag("is flagged as the point at infinity and has coordinates")),
        (false, true) => Err(Fault::Flag("is all zeros without the flag of the point at infinity")),
        (false, false) => P::read_canonical(canonical).ok_or(Fault::NotReduced),
    }
}

/// Takes the flags off and puts the bytes into the order of [`AffinePoint::read_canonical`]; tells whether infinity is
/// flagged.
fn normalize_zcash(point: &mut [u8]) -> Result<bool, Fault> {
    const COMPRESSED: u8 = 0x80;
    const INFINITY: u8 = 0x40;
    const SIGN: u8 = 0x20;
    let Some(first) = point.first_mut() else { return Ok(false) };
    let flags = *first;
    if flags & COMPRESSED != 0 {
        return Err(Fault::Flag("is flagged as compressed"));
    }
    if flags & SIGN != 0 {
        return Err(Fault::Flag("has a sign, which belongs to compressed points"));
    }
    *first &= !INFINITY;
    let half = point.len() / 2;
    point.chunks_exact_mut(half.max(1)).for_each(<[u8]>::reverse);
    Ok(flags & INFINITY != 0)
}

/// Likewise for the generic encoding.
fn normalize_little_endian(point: &mut [u8]) -> Result<bool, Fault> {
    const NEGATIVE: u8 = 0x80;
    const INFINITY: u8 = 0x40;
    let Some(last) = point.last_mut() else { return Ok(false) };
    let flags = *last & (NEGATIVE | INFINITY);
    *last ^= flags;
    match flags == NEGATIVE | INFINITY {
        true => Err(Fault::Flag("is flagged both as negative and as the point at infinity")),
        false => Ok(flags == INFINITY),
    }
}
