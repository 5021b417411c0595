//! Portable Montgomery arithmetic on four 64-bit limbs.
//!
//! The modulus m is below 2^255, so sums of two reduced values do not carry out of four limbs and the product by
//! operand scanning needs no extra carry word (the "no-carry" condition of gnark's CIOS: the top limb of m is below
//! 2^63 − 1). Koç, Acar, Kaliski, "Analyzing and Comparing Montgomery Multiplication Algorithms", IEEE Micro 1996.
//!
//! On x86-64 the same operations in assembly (`mont4_x86`) stand in where the CPU has the instructions; the
//! functions below are the only place that chooses.
//!
//! Unless said otherwise inputs are reduced (below m) and so are outputs. A multiplication costs 32 word products.

use super::ScalarField;

#[inline(always)]
const fn adc(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let t = a as u128 + b as u128 + carry as u128;
    (t as u64, (t >> 64) as u64)
}

#[inline(always)]
const fn sbb(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let t = (a as u128).wrapping_sub(b as u128 + borrow as u128);
    (t as u64, ((t >> 64) as u64) & 1)
}

/// a + b·c + carry, as (low, high).
#[inline(always)]
pub const fn mac(a: u64, b: u64, c: u64, carry: u64) -> (u64, u64) {
    let t = a as u128 + (b as u128) * (c as u128) + carry as u128;
    (t as u64, (t >> 64) as u64)
}

/// v − m if v ≥ m, else v.
#[inline(always)]
pub(crate) const fn subtract_if_not_below(v: [u64; 4], m: &[u64; 4]) -> [u64; 4] {
    let (r0, b) = sbb(v[0], m[0], 0);
    let (r1, b) = sbb(v[1], m[1], b);
    let (r2, b) = sbb(v[2], m[2], b);
    let (r3, b) = sbb(v[3], m[3], b);
    let keep = 0u64.wrapping_sub(b);
    [
        (r0 & !keep) | (v[0] & keep),
        (r1 & !keep) | (v[1] & keep),
        (r2 & !keep) | (v[2] & keep),
        (r3 & !keep) | (v[3] & keep),
    ]
}

/// Whether v is below the modulus.
#[inline(always)]
pub fn is_reduced<F: ScalarField>(v: &[u64; 4]) -> bool {
    let m = &F::MODULUS_LIMBS;
    let (_, b) = sbb(v[0], m[0], 0);
    let (_, b) = sbb(v[1], m[1], b);
    let (_, b) = sbb(v[2], m[2], b);
    let (_, b) = sbb(v[3], m[3], b);
    b == 1
}

/// a + b.
#[inline(always)]
pub fn add<F: ScalarField>(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    #[cfg(target_arch = "x86_64")]
    return super::mont4_x86::add::<F>(a, b);
    #[cfg(not(target_arch = "x86_64"))]
    portable_add::<F>(a, b)
}

/// a − b.
#[inline(always)]
pub fn sub<F: ScalarField>(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    #[cfg(target_arch = "x86_64")]
    return super::mont4_x86::sub::<F>(a, b);
    #[cfg(not(target_arch = "x86_64"))]
    portable_sub::<F>(a, b)
}

/// Montgomery product a·b·R⁻¹ mod m. `a` may be any four limbs if `b` is reduced (the result is still below m, since
/// a·b + q·m < 2^256·2m before the final subtraction).
#[inline(always)]
pub fn mul<F: ScalarField>(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    #[cfg(target_arch = "x86_64")]
    if super::mont4_x86::has_adx() {
        // SAFETY: the CPU has the instructions.
        return unsafe { super::mont4_x86::mul::<F>(a, b) };
    }
    portable_mul::<F>(a, b)
}

/// [`add`] without assembly.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn portable_add<F: ScalarField>(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let (r0, c) = adc(a[0], b[0], 0);
    let (r1, c) = adc(a[1], b[1], c);
    let (r2, c) = adc(a[2], b[2], c);
    let (r3, _) = adc(a[3], b[3], c);
    subtract_if_not_below([r0, r1, r2, r3], &F::MODULUS_LIMBS)
}

/// [`sub`] without assembly.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn portable_sub<F: ScalarField>(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let (r0, borrow) = sbb(a[0], b[0], 0);
    let (r1, borrow) = sbb(a[1], b[1], borrow);
    let (r2, borrow) = sbb(a[2], b[2], borrow);
    let (r3, borrow) = sbb(a[3], b[3], borrow);
    let mask = 0u64.wrapping_sub(borrow);
    let m = &F::MODULUS_LIMBS;
    let (r0, c) = adc(r0, m[0] & mask, 0);
    let (r1, c) = adc(r1, m[1] & mask, c);
    let (r2, c) = adc(r2, m[2] & mask, c);
    let (r3, _) = adc(r3, m[3] & mask, c);
    [r0, r1, r2, r3]
}

/// [`mul`] without assembly. Not inlined where it is only the fallback: it is large.
#[cfg_attr(target_arch = "x86_64", cold, inline(never))]
#[cfg_attr(not(target_arch = "x86_64"), inline(always))]
fn portable_mul<F: ScalarField>(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let m = &F::MODULUS_LIMBS;
    let mut t = [0u64; 4];
    let mut i = 0;
    while i < 4 {
        // t ← (t + a_i·b + q·m) / 2^64, two carry chains merged at the top word.
        let (t0, mut c1) = mac(t[0], a[i], b[0], 0);
        let q = t0.wrapping_mul(F::NEG_INV);
        let (_, mut c2) = mac(t0, q, m[0], 0);
        let (u, c) = mac(t[1], a[i], b[1], c1);
        c1 = c;
        (t[0], c2) = mac(u, q, m[1], c2);
        let (u, c) = mac(t[2], a[i], b[2], c1);
        c1 = c;
        (t[1], c2) = mac(u, q, m[2], c2);
        let (u, c) = mac(t[3], a[i], b[3], c1);
        c1 = c;
        (t[2], c2) = mac(u, q, m[3], c2);
        t[3] = c1.wrapping_add(c2);
        i += 1;
    }
    subtract_if_not_below(t, m)
}

/// Montgomery reduction v·R⁻¹ mod m of an eight-limb v. The result is below m if v < 2^256·m.
#[inline(always)]
pub fn redc<F: ScalarField>(v: &[u64; 8]) -> [u64; 4] {
    let m = &F::MODULUS_LIMBS;
    let mut t = *v;
    let mut top = 0u64;
    let mut i = 0;
    while i < 4 {
        let q = t[i].wrapping_mul(F::NEG_INV);
        let (_, c) = mac(t[i], q, m[0], 0);
        let (r, c) = mac(t[i + 1], q, m[1], c);
        t[i + 1] = r;
        let (r, c) = mac(t[i + 2], q, m[2], c);
        t[i + 2] = r;
        let (r, c) = mac(t[i + 3], q, m[3], c);
        t[i + 3] = r;
        let (r, c) = adc(t[i + 4], c, top);
        t[i + 4] = r;
        top = c;
        i += 1;
    }
    debug_assert_eq!(top, 0, "the input was not below 2^256·m");
    subtract_if_not_below([t[4], t[5], t[6], t[7]], m)
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2curves::bn256::{Fq, Fr};
    use rand_core::{OsRng, RngCore};

    fn below<F: ScalarField>(mut v: [u64; 4]) -> [u64; 4] {
        v[3] >>= F::MODULUS_LIMBS[3].leading_zeros();
        subtract_if_not_below(v, &F::MODULUS_LIMBS)
    }

    /// Values with random limbs and with limbs of all zeros or all ones, below the modulus.
    fn samples<F: ScalarField>() -> Vec<[u64; 4]> {
        let mut m_less_one = F::MODULUS_LIMBS;
        m_less_one[0] -= 1;
        let extreme = (0..16u64).map(|bits| core::array::from_fn(|i| (bits >> i & 1).wrapping_neg()));
        let random = (0..50).map(|_| core::array::from_fn(|_| OsRng.next_u64()));
        [m_less_one, F::R, F::R2].into_iter().chain(extreme.chain(random).map(below::<F>)).collect()
    }

    fn assembly_agrees_with_the_portable_source<F: ScalarField>() {
        let values = samples::<F>();
        for a in &values {
            for b in &values {
                assert_eq!(add::<F>(a, b), portable_add::<F>(a, b), "{a:x?} + {b:x?}");
                assert_eq!(sub::<F>(a, b), portable_sub::<F>(a, b), "{a:x?} - {b:x?}");
                assert_eq!(mul::<F>(a, b), portable_mul::<F>(a, b), "{a:x?} * {b:x?}");
            }
            let any = [u64::MAX; 4];
            assert_eq!(mul::<F>(&any, a), portable_mul::<F>(&any, a), "unreduced times {a:x?}");
        }
    }

    #[test]
    fn assembly() {
        assembly_agrees_with_the_portable_source::<blstrs::Scalar>();
        assembly_agrees_with_the_portable_source::<Fr>();
        assembly_agrees_with_the_portable_source::<Fq>();
    }
}
