//! Would an AVX2 path pay? Montgomery products in four lanes beside the scalar ones of the same fields.
//!
//! A prototype for `docs/decisions/0012-avx2.md`, not a kernel: four elements side by side, limbs of 28 bits (14 for the 381-bit
//! field) or 29 bits (9 for the 254-bit one) in 64-bit lanes, `vpmuludq`, row by row with the reduction interleaved. Results are
//! checked against the scalar field before anything is timed.
//!
//! `cargo bench -p forebay-msm --bench avx2`
#![allow(clippy::unwrap_used, missing_docs)] // a benchmark may panic

#[cfg(not(target_arch = "x86_64"))]
fn main() {}

#[cfg(target_arch = "x86_64")]
fn main() {
    lanes::main();
}

#[cfg(target_arch = "x86_64")]
mod lanes {
    use core::{arch::x86_64::*, hint::black_box};
    use criterion::{Criterion, Throughput};
    use forebay_msm::field::{
        coordinate::{Bn254Fq, Coordinate},
        fp381::Fp381,
    };
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{RngCore, SeedableRng},
    };

    /// Products at a time: all operands are in the first-level cache.
    const BATCH: usize = 64;

    /// A field: N limbs of B bits, R = 2^(N·B). A column sums N products of a and b, N of q and p, and carries:
    /// 2·14·2^56 and 2·9·2^58 are below 2^63.
    trait Field<const N: usize, const B: u32, const W: usize> {
        type Scalar: Coordinate;
        const WORDS: [u64; W];
        const P: [u64; N] = split::<N, B>(&Self::WORDS);
        /// −p⁻¹ mod 2^B.
        const NEG_INV: u64 = {
            let (p, mut x, mut i) = (Self::WORDS[0], 1u64, 0);
            while i < 6 {
                x = x.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(x)));
                i += 1;
            }
            x.wrapping_neg() & ((1 << B) - 1)
        };
    }

    struct Bls;
    impl Field<14, 28, 6> for Bls {
        type Scalar = Fp381;
        const WORDS: [u64; 6] = [
            0xb9fe_ffff_ffff_aaab,
            0x1eab_fffe_b153_ffff,
            0x6730_d2a0_f6b0_f624,
            0x6477_4b84_f385_12bf,
            0x4b1b_a7b6_434b_acd7,
            0x1a01_11ea_397f_e69a,
        ];
    }

    struct Bn;
    impl Field<9, 29, 4> for Bn {
        type Scalar = Bn254Fq;
        const WORDS: [u64; 4] =
            [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
    }

    const fn split<const N: usize, const B: u32>(words: &[u64]) -> [u64; N] {
        let mut out = [0; N];
        let mut i = 0;
        while i < N {
            let bit = i * B as usize;
            let (word, shift) = (bit / 64, bit % 64);
            if word < words.len() {
                out[i] = words[word] >> shift;
                if shift + B as usize > 64 && word + 1 < words.len() {
                    out[i] |= words[word + 1] << (64 - shift);
                }
                out[i] &= (1 << B) - 1;
            }
            i += 1;
        }
        out
    }

    fn join<const W: usize>(limbs: &[u64], bits: u32) -> [u64; W] {
        let mut out = [0; W];
        for (i, limb) in limbs.iter().enumerate() {
            let bit = i * bits as usize;
            let (word, shift) = (bit / 64, bit % 64);
            if word < W {
                out[word] |= limb << shift;
            }
            if shift + bits as usize > 64 && word + 1 < W {
                out[word + 1] |= limb >> (64 - shift);
            }
        }
        out
    }

    /// a·b/R mod p below 2p, for factors below 2p.
    #[target_feature(enable = "avx2")]
    fn mul<F: Field<N, B, W>, const N: usize, const B: u32, const W: usize>(
        a: &[__m256i; N],
        b: &[__m256i; N],
        out: &mut [__m256i; N],
    ) {
        let each = |v: u64| v as i64;
        let mask = _mm256_set1_epi64x(each((1 << B) - 1));
        let inverse = _mm256_set1_epi64x(each(F::NEG_INV));
        let shift = _mm_cvtsi64_si128(i64::from(B));
        let mut t = [_mm256_setzero_si256(); N];
        for ai in a {
            for j in 0..N {
                t[j] = _mm256_add_epi64(t[j], _mm256_mul_epu32(*ai, b[j]));
            }
            let q = _mm256_and_si256(_mm256_mul_epu32(t[0], inverse), mask);
            let low = _mm256_add_epi64(t[0], _mm256_mul_epu32(q, _mm256_set1_epi64x(each(F::P[0]))));
            for j in 1..N {
                t[j - 1] = _mm256_add_epi64(t[j], _mm256_mul_epu32(q, _mm256_set1_epi64x(each(F::P[j]))));
            }
            t[0] = _mm256_add_epi64(t[0], _mm256_srl_epi64(low, shift));
            t[N - 1] = _mm256_setzero_si256();
        }
        for j in 1..N {
            t[j] = _mm256_add_epi64(t[j], _mm256_srl_epi64(t[j - 1], shift));
            t[j - 1] = _mm256_and_si256(t[j - 1], mask);
        }
        *out = t;
    }

    #[target_feature(enable = "avx2")]
    fn mul_batch<F: Field<N, B, W>, const N: usize, const B: u32, const W: usize>(
        a: &[[__m256i; N]],
        b: &[[__m256i; N]],
        out: &mut [[__m256i; N]],
    ) {
        for ((a, b), out) in a.iter().zip(b).zip(out) {
            mul::<F, N, B, W>(a, b, out);
        }
    }

    /// Four elements in lanes.
    fn pack<const N: usize, const B: u32, const W: usize>(words: &[[u64; W]]) -> [__m256i; N] {
        let limbs: Vec<[u64; N]> = words.iter().map(|w| split::<N, B>(w)).collect();
        core::array::from_fn(|i| {
            let lanes: [u64; 4] = core::array::from_fn(|lane| limbs[lane][i]);
            // SAFETY: the same size, any bits.
            unsafe { core::mem::transmute(lanes) }
        })
    }

    fn bench<F: Field<N, B, W>, const N: usize, const B: u32, const W: usize>(c: &mut Criterion, name: &str) {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        // Below p, as the top word is below that of p.
        let mut random = || -> [u64; W] {
            core::array::from_fn(|i| if i + 1 == W { rng.next_u64() % F::WORDS[i] } else { rng.next_u64() })
        };
        let (a, b): (Vec<_>, Vec<_>) = (0..4 * BATCH).map(|_| (random(), random())).unzip();
        let lanes = |v: &[[u64; W]]| v.chunks(4).map(pack::<N, B, W>).collect::<Vec<_>>();
        let (va, vb) = (lanes(&a), lanes(&b));
        let mut out = va.clone();
        // SAFETY: words of an element, which has any bits as a value.
        let scalar = |v: &[u64; W]| -> F::Scalar { unsafe { core::mem::transmute_copy(v) } };
        let (sa, sb) = (a.iter().map(scalar).collect::<Vec<_>>(), b.iter().map(scalar).collect::<Vec<_>>());
        // SAFETY: `main` asked for the feature.
        unsafe { mul_batch::<F, N, B, W>(&va, &vb, &mut out) };
        check::<F, N, B, W>(&sa, &sb, &out);

        let mut group = c.benchmark_group(format!("{name} {} products", 4 * BATCH));
        group.throughput(Throughput::Elements(4 * BATCH as u64));
        group.bench_function("scalar", |bench| {
            let mut out = sa.clone();
            bench.iter(|| {
                for ((a, b), out) in black_box(&sa).iter().zip(&sb).zip(&mut out) {
                    *out = a.mul(b);
                }
                black_box(&mut out);
            });
        });
        group.bench_function("AVX2", |bench| {
            bench.iter(|| {
                // SAFETY: as above.
                unsafe { mul_batch::<F, N, B, W>(black_box(&va), &vb, &mut out) };
                black_box(&mut out);
            });
        });
    }

    /// The lanes hold a·b/2^(N·B) below 2p, the scalar product is a·b/2^(64·W).
    fn check<F: Field<N, B, W>, const N: usize, const B: u32, const W: usize>(
        a: &[F::Scalar],
        b: &[F::Scalar],
        out: &[[__m256i; N]],
    ) {
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            let limbs: Vec<u64> = out[i / 4]
                .iter()
                // SAFETY: the same size, any bits.
                .map(|v| unsafe { core::mem::transmute::<__m256i, [u64; 4]>(*v) }[i % 4])
                .collect();
            assert!(limbs.iter().all(|limb| *limb < 1 << B), "limbs are carried");
            let mut words: [u64; W] = join(&limbs, B);
            if words.iter().rev().ge(F::WORDS.iter().rev()) {
                let mut borrow = false;
                for (word, p) in words.iter_mut().zip(F::WORDS) {
                    let (t, under) = word.overflowing_sub(p);
                    let (t, again) = t.overflowing_sub(u64::from(borrow));
                    (*word, borrow) = (t, under | again);
                }
            }
            assert!(words.iter().rev().lt(F::WORDS.iter().rev()), "below 2p");
            // SAFETY: words of an element.
            let product: F::Scalar = unsafe { core::mem::transmute_copy(&words) };
            let raised = (64 * W..N * B as usize).fold(product, |v, _| v.double());
            assert!(raised == a.mul(b), "product {i}");
        }
    }

    pub(super) fn main() {
        if !std::is_x86_feature_detected!("avx2") {
            return;
        }
        let mut criterion = Criterion::default().configure_from_args();
        bench::<Bls, 14, 28, 6>(&mut criterion, "BLS12-381 Fp");
        bench::<Bn, 9, 29, 4>(&mut criterion, "BN254 Fp");
        criterion.final_summary();
    }
}
