//! Number-theoretic transforms in place on Montgomery limbs, parallel on the pool of the calling thread: the portable
//! kernels, and the choice between them and those on eight lanes, which use the same networks.
//!
//! Two networks share one table of twiddle factors T, ω^j at the bit-reversed position of j ([`Domain::twiddles`]):
//! - [`network::to_reversed`]: natural order in, bit-reversed order out. Block k of every level splits
//!   X^2m − T\[k\]² into X^m ∓ T\[k\], so one factor serves a whole block and every level reads a prefix of T.
//! - [`network::to_natural`]: its transpose, bit-reversed order in, natural order out.
//!
//! Both compute Σ x_j·ω^(ij), since that matrix is symmetric. The inverse transform is the forward one read at −i, so
//! no table of inverse twiddle factors exists. Seiler, "Faster AVX2 optimized NTT multiplication for Ring-LWE lattice
//! cryptography", 2018 (bit-reversed twiddle factors).

mod compiled;
pub(crate) mod network;
mod permute;
mod scale;

pub use compiled::TransformField;
pub(crate) use permute::{bit_reverse, mirror};
pub(crate) use scale::{scale, scale_by_powers};

use crate::{
    domain::{CosetTable, Domain},
    field::{ScalarField, as_limbs_mut},
    kernels::Path,
};

/// Coefficients → evaluations at ω^i, or at s·ω^i where there is a coset, by the kernels of `path`.
pub(crate) fn forward_by<F: ScalarField>(
    path: Path,
    domain: &Domain<F>,
    coset: Option<&CosetTable<F>>,
    values: &mut [F],
) {
    #[cfg(target_arch = "x86_64")]
    if let (Path::Ifma(ifma), true) = (path, crate::ifma::ntt::serves(domain.spec().log_n)) {
        return crate::ifma::ntt::forward(ifma, domain, coset, values);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = path;
    match coset {
        None => forward(domain, values),
        Some(coset) => coset_forward(domain, coset, values),
    }
}

/// Evaluations at ω^i, or at s·ω^i where there is a coset → coefficients, by the kernels of `path`.
pub(crate) fn inverse_by<F: ScalarField>(
    path: Path,
    domain: &Domain<F>,
    coset: Option<&CosetTable<F>>,
    values: &mut [F],
) {
    #[cfg(target_arch = "x86_64")]
    if let (Path::Ifma(ifma), true) = (path, crate::ifma::ntt::serves(domain.spec().log_n)) {
        return crate::ifma::ntt::inverse(ifma, domain, coset, values);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = path;
    match coset {
        None => inverse(domain, values),
        Some(coset) => coset_inverse(domain, coset, values),
    }
}

/// Coefficients → evaluations at ω^i.
pub(crate) fn forward<F: ScalarField>(domain: &Domain<F>, values: &mut [F]) {
    network::to_reversed::<F>(as_limbs_mut(values), domain.twiddles());
    bit_reverse(values);
}

/// Evaluations at ω^i → coefficients.
pub(crate) fn inverse<F: ScalarField>(domain: &Domain<F>, values: &mut [F]) {
    forward(domain, values);
    mirror(values);
    scale(values, domain.size_inverse());
}

/// Coefficients → evaluations at s·ω^i.
pub(crate) fn coset_forward<F: ScalarField>(domain: &Domain<F>, coset: &CosetTable<F>, values: &mut [F]) {
    scale_by_powers(values, &coset.forward);
    forward(domain, values);
}

/// Evaluations at s·ω^i → coefficients.
pub(crate) fn coset_inverse<F: ScalarField>(domain: &Domain<F>, coset: &CosetTable<F>, values: &mut [F]) {
    forward(domain, values);
    mirror(values);
    scale_by_powers(values, &coset.inverse);
}
