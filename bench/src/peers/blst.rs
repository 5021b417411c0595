//! blst's Pippenger: its single-threaded entry for one thread, else its own pool (all cores).

use crate::{measure::Contender, msm::Multiplier, options::Setting};
use blst::{MultiPoint, blst_p1_affine, blst_p2_affine};
use blstrs::{G1Affine, G2Affine, Scalar};
use ff::PrimeField;

macro_rules! msm {
    ($name:ident, $wrapper:ty, $affine:ty, $sum:ty, $mult:path, $scratch:path, $to_affine:path) => {
        /// One multiplication a run, conversion of the scalars to bytes included.
        pub(crate) fn $name<'a>(
            setting: &Setting,
            points: &'a [$wrapper],
            scalars: &'a [Scalar],
        ) -> Multiplier<'a, $wrapper> {
            let one_thread = setting.threads == 1;
            Contender::new("blst", move || {
                let bytes: Vec<u8> = scalars.iter().flat_map(|k| k.to_repr()).collect();
                let (start, n) = (points.as_ptr().cast::<$affine>(), points.len());
                // SAFETY: the wrapper is transparent over blst's type.
                let points = unsafe { core::slice::from_raw_parts(start, n) };
                let sum = if one_thread { single(points, &bytes) } else { points.mult(&bytes, 255) };
                let mut affine = <$wrapper>::default();
                // SAFETY: both are live values.
                unsafe { $to_affine(affine.as_mut(), &sum) };
                return Ok(affine);

                fn single(points: &[$affine], bytes: &[u8]) -> $sum {
                    let scalars = [bytes.as_ptr(), core::ptr::null()];
                    let list = [points.as_ptr(), core::ptr::null()];
                    let mut sum = <$sum>::default();
                    // SAFETY: contiguous points and scalars, as a null second pointer says; scratch as large as blst
                    // asks for.
                    unsafe {
                        let mut scratch = vec![0u64; $scratch(points.len()) / 8 + 1];
                        $mult(
                            &mut sum,
                            list.as_ptr(),
                            points.len(),
                            scalars.as_ptr(),
                            255,
                            scratch.as_mut_ptr(),
                        );
                    }
                    sum
                }
            })
        }
    };
}

msm!(
    msm_g1,
    G1Affine,
    blst_p1_affine,
    blst::blst_p1,
    blst::blst_p1s_mult_pippenger,
    blst::blst_p1s_mult_pippenger_scratch_sizeof,
    blst::blst_p1_to_affine
);
msm!(
    msm_g2,
    G2Affine,
    blst_p2_affine,
    blst::blst_p2,
    blst::blst_p2s_mult_pippenger,
    blst::blst_p2s_mult_pippenger_scratch_sizeof,
    blst::blst_p2_to_affine
);
