//! Eight vectors of eight words, turned: how points and scalars get from memory into lanes and back.

use core::arch::x86_64::*;

/// Exchanges lanes and vectors: lane j of vector i and lane i of vector j.
#[inline(always)]
pub(crate) unsafe fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
    // SAFETY: the caller's features.
    unsafe {
        let mut t = r; // pairs of lanes
        for i in (0..8).step_by(2) {
            t[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
            t[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
        }
        let mut q = t; // vectors i and i + 2: lane pairs {0, 2} and {1, 3} of both
        for i in [0, 1, 4, 5] {
            q[i] = _mm512_shuffle_i64x2::<0x88>(t[i], t[i + 2]);
            q[i + 2] = _mm512_shuffle_i64x2::<0xdd>(t[i], t[i + 2]);
        }
        let mut out = q;
        for i in 0..4 {
            out[i] = _mm512_shuffle_i64x2::<0x88>(q[i], q[i + 4]);
            out[i + 4] = _mm512_shuffle_i64x2::<0xdd>(q[i], q[i + 4]);
        }
        out
    }
}
