//! The base field of BLS12-381 and its quadratic extension. Products are blst's (assembly, picked by the CPU at run
//! time); sums and differences are inlined here, where a call would cost more than the work.

use super::coordinate::Coordinate;
use blst::{
    blst_fp, blst_fp_eucl_inverse, blst_fp_mul, blst_fp_sqr, blst_fp2, blst_fp2_eucl_inverse, blst_fp2_mul,
    blst_fp2_sqr,
};

type Limbs = [u64; 6];

/// q, little-endian limbs.
static MODULUS: Limbs = [
    0xb9fe_ffff_ffff_aaab,
    0x1eab_fffe_b153_ffff,
    0x6730_d2a0_f6b0_f624,
    0x6477_4b84_f385_12bf,
    0x4b1b_a7b6_434b_acd7,
    0x1a01_11ea_397f_e69a,
];

/// 2^384 mod q.
const R: Limbs = [
    0x7609_0000_0002_fffd,
    0xebf4_000b_c40c_0002,
    0x5f48_9857_53c7_58ba,
    0x77ce_5853_7052_5745,
    0x5c07_1a97_a256_ec6d,
    0x15f6_5ec3_fa80_e493,
];

/// a + b, both below q.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn add_mod(a: &Limbs, b: &Limbs) -> Limbs {
    let [mut t0, mut t1, mut t2, mut t3, mut t4, mut t5] = *a;
    // SAFETY: reads the static modulus and writes registers only; baseline instructions.
    unsafe {
        core::arch::asm!(
            "add {t0}, {s0}\n adc {t1}, {s1}\n adc {t2}, {s2}\n adc {t3}, {s3}\n adc {t4}, {s4}\n adc {t5}, {s5}",
            "mov {s0}, {t0}\n mov {s1}, {t1}\n mov {s2}, {t2}\n mov {s3}, {t3}\n mov {s4}, {t4}\n mov {s5}, {t5}",
            "sub {t0}, [rip + {m}]\n sbb {t1}, [rip + {m} + 8]\n sbb {t2}, [rip + {m} + 16]",
            "sbb {t3}, [rip + {m} + 24]\n sbb {t4}, [rip + {m} + 32]\n sbb {t5}, [rip + {m} + 40]",
            "cmovc {t0}, {s0}\n cmovc {t1}, {s1}\n cmovc {t2}, {s2}",
            "cmovc {t3}, {s3}\n cmovc {t4}, {s4}\n cmovc {t5}, {s5}",
            m = sym MODULUS,
            t0 = inout(reg) t0, t1 = inout(reg) t1, t2 = inout(reg) t2,
            t3 = inout(reg) t3, t4 = inout(reg) t4, t5 = inout(reg) t5,
            s0 = inout(reg) b[0] => _, s1 = inout(reg) b[1] => _, s2 = inout(reg) b[2] => _,
            s3 = inout(reg) b[3] => _, s4 = inout(reg) b[4] => _, s5 = inout(reg) b[5] => _,
            options(pure, readonly, nostack),
        );
    }
    [t0, t1, t2, t3, t4, t5]
}

/// a − b, both below q.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn sub_mod(a: &Limbs, b: &Limbs) -> Limbs {
    let [mut t0, mut t1, mut t2, mut t3, mut t4, mut t5] = *a;
    // SAFETY: as in `add_mod`.
    unsafe {
        core::arch::asm!(
            "sub {t0}, {s0}\n sbb {t1}, {s1}\n sbb {t2}, {s2}\n sbb {t3}, {s3}\n sbb {t4}, {s4}\n sbb {t5}, {s5}",
            "sbb {s0}, {s0}", // all ones if that borrowed
            "mov {s1}, [rip + {m} + 8]\n mov {s2}, [rip + {m} + 16]\n mov {s3}, [rip + {m} + 24]",
            "mov {s4}, [rip + {m} + 32]\n mov {s5}, [rip + {m} + 40]",
            "and {s1}, {s0}\n and {s2}, {s0}\n and {s3}, {s0}\n and {s4}, {s0}\n and {s5}, {s0}\n and {s0}, [rip + {m}]",
            "add {t0}, {s0}\n adc {t1}, {s1}\n adc {t2}, {s2}\n adc {t3}, {s3}\n adc {t4}, {s4}\n adc {t5}, {s5}",
            m = sym MODULUS,
            t0 = inout(reg) t0, t1 = inout(reg) t1, t2 = inout(reg) t2,
            t3 = inout(reg) t3, t4 = inout(reg) t4, t5 = inout(reg) t5,
            s0 = inout(reg) b[0] => _, s1 = inout(reg) b[1] => _, s2 = inout(reg) b[2] => _,
            s3 = inout(reg) b[3] => _, s4 = inout(reg) b[4] => _, s5 = inout(reg) b[5] => _,
            options(pure, readonly, nostack),
        );
    }
    [t0, t1, t2, t3, t4, t5]
}

/// a + b, both below q.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn add_mod(a: &Limbs, b: &Limbs) -> Limbs {
    let (sum, _) = add_limbs(a, b); // below 2q < 2^384
    let (reduced, borrow) = sub_limbs(&sum, &MODULUS);
    if borrow { sum } else { reduced }
}

/// a − b, both below q.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn sub_mod(a: &Limbs, b: &Limbs) -> Limbs {
    let (difference, borrow) = sub_limbs(a, b);
    let back = if borrow { MODULUS } else { [0; 6] };
    add_limbs(&difference, &back).0
}

/// a + b and the carry.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn add_limbs(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let mut carry = 0u128;
    let sum = core::array::from_fn(|i| {
        carry = (carry >> 64) + u128::from(a[i]) + u128::from(b[i]);
        carry as u64
    });
    (sum, carry >> 64 != 0)
}

/// a − b and the borrow.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn sub_limbs(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let mut borrow = false;
    let difference = core::array::from_fn(|i| {
        let t = u128::from(a[i]).wrapping_sub(u128::from(b[i]) + u128::from(borrow));
        borrow = t >> 64 != 0;
        t as u64
    });
    (difference, borrow)
}

/// The base field of BLS12-381.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Fp381(Limbs);

impl PartialEq for Fp381 {
    /// Without the call to `memcmp` that the derived one is.
    #[inline(always)]
    fn eq(&self, b: &Self) -> bool {
        self.0.iter().zip(&b.0).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
    }
}

impl Fp381 {
    #[inline(always)]
    fn as_ptr(&self) -> *const blst_fp {
        (self as *const Self).cast()
    }
}

/// Runs a function of blst that writes one element.
#[inline(always)]
fn fp(f: impl FnOnce(*mut blst_fp)) -> Fp381 {
    let mut out = Fp381::ZERO;
    f((&raw mut out).cast());
    out
}

const _: () = assert!(size_of::<blst_fp>() == 48 && align_of::<blst_fp>() == 8);
const _: () = assert!(size_of::<blst_fp2>() == 96 && size_of::<Fp381Quadratic>() == 96);

// SAFETY: a transparent array of limbs.
unsafe impl Coordinate for Fp381 {
    const ZERO: Self = Fp381([0; 6]);
    const ONE: Self = Fp381(R);
    const MUL_COST: u32 = 1;

    #[inline(always)]
    fn add(&self, b: &Self) -> Self {
        Fp381(add_mod(&self.0, &b.0))
    }

    #[inline(always)]
    fn sub(&self, b: &Self) -> Self {
        Fp381(sub_mod(&self.0, &b.0))
    }

    #[inline(always)]
    fn mul(&self, b: &Self) -> Self {
        // SAFETY: `blst_fp` is `repr(C)` over `[u64; 6]`, and blst reads its arguments before it writes.
        fp(|out| unsafe { blst_fp_mul(out, self.as_ptr(), b.as_ptr()) })
    }

    #[inline(always)]
    fn square(&self) -> Self {
        // SAFETY: as in `mul`.
        fp(|out| unsafe { blst_fp_sqr(out, self.as_ptr()) })
    }

    fn invert(&self) -> Self {
        // SAFETY: as in `mul`. blst maps zero to zero.
        fp(|out| unsafe { blst_fp_eucl_inverse(out, self.as_ptr()) })
    }

    fn cube_root() -> Self {
        Fp381([
            0xcd03_c9e4_8671_f071,
            0x5dab_2246_1fcd_a5d2,
            0x5870_42af_d385_1b95,
            0x8eb6_0ebe_01ba_cb9e,
            0x03f9_7d6e_83d0_50d2,
            0x18f0_2065_5463_8741,
        ])
    }
}

/// c0 + c1·u over [`Fp381`], with blst's products (three multiplications that share reductions).
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Fp381Quadratic {
    c0: Fp381,
    c1: Fp381,
}

impl Fp381Quadratic {
    #[inline(always)]
    fn as_ptr(&self) -> *const blst_fp2 {
        (self as *const Self).cast()
    }
}

/// Runs a function of blst that writes one element.
#[inline(always)]
fn fp2(f: impl FnOnce(*mut blst_fp2)) -> Fp381Quadratic {
    let mut out = Fp381Quadratic::ZERO;
    f((&raw mut out).cast());
    out
}

// SAFETY: two values of plain limbs, laid out in order without padding.
unsafe impl Coordinate for Fp381Quadratic {
    const ZERO: Self = Fp381Quadratic { c0: Fp381::ZERO, c1: Fp381::ZERO };
    const ONE: Self = Fp381Quadratic { c0: Fp381::ONE, c1: Fp381::ZERO };
    const MUL_COST: u32 = 3;

    #[inline(always)]
    fn add(&self, b: &Self) -> Self {
        Fp381Quadratic { c0: self.c0.add(&b.c0), c1: self.c1.add(&b.c1) }
    }

    #[inline(always)]
    fn sub(&self, b: &Self) -> Self {
        Fp381Quadratic { c0: self.c0.sub(&b.c0), c1: self.c1.sub(&b.c1) }
    }

    #[inline(always)]
    fn mul(&self, b: &Self) -> Self {
        // SAFETY: `blst_fp2` is `repr(C)` over two `blst_fp`, and blst reads its arguments before it writes.
        fp2(|out| unsafe { blst_fp2_mul(out, self.as_ptr(), b.as_ptr()) })
    }

    #[inline(always)]
    fn square(&self) -> Self {
        // SAFETY: as in `mul`.
        fp2(|out| unsafe { blst_fp2_sqr(out, self.as_ptr()) })
    }

    fn invert(&self) -> Self {
        // SAFETY: as in `mul`. blst maps zero to zero.
        fp2(|out| unsafe { blst_fp2_eucl_inverse(out, self.as_ptr()) })
    }

    fn cube_root() -> Self {
        Fp381Quadratic { c0: Fp381::cube_root().square(), c1: Fp381::ZERO }
    }
}
