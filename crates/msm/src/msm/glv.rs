//! Scalars cut in two by the endomorphism φ(x, y) = (βx, y), which multiplies by λ: kP = k₁P + k₂φ(P) with halves of 127
//! bits (Gallant, Lambert, Vanstone, CRYPTO 2001).
//!
//! Half as many windows take twice as many digits. φ is a homomorphism, so no point is mapped: a window sums the points
//! of both halves by bucket, applies φ to the sums of the second half's buckets and adds those to the first's. That
//! costs a product a bucket. The additions are as many as with mapped points: two runs and the sum of both take as many
//! as one run.
//!
//! (m, 0) = c₁v₁ + c₂v₂ in a basis v of the lattice {(a, b): a + bλ = 0 mod r}, and (k₁, k₂) = (m, 0) − ⌊c₁⌉v₁ − ⌊c₂⌉v₂ (Babai).

use super::digits::{MAX_WIDTH, window_count};
use crate::field::{ScalarField, mont4::mac};
use core::marker::PhantomData;

/// Whether an MSM cuts full-width scalars by the endomorphism. The sums are the same; tests and benchmarks force each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Endomorphism {
    /// Where the cost model has it ahead.
    #[default]
    Auto,
    /// At any number of terms.
    Always,
    /// At none.
    Never,
}

impl Endomorphism {
    /// The most of that many terms that are cut, where the cost model cuts `up_to`.
    pub(crate) fn most_cut(self, terms: usize, up_to: usize) -> usize {
        match self {
            Endomorphism::Auto => terms.min(up_to),
            Endomorphism::Always => terms,
            Endomorphism::Never => 0,
        }
    }

    /// Whether that many terms are cut.
    pub(crate) fn cuts(self, terms: usize, up_to: usize) -> bool {
        self.most_cut(terms, up_to) == terms
    }
}

/// The number for [`window_count`] of both halves: it covers magnitudes below 15/16·2^127. With the rounding error of
/// [`rounded`] a coefficient is off by at most 1/2 + 2^−61, so a half is at most (1/2 + 2^−61) times the sum of the
/// magnitudes of its column in the basis: z²/2 + 1 < 2^126.5 for BLS12-381, below 2^125.9 for BN254.
pub(crate) const HALF_BITS: u32 = 126;

/// A basis v₁ = (a₁, b₁), v₂ = (a₂, b₂) with c₁ and c₂ not negative for m ≥ 0.
pub(crate) struct Lattice {
    /// ⌊2^318·c_i/m⌉, which is constant: below 2^192.
    coefficients: [[u64; 3]; 2],
    /// a₁, a₂ modulo 2^128.
    first: [u128; 2],
    /// b₁, b₂ modulo 2^128.
    second: [u128; 2],
}

/// λ = z² − 1 with z = −0xd201000000010000 and r = λ² + λ + 1: v₁ = (λ, −1), v₂ = (1, λ + 1). As m < r/2, ⌊c₂⌉ = ⌊m/r⌉ = 0.
const BLS12_381: Lattice = {
    let lambda = 0xac45_a401_0001_a402_0000_0000_ffff_ffff;
    Lattice {
        coefficients: [[0x0e27_d269_c9a2_fde9, 0x58fd_b948_bdb3_fb8c, 0x5f1a_fb3c_7807_eab7], [0; 3]],
        first: [lambda, 1],
        second: [u128::MAX, lambda + 1],
    }
};

/// λ = 0xb3c4d79d41a917585bfc41088d8daaa78b17ea66b99c90dd, by the extended Euclidean algorithm on (r, λ).
const BN254: Lattice = {
    let short = 0x89d3_2568_94d2_13e3;
    Lattice {
        coefficients: [
            [0xdbae_71c5_1dce_9bbd, 0xb647_48cb_b1f8_2cf5, 0],
            [0x6978_e33e_d7aa_89b6, 0xde9e_f675_0e47_ac63, 0x9333_bc05_29dc_f4b3],
        ],
        first: [short, 0x6f4d_8248_eeb8_59fd_0be4_e154_1221_250b],
        second: [0x6f4d_8248_eeb8_59fc_8211_bbeb_7d4f_1128_u128.wrapping_neg(), short],
    }
};

/// The lattice that belongs to a scalar field.
pub(crate) struct Of<F>(PhantomData<F>);

impl<F: ScalarField> Of<F> {
    pub(crate) const LATTICE: Option<&'static Lattice> = match F::MODULUS_LIMBS {
        [0xffff_ffff_0000_0001, 0x53bd_a402_fffe_5bfe, 0x3339_d808_09a1_d805, 0x73ed_a753_299d_7d48] => {
            Some(&BLS12_381)
        }
        [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029] => {
            Some(&BN254)
        }
        _ => None,
    };
}

/// ⌊m·g/2^318⌉ to within 2^−61: the low word of m is left out (below 2^64·2^192/2^318 = 2^−62), g is rounded (below 2^254/2^319).
#[inline(always)]
fn rounded(m: &[u64; 4], g: &[u64; 3]) -> u128 {
    let mut t = [0u64; 6];
    t[3] = 1 << 61; // half of 2^318, above the word left out
    for i in 0..3 {
        let mut carry = 0;
        for j in 0..3 {
            (t[i + j], carry) = mac(t[i + j], m[i + 1], g[j], carry);
        }
        // Only the first row meets a word that is not zero, the half.
        let (sum, over) = t[i + 3].overflowing_add(carry);
        t[i + 3] = sum;
        if i < 2 {
            t[i + 4] += u64::from(over);
        }
    }
    let word = |i: usize| u128::from(t[i] >> 62 | t[i + 1] << 2);
    word(3) | word(4) << 64
}

/// m = k₁ + k₂λ mod r for m ≤ (r − 1)/2; both halves as signed integers.
#[inline(always)]
pub(crate) fn decompose(lattice: &Lattice, m: &[u64; 4]) -> [i128; 2] {
    let m0 = u128::from(m[0]) | u128::from(m[1]) << 64;
    let mut halves = [m0, 0];
    for i in 0..2 {
        if lattice.coefficients[i] == [0; 3] {
            continue;
        }
        // Both halves are below 2^127 in magnitude, so that their low 128 bits say all.
        let c = rounded(m, &lattice.coefficients[i]);
        halves[0] = halves[0].wrapping_sub(c.wrapping_mul(lattice.first[i]));
        halves[1] = halves[1].wrapping_sub(c.wrapping_mul(lattice.second[i]));
    }
    halves.map(|half| half as i128)
}

/// A signed half in words.
#[inline(always)]
pub(crate) fn sign_extended(half: i128) -> [u64; 4] {
    let sign = (half >> 127) as u64;
    [half as u64, (half >> 64) as u64, sign, sign]
}

/// How a bucket method cuts its scalars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Windows {
    /// Bits of a window.
    pub(crate) width: u32,
    /// Windows of a scalar, or of a half.
    pub(crate) count: usize,
    /// Digits of a term in each window: 1, or 2 by the endomorphism.
    pub(crate) parts: usize,
}

impl Windows {
    /// The cheapest windows for terms of `bits` bits, in digits and buckets of one window; see [`window_count`].
    pub(crate) fn whole(terms: usize, bits: u32, cost: impl Fn(usize, usize) -> usize) -> Self {
        Self::cheapest(terms, bits, 1, cost)
    }

    /// The cheapest windows for terms that are cut in two.
    pub(crate) fn halves(terms: usize, cost: impl Fn(usize, usize) -> usize) -> Self {
        Self::cheapest(terms, HALF_BITS, 2, cost)
    }

    fn cheapest(terms: usize, bits: u32, parts: usize, cost: impl Fn(usize, usize) -> usize) -> Self {
        let of = |width| Windows { width, count: window_count(bits, width) as usize, parts };
        let total = |w: &Windows| w.count * cost(parts * terms, w.buckets());
        (2..=MAX_WIDTH).map(of).min_by_key(total).unwrap_or(of(MAX_WIDTH))
    }

    /// Buckets of a window.
    pub(crate) fn buckets(&self) -> usize {
        1 << (self.width - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        curve::{Bls12_381, Bn254, Curve},
        field::coordinate::Coordinate,
        msm::{
            MsmPoint,
            classify::magnitude,
            point::Affine,
            points::{Points, into_curve_point},
        },
    };
    use group::{Curve as _, Group};
    use num_bigint::BigInt;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn integer(words: &[u64]) -> BigInt {
        words.iter().rev().fold(BigInt::ZERO, |sum, word| (sum << 64) + *word)
    }

    fn lattice<F: ScalarField>() -> (&'static Lattice, BigInt, BigInt) {
        let lattice = Of::<F>::LATTICE.unwrap();
        let r = integer(&F::MODULUS_LIMBS);
        // v₁ = 0 mod r: λ = −a₁/b₁.
        let [a, b] = [lattice.first[0] as i128, lattice.second[0] as i128].map(BigInt::from);
        let a = if lattice.first[0] >> 127 == 1 { a + (BigInt::from(1) << 128) } else { a };
        let lambda = ((-a * b.modpow(&(&r - 2), &r)) % &r + &r) % &r;
        (lattice, r, lambda)
    }

    /// A column of the basis: the first vector's and the second's entry. Signs by the convention of each basis.
    fn columns<F: ScalarField>() -> [[BigInt; 2]; 2] {
        let l = Of::<F>::LATTICE.unwrap();
        let positive = |v: u128| BigInt::from(v);
        let negative = |v: u128| -BigInt::from(v.wrapping_neg());
        [l.first.map(positive), [negative(l.second[0]), positive(l.second[1])]]
    }

    fn constants<F: ScalarField>() {
        let (lattice, r, lambda) = lattice::<F>();
        assert_eq!((&lambda * &lambda + &lambda + 1) % &r, BigInt::ZERO, "λ² + λ + 1");
        let [a, b] = columns::<F>();
        for i in 0..2 {
            assert_eq!((&a[i] + &b[i] * &lambda) % &r, BigInt::ZERO, "v is in the lattice");
        }
        assert_eq!(&a[0] * &b[1] - &a[1] * &b[0], r, "a basis: the determinant is r");
        // (m, 0) = c₁v₁ + c₂v₂ with c₁ = m·b₂/r and c₂ = −m·b₁/r.
        let exact = [&b[1], &-&b[0]].map(|v| ((v << 319) + &r) / (&r * 2));
        assert_eq!(integer(&lattice.coefficients[1]) == BigInt::ZERO, b[0] == BigInt::from(-1));
        for (i, exact) in exact.iter().enumerate() {
            let stored = integer(&lattice.coefficients[i]);
            assert!(stored == *exact || (stored == BigInt::ZERO && b[0] == BigInt::from(-1)), "coefficient");
        }
        // What `HALF_BITS` says of the halves.
        for column in [&a, &b] {
            let sum = column.iter().map(|v| v.magnitude()).sum::<num_bigint::BigUint>();
            assert!((sum >> 1u32) + 2u32 < num_bigint::BigUint::from(15u32) << 123, "a half is too long");
        }
    }

    fn decomposition<F: ScalarField>() {
        let (lattice, r, lambda) = lattice::<F>();
        let words = |v: &BigInt| {
            let digits = v.magnitude().to_u64_digits();
            core::array::from_fn(|i| digits.get(i).copied().unwrap_or(0))
        };
        let field = |v: &BigInt| F::from_canonical(words(&((v % &r + &r) % &r))).unwrap();
        let [a, b] = columns::<F>();
        let half: BigInt = &r >> 1;
        let mut samples: Vec<BigInt> = vec![0.into(), 1.into(), &r - 1, half.clone(), &half + 1, &half - 1];
        for i in -3..=3 {
            for v in a.iter().chain(&b).chain([&lambda]) {
                // Halves that are zero, short or negative, near a multiple of λ and near where rounding turns.
                samples.extend([v + i, v * &lambda + i, (v >> 1u32) + i, (v >> 1u32) * &lambda + i]);
                samples.push(((v * &lambda) >> 1u32) + i);
            }
        }
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let random = (0..20_000).map(|_| F::random(&mut rng));
        let bound = BigInt::from(15) << 123;
        for k in samples.iter().map(field).chain(random) {
            let (m, _) = magnitude(&k);
            let halves = decompose(lattice, &m);
            let [k1, k2] = halves.map(BigInt::from);
            assert_eq!((&k1 + &k2 * &lambda - integer(&m)) % &r, BigInt::ZERO, "{m:x?}");
            assert!(k1 < bound && -&k1 < bound && k2 < bound && -&k2 < bound, "{m:x?}: {halves:x?}");
        }
    }

    #[test]
    fn halves_add_up() {
        constants::<<Bls12_381 as Curve>::Fr>();
        constants::<<Bn254 as Curve>::Fr>();
        decomposition::<<Bls12_381 as Curve>::Fr>();
        decomposition::<<Bn254 as Curve>::Fr>();
    }

    fn multiplies_by_lambda<A: MsmPoint>()
    where
        A::Scalar: ScalarField,
    {
        let beta = A::Coordinate::cube_root();
        let sum = beta.square().add(&beta).add(&A::Coordinate::ONE);
        assert!(sum.is_zero(), "β² + β + 1");
        let lambda = lattice::<A::Scalar>().2.magnitude().to_u64_digits();
        let words = core::array::from_fn(|i| lambda.get(i).copied().unwrap_or(0));
        let lambda = A::Scalar::from_canonical(words).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        let random = (0..10).map(|_| A::Curve::random(&mut rng).to_affine());
        for point in random.chain([A::generator()]) {
            let p = Points::new(crate::Bases::from_slice(&[point])).signed(0);
            let image = into_curve_point::<A>(Affine { x: p.x.mul(&beta), y: p.y });
            assert!(image.to_curve() == point * lambda, "φ(P) = λP");
        }
    }

    #[test]
    fn the_endomorphism_multiplies_by_lambda() {
        multiplies_by_lambda::<<Bls12_381 as Curve>::G1Affine>();
        multiplies_by_lambda::<<Bls12_381 as Curve>::G2Affine>();
        multiplies_by_lambda::<<Bn254 as Curve>::G1Affine>();
        multiplies_by_lambda::<<Bn254 as Curve>::G2Affine>();
    }
}
