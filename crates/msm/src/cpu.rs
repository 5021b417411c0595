//! The portable CPU backend: the kernels of this crate on the rayon pool that the caller supplies.

use crate::{
    backend::{Backend, BackendError, Capabilities, Coset, DomainSpec, QuotientBasis, Transform},
    bases::Bases,
    curve::Curve,
    domain_cache::DomainCache,
    msm::{MsmPoint, msm},
    ntt,
    quotient::quotient,
};
use ff::PrimeField;
use rayon::ThreadPool;
use std::sync::Arc;

/// The backend `cpu-portable`: every curve, any target, no device. Instructions beyond the target's baseline (BMI2 and
/// ADX, here and in blst) are used where the CPU is found to have them.
#[derive(Clone, Debug)]
pub struct CpuBackend {
    pool: Arc<ThreadPool>,
    domains: Arc<DomainCache>,
}

impl CpuBackend {
    /// A backend whose work runs on `pool`, with a domain cache of its own.
    pub fn new(pool: Arc<ThreadPool>) -> Self {
        Self::with_domains(pool, Arc::default())
    }

    /// A backend that shares its domains with others.
    pub fn with_domains(pool: Arc<ThreadPool>, domains: Arc<DomainCache>) -> Self {
        CpuBackend { pool, domains }
    }

    /// The pool that the work runs on.
    pub fn pool(&self) -> &Arc<ThreadPool> {
        &self.pool
    }

    /// The domains in use, for inspection, sharing and clearing.
    pub fn domains(&self) -> &Arc<DomainCache> {
        &self.domains
    }
}

fn same_length(
    operation: &'static str,
    what: &str,
    found: usize,
    expected: usize,
) -> Result<(), BackendError> {
    if found == expected {
        return Ok(());
    }
    Err(BackendError::bug(operation, format!("{what}: {found} values, not {expected}")))
}

/// Compared before a domain is made, so that a wrong size allocates nothing.
fn one_per_point(
    operation: &'static str,
    what: &str,
    found: usize,
    spec: DomainSpec,
) -> Result<(), BackendError> {
    if found.is_power_of_two() && found.trailing_zeros() == spec.log_n {
        return Ok(());
    }
    Err(BackendError::bug(operation, format!("{what}: {found} values on a domain of 2^{}", spec.log_n)))
}

impl<C: Curve> Backend<C> for CpuBackend
where
    C::G1Affine: MsmPoint,
    C::G2Affine: MsmPoint,
{
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "cpu-portable",
            is_device: false,
            threads: self.pool.current_num_threads(),
            max_log_domain: C::Fr::S,
        }
    }

    fn msm_g1(&self, bases: Bases<'_, C::G1Affine>, scalars: &[C::Fr]) -> Result<C::G1, BackendError> {
        self.msm("msm_g1", bases, scalars)
    }

    fn msm_g2(&self, bases: Bases<'_, C::G2Affine>, scalars: &[C::Fr]) -> Result<C::G2, BackendError> {
        self.msm("msm_g2", bases, scalars)
    }

    fn ntt(&self, spec: DomainSpec, transform: Transform, values: &mut [C::Fr]) -> Result<(), BackendError> {
        one_per_point("ntt", "values", values.len(), spec)?;
        let domain = self.domains.domain::<C>(spec)?;
        let coset = |coset: Coset| self.domains.coset::<C>(spec, coset);
        match transform {
            Transform::Forward => self.pool.install(|| ntt::forward(&domain, values)),
            Transform::Inverse => self.pool.install(|| ntt::inverse(&domain, values)),
            Transform::CosetForward(c) => {
                let coset = coset(c)?;
                self.pool.install(|| ntt::coset_forward(&domain, &coset, values));
            }
            Transform::CosetInverse(c) => {
                let coset = coset(c)?;
                self.pool.install(|| ntt::coset_inverse(&domain, &coset, values));
            }
        }
        Ok(())
    }

    fn quotient(
        &self,
        spec: DomainSpec,
        basis: QuotientBasis,
        a: &mut [C::Fr],
        b: &mut [C::Fr],
        c: &mut [C::Fr],
    ) -> Result<(), BackendError> {
        for (what, values) in [("a", &*a), ("b", &*b), ("c", &*c)] {
            one_per_point("quotient", what, values.len(), spec)?;
        }
        let domain = self.domains.domain::<C>(spec)?;
        let coset = self.domains.coset::<C>(spec, basis.coset())?;
        self.pool.install(|| quotient(&domain, &coset, basis, a, b, c));
        Ok(())
    }
}

impl CpuBackend {
    fn msm<A: MsmPoint>(
        &self,
        operation: &'static str,
        bases: Bases<'_, A>,
        scalars: &[A::Scalar],
    ) -> Result<A::Curve, BackendError>
    where
        A::Scalar: crate::field::ScalarField,
    {
        same_length(operation, "scalars", scalars.len(), bases.len())?;
        Ok(self.pool.install(|| msm(bases, scalars)))
    }
}
