//! The scalar fields whose transforms this crate has compiled.
//!
//! As [`MsmPoint`](crate::msm::MsmPoint): the methods are not generic, so that a crate which calls them compiles no kernel.

use super::{forward_by, inverse_by};
use crate::{
    backend::QuotientBasis,
    domain::{CosetTable, Domain},
    field::ScalarField,
    kernels::Path,
    quotient::quotient_by,
};

/// The scalar field of a curve: transforms in place on the pool of the calling thread. Lengths are the domain's size;
/// [`CpuBackend`](crate::CpuBackend) checks that and chooses the path.
pub trait TransformField: ScalarField {
    /// Coefficients → evaluations at ω^i, or at s·ω^i where there is a coset.
    fn forward(path: Path, domain: &Domain<Self>, coset: Option<&CosetTable<Self>>, values: &mut [Self]);

    /// Evaluations at ω^i, or at s·ω^i where there is a coset → coefficients.
    fn inverse(path: Path, domain: &Domain<Self>, coset: Option<&CosetTable<Self>>, values: &mut [Self]);

    /// As [`Backend::quotient`](crate::Backend::quotient), on the coset of `basis`.
    fn quotient(
        path: Path,
        domain: &Domain<Self>,
        coset: &CosetTable<Self>,
        basis: QuotientBasis,
        abc: [&mut [Self]; 3],
    );
}

macro_rules! compiled {
    ($field:ty) => {
        impl TransformField for $field {
            fn forward(
                path: Path,
                domain: &Domain<Self>,
                coset: Option<&CosetTable<Self>>,
                values: &mut [Self],
            ) {
                forward_by(path, domain, coset, values);
            }

            fn inverse(
                path: Path,
                domain: &Domain<Self>,
                coset: Option<&CosetTable<Self>>,
                values: &mut [Self],
            ) {
                inverse_by(path, domain, coset, values);
            }

            fn quotient(
                path: Path,
                domain: &Domain<Self>,
                coset: &CosetTable<Self>,
                basis: QuotientBasis,
                abc: [&mut [Self]; 3],
            ) {
                quotient_by(path, domain, coset, basis, abc);
            }
        }
    };
}

compiled!(blstrs::Scalar);
compiled!(halo2curves::bn256::Fr);
