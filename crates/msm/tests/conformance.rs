//! The conformance suite on every backend of this crate, both curves, one thread and several.

use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend, Curve, conformance};
use std::sync::Arc;

fn backends() -> impl Iterator<Item = CpuBackend> {
    [1, 3].into_iter().map(|threads| match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => CpuBackend::new(Arc::new(pool)),
        Err(e) => panic!("no pool of {threads} threads: {e}"),
    })
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
    for backend in backends() {
        let found = Backend::<Bn254>::capabilities(&backend);
        assert_eq!((found.name, found.is_device), ("cpu-portable", false));
        assert_eq!((found.threads, found.max_log_domain), (backend.pool().current_num_threads(), 28));
        assert_eq!(Backend::<Bls12_381>::capabilities(&backend).max_log_domain, 32);
    }
}
