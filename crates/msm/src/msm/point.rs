//! Points as the kernels compute with them: affine (x, y), and the projective form with x = X/ZZ, y = Y/ZZZ.
//!
//! The curves are y² = x³ + b with b ≠ 0, so (0, 0) is on none of them and stands for infinity.
//! Formulas add-2008-s, madd-2008-s, dbl-2008-s-1 and mdbl-2008-s-1 of <https://hyperelliptic.org/EFD/g1p/auto-shortw-xyzz.html>.

use crate::field::coordinate::Coordinate;
use zeroize::Zeroize;

/// A point by its coordinates; infinity is (0, 0). The memory is that of the curve's own affine point.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Affine<F> {
    pub(crate) x: F,
    pub(crate) y: F,
}

impl<F: Coordinate> Affine<F> {
    pub(crate) const INFINITY: Self = Affine { x: F::ZERO, y: F::ZERO };

    #[inline(always)]
    pub(crate) fn is_infinity(&self) -> bool {
        self.x.is_zero() && self.y.is_zero()
    }

    #[inline(always)]
    pub(crate) fn neg(&self) -> Self {
        Affine { x: self.x, y: self.y.neg() }
    }
}

impl<F: Coordinate> Zeroize for Affine<F> {
    fn zeroize(&mut self) {
        // SAFETY: a valid, exclusive reference. Volatile, so that wiping what is never read again stays.
        unsafe { core::ptr::write_volatile(self, Self::INFINITY) }
    }
}

/// A point in the XYZZ form, ZZ³ = ZZZ². Infinity has ZZ = 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Xyzz<F> {
    x: F,
    y: F,
    zz: F,
    zzz: F,
}

impl<F: Coordinate> Xyzz<F> {
    pub(crate) const INFINITY: Self = Xyzz { x: F::ZERO, y: F::ZERO, zz: F::ZERO, zzz: F::ZERO };

    fn is_infinity(&self) -> bool {
        self.zz.is_zero()
    }

    pub(crate) fn from_affine(p: &Affine<F>) -> Self {
        if p.is_infinity() {
            return Self::INFINITY;
        }
        Xyzz { x: p.x, y: p.y, zz: F::ONE, zzz: F::ONE }
    }

    /// −P.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn neg(&self) -> Self {
        Xyzz { y: self.y.neg(), ..*self }
    }

    /// 6M + 4S.
    pub(crate) fn double(&self) -> Self {
        let u = self.y.double();
        let v = u.square();
        let w = u.mul(&v);
        let s = self.x.mul(&v);
        let xx = self.x.square();
        let m = xx.double().add(&xx);
        let x = m.square().sub(&s.double());
        let y = m.mul(&s.sub(&x)).sub(&w.mul(&self.y));
        // Infinity doubles to ZZ = 0 by itself.
        Xyzz { x, y, zz: v.mul(&self.zz), zzz: w.mul(&self.zzz) }
    }

    /// 12M + 2S. Every case is exact.
    pub(crate) fn add(&self, q: &Self) -> Self {
        if self.is_infinity() {
            return *q;
        }
        if q.is_infinity() {
            return *self;
        }
        let (u1, u2) = (self.x.mul(&q.zz), q.x.mul(&self.zz));
        let (s1, s2) = (self.y.mul(&q.zzz), q.y.mul(&self.zzz));
        let (p, r) = (u2.sub(&u1), s2.sub(&s1));
        if p.is_zero() {
            return if r.is_zero() { self.double() } else { Self::INFINITY };
        }
        let pp = p.square();
        let ppp = p.mul(&pp);
        let q1 = u1.mul(&pp);
        let x = r.square().sub(&ppp).sub(&q1.double());
        let y = r.mul(&q1.sub(&x)).sub(&s1.mul(&ppp));
        Xyzz { x, y, zz: self.zz.mul(&q.zz).mul(&pp), zzz: self.zzz.mul(&q.zzz).mul(&ppp) }
    }

    /// 8M + 2S. Every case is exact.
    pub(crate) fn add_affine(&self, q: &Affine<F>) -> Self {
        if q.is_infinity() {
            return *self;
        }
        if self.is_infinity() {
            return Self::from_affine(q);
        }
        let (p, r) = (q.x.mul(&self.zz).sub(&self.x), q.y.mul(&self.zzz).sub(&self.y));
        if p.is_zero() {
            return if r.is_zero() { self.double() } else { Self::INFINITY };
        }
        let pp = p.square();
        let ppp = p.mul(&pp);
        let q1 = self.x.mul(&pp);
        let x = r.square().sub(&ppp).sub(&q1.double());
        let y = r.mul(&q1.sub(&x)).sub(&self.y.mul(&ppp));
        Xyzz { x, y, zz: self.zz.mul(&pp), zzz: self.zzz.mul(&ppp) }
    }

    /// k·P by doubling and adding; variable time.
    pub(crate) fn mul_small(&self, k: usize) -> Self {
        let bits = (0..usize::BITS - k.leading_zeros()).rev();
        bits.fold(Self::INFINITY, |acc, i| {
            let acc = acc.double();
            if (k >> i) & 1 == 1 { acc.add(self) } else { acc }
        })
    }

    pub(crate) fn to_affine(self) -> Affine<F> {
        // One inversion: ZZZ⁻¹, and ZZ⁻¹ = (ZZ·ZZZ⁻¹)². Infinity gives (0, 0).
        let zzz_inverse = self.zzz.invert();
        let z_inverse = self.zz.mul(&zzz_inverse);
        Affine { x: self.x.mul(&z_inverse.square()), y: self.y.mul(&zzz_inverse) }
    }
}
