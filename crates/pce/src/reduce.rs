//! Sums of products with one reduction at the end, on Montgomery limbs.
//!
//! A linear combination Σ cᵢ·wᵢ is split by the kind of its coefficients:
//!
//! - small cᵢ (|cᵢ| < 2^44, ±1 among them): cᵢ·(wᵢR) needs no Montgomery reduction, and is summed as a plain signed
//!   integer of five limbs, offset to stay positive ([`Sum`]);
//! - other cᵢ: (cᵢR)·(wᵢR) is summed as an integer of nine limbs ([`Products`]) and divided by R once.
//!
//! # Bounds
//! Let m be the modulus, 2^253 < m < 2^255, and let one *segment* have at most 2^16 terms ([`SEGMENT`]).
//!
//! 1. Small terms: |Σ cᵢ·wᵢR| ≤ 2^16·2^44·(m−1) < 2^60·m.
//! 2. Products: Σ < 2^16·m² < 2^526, nine limbs do not overflow. Montgomery's reduction gives
//!    (Σ + q·m)/2^256 < 2^16·m·(m/2^256) + m < 2^15·m + m, five limbs.
//! 3. Their sum s, with the constant term (below m) of the combination: |s| < 2^60·m + 2^16·m < 2^61·m < 2^316, so a
//!    two's complement integer of five limbs holds it.
//! 4. v = s + 2^61·m satisfies 0 < v < (2^61 + 2^60 + 2^16)·m < 1.51·2^61·m < 2^317.
//! 5. Barrett's quotient with h = ⌊v/2^192⌋ and μ = ⌊2^317/m⌋ < 2^64 is q = ⌊h·μ/2^125⌋. It is at most ⌊v/m⌋, and
//!    v/m − q < 1 + v/2^317 + 2^192/m < 1 + 0.76 + 2^−61 < 2 (1 for the last floor, the others for those in μ and h;
//!    v/2^317 < 1.51·2^61·2^255/2^317 < 0.76).
//! 6. So v − q·m < 2m < 2^256: four limbs, and one conditional subtraction finishes.
//!
//! P. Barrett, "Implementing the Rivest Shamir and Adleman public key encryption algorithm on a standard digital signal
//! processor", CRYPTO 1986. A reduction costs 6 word products; with [`Products`], 16 more.

use core::marker::PhantomData;
use forebay_msm::ScalarField;
use forebay_msm::field::mont4::{self, mac};

/// Terms that may be summed before a reduction.
pub(crate) const SEGMENT: usize = 1 << 16;

/// Magnitudes of small coefficients are below 2^44.
pub(crate) const SMALL_BITS: u32 = 44;

struct Constants<F>(PhantomData<F>);

impl<F: ScalarField> Constants<F> {
    /// ⌊2^317/m⌋.
    const MU: u64 = {
        let m = &F::MODULUS_LIMBS;
        assert!(m[3] >> 61 != 0 && m[3] >> 63 == 0, "the modulus is not between 2^253 and 2^255");
        floor_pow2_over(317, m)
    };
    /// 2^61·m.
    const OFFSET: [u64; 5] = {
        let m = &F::MODULUS_LIMBS;
        [
            m[0] << 61,
            (m[1] << 61) | (m[0] >> 3),
            (m[2] << 61) | (m[1] >> 3),
            (m[3] << 61) | (m[2] >> 3),
            m[3] >> 3,
        ]
    };
}

/// ⌊2^k/m⌋ by long division; the quotient must fit a word.
pub(crate) const fn floor_pow2_over(k: u32, m: &[u64; 4]) -> u64 {
    let mut rest = [1u64, 0, 0, 0];
    let mut quotient = 0u64;
    let mut i = 0;
    while i < k {
        // rest < m < 2^255: doubling does not carry out.
        rest = [
            rest[0] << 1,
            (rest[1] << 1) | (rest[0] >> 63),
            (rest[2] << 1) | (rest[1] >> 63),
            (rest[3] << 1) | (rest[2] >> 63),
        ];
        let mut d = [0u64; 4];
        let mut below = 0;
        let mut j = 0;
        while j < 4 {
            let t = (rest[j] as u128).wrapping_sub(m[j] as u128 + below);
            d[j] = t as u64;
            below = (t >> 64) & 1;
            j += 1;
        }
        assert!(quotient >> 63 == 0, "the quotient does not fit a word");
        quotient <<= 1;
        if below == 0 {
            rest = d;
            quotient |= 1;
        }
        i += 1;
    }
    quotient
}

/// a − b and whether it borrowed.
#[inline(always)]
fn sub4(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let (r0, c) = a[0].borrowing_sub(b[0], false);
    let (r1, c) = a[1].borrowing_sub(b[1], c);
    let (r2, c) = a[2].borrowing_sub(b[2], c);
    let (r3, c) = a[3].borrowing_sub(b[3], c);
    ([r0, r1, r2, r3], c)
}

/// A sum of five limbs, Σ cᵢ·wᵢR over small cᵢ, that starts at 2^61·m: where it is reduced it is positive (point 4).
#[derive(Clone, Copy)]
pub(crate) struct Sum([u64; 5]);

impl Sum {
    /// The sum that holds one reduced element.
    #[inline(always)]
    pub(crate) fn new<F: ScalarField>(v: &[u64; 4]) -> Self {
        let mut sum = Sum(Constants::<F>::OFFSET);
        sum.add(v);
        sum
    }

    #[inline(always)]
    fn add5(&mut self, v: &[u64; 5]) {
        let a = &mut self.0;
        let mut c = false;
        (a[0], c) = a[0].carrying_add(v[0], c);
        (a[1], c) = a[1].carrying_add(v[1], c);
        (a[2], c) = a[2].carrying_add(v[2], c);
        (a[3], c) = a[3].carrying_add(v[3], c);
        a[4] = a[4].wrapping_add(v[4]).wrapping_add(c as u64);
    }

    #[inline(always)]
    fn sub5(&mut self, v: &[u64; 5]) {
        let a = &mut self.0;
        let mut c = false;
        (a[0], c) = a[0].borrowing_sub(v[0], c);
        (a[1], c) = a[1].borrowing_sub(v[1], c);
        (a[2], c) = a[2].borrowing_sub(v[2], c);
        (a[3], c) = a[3].borrowing_sub(v[3], c);
        a[4] = a[4].wrapping_sub(v[4]).wrapping_sub(c as u64);
    }

    /// Adds an element.
    #[inline(always)]
    pub(crate) fn add(&mut self, v: &[u64; 4]) {
        self.add5(&[v[0], v[1], v[2], v[3], 0]);
    }

    /// Subtracts an element.
    #[inline(always)]
    pub(crate) fn sub(&mut self, v: &[u64; 4]) {
        self.sub5(&[v[0], v[1], v[2], v[3], 0]);
    }

    /// Adds k·v.
    #[inline(always)]
    pub(crate) fn add_multiple(&mut self, v: &[u64; 4], k: u64) {
        self.add5(&multiple(v, k));
    }

    /// Subtracts k·v.
    #[inline(always)]
    pub(crate) fn sub_multiple(&mut self, v: &[u64; 4], k: u64) {
        self.sub5(&multiple(v, k));
    }

    /// The reduced element (points 4 to 6 of the module's bounds).
    #[inline(always)]
    pub(crate) fn reduce<F: ScalarField>(self) -> [u64; 4] {
        let v = &self.0;
        debug_assert!(v[4] >> 61 == 0, "the sum is beyond its bound");
        let mu = u128::from(Constants::<F>::MU);
        let q = ((u128::from(v[4]) * mu + ((u128::from(v[3]) * mu) >> 64)) >> 61) as u64;
        let m = &F::MODULUS_LIMBS;
        // v − q·m modulo 2^256; the difference is below 2m.
        let (p0, c) = mac(0, q, m[0], 0);
        let (p1, c) = mac(0, q, m[1], c);
        let (p2, c) = mac(0, q, m[2], c);
        let p3 = q.wrapping_mul(m[3]).wrapping_add(c);
        let (r0, c) = v[0].borrowing_sub(p0, false);
        let (r1, c) = v[1].borrowing_sub(p1, c);
        let (r2, c) = v[2].borrowing_sub(p2, c);
        let (r3, _) = v[3].borrowing_sub(p3, c);
        let r = [r0, r1, r2, r3];
        let (d, below) = sub4(&r, m);
        let out = core::array::from_fn(|i| if below { r[i] } else { d[i] });
        debug_assert!(mont4::is_reduced::<F>(&out), "the quotient was off by more than one");
        out
    }
}

/// k·v.
#[inline(always)]
fn multiple(v: &[u64; 4], k: u64) -> [u64; 5] {
    let (p0, c) = mac(0, v[0], k, 0);
    let (p1, c) = mac(0, v[1], k, c);
    let (p2, c) = mac(0, v[2], k, c);
    let (p3, p4) = mac(0, v[3], k, c);
    [p0, p1, p2, p3, p4]
}

/// An unsigned sum of nine limbs: Σ (cᵢR)·(wᵢR).
#[derive(Clone, Copy, Default)]
pub(crate) struct Products([u64; 9]);

impl Products {
    /// Adds a·b.
    #[inline(always)]
    pub(crate) fn add_product(&mut self, a: &[u64; 4], b: &[u64; 4]) {
        let t = &mut self.0;
        let mut carry = false;
        for i in 0..4 {
            let (r, c) = mac(t[i], a[i], b[0], 0);
            t[i] = r;
            let (r, c) = mac(t[i + 1], a[i], b[1], c);
            t[i + 1] = r;
            let (r, c) = mac(t[i + 2], a[i], b[2], c);
            t[i + 2] = r;
            let (r, c) = mac(t[i + 3], a[i], b[3], c);
            t[i + 3] = r;
            (t[i + 4], carry) = t[i + 4].carrying_add(c, carry);
        }
        t[8] += carry as u64;
    }

    /// Adds the sum divided by R to `sum` (point 2 of the module's bounds).
    #[inline(always)]
    pub(crate) fn reduce_into<F: ScalarField>(mut self, sum: &mut Sum) {
        let m = &F::MODULUS_LIMBS;
        let t = &mut self.0;
        let mut carry = false;
        for i in 0..4 {
            let q = t[i].wrapping_mul(F::NEG_INV);
            let (_, c) = mac(t[i], q, m[0], 0);
            let (r, c) = mac(t[i + 1], q, m[1], c);
            t[i + 1] = r;
            let (r, c) = mac(t[i + 2], q, m[2], c);
            t[i + 2] = r;
            let (r, c) = mac(t[i + 3], q, m[3], c);
            t[i + 3] = r;
            (t[i + 4], carry) = t[i + 4].carrying_add(c, carry);
        }
        t[8] += carry as u64;
        sum.add5(&[t[4], t[5], t[6], t[7], t[8]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Sums at and near the bounds agree with the field's own arithmetic.
    fn agrees_with_the_field<F: ScalarField>() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let largest = F::ZERO - F::ONE;
        let edges = [F::ZERO, F::ONE, F::ONE.double(), largest, largest - F::ONE];
        // The element with the largest limbs, m − 1, has the canonical value −R⁻¹.
        let mut top = F::MODULUS_LIMBS;
        top[0] -= 1;
        let top = F::from_limbs_unchecked(top);
        for round in 0..2000 {
            let constant = if round % 3 == 0 { top } else { F::random(&mut rng) };
            let (mut sum, mut expected) = (Sum::new::<F>(constant.limbs()), constant);
            let (mut products, mut wide) = (Products::default(), F::ZERO);
            for _ in 0..rng.gen_range(0..6) {
                let w = if rng.r#gen() { top } else { edges[rng.gen_range(0..5)] };
                let k = match rng.gen_range(0..3) {
                    0 => (1u64 << 60) / 8,
                    1 => rng.gen_range(0..1 << SMALL_BITS),
                    _ => 1,
                };
                if rng.r#gen() {
                    sum.add_multiple(w.limbs(), k);
                    expected += F::from(k) * w;
                } else {
                    sum.sub_multiple(w.limbs(), k);
                    expected -= F::from(k) * w;
                }
                products.add_product(w.limbs(), top.limbs());
                wide += w * top;
            }
            products.reduce_into::<F>(&mut sum);
            assert_eq!(F::from_limbs_unchecked(sum.reduce::<F>()), expected + wide);
        }
    }

    #[test]
    fn agrees_with_the_field_on_both_curves() {
        agrees_with_the_field::<blstrs::Scalar>();
        agrees_with_the_field::<halo2curves::bn256::Fr>();
    }

    /// A full segment of the largest terms of either sign.
    fn a_full_segment_is_within_bounds<F: ScalarField>() {
        let mut top = F::MODULUS_LIMBS;
        top[0] -= 1;
        let w = F::from_limbs_unchecked(top);
        let k = (1u64 << SMALL_BITS) - 1;
        let n = F::from(SEGMENT as u64);
        let (mut up, mut down, mut products) =
            (Sum::new::<F>(&top), Sum::new::<F>(&[0; 4]), Products::default());
        for _ in 0..SEGMENT {
            up.add_multiple(&top, k);
            down.sub_multiple(&top, k);
            products.add_product(&top, &top);
        }
        let expected = n * F::from(k) * w;
        assert_eq!(F::from_limbs_unchecked(down.reduce::<F>()), -expected);
        products.reduce_into::<F>(&mut up);
        assert_eq!(F::from_limbs_unchecked(up.reduce::<F>()), expected + w + n * w * w);
    }

    #[test]
    fn a_full_segment_is_within_bounds_on_both_curves() {
        a_full_segment_is_within_bounds::<blstrs::Scalar>();
        a_full_segment_is_within_bounds::<halo2curves::bn256::Fr>();
    }
}
