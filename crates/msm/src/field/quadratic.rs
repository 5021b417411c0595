//! The quadratic extension with u² = −1 over any base field. Both curves have G2 over such a field.

use super::coordinate::Coordinate;

/// c0 + c1·u.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Quadratic<F> {
    c0: F,
    c1: F,
}

// SAFETY: two values of plain limbs, laid out in order without padding.
unsafe impl<F: Coordinate> Coordinate for Quadratic<F> {
    const ZERO: Self = Quadratic { c0: F::ZERO, c1: F::ZERO };
    const ONE: Self = Quadratic { c0: F::ONE, c1: F::ZERO };
    const MUL_COST: u32 = 3 * F::MUL_COST;

    #[inline(always)]
    fn add(&self, b: &Self) -> Self {
        Quadratic { c0: self.c0.add(&b.c0), c1: self.c1.add(&b.c1) }
    }

    #[inline(always)]
    fn sub(&self, b: &Self) -> Self {
        Quadratic { c0: self.c0.sub(&b.c0), c1: self.c1.sub(&b.c1) }
    }

    /// Karatsuba: three multiplications.
    #[inline(always)]
    fn mul(&self, b: &Self) -> Self {
        let v0 = self.c0.mul(&b.c0);
        let v1 = self.c1.mul(&b.c1);
        let sum = self.c0.add(&self.c1).mul(&b.c0.add(&b.c1));
        Quadratic { c0: v0.sub(&v1), c1: sum.sub(&v0).sub(&v1) }
    }

    /// (c0 + c1)(c0 − c1) + 2·c0·c1·u: two multiplications.
    #[inline(always)]
    fn square(&self) -> Self {
        let c0 = self.c0.add(&self.c1).mul(&self.c0.sub(&self.c1));
        Quadratic { c0, c1: self.c0.mul(&self.c1).double() }
    }

    /// (c0 − c1·u) / (c0² + c1²).
    fn invert(&self) -> Self {
        let norm = self.c0.square().add(&self.c1.square()).invert();
        Quadratic { c0: self.c0.mul(&norm), c1: self.c1.neg().mul(&norm) }
    }

    fn cube_root() -> Self {
        Quadratic { c0: F::cube_root().square(), c1: F::ZERO }
    }
}
