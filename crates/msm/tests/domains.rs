//! Roots of unity, twiddle factors and the cache that shares them.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::{Field, PrimeField};
use forebay_msm::{
    Bls12_381, Bn254, Curve, Domain, DomainCache, DomainError,
    backend::{Coset, DomainSpec, RootGenerator},
    domain::{CosetTable, log2_exact, root_of_unity},
};
use std::sync::{Arc, Barrier};

fn spec(log_n: u32, generator: u64) -> DomainSpec {
    DomainSpec { log_n, generator: RootGenerator(generator) }
}

fn roots<C: Curve>(generators: &[u64]) {
    for generator in generators {
        for log_n in 0..=C::Fr::S {
            let root = root_of_unity::<C::Fr>(log_n, RootGenerator(*generator)).unwrap();
            let below_order = (0..log_n.saturating_sub(1)).fold(root, |r, _| r.square());
            let expected = if log_n == 0 { C::Fr::ONE } else { -C::Fr::ONE };
            assert_eq!(below_order, expected, "the order of the root of 2^{log_n} from {generator}");
        }
        let square = RootGenerator(generator * generator);
        assert_eq!(root_of_unity::<C::Fr>(3, square), Err(DomainError::GeneratorIsResidue(square)));
    }
    let two_adicity = C::Fr::S;
    let above = DomainError::AboveTwoAdicity { log_n: two_adicity + 1, two_adicity };
    assert_eq!(Domain::<C::Fr>::new(spec(two_adicity + 1, generators[0])).unwrap_err(), above);
    assert_eq!(
        CosetTable::<C::Fr>::new(spec(two_adicity, generators[0]), Coset::OddRoots).unwrap_err(),
        above
    );
    assert!(CosetTable::<C::Fr>::new(spec(0, 0), Coset::Generator).is_err());
}

#[test]
fn roots_have_their_order() {
    roots::<Bls12_381>(&[5, 7]);
    roots::<Bn254>(&[5]);
    // 7 is a non-residue of r on BLS12-381; ff publishes the root that comes from it.
    assert_eq!(root_of_unity(32, RootGenerator(7)), Ok(blstrs::Scalar::ROOT_OF_UNITY));
    assert_ne!(root_of_unity(32, RootGenerator(5)), Ok(blstrs::Scalar::ROOT_OF_UNITY));
}

#[test]
fn sizes() {
    assert_eq!(log2_exact(1), Ok(0));
    assert_eq!(log2_exact(1 << 20), Ok(20));
    for n in [0, 3, 6, 1025] {
        assert_eq!(log2_exact(n), Err(DomainError::NotAPowerOfTwo(n)));
    }
}

#[test]
fn a_domain_is_what_it_says() {
    type F = <Bls12_381 as Curve>::Fr;
    for log_n in 0..=9 {
        let domain = Domain::<F>::new(spec(log_n, 7)).unwrap();
        let n = domain.size();
        assert_eq!((n, domain.spec()), (1 << log_n, spec(log_n, 7)));
        assert_eq!(domain.root() * domain.root_inverse(), F::ONE);
        assert_eq!(domain.size_inverse() * F::from(n as u64), F::ONE);
        assert_eq!(domain.twiddles().len(), (n / 2).max(1));
        for (k, twiddle) in domain.twiddles().iter().enumerate() {
            let j = if log_n < 2 { 0 } else { k.reverse_bits() >> (usize::BITS - log_n + 1) };
            assert_eq!(*twiddle, domain.root().pow_vartime([j as u64]), "factor {k} of 2^{log_n}");
        }
        let coset = CosetTable::<F>::new(spec(log_n, 7), Coset::OddRoots).unwrap();
        assert_eq!(coset.shift().square(), domain.root());
        assert_eq!(coset.vanishing(), -F::from(2));
        let coset = CosetTable::<F>::new(spec(log_n, 7), Coset::Generator).unwrap();
        assert_eq!(
            (coset.shift(), coset.vanishing()),
            (F::from(7), F::from(7).pow_vartime([n as u64]) - F::ONE)
        );
    }
}

#[test]
fn racing_users_share_one_domain() {
    let cache = Arc::new(DomainCache::new());
    let barrier = Barrier::new(8);
    let domains: Vec<_> = std::thread::scope(|scope| {
        let user = || {
            barrier.wait();
            let domain = cache.domain::<Bn254>(spec(14, 5)).unwrap();
            (domain, cache.coset::<Bn254>(spec(14, 5), Coset::OddRoots).unwrap())
        };
        let users: Vec<_> = (0..8).map(|_| scope.spawn(user)).collect();
        users.into_iter().map(|user| user.join().unwrap()).collect()
    });
    assert!(domains.iter().all(|(d, c)| Arc::ptr_eq(d, &domains[0].0) && Arc::ptr_eq(c, &domains[0].1)));
    assert_eq!(cache.len(), 2);
    assert!(cache.bytes() >= (1 << 13) * 32);
}

#[test]
fn nothing_aliases() {
    let cache = DomainCache::new();
    let five = cache.domain::<Bls12_381>(spec(8, 5)).unwrap();
    let seven = cache.domain::<Bls12_381>(spec(8, 7)).unwrap();
    let bn = cache.domain::<Bn254>(spec(8, 5)).unwrap();
    let larger = cache.domain::<Bn254>(spec(9, 5)).unwrap();
    assert_ne!(five.root(), seven.root());
    assert_ne!(bn.root(), larger.root());
    let odd = cache.coset::<Bls12_381>(spec(8, 5), Coset::OddRoots).unwrap();
    let generator = cache.coset::<Bls12_381>(spec(8, 5), Coset::Generator).unwrap();
    assert_ne!(odd.shift(), generator.shift());
    assert_ne!(cache.coset::<Bls12_381>(spec(8, 7), Coset::Generator).unwrap().shift(), generator.shift());
    assert_eq!(cache.len(), 7);
    assert!(Arc::ptr_eq(&five, &cache.domain::<Bls12_381>(spec(8, 5)).unwrap()));
}

#[test]
fn an_error_leaves_no_entry() {
    let cache = DomainCache::new();
    assert!(cache.domain::<Bn254>(spec(29, 5)).is_err());
    assert!(cache.coset::<Bn254>(spec(28, 5), Coset::OddRoots).is_err());
    assert!(cache.is_empty() && cache.bytes() == 0);
}

#[test]
fn the_cache_is_bounded_and_cleared() {
    let bytes = |log_n| {
        let cache = DomainCache::new();
        cache.domain::<Bn254>(spec(log_n, 5)).unwrap();
        cache.bytes()
    };
    assert!(bytes(10) >= 32 * 512 && bytes(9) < bytes(10) && bytes(12) > 3 * bytes(10));
    let cache = DomainCache::with_limit(3 * bytes(10));
    let first = cache.domain::<Bn254>(spec(10, 5)).unwrap();
    cache.domain::<Bls12_381>(spec(10, 5)).unwrap();
    cache.domain::<Bn254>(spec(10, 5)).unwrap(); // used last
    cache.domain::<Bls12_381>(spec(10, 7)).unwrap();
    assert_eq!((cache.len(), cache.bytes()), (3, 3 * bytes(10)));
    cache.domain::<Bls12_381>(spec(9, 7)).unwrap(); // evicts the least recently used: BLS12-381, 5
    assert_eq!((cache.len(), cache.bytes()), (3, 2 * bytes(10) + bytes(9)));
    assert!(Arc::ptr_eq(&first, &cache.domain::<Bn254>(spec(10, 5)).unwrap()));
    cache.domain::<Bn254>(spec(12, 5)).unwrap(); // above the limit alone: it stays, alone
    assert_eq!((cache.len(), cache.bytes()), (1, bytes(12)));
    cache.clear();
    assert!(cache.is_empty() && cache.bytes() == 0);
    assert_eq!(first.size(), 1 << 10); // users keep what they hold
}
