//! The transforms and the quotient on eight lanes against the portable kernels, with any number of passes.

use super::ntt::*;
use crate::{
    backend::{Coset, DomainSpec, QuotientBasis, RootGenerator},
    curve::{Bls12_381, Bn254, Curve},
    domain::{CosetTable, Domain},
    kernels::Ifma,
    ntt,
    quotient::quotient as portable_quotient,
};
use ff::Field;
use rand_core::OsRng;

/// Logarithms of sizes and levels per pass: one leaf, two passes (even and odd), three.
const CASES: [(u32, u32); 10] =
    [(6, 11), (7, 11), (10, 11), (11, 11), (12, 11), (12, 6), (13, 7), (13, 11), (14, 8), (16, 6)];

fn values<F: Field>(n: usize) -> Vec<F> {
    (0..n).map(|i| if i % 7 == 3 { -F::ONE } else { F::random(OsRng) }).collect()
}

fn each_case<C: Curve>(check: impl Fn(Ifma, u32, &Domain<C::Fr>, &[CosetTable<C::Fr>])) {
    let Some(ifma) = Ifma::detect() else { return };
    for (log_n, levels) in CASES {
        let spec = DomainSpec { log_n, generator: RootGenerator::of_field::<C>() };
        let domain = Domain::new(spec).unwrap();
        let cosets = [Coset::Generator, Coset::OddRoots].map(|c| CosetTable::new(spec, c).unwrap());
        check(ifma, levels, &domain, &cosets);
    }
}

fn transforms<C: Curve>() {
    each_case::<C>(|ifma, levels, domain, cosets| {
        let x = values::<C::Fr>(domain.size());
        for coset in [None].into_iter().chain(cosets.iter().map(Some)) {
            let case = format!("{} in passes of {levels}, {:?}", domain.size(), coset.map(|c| c.shift()));
            let plan = || Plan::new(ifma, domain, levels);
            let (mut expected, mut found) = (x.clone(), x.clone());
            match coset {
                None => ntt::forward(domain, &mut expected),
                Some(coset) => ntt::coset_forward(domain, coset, &mut expected),
            }
            forward_by(plan(), coset, &mut found);
            assert!(found == expected, "forward {case}");
            inverse_by(plan(), coset, &mut found);
            assert!(found == x, "inverse {case}");
        }
    });
}

fn quotients<C: Curve>() {
    each_case::<C>(|ifma, levels, domain, cosets| {
        let n = domain.size();
        for (basis, coset) in
            [QuotientBasis::Coefficients, QuotientBasis::OddCosetLagrange].into_iter().zip(cosets)
        {
            let abc: [Vec<C::Fr>; 3] = core::array::from_fn(|_| values(n));
            let ([mut a, mut b, mut c], mut found) = (abc.clone(), abc);
            portable_quotient(domain, coset, basis, &mut a, &mut b, &mut c);
            let plan = Plan::new(ifma, domain, levels);
            let abc = found.each_mut().map(|v| v.as_mut_slice());
            quotient_by(plan, domain.size_inverse(), coset, basis, abc);
            assert!(found[0] == a, "{basis:?} of {n} in passes of {levels}");
        }
    });
}

#[test]
fn transforms_agree_with_the_portable_ones() {
    transforms::<Bls12_381>();
    transforms::<Bn254>();
}

#[test]
fn quotients_agree_with_the_portable_ones() {
    quotients::<Bls12_381>();
    quotients::<Bn254>();
}
