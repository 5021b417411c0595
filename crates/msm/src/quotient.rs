//! The quotient of Groth16 from the evaluations of a, b, c over a domain of size n.
//!
//! Each of the three goes through an inverse network (natural order to bit-reversed), one scaling by the powers of the
//! coset's shift with 1/n folded in, and a forward network (bit-reversed order to natural): nothing is permuted.
//! Because the inverse is the forward network read at −i, the values on the coset appear in mirrored order; one
//! mirroring of the result, or none at all before another inverse, puts that right.

use crate::{
    backend::{Coset, QuotientBasis},
    domain::{CosetTable, Domain},
    field::{ScalarField, as_limbs, as_limbs_mut, mont4},
    kernels::Path,
    ntt::{self, network},
};
use rayon::prelude::*;

/// Elements per task of the pointwise pass.
const TASK: usize = 1 << 11;

impl QuotientBasis {
    /// The coset on which a·b − c is evaluated.
    pub fn coset(self) -> Coset {
        match self {
            QuotientBasis::OddCosetLagrange => Coset::OddRoots,
            QuotientBasis::Coefficients => Coset::Generator,
        }
    }
}

/// [`quotient`] by the kernels of `path`.
pub(crate) fn quotient_by<F: ScalarField>(
    path: Path,
    domain: &Domain<F>,
    coset: &CosetTable<F>,
    basis: QuotientBasis,
    [a, b, c]: [&mut [F]; 3],
) {
    #[cfg(target_arch = "x86_64")]
    if let (Path::Ifma(ifma), true) = (path, crate::ifma::ntt::serves(domain.spec().log_n)) {
        return crate::ifma::ntt::quotient(ifma, domain, coset, basis, [a, b, c]);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = path;
    quotient(domain, coset, basis, a, b, c);
}

/// Leaves the quotient in `a`; see [`crate::Backend::quotient`]. `coset` is that of [`QuotientBasis::coset`], and the
/// lengths are the domain's size. Six transforms for the odd coset, seven for the coefficients.
pub(crate) fn quotient<F: ScalarField>(
    domain: &Domain<F>,
    coset: &CosetTable<F>,
    basis: QuotientBasis,
    a: &mut [F],
    b: &mut [F],
    c: &mut [F],
) {
    for values in [&mut *a, &mut *b, &mut *c] {
        onto_coset(domain, coset, values);
    }
    let terms = as_limbs_mut(a).par_iter_mut().with_min_len(TASK).zip(as_limbs(b)).zip(as_limbs(c));
    terms.for_each(|((a, b), c)| *a = mont4::sub::<F>(&mont4::mul::<F>(a, b), c));
    match basis {
        QuotientBasis::OddCosetLagrange => ntt::mirror(a),
        QuotientBasis::Coefficients => {
            // The input is mirrored, so the forward network is the inverse.
            network::to_reversed::<F>(as_limbs_mut(a), domain.twiddles());
            ntt::bit_reverse(a);
            ntt::scale_by_powers(a, &coset.quotient);
        }
    }
}

/// Evaluations at ω^i, i = 0, 1, … → evaluations at s·ω^−i.
fn onto_coset<F: ScalarField>(domain: &Domain<F>, coset: &CosetTable<F>, values: &mut [F]) {
    network::to_reversed::<F>(as_limbs_mut(values), domain.twiddles());
    let constant = values.first().map(|v| *v * domain.size_inverse());
    ntt::scale_by_powers(values, &coset.mirrored);
    if let (Some(first), Some(constant)) = (values.first_mut(), constant) {
        *first = constant;
    }
    network::to_natural::<F>(as_limbs_mut(values), domain.twiddles());
}
