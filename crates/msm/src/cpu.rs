//! The CPU backend: the kernels of this crate on the rayon pool that the caller supplies.

use crate::{
    backend::{
        Backend, BackendError, Capabilities, DomainSpec, QuotientBasis, Transform, one_per_point, same_length,
    },
    bases::Bases,
    curve::Curve,
    domain_cache::DomainCache,
    kernels::{Kernels, KernelsUnavailable, Path},
    msm::{Endomorphism, FixedBases, MsmPoint},
    ntt::TransformField,
};
use ff::PrimeField;
use rayon::ThreadPool;
use std::sync::Arc;

/// The backends `cpu-portable`, `cpu-avx2` and `cpu-ifma`: every curve, any target, no device. Instructions beyond the target's
/// baseline are used where the CPU is found to have them: AVX-512 IFMA as [`Kernels`] says, BMI2 and ADX always.
#[derive(Clone, Debug)]
pub struct CpuBackend {
    pool: Arc<ThreadPool>,
    domains: Arc<DomainCache>,
    path: Path,
    endomorphism: Endomorphism,
}

impl CpuBackend {
    /// A backend whose work runs on `pool`, with a domain cache of its own.
    pub fn new(pool: Arc<ThreadPool>) -> Self {
        Self::with_domains(pool, Arc::default())
    }

    /// A backend that shares its domains with others.
    pub fn with_domains(pool: Arc<ThreadPool>, domains: Arc<DomainCache>) -> Self {
        let path = Kernels::Auto.choose().unwrap_or(Path::Portable);
        CpuBackend { pool, domains, path, endomorphism: Endomorphism::Auto }
    }

    /// A backend that runs the named kernels and no others.
    ///
    /// # Errors
    /// If this CPU cannot run them.
    pub fn with_kernels(
        pool: Arc<ThreadPool>,
        domains: Arc<DomainCache>,
        kernels: Kernels,
    ) -> Result<Self, KernelsUnavailable> {
        Ok(CpuBackend { path: kernels.choose()?, ..Self::with_domains(pool, domains) })
    }

    /// The same backend, cutting scalars by the endomorphism where this says.
    pub fn with_endomorphism(self, endomorphism: Endomorphism) -> Self {
        CpuBackend { endomorphism, ..self }
    }

    /// The pool that the work runs on.
    pub fn pool(&self) -> &Arc<ThreadPool> {
        &self.pool
    }

    /// The most bytes that an MSM of that many terms in G1 allocates beside its inputs, over all threads of the pool.
    pub fn msm_g1_scratch_bytes<C: Curve>(&self, terms: usize) -> usize
    where
        C::G1Affine: MsmPoint,
    {
        C::G1Affine::msm_scratch_bytes(self.path, self.endomorphism, terms, self.pool.current_num_threads())
    }

    /// As [`Self::msm_g1_scratch_bytes`], in G2.
    pub fn msm_g2_scratch_bytes<C: Curve>(&self, terms: usize) -> usize
    where
        C::G2Affine: MsmPoint,
    {
        C::G2Affine::msm_scratch_bytes(self.path, self.endomorphism, terms, self.pool.current_num_threads())
    }

    /// Bases that many MSMs will share, with multiples of each in a table of at most `budget` bytes: as many as the cost
    /// model finds useful. Made on the pool; temporary memory is about 0.2 MiB a thread.
    ///
    /// # Errors
    /// [`ErrorClass::OutOfMemory`](crate::ErrorClass::OutOfMemory) if the budget does not hold the bases themselves or
    /// the memory is not there.
    pub fn prepare_g1<C: Curve>(
        &self,
        bases: Bases<'_, C::G1Affine>,
        budget: usize,
    ) -> Result<FixedBases<C::G1Affine>, BackendError>
    where
        C::G1Affine: MsmPoint,
    {
        self.pool.install(|| C::G1Affine::prepare("prepare_g1", bases, budget))
    }

    /// As [`Self::prepare_g1`], in G2.
    ///
    /// # Errors
    /// As there.
    pub fn prepare_g2<C: Curve>(
        &self,
        bases: Bases<'_, C::G2Affine>,
        budget: usize,
    ) -> Result<FixedBases<C::G2Affine>, BackendError>
    where
        C::G2Affine: MsmPoint,
    {
        self.pool.install(|| C::G2Affine::prepare("prepare_g2", bases, budget))
    }

    /// Σ scalars\[i\]·bases\[i\] over prepared bases.
    ///
    /// # Errors
    /// [`ErrorClass::Bug`](crate::ErrorClass::Bug) if the lengths differ.
    pub fn msm_g1_fixed<C: Curve>(
        &self,
        bases: &FixedBases<C::G1Affine>,
        scalars: &[C::Fr],
    ) -> Result<C::G1, BackendError>
    where
        C::G1Affine: MsmPoint,
    {
        same_length("msm_g1_fixed", "scalars", scalars.len(), bases.len())?;
        Ok(self.pool.install(|| C::G1Affine::msm_fixed(self.path, bases, scalars)))
    }

    /// As [`Self::msm_g1_fixed`], in G2.
    ///
    /// # Errors
    /// As there.
    pub fn msm_g2_fixed<C: Curve>(
        &self,
        bases: &FixedBases<C::G2Affine>,
        scalars: &[C::Fr],
    ) -> Result<C::G2, BackendError>
    where
        C::G2Affine: MsmPoint,
    {
        same_length("msm_g2_fixed", "scalars", scalars.len(), bases.len())?;
        Ok(self.pool.install(|| C::G2Affine::msm_fixed(self.path, bases, scalars)))
    }

    /// The most bytes that an MSM over prepared bases allocates, over all threads of the pool.
    pub fn msm_fixed_scratch_bytes<A: MsmPoint>(&self, bases: &FixedBases<A>) -> usize {
        A::msm_fixed_scratch_bytes(self.path, bases, self.pool.current_num_threads())
    }

    /// The domains in use, for inspection, sharing and clearing.
    pub fn domains(&self) -> &Arc<DomainCache> {
        &self.domains
    }
}

impl<C: Curve> Backend<C> for CpuBackend
where
    C::G1Affine: MsmPoint,
    C::G2Affine: MsmPoint,
{
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: match self.path {
                Path::Portable => "cpu-portable",
                Path::Avx2(_) => "cpu-avx2",
                Path::Ifma(_) => "cpu-ifma",
            },
            is_device: false,
            threads: self.pool.current_num_threads(),
            max_log_domain: C::Fr::S,
        }
    }

    /// The multiplication in G2's: its records are twice those of G1. Transforms need less, a buffer of at most 1.25 MiB a
    /// thread.
    fn scratch_bytes(&self, n: usize) -> usize {
        self.msm_g1_scratch_bytes::<C>(n).max(self.msm_g2_scratch_bytes::<C>(n))
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
        let coset = match transform {
            Transform::Forward | Transform::Inverse => None,
            Transform::CosetForward(c) | Transform::CosetInverse(c) => {
                Some(self.domains.coset::<C>(spec, c)?)
            }
        };
        let (path, coset) = (self.path, coset.as_deref());
        self.pool.install(|| match transform {
            Transform::Forward | Transform::CosetForward(_) => C::Fr::forward(path, &domain, coset, values),
            Transform::Inverse | Transform::CosetInverse(_) => C::Fr::inverse(path, &domain, coset, values),
        });
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
        self.pool.install(|| C::Fr::quotient(self.path, &domain, &coset, basis, [a, b, c]));
        Ok(())
    }
}

impl CpuBackend {
    fn msm<A: MsmPoint>(
        &self,
        operation: &'static str,
        bases: Bases<'_, A>,
        scalars: &[A::Scalar],
    ) -> Result<A::Curve, BackendError> {
        same_length(operation, "scalars", scalars.len(), bases.len())?;
        Ok(self.pool.install(|| A::msm(self.path, self.endomorphism, bases, scalars)))
    }
}
