//! Pointwise multiplication by a constant or by the powers of one.

use crate::{
    domain::Powers,
    field::{ScalarField, as_limbs, as_limbs_mut, mont4},
};
use rayon::prelude::*;

/// Elements per task of a pass that does one multiplication on each.
const TASK: usize = 1 << 11;

/// v_i ← c·v_i.
pub(crate) fn scale<F: ScalarField>(values: &mut [F], c: F) {
    as_limbs_mut(values).par_iter_mut().with_min_len(TASK).for_each(|v| *v = mont4::mul::<F>(v, c.limbs()));
}

/// v_i ← p_i·v_i.
pub(crate) fn scale_by_powers<F: ScalarField>(values: &mut [F], powers: &Powers<F>) {
    let low = as_limbs(powers.low());
    let min_len = (TASK / low.len()).max(1);
    let runs = as_limbs_mut(values).par_chunks_mut(low.len()).zip(powers.high()).with_min_len(min_len);
    runs.for_each(|(run, high)| {
        for (v, low) in run.iter_mut().zip(low) {
            *v = mont4::mul::<F>(&mont4::mul::<F>(v, high.limbs()), low);
        }
    });
}
