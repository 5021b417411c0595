//! The quotient in both bases, against direct evaluation and against polynomial long division.

use super::{
    horner,
    ntt::{root, shift},
    power, random_scalars,
};
use crate::{
    backend::{Backend, Coset, DomainSpec, ErrorClass, QuotientBasis, RootGenerator},
    curve::Curve,
};
use ff::Field;

/// Evaluations of `coefficients` at the n points ω^i.
fn over_domain<F: ff::PrimeField>(spec: DomainSpec, coefficients: &[F]) -> Vec<F> {
    let w = root::<F>(spec.log_n, spec.generator);
    (0..spec.size()).map(|i| horner(coefficients, power(w, i))).collect()
}

fn product<F: Field>(a: &[F], b: &[F]) -> Vec<F> {
    let mut out = vec![F::ZERO; a.len() + b.len()];
    for (i, a) in a.iter().enumerate() {
        b.iter().zip(&mut out[i..]).for_each(|(b, out)| *out += *a * b);
    }
    out
}

/// Quotient and remainder by X^n − 1.
fn divide_by_vanishing<F: Field>(mut p: Vec<F>, n: usize) -> (Vec<F>, Vec<F>) {
    for i in (n..p.len()).rev() {
        let top = p[i];
        p[i - n] += top;
    }
    let quotient = p.split_off(n.min(p.len()));
    (quotient, p)
}

fn specs<C: Curve>() -> impl Iterator<Item = DomainSpec> {
    let generators = [RootGenerator::SNARKJS, RootGenerator::of_field::<C>()];
    (0..=7).flat_map(move |log_n| generators.map(|generator| DomainSpec { log_n, generator }))
}

fn run<C: Curve>(
    backend: &dyn Backend<C>,
    spec: DomainSpec,
    basis: QuotientBasis,
    [a, b, c]: [&[C::Fr]; 3],
) -> Vec<C::Fr> {
    let [mut a, mut b, mut c] = [a, b, c].map(<[_]>::to_vec);
    if let Err(e) = backend.quotient(spec, basis, &mut a, &mut b, &mut c) {
        panic!("{basis:?} of {spec:?}: {e}");
    }
    a
}

/// `(a·b − c)(s·ω^i)` for the odd roots, with any a, b, c (divisible or not).
///
/// # Panics
/// If a result differs.
pub fn quotient_odd_coset<C: Curve>(backend: &dyn Backend<C>) {
    for spec in specs::<C>() {
        let n = spec.size();
        let polynomials = [400, 401, 402].map(|seed| random_scalars::<C::Fr>(n, seed));
        let [a, b, c] = polynomials.each_ref().map(|p| over_domain(spec, p));
        let found = run(backend, spec, QuotientBasis::OddCosetLagrange, [&a, &b, &c]);
        let (s, w) = (shift::<C::Fr>(spec, Coset::OddRoots), root::<C::Fr>(spec.log_n, spec.generator));
        for (i, found) in found.iter().enumerate() {
            let x = s * power(w, i);
            let [a, b, c] = polynomials.each_ref().map(|p| horner(p, x));
            assert!(*found == a * b - c, "point {i} of {spec:?}");
        }
    }
}

/// The coefficients of `(a·b − c)/Z` where c = a·b on the domain, against long division.
///
/// # Panics
/// If a result differs.
pub fn quotient_coefficients<C: Curve>(backend: &dyn Backend<C>) {
    for spec in specs::<C>() {
        let n = spec.size();
        let [pa, pb] = [500, 501].map(|seed| random_scalars::<C::Fr>(n, seed));
        // c's coefficients are the remainder of a·b, so that Z divides a·b − c.
        let (mut expected, remainder) = divide_by_vanishing(product(&pa, &pb), n);
        expected.resize(n, C::Fr::ZERO);
        let [a, b, c] = [&pa, &pb, &remainder].map(|p| over_domain(spec, p));
        assert!(a.iter().zip(&b).zip(&c).all(|((a, b), c)| *a * b == *c), "the reference divides");
        let found = run(backend, spec, QuotientBasis::Coefficients, [&a, &b, &c]);
        assert!(found == expected, "coefficients of {spec:?}");
    }
}

/// Wrong lengths.
///
/// # Panics
/// If one is not refused as a bug.
pub fn quotient_rejects<C: Curve>(backend: &dyn Backend<C>) {
    let spec = DomainSpec { log_n: 3, generator: RootGenerator::SNARKJS };
    for lengths in [[7, 8, 8], [8, 9, 8], [8, 8, 0], [4, 4, 4]] {
        for basis in [QuotientBasis::OddCosetLagrange, QuotientBasis::Coefficients] {
            let [mut a, mut b, mut c] = lengths.map(|n| vec![C::Fr::ONE; n]);
            let error = backend.quotient(spec, basis, &mut a, &mut b, &mut c).err();
            assert_eq!(error.map(|e| e.class()), Some(ErrorClass::Bug), "lengths {lengths:?}");
        }
    }
}
