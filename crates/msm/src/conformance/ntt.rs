//! Transforms against evaluation by Horner's rule and against their defining relations.

use super::{horner, power, random_scalars};
use crate::{
    backend::{Backend, Coset, DomainSpec, ErrorClass, RootGenerator, Transform},
    curve::Curve,
};
use ff::{Field, PrimeField};

/// The largest size that the relations are tried on.
const MAX_LOG: u32 = 13;

fn spec(log_n: u32, generator: RootGenerator) -> DomainSpec {
    DomainSpec { log_n, generator }
}

/// g^((r−1)/2^k), by squaring g^((r−1)/2^S) down; (r−1)/2^S from the canonical bytes of −1.
pub(super) fn root<F: PrimeField>(log_n: u32, generator: RootGenerator) -> F {
    let minus_one = -F::ONE;
    let mut bits: Vec<bool> = minus_one
        .to_repr()
        .as_ref()
        .iter()
        .flat_map(|byte| (0..8).map(move |i| byte >> i & 1 == 1))
        .collect();
    bits.drain(..log_n as usize);
    let g = F::from(generator.0);
    bits.iter().rev().fold(F::ONE, |acc, bit| if *bit { acc.square() * g } else { acc.square() })
}

pub(super) fn shift<F: PrimeField>(spec: DomainSpec, coset: Coset) -> F {
    match coset {
        Coset::Generator => F::from(spec.generator.0),
        Coset::OddRoots => root(spec.log_n + 1, spec.generator),
    }
}

fn apply<C: Curve>(backend: &dyn Backend<C>, spec: DomainSpec, t: Transform, values: &[C::Fr]) -> Vec<C::Fr> {
    let mut out = values.to_vec();
    if let Err(e) = backend.ntt(spec, t, &mut out) {
        panic!("{t:?} of {spec:?}: {e}");
    }
    out
}

fn generators<C: Curve>() -> Vec<RootGenerator> {
    let mut all = vec![RootGenerator::SNARKJS, RootGenerator::of_field::<C>()];
    all.dedup();
    all
}

/// All four transforms of sizes 1 to 2^6 against Horner's rule, for each generator in use.
///
/// # Panics
/// If a result differs.
pub fn ntt_against_horner<C: Curve>(backend: &dyn Backend<C>) {
    for generator in generators::<C>() {
        for log_n in 0..=6 {
            let spec = spec(log_n, generator);
            let coefficients = random_scalars::<C::Fr>(spec.size(), 90 + u64::from(log_n));
            let w = root::<C::Fr>(log_n, generator);
            let evaluate = |s: C::Fr| -> Vec<C::Fr> {
                (0..spec.size()).map(|i| horner(&coefficients, s * power(w, i))).collect()
            };
            let values = evaluate(C::Fr::ONE);
            assert!(apply(backend, spec, Transform::Forward, &coefficients) == values, "forward {spec:?}");
            assert!(apply(backend, spec, Transform::Inverse, &values) == coefficients, "inverse {spec:?}");
            for coset in [Coset::Generator, Coset::OddRoots] {
                let values = evaluate(shift(spec, coset));
                let found = apply(backend, spec, Transform::CosetForward(coset), &coefficients);
                assert!(found == values, "forward on {coset:?} of {spec:?}");
                let found = apply(backend, spec, Transform::CosetInverse(coset), &values);
                assert!(found == coefficients, "inverse on {coset:?} of {spec:?}");
            }
        }
    }
}

/// Larger sizes: single points by Horner's rule, round trips, linearity, and a coset as explicit scaling.
///
/// # Panics
/// If a relation does not hold.
pub fn ntt_relations<C: Curve>(backend: &dyn Backend<C>) {
    let generator = RootGenerator::of_field::<C>();
    for log_n in 7..=MAX_LOG {
        let spec = spec(log_n, generator);
        let n = spec.size();
        let x = random_scalars::<C::Fr>(n, 100 + u64::from(log_n));
        let y = random_scalars::<C::Fr>(n, 200 + u64::from(log_n));
        let fx = apply(backend, spec, Transform::Forward, &x);
        let fy = apply(backend, spec, Transform::Forward, &y);
        let w = root::<C::Fr>(log_n, generator);
        for i in [0, 1, 2, n / 2, n / 2 + 1, n - 1] {
            assert!(fx[i] == horner(&x, w.pow_vartime([i as u64])), "point {i} of {spec:?}");
        }
        assert!(apply(backend, spec, Transform::Inverse, &fx) == x, "round trip {spec:?}");
        let sum: Vec<C::Fr> = x.iter().zip(&y).map(|(x, y)| *x + y.double()).collect();
        let of_sum = apply(backend, spec, Transform::Forward, &sum);
        assert!(of_sum.iter().zip(fx.iter().zip(&fy)).all(|(s, (x, y))| *s == *x + y.double()), "linear");
        for coset in [Coset::Generator, Coset::OddRoots] {
            let s = shift::<C::Fr>(spec, coset);
            let scaled: Vec<C::Fr> = x
                .iter()
                .scan(C::Fr::ONE, |p, x| {
                    let v = *x * *p;
                    *p *= s;
                    Some(v)
                })
                .collect();
            let found = apply(backend, spec, Transform::CosetForward(coset), &x);
            assert!(
                found == apply(backend, spec, Transform::Forward, &scaled),
                "{coset:?} as scaling, {spec:?}"
            );
            let back = apply(backend, spec, Transform::CosetInverse(coset), &found);
            assert!(back == x, "round trip on {coset:?}, {spec:?}");
        }
    }
}

/// Another generator is another order of the points: on BLS12-381, snarkjs and the field's crate differ. Used in turn,
/// neither gets the other's roots.
///
/// # Panics
/// If generators alias.
pub fn ntt_generators<C: Curve>(backend: &dyn Backend<C>) {
    let x = random_scalars::<C::Fr>(64, 300);
    let [snarkjs, own] = [RootGenerator::SNARKJS, RootGenerator::of_field::<C>()];
    for _ in 0..2 {
        let a = apply(backend, spec(6, snarkjs), Transform::Forward, &x);
        let b = apply(backend, spec(6, own), Transform::Forward, &x);
        assert_eq!(a == b, snarkjs == own, "generators {snarkjs:?} and {own:?}");
        for (generator, values) in [(snarkjs, &a), (own, &b)] {
            assert!(values[1] == horner(&x, root(6, generator)), "the points of {generator:?}");
        }
    }
}

/// Wrong calls: lengths, sizes above the two-adicity, a generator that is a square.
///
/// # Panics
/// If one is not refused as a bug.
pub fn ntt_rejects<C: Curve>(backend: &dyn Backend<C>) {
    let generator = RootGenerator::of_field::<C>();
    let square = RootGenerator(generator.0 * generator.0);
    let s = C::Fr::S;
    let cases = [
        (spec(3, generator), 7),
        (spec(3, generator), 9),
        (spec(3, generator), 0),
        (spec(0, generator), 0),
        (spec(s + 1, generator), 8),
        (spec(200, generator), 8),
        (spec(3, square), 8),
        (spec(3, RootGenerator(0)), 8),
    ];
    for (spec, len) in cases {
        for t in [Transform::Forward, Transform::Inverse, Transform::CosetForward(Coset::Generator)] {
            let error = backend.ntt(spec, t, &mut vec![C::Fr::ONE; len]).err();
            assert_eq!(error.map(|e| e.class()), Some(ErrorClass::Bug), "{t:?} of {spec:?}, {len} values");
        }
    }
}
