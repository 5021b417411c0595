//! The coordinate fields against big integers.
#![allow(clippy::unwrap_used)] // a test may panic

use forebay_msm::{Bls12_381, Bn254, Curve, field::coordinate::Coordinate, msm::MsmPoint};
use num_bigint::BigUint;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// The modulus and R of a base field, and its elements as Montgomery limbs.
struct Field {
    modulus: BigUint,
    r: BigUint,
    bytes: usize,
}

impl Field {
    fn of<C: Curve>() -> Self {
        let bytes = C::BASE_MODULUS_LE.len();
        Field {
            modulus: BigUint::from_bytes_le(C::BASE_MODULUS_LE),
            r: BigUint::from(1u8) << (8 * bytes),
            bytes,
        }
    }

    fn montgomery_bytes(&self, v: &BigUint) -> Vec<u8> {
        let mut bytes = (v * &self.r % &self.modulus).to_bytes_le();
        bytes.resize(self.bytes, 0);
        bytes
    }

    fn inverse(&self, v: &BigUint) -> BigUint {
        v.modpow(&(&self.modulus - 2u8), &self.modulus)
    }

    /// 0, 1, 2, p−1, p−2, (p±1)/2, the limbs' edges, and random values.
    fn samples(&self) -> Vec<BigUint> {
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        let one = BigUint::from(1u8);
        let p = &self.modulus;
        let mut values =
            vec![BigUint::ZERO, one.clone(), &one + 1u8, p - 1u8, p - 2u8, (p - 1u8) / 2u8, (p + 1u8) / 2u8];
        // Montgomery forms with extreme limbs: values v with v·R mod p = 2^k − 1 or p − 2^k.
        let r_inverse = self.inverse(&(&self.r % p));
        for k in (0..p.bits()).step_by(31) {
            values.push(((&one << k) - 1u8) * &r_inverse % p);
            values.push((p - (&one << k)) * &r_inverse % p);
        }
        values.extend((0..20).map(|_| rand_below(&mut rng, p)));
        values
    }
}

fn rand_below(rng: &mut ChaCha20Rng, bound: &BigUint) -> BigUint {
    use rand_chacha::rand_core::RngCore;
    let mut bytes = vec![0; 64];
    rng.fill_bytes(&mut bytes);
    BigUint::from_bytes_le(&bytes) % bound
}

fn element<K: Coordinate>(field: &Field, coefficients: &[&BigUint]) -> K {
    let bytes: Vec<u8> = coefficients.iter().flat_map(|c| field.montgomery_bytes(c)).collect();
    assert_eq!(bytes.len(), size_of::<K>());
    // SAFETY: the contract of `Coordinate`: plain limbs, any bit pattern is valid; the length was compared.
    unsafe { bytes.as_ptr().cast::<K>().read_unaligned() }
}

fn base_field<C: Curve>()
where
    C::G1Affine: MsmPoint,
{
    type K<C> = <<C as Curve>::G1Affine as MsmPoint>::Coordinate;
    let field = Field::of::<C>();
    let p = &field.modulus;
    let is = |k: K<C>, v: BigUint| assert_eq!(k, element(&field, &[&v]));
    let values = field.samples();
    for a in &values {
        let ka: K<C> = element(&field, &[a]);
        is(ka.square(), a * a % p);
        is(ka.double(), (a + a) % p);
        is(ka.neg(), (p - a) % p);
        is(ka.invert(), field.inverse(a));
        assert_eq!(ka.is_zero(), *a == BigUint::ZERO);
        for b in &values {
            let kb: K<C> = element(&field, &[b]);
            is(ka.mul(&kb), a * b % p);
            is(ka.add(&kb), (a + b) % p);
            is(ka.sub(&kb), (p + a - b) % p);
        }
    }
    is(K::<C>::ONE, BigUint::from(1u8));
    is(K::<C>::ZERO, BigUint::ZERO);
}

fn quadratic_field<C: Curve>()
where
    C::G2Affine: MsmPoint,
{
    type K<C> = <<C as Curve>::G2Affine as MsmPoint>::Coordinate;
    let field = Field::of::<C>();
    let p = &field.modulus;
    let samples = field.samples();
    let values: Vec<[&BigUint; 2]> =
        samples.iter().enumerate().map(|(i, c0)| [c0, &samples[(7 * i + 3) % samples.len()]]).collect();
    let is = |k: K<C>, v: [BigUint; 2]| assert_eq!(k, element(&field, &[&v[0], &v[1]]));
    let product = |a: &[&BigUint; 2], b: &[&BigUint; 2]| {
        let pp = p * p;
        [(a[0] * b[0] + pp - a[1] * b[1]) % p, (a[0] * b[1] + a[1] * b[0]) % p]
    };
    for a in &values {
        let ka: K<C> = element(&field, a);
        is(ka.square(), product(a, a));
        is(ka.neg(), [(p - a[0]) % p, (p - a[1]) % p]);
        if !ka.is_zero() {
            assert_eq!(ka.mul(&ka.invert()), K::<C>::ONE);
        }
        for b in &values {
            let kb: K<C> = element(&field, b);
            is(ka.mul(&kb), product(a, b));
            is(ka.add(&kb), [(a[0] + b[0]) % p, (a[1] + b[1]) % p]);
            is(ka.sub(&kb), [(p + a[0] - b[0]) % p, (p + a[1] - b[1]) % p]);
        }
    }
    assert_eq!(K::<C>::ZERO.invert(), K::<C>::ZERO);
}

#[test]
fn base_fields() {
    base_field::<Bls12_381>();
    base_field::<Bn254>();
}

#[test]
fn quadratic_fields() {
    quadratic_field::<Bls12_381>();
    quadratic_field::<Bn254>();
}

#[test]
fn the_layout_is_that_of_the_points() {
    fn check<A: MsmPoint>() {
        assert_eq!(A::BYTES, 2 * size_of::<A::Coordinate>());
    }
    check::<<Bls12_381 as Curve>::G1Affine>();
    check::<<Bls12_381 as Curve>::G2Affine>();
    check::<<Bn254 as Curve>::G1Affine>();
    check::<<Bn254 as Curve>::G2Affine>();
}
