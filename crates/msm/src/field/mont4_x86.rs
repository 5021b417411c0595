//! Montgomery arithmetic on four 64-bit limbs in x86-64 assembly, because compilers still spill half of the limbs and
//! do not keep two carry chains: a product takes 139 instructions here and about 300 from [`mont4`](super::mont4)'s
//! source.
//!
//! The product is operand scanning with `mulx` and the two carry chains of `adcx`/`adox`: Ozturk, Guilford, Gopal,
//! "Large Integer Squaring on Intel Architecture Processors", Intel white paper, 2013. The conditions on the modulus
//! and on the inputs are those of `mont4`, and so are the results. Instructions beyond the baseline are used only where
//! [`has_adx`] says so; nothing needs to be enabled when compiling.

use super::ScalarField;
use core::arch::asm;

type Limbs = [u64; 4];

/// Whether the CPU has the BMI2 and ADX instructions. Two loads of a cached answer.
#[inline(always)]
pub(super) fn has_adx() -> bool {
    std::arch::is_x86_feature_detected!("adx") && std::arch::is_x86_feature_detected!("bmi2")
}

/// One row of the product: t += a_i·b, with the carry out in t4.
macro_rules! row {
    ($i:literal) => {
        concat!(
            "mov rdx, [{a} + ",
            $i,
            "]\n",
            "xor {t4:e}, {t4:e}\n",
            "mulx {h}, {l}, [{b}]\n      adcx {t0}, {l}\n adox {t1}, {h}\n",
            "mulx {h}, {l}, [{b} + 8]\n  adcx {t1}, {l}\n adox {t2}, {h}\n",
            "mulx {h}, {l}, [{b} + 16]\n adcx {t2}, {l}\n adox {t3}, {h}\n",
            "mulx {h}, {l}, [{b} + 24]\n adcx {t3}, {l}\n adox {t4}, {h}\n",
            "adc {t4}, 0\n"
        )
    };
}

/// One step of the reduction: t ← (t + q·m) / 2^64 with q = −t₀/m mod 2^64.
macro_rules! reduce {
    () => {
        concat!(
            "mov rdx, {neg_inv}\n imul rdx, {t0}\n",
            "xor {l:e}, {l:e}\n",
            "mulx {h}, {l}, [{m}]\n         adcx {l}, {t0}\n  mov {t0}, {h}\n",
            "adcx {t0}, {t1}\n mulx {t1}, {l}, [{m} + 8]\n  adox {t0}, {l}\n",
            "adcx {t1}, {t2}\n mulx {t2}, {l}, [{m} + 16]\n adox {t1}, {l}\n",
            "adcx {t2}, {t3}\n mulx {t3}, {l}, [{m} + 24]\n adox {t2}, {l}\n",
            "mov {l:e}, 0\n adcx {t3}, {l}\n adox {t3}, {t4}\n"
        )
    };
}

/// Montgomery product a·b·R⁻¹ mod m.
///
/// # Safety
/// [`has_adx`] returned true.
#[inline(always)]
pub(super) unsafe fn mul<F: ScalarField>(a: &Limbs, b: &Limbs) -> Limbs {
    let m: &'static Limbs = const { &F::MODULUS_LIMBS };
    let (t0, t1, t2, t3): (u64, u64, u64, u64);
    // SAFETY: reads four limbs through each of three valid pointers and writes registers only; the caller vouches for
    // the instructions.
    unsafe {
        asm!(
            "mov rdx, [{a}]",
            "mulx {t1}, {t0}, [{b}]",
            "mulx {t2}, {l}, [{b} + 8]\n  add {t1}, {l}",
            "mulx {t3}, {l}, [{b} + 16]\n adc {t2}, {l}",
            "mulx {t4}, {l}, [{b} + 24]\n adc {t3}, {l}",
            "adc {t4}, 0",
            reduce!(), row!("8"), reduce!(), row!("16"), reduce!(), row!("24"), reduce!(),
            // t − m unless that borrows.
            "mov rdx, {t0}\n mov {l}, {t1}\n mov {h}, {t2}\n mov {t4}, {t3}",
            "sub {t0}, [{m}]\n sbb {t1}, [{m} + 8]\n sbb {t2}, [{m} + 16]\n sbb {t3}, [{m} + 24]",
            "cmovc {t0}, rdx\n cmovc {t1}, {l}\n cmovc {t2}, {h}\n cmovc {t3}, {t4}",
            a = in(reg) a, b = in(reg) b, m = in(reg) m, neg_inv = in(reg) F::NEG_INV,
            t0 = out(reg) t0, t1 = out(reg) t1, t2 = out(reg) t2, t3 = out(reg) t3,
            t4 = out(reg) _, l = out(reg) _, h = out(reg) _, out("rdx") _,
            options(pure, readonly, nostack),
        );
    }
    [t0, t1, t2, t3]
}

/// a + b.
#[inline(always)]
pub(super) fn add<F: ScalarField>(a: &Limbs, b: &Limbs) -> Limbs {
    let m: &'static Limbs = const { &F::MODULUS_LIMBS };
    let [mut t0, mut t1, mut t2, mut t3] = *a;
    // SAFETY: reads the four limbs of m and writes registers only; baseline instructions.
    unsafe {
        asm!(
            "add {t0}, {s0}\n adc {t1}, {s1}\n adc {t2}, {s2}\n adc {t3}, {s3}",
            "mov {s0}, {t0}\n mov {s1}, {t1}\n mov {s2}, {t2}\n mov {s3}, {t3}",
            "sub {t0}, [{m}]\n sbb {t1}, [{m} + 8]\n sbb {t2}, [{m} + 16]\n sbb {t3}, [{m} + 24]",
            "cmovc {t0}, {s0}\n cmovc {t1}, {s1}\n cmovc {t2}, {s2}\n cmovc {t3}, {s3}",
            m = in(reg) m,
            t0 = inout(reg) t0, t1 = inout(reg) t1, t2 = inout(reg) t2, t3 = inout(reg) t3,
            s0 = inout(reg) b[0] => _, s1 = inout(reg) b[1] => _,
            s2 = inout(reg) b[2] => _, s3 = inout(reg) b[3] => _,
            options(pure, readonly, nostack),
        );
    }
    [t0, t1, t2, t3]
}

/// a − b.
#[inline(always)]
pub(super) fn sub<F: ScalarField>(a: &Limbs, b: &Limbs) -> Limbs {
    let m: &'static Limbs = const { &F::MODULUS_LIMBS };
    let [mut t0, mut t1, mut t2, mut t3] = *a;
    // SAFETY: as in `add`.
    unsafe {
        asm!(
            "sub {t0}, {s0}\n sbb {t1}, {s1}\n sbb {t2}, {s2}\n sbb {t3}, {s3}",
            "sbb {s0}, {s0}", // all ones if that borrowed
            "mov {s1}, [{m} + 8]\n mov {s2}, [{m} + 16]\n mov {s3}, [{m} + 24]",
            "and {s1}, {s0}\n and {s2}, {s0}\n and {s3}, {s0}\n and {s0}, [{m}]",
            "add {t0}, {s0}\n adc {t1}, {s1}\n adc {t2}, {s2}\n adc {t3}, {s3}",
            m = in(reg) m,
            t0 = inout(reg) t0, t1 = inout(reg) t1, t2 = inout(reg) t2, t3 = inout(reg) t3,
            s0 = inout(reg) b[0] => _, s1 = inout(reg) b[1] => _,
            s2 = inout(reg) b[2] => _, s3 = inout(reg) b[3] => _,
            options(pure, readonly, nostack),
        );
    }
    [t0, t1, t2, t3]
}
