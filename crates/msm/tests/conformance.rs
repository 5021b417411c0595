//! The conformance suite on every backend of this crate, both curves, one thread and several.

use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend, Curve, Kernels, conformance, msm::Endomorphism};
use std::sync::Arc;

fn pool(threads: usize) -> Arc<rayon::ThreadPool> {
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => Arc::new(pool),
        Err(e) => panic!("no pool of {threads} threads: {e}"),
    }
}

fn backends_of(kernels: Kernels) -> impl Iterator<Item = CpuBackend> {
    [1, 3].into_iter().map(move |threads| {
        match CpuBackend::with_kernels(pool(threads), Arc::default(), kernels) {
            Ok(backend) => backend,
            Err(e) => panic!("{e}"),
        }
    })
}

/// Every path that this CPU has, on one thread and several.
fn backends() -> impl Iterator<Item = CpuBackend> {
    Kernels::available().flat_map(backends_of)
}

fn each<C: Curve>(suite: fn(&dyn Backend<C>))
where
    CpuBackend: Backend<C>,
{
    backends().for_each(|backend| suite(&backend));
}

#[test]
fn bls12_381_msm() {
    each::<Bls12_381>(conformance::run_msm);
}

/// Scalars cut by the endomorphism at any number of terms, and at none.
fn either_way<C: Curve>()
where
    CpuBackend: Backend<C>,
{
    for endomorphism in [Endomorphism::Always, Endomorphism::Never] {
        backends().for_each(|b| conformance::run_msm::<C>(&b.with_endomorphism(endomorphism)));
    }
}

#[test]
fn bls12_381_msm_endomorphism() {
    either_way::<Bls12_381>();
}

#[test]
fn bn254_msm_endomorphism() {
    either_way::<Bn254>();
}

#[test]
fn bls12_381_ntt() {
    each::<Bls12_381>(conformance::run_ntt);
}

#[test]
fn bls12_381_quotient() {
    each::<Bls12_381>(conformance::run_quotient);
}

#[test]
fn bn254_msm() {
    each::<Bn254>(conformance::run_msm);
}

#[test]
fn bn254_ntt() {
    each::<Bn254>(conformance::run_ntt);
}

#[test]
fn bn254_quotient() {
    each::<Bn254>(conformance::run_quotient);
}

#[test]
fn capabilities() {
    let names =
        [(Kernels::Portable, "cpu-portable"), (Kernels::Avx2, "cpu-avx2"), (Kernels::Ifma, "cpu-ifma")];
    for (kernels, name) in names.into_iter().filter(|(k, _)| Kernels::available().any(|a| a == *k)) {
        let Some(backend) = backends_of(kernels).last() else { panic!("no backend {name}") };
        let found = Backend::<Bn254>::capabilities(&backend);
        assert_eq!((found.name, found.is_device), (name, false));
        assert_eq!((found.threads, found.max_log_domain), (backend.pool().current_num_threads(), 28));
        assert_eq!(Backend::<Bls12_381>::capabilities(&backend).max_log_domain, 32);
    }
}
