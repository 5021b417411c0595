//! Field and curve arithmetic of `cuda/field` and `cuda/curve` on the CPU launcher, against big integers and the curves'
//! own crates.
#![allow(clippy::unwrap_used)] // helpers of tests, outside of the functions that clippy knows to be tests

use ff::Field;
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use forebay_msm_cuda::{
    Emulator,
    device::{Args, Device, DeviceMemory, Launch, Stream},
    msm::DevicePoint,
};
use group::{Curve as _, Group};
use num_bigint::BigUint;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::sync::Arc;

fn device() -> Arc<dyn Device> {
    match std::env::var_os("FOREBAY_TEST_EMULATOR") {
        Some(library) => Arc::new(Emulator::load(library.as_ref(), 64 << 20).unwrap()),
        None => Arc::new(Emulator::new(64 << 20).unwrap()),
    }
}

/// Runs a kernel of cuda/selftest/field.cu: an operation, inputs, one output of `out_bytes` bytes and a count.
fn run(
    device: &Arc<dyn Device>,
    kernel: &str,
    operation: u32,
    inputs: &[&[u8]],
    out_bytes: usize,
    n: usize,
) -> Vec<u8> {
    let stream = Stream::new(device).unwrap();
    let memory: Vec<DeviceMemory> = inputs
        .iter()
        .map(|bytes| {
            let memory = DeviceMemory::new(device, bytes.len()).unwrap();
            memory.upload(&stream, 0, bytes).unwrap();
            memory
        })
        .collect();
    let out = DeviceMemory::new(device, out_bytes).unwrap();
    let args = memory.iter().fold(Args::new().u32(operation), |args, m| args.ptr(m.ptr()));
    let mut args = args.ptr(out.ptr()).u32(n as u32);
    // SAFETY: as the kernels' signatures say.
    unsafe { device.launch(stream.id(), kernel, Launch::linear(n.div_ceil(64), 64), &mut args).unwrap() };
    let mut bytes = vec![0; out_bytes];
    out.download(&stream, 0, &mut bytes).unwrap();
    bytes
}

/// A prime field by its modulus and the bytes of an element, R = 2^(8·bytes).
struct Modulus {
    p: BigUint,
    bytes: usize,
}

impl Modulus {
    fn of(le: &[u8]) -> Modulus {
        Modulus { p: BigUint::from_bytes_le(le), bytes: le.len() }
    }

    fn r(&self) -> BigUint {
        (BigUint::from(1u32) << (8 * self.bytes)) % &self.p
    }

    fn inverse(&self, v: &BigUint) -> BigUint {
        v.modpow(&(&self.p - 2u32), &self.p)
    }

    /// a·b/R
    fn product(&self, a: &BigUint, b: &BigUint) -> BigUint {
        a * b * self.inverse(&self.r()) % &self.p
    }

    fn minus(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a + &self.p - b) % &self.p
    }

    /// The edges of the range and of the limbs, then random ones.
    fn samples(&self, n: usize, seed: u64) -> Vec<BigUint> {
        let one = BigUint::from(1u32);
        let mut all = vec![
            BigUint::ZERO,
            one.clone(),
            BigUint::from(2u32),
            &self.p - 1u32,
            &self.p - 2u32,
            &self.p >> 1,
            self.r(),
        ];
        for k in 1..self.bytes as u64 * 2 {
            for v in [(&one << (4 * k)) - 1u32, &one << (4 * k), &self.p - (&one << (4 * k)) % &self.p] {
                all.push(v % &self.p);
            }
        }
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut random = vec![0; self.bytes];
        while all.len() < n {
            rng.fill_bytes(&mut random);
            all.push(BigUint::from_bytes_le(&random) % &self.p);
        }
        // In another order for each seed, so that edges meet edges.
        (1..all.len()).rev().for_each(|i| all.swap(i, rng.next_u64() as usize % (i + 1)));
        all
    }

    fn pack(&self, values: &[BigUint]) -> Vec<u8> {
        let mut bytes = vec![0; values.len() * self.bytes];
        for (v, out) in values.iter().zip(bytes.chunks_exact_mut(self.bytes)) {
            let le = v.to_bytes_le();
            out[..le.len()].copy_from_slice(&le);
        }
        bytes
    }

    fn unpack(&self, bytes: &[u8]) -> Vec<BigUint> {
        bytes.chunks_exact(self.bytes).map(BigUint::from_bytes_le).collect()
    }
}

const OPERATIONS: [&str; 9] =
    ["add", "sub", "mul", "sqr", "neg", "inverse", "dbl", "difference of squares", "equal"];

fn fields() -> Vec<(&'static str, Modulus)> {
    let scalars = |id: CurveId| Modulus::of(&id.scalar_modulus_le());
    vec![
        ("bls12_381_fp", Modulus::of(Bls12_381::BASE_MODULUS_LE)),
        ("bls12_381_fr", scalars(CurveId::Bls12_381)),
        ("bn254_fp", Modulus::of(Bn254::BASE_MODULUS_LE)),
        ("bn254_fr", scalars(CurveId::Bn254)),
    ]
}

#[test]
fn prime_fields() {
    let device = device();
    for (name, m) in fields() {
        let (a, b) = (m.samples(700, 1), m.samples(700, 2));
        let inverse_r = m.inverse(&m.r());
        let r2 = &m.r() * &m.r() % &m.p;
        let expected = |operation: usize, a: &BigUint, b: &BigUint| match operation {
            0 => (a + b) % &m.p,
            1 => m.minus(a, b),
            2 => a * b * &inverse_r % &m.p,
            3 => a * a * &inverse_r % &m.p,
            4 => m.minus(&BigUint::ZERO, a),
            5 => m.inverse(a) * &r2 % &m.p,
            6 => (a + a) % &m.p,
            7 => m.minus(&m.product(a, a), &m.product(b, b)),
            _ => {
                if a == b {
                    m.r()
                } else {
                    BigUint::ZERO
                }
            }
        };
        for (operation, what) in OPERATIONS.iter().enumerate() {
            let n = if [5, 7].contains(&operation) { 200 } else { a.len() };
            // Equality must also be seen where there is one.
            let b: Vec<_> = a
                .iter()
                .zip(&b)
                .enumerate()
                .map(|(i, (a, b))| if i % 9 == 0 { a } else { b }.clone())
                .collect();
            let (x, y) = (m.pack(&a[..n]), m.pack(&b[..n]));
            let out = run(&device, &format!("selftest_{name}"), operation as u32, &[&x, &y], x.len(), n);
            for ((found, a), b) in m.unpack(&out).iter().zip(&a).zip(&b) {
                assert_eq!(*found, expected(operation, a, b), "{name}: {what} of {a:x} and {b:x}");
            }
        }
    }
}

/// (c0, c1) with u² = −1.
type Pair = (BigUint, BigUint);

#[test]
fn quadratic_fields() {
    let device = device();
    for (name, m) in fields().into_iter().filter(|(name, _)| name.ends_with("fp")) {
        let samples =
            |seed| -> Vec<Pair> { m.samples(400, seed).into_iter().zip(m.samples(400, seed + 1)).collect() };
        let (a, b) = (samples(3), samples(5));
        let mul = |a: &Pair, b: &Pair| {
            let cross = m.product(&a.0, &b.1) + m.product(&a.1, &b.0);
            (m.minus(&m.product(&a.0, &b.0), &m.product(&a.1, &b.1)), cross % &m.p)
        };
        let sub = |a: &Pair, b: &Pair| (m.minus(&a.0, &b.0), m.minus(&a.1, &b.1));
        let add = |a: &Pair, b: &Pair| ((&a.0 + &b.0) % &m.p, (&a.1 + &b.1) % &m.p);
        let one = (m.r(), BigUint::ZERO);
        let expected = |operation: usize, a: &Pair, b: &Pair| match operation {
            0 => add(a, b),
            1 => sub(a, b),
            2 => mul(a, b),
            3 => mul(a, a),
            4 => sub(&(BigUint::ZERO, BigUint::ZERO), a),
            6 => add(a, a),
            7 => sub(&mul(a, a), &mul(b, b)),
            _ => {
                if a == b {
                    one.clone()
                } else {
                    (BigUint::ZERO, BigUint::ZERO)
                }
            }
        };
        let pack =
            |v: &[Pair]| m.pack(&v.iter().flat_map(|(x, y)| [x.clone(), y.clone()]).collect::<Vec<_>>());
        for (operation, what) in OPERATIONS.iter().enumerate() {
            let n = if operation == 5 { 60 } else { 250 };
            let (x, y) = (pack(&a[..n]), pack(&b[..n]));
            let out = run(&device, &format!("selftest_{name}2"), operation as u32, &[&x, &y], x.len(), n);
            for ((found, a), b) in m.unpack(&out).chunks_exact(2).zip(&a).zip(&b) {
                let found = (found[0].clone(), found[1].clone());
                let zero = *a == (BigUint::ZERO, BigUint::ZERO);
                match operation {
                    5 if zero => assert_eq!(found, *a, "{name}2: the inverse of zero"),
                    5 => assert_eq!(mul(&found, a), one, "{name}2: inverse of {a:x?}"),
                    _ => assert_eq!(found, expected(operation, a, b), "{name}2: {what} of {a:x?} and {b:x?}"),
                }
            }
        }
    }
}

/// All choices of four among O, P, −P, 2P, Q and Q − 2P: every sum meets doublings, opposites and infinity.
fn curve<A: DevicePoint>() {
    let device = device();
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let [p, q] = [0, 1].map(|_| A::generator() * A::Scalar::random(&mut rng));
    let choices: [A; 6] = [A::Curve::identity(), p, -p, p.double(), q, q - p.double()].map(|p| p.to_affine());
    let fours: Vec<[A; 4]> =
        (0..6usize.pow(4)).map(|i| [1, 6, 36, 216].map(|d| choices[i / d % 6])).collect();
    for operation in 0..5 {
        // The fourth point is only in full sums; of those a fifth, a stride that is coprime to 6.
        let fours: Vec<[A; 4]> = match operation {
            0 | 1 => fours[..216].to_vec(),
            _ => fours.iter().copied().step_by(5).collect(),
        };
        let bytes: Vec<u8> = fours.iter().flatten().flat_map(|p| p.as_raw_bytes().to_vec()).collect();
        let size = fours.len() * A::BYTES;
        let out = run(&device, &format!("selftest_{}", A::GROUP), operation, &[&bytes], size, fours.len());
        for (found, four) in out.chunks_exact(A::BYTES).zip(&fours) {
            let [a, b, c, d] = four.map(|p| p * A::Scalar::ONE);
            let expected = match operation {
                0 => a + b + c,
                1 => a + b - c,
                2 => a + b + c + d,
                3 => (a + b + c + d).double(),
                _ => (a + b + c + d) * A::Scalar::from(11),
            };
            let found = A::from_raw_bytes(found).unwrap();
            assert!(found.to_curve() == expected, "{}, operation {operation}", A::GROUP);
        }
    }
}

#[test]
fn curves() {
    curve::<<Bls12_381 as Curve>::G1Affine>();
    curve::<<Bls12_381 as Curve>::G2Affine>();
    curve::<<Bn254 as Curve>::G1Affine>();
    curve::<<Bn254 as Curve>::G2Affine>();
}
