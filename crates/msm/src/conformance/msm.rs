//! Multi-scalar multiplication against double-and-add.

use super::{random_scalars, rng};
use crate::{
    backend::{Backend, ErrorClass},
    bases::Bases,
    curve::{AffinePoint, Curve},
};
use ff::{Field, PrimeField};
use group::{Curve as _, Group, prime::PrimeCurveAffine};

/// A way to call the backend: in G1 or in G2.
type Msm<'a, A> = &'a dyn Fn(
    Bases<'_, A>,
    &[<A as PrimeCurveAffine>::Scalar],
) -> Result<<A as PrimeCurveAffine>::Curve, crate::BackendError>;

/// What stands at a position instead of a random point: a point and its logarithm.
type Replacement<'a, A> = &'a dyn Fn(usize) -> Option<(A, <A as PrimeCurveAffine>::Scalar)>;

/// Points whose logarithms are known: P_i = e_i·G, so that an MSM is one multiplication of G.
struct Known<A: PrimeCurveAffine> {
    points: Vec<A>,
    logs: Vec<A::Scalar>,
}

impl<A: AffinePoint> Known<A> {
    fn random(n: usize, seed: u64) -> Self {
        let mut logs = Vec::with_capacity(n);
        let mut points = Vec::with_capacity(n);
        let (start, step) = (A::Scalar::random(rng(seed)), A::Scalar::random(rng(seed + 1)));
        let (mut log, mut point, stride) = (start, A::generator() * start, A::generator() * step);
        for _ in 0..n {
            logs.push(log);
            points.push(point.to_affine());
            log += step;
            point += stride;
        }
        Known { points, logs }
    }

    fn expected(&self, scalars: &[A::Scalar]) -> A::Curve {
        let log: A::Scalar = self.logs.iter().zip(scalars).map(|(e, k)| *e * k).sum();
        A::generator() * log
    }

    fn set(&mut self, i: usize, point: A, log: A::Scalar) {
        self.points[i] = point;
        self.logs[i] = log;
    }

    fn check(&self, case: &str, scalars: &[A::Scalar], msm: Msm<'_, A>) {
        let found = msm(Bases::from_slice(&self.points), scalars);
        let found = found.unwrap_or_else(|e| panic!("{case}, {} terms: {e}", scalars.len()));
        assert!(found == self.expected(scalars), "{case}: wrong sum of {} terms", scalars.len());
    }
}

fn in_both_groups<C: Curve>(
    backend: &dyn Backend<C>,
    g1: impl Fn(Msm<'_, C::G1Affine>),
    g2: impl Fn(Msm<'_, C::G2Affine>),
) {
    g1(&|bases, scalars| backend.msm_g1(bases, scalars));
    g2(&|bases, scalars| backend.msm_g2(bases, scalars));
}

/// Random scalars and points of lengths 0, 1, 2, … that are mostly no powers of two; lengths that differ are a bug.
///
/// # Panics
/// If a result differs.
pub fn msm_lengths<C: Curve>(backend: &dyn Backend<C>) {
    in_both_groups::<C>(backend, |msm| lengths(&[1200, 5000], msm), |msm| lengths(&[700], msm));
}

fn lengths<A: AffinePoint>(long: &[usize], msm: Msm<'_, A>) {
    let small: [usize; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 100, 255, 256];
    for n in small.into_iter().chain(long.iter().copied()) {
        Known::<A>::random(n, 40).check("random scalars", &random_scalars(n, 50 + n as u64), msm);
    }
    // Against the definition, term by term, without known logarithms.
    let known = Known::<A>::random(9, 41);
    let scalars = random_scalars::<A::Scalar>(9, 42);
    let sum = known.points.iter().zip(&scalars).fold(A::Curve::identity(), |acc, (p, k)| acc + *p * *k);
    assert!(msm(Bases::from_slice(&known.points), &scalars).is_ok_and(|found| found == sum), "definition");
    for wrong in [0, 8, 10] {
        let error = msm(Bases::from_slice(&known.points), &random_scalars(wrong, 1)).err();
        assert_eq!(error.map(|e| e.class()), Some(ErrorClass::Bug), "9 points and {wrong} scalars");
    }
}

/// Scalars of every shape: zeros, ones, −1, equal ones, one bucket, short ones of either sign, edges of the windows.
///
/// # Panics
/// If a result differs.
pub fn msm_scalars<C: Curve>(backend: &dyn Backend<C>) {
    in_both_groups::<C>(backend, |msm| scalars(1500, msm), |msm| scalars(300, msm));
}

fn scalars<A: AffinePoint>(n: usize, msm: Msm<'_, A>) {
    let known = Known::<A>::random(n, 60);
    let random = random_scalars::<A::Scalar>(n, 61);
    let (zero, one) = (A::Scalar::ZERO, A::Scalar::ONE);
    let two_to = |k: u64| A::Scalar::from(2).pow_vartime([k]);
    let all = |v: A::Scalar| vec![v; n];
    let each = |f: &dyn Fn(usize) -> A::Scalar| (0..n).map(f).collect::<Vec<_>>();
    known.check("all 0", &all(zero), msm);
    known.check("all 1", &all(one), msm);
    known.check("all r − 1", &all(-one), msm);
    known.check("all (r − 1)/2", &all(-A::Scalar::from(2).invert().unwrap_or(zero)), msm);
    known.check("all (r + 1)/2", &all(A::Scalar::from(2).invert().unwrap_or(zero)), msm);
    known.check("all equal", &all(random[0]), msm);
    known.check("two values", &each(&|i| random[i % 2]), msm);
    known.check(
        "98 % zeros and ones",
        &each(&|i| if i % 50 == 0 { random[i] } else { A::Scalar::from(i as u64 % 2) }),
        msm,
    );
    known.check("bits of either sign", &each(&|i| [zero, one, -one][i % 3]), msm);
    known.check("one giant bucket", &each(&|i| if i % 100 == 0 { random[i] } else { random[1] }), msm);
    known.check("16 bits", &each(&|i| A::Scalar::from((i * 40503 % 65536) as u64)), msm);
    known.check("64 bits", &each(&|i| A::Scalar::from((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))), msm);
    known.check(
        "64 bits, negated",
        &each(&|i| -A::Scalar::from((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        msm,
    );
    known.check("2^64 − 1", &all(A::Scalar::from(u64::MAX)), msm);
    known.check("2^64", &all(two_to(64)), msm);
    known.check("powers of two", &each(&|i| two_to(i as u64 % 254)), msm);
    known.check("powers of two less one", &each(&|i| two_to(i as u64 % 254) - one), msm);
    known.check("negated powers of two", &each(&|i| -two_to(i as u64 % 254)), msm);
    let lambda = cube_root_of_unity::<A::Scalar>();
    let near_lambda = |i: usize| lambda + A::Scalar::from(i as u64 % 5) - A::Scalar::from(2);
    known.check("near a cube root of unity", &each(&near_lambda), msm);
    known.check("near the other one", &each(&|i| -one - near_lambda(i)), msm);
    known.check("halves of it", &each(&|i| near_lambda(i) * two_to(1).invert().unwrap_or(zero)), msm);
    known.check("short multiples of it", &each(&|i| lambda * A::Scalar::from(i as u64 * 977 + 1)), msm);
    known.check("short multiples, negated", &each(&|i| -lambda * A::Scalar::from(i as u64 * 977 + 1)), msm);
    known.check(
        "halves by endomorphism",
        &each(&|i| two_to(i as u64 % 127) - lambda * two_to(i as u64 % 125)),
        msm,
    );
    known.check("near r", &each(&|i| -A::Scalar::from(i as u64)), msm);
    known.check("one term of many", &each(&|i| if i == n - 1 { random[0] } else { zero }), msm);
}

/// λ ≠ 1 with λ³ = 1, by which the endomorphism (x, y) ↦ (βx, y) of both curves multiplies, or its square: scalars that
/// a decomposition k₁ + k₂λ cuts into zeros, ones and the edges of its range.
fn cube_root_of_unity<F: PrimeField>() -> F {
    // (r − 1)/3 by long division of the bytes of −1.
    let mut exponent = [0u64; 4];
    let mut rest = 0u32;
    for (i, byte) in (-F::ONE).to_repr().as_ref().iter().enumerate().rev() {
        let value = rest << 8 | u32::from(*byte);
        exponent[i / 8] |= u64::from(value / 3) << (8 * (i % 8));
        rest = value % 3;
    }
    let root = F::MULTIPLICATIVE_GENERATOR.pow_vartime(exponent);
    assert!(rest == 0 && root != F::ONE && root * root * root == F::ONE, "no cube root of unity");
    root
}

/// Points that meet every special case of an addition: infinity, doublings, P and −P.
///
/// # Panics
/// If a result differs.
pub fn msm_points<C: Curve>(backend: &dyn Backend<C>) {
    in_both_groups::<C>(backend, |msm| points(800, msm), |msm| points(200, msm));
}

fn points<A: AffinePoint>(n: usize, msm: Msm<'_, A>) {
    let random = random_scalars::<A::Scalar>(n, 70);
    let one = A::Scalar::ONE;
    let kinds: [(&str, Vec<A::Scalar>); 5] = [
        ("random", random.clone()),
        ("ones", vec![one; n]),
        ("equal", vec![random[0]; n]),
        ("bits of either sign", (0..n).map(|i| [one, -one, A::Scalar::ZERO][i % 3]).collect()),
        ("short", (0..n).map(|i| A::Scalar::from(3 + i as u64 / 2)).collect()),
    ];
    let source = Known::<A>::random(n, 71);
    let base = (source.points[0], source.logs[0]);
    let sets: [(&str, Replacement<'_, A>); 6] = [
        ("all infinity", &|_| Some((A::identity(), A::Scalar::ZERO))),
        ("every third infinity", &|i| i.is_multiple_of(3).then_some((A::identity(), A::Scalar::ZERO))),
        ("all equal", &|_| Some(base)),
        ("pairs of equals", &|i| Some((source.points[i / 2], source.logs[i / 2]))),
        ("P and −P in turn", &|i| Some(if i % 2 == 0 { base } else { (-base.0, -base.1) })),
        ("P, −P, P, infinity", &|i| {
            Some([base, (-base.0, -base.1), base, (A::identity(), A::Scalar::ZERO)][i % 4])
        }),
    ];
    for (set, replace) in sets {
        let mut known = Known::<A>::random(n, 71);
        for i in 0..n {
            if let Some((point, log)) = replace(i) {
                known.set(i, point, log);
            }
        }
        for (kind, scalars) in &kinds {
            known.check(&format!("points: {set}; scalars: {kind}"), scalars, msm);
        }
    }
}

/// Bases that start at any byte.
///
/// # Panics
/// If a result differs.
pub fn msm_unaligned<C: Curve>(backend: &dyn Backend<C>) {
    in_both_groups::<C>(backend, unaligned, unaligned);
}

fn unaligned<A: AffinePoint>(msm: Msm<'_, A>) {
    let n = 77;
    let known = Known::<A>::random(n, 80);
    let scalars: Vec<A::Scalar> = random_scalars(n, 81)
        .into_iter()
        .enumerate()
        .map(|(i, k)| if i % 3 == 0 { A::Scalar::ONE } else { k })
        .collect();
    for offset in [1, 3, 4, 7] {
        let mut bytes = vec![0xa5u8; offset];
        known.points.iter().for_each(|p| bytes.extend_from_slice(p.as_raw_bytes()));
        let found = Bases::from_bytes(&bytes[offset..]).map(|bases| msm(bases, &scalars));
        let right = matches!(found, Some(Ok(sum)) if sum == known.expected(&scalars));
        assert!(right, "bases at an offset of {offset} bytes");
    }
}
