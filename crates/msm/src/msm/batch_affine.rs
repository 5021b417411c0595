//! Batched affine additions: one inversion shared by many independent additions.
//!
//! λ = (y₂ − y₁)/(x₂ − x₁), x₃ = λ² − x₁ − x₂, y₃ = λ(x₁ − x₃) − y₁. With the inverses of a whole batch from one
//! inversion and three multiplications each (Montgomery, "Speeding the Pollard and elliptic curve methods of
//! factorization", 1987), an addition costs 5M + 1S, against 8M + 2S for the projective mixed one.

use super::point::Affine;
use crate::field::coordinate::Coordinate;

/// How a sum comes about.
enum Case<F> {
    /// An operand is infinity, or the sum is.
    Known(Affine<F>),
    /// P + Q or 2P, by this denominator of λ.
    Slope(F),
}

#[inline(always)]
fn case<F: Coordinate>(p: &Affine<F>, q: &Affine<F>) -> Case<F> {
    let dx = q.x.sub(&p.x);
    // An infinity has x = 0, which a point may have too: test both coordinates.
    if (p.x.is_zero() && p.y.is_zero()) || (q.x.is_zero() && q.y.is_zero()) {
        return Case::Known(if p.is_infinity() { *q } else { *p });
    }
    if !dx.is_zero() {
        return Case::Slope(dx);
    }
    if p.y == q.y && !p.y.is_zero() {
        return Case::Slope(p.y.double());
    }
    Case::Known(Affine::INFINITY)
}

/// P + Q, given the inverse of the denominator that [`case`] named.
#[inline(always)]
fn finish<F: Coordinate>(p: &Affine<F>, q: &Affine<F>, inverse: &F) -> Affine<F> {
    let numerator = if p.x == q.x {
        let xx = p.x.square();
        xx.double().add(&xx)
    } else {
        q.y.sub(&p.y)
    };
    let slope = numerator.mul(inverse);
    let x = slope.square().sub(&p.x).sub(&q.x);
    let y = slope.mul(&p.x.sub(&x)).sub(&p.y);
    Affine { x, y }
}

/// The running products of a batch's denominators, kept between batches for its memory and wiped when dropped.
#[derive(Debug)]
pub(crate) struct Batch<F: Coordinate> {
    products: Vec<F>,
}

impl<F: Coordinate> Drop for Batch<F> {
    fn drop(&mut self) {
        self.products.clear();
        for product in self.products.spare_capacity_mut() {
            // SAFETY: exclusive memory of the vector. Volatile, so that wiping what is never read again stays.
            unsafe { core::ptr::write_volatile(product.as_mut_ptr(), F::ZERO) }
        }
    }
}

impl<F: Coordinate> Batch<F> {
    /// A batch that will not have to grow (and leave unwiped copies behind) below `additions`.
    pub(crate) fn with_capacity(additions: usize) -> Self {
        Batch { products: Vec::with_capacity(additions) }
    }

    /// Enters the next addition.
    #[inline(always)]
    fn push(&mut self, running: &mut F, p: &Affine<F>, q: &Affine<F>) {
        self.products.push(*running);
        if let Case::Slope(d) = case(p, q) {
            *running = running.mul(&d);
        }
    }

    /// P + Q for the addition that was entered last of those not yet popped. `inverse` is that of the running product
    /// up to and including it.
    #[inline(always)]
    fn pop(&mut self, inverse: &mut F, p: &Affine<F>, q: &Affine<F>) -> Affine<F> {
        let before = self.products.pop().unwrap_or(F::ONE);
        match case(p, q) {
            Case::Known(sum) => sum,
            Case::Slope(d) => {
                let sum = finish(p, q, &inverse.mul(&before));
                *inverse = inverse.mul(&d);
                sum
            }
        }
    }

    /// accs\[i\] ← accs\[i\] + others\[i\].
    pub(crate) fn add_assign(&mut self, accs: &mut [Affine<F>], others: &[Affine<F>]) {
        let mut running = F::ONE;
        for (p, q) in accs.iter().zip(others).rev() {
            self.push(&mut running, p, q);
        }
        let mut inverse = running.invert();
        for (p, q) in accs.iter_mut().zip(others) {
            *p = self.pop(&mut inverse, p, q);
        }
    }

    /// Replaces each run of points (`lengths`, all at least 1, one run after the other from the start of `points`) by
    /// its sum, leaving run i's sum in `points[i]`. Pairwise, so that a run of any length is a batch of independent
    /// additions; log₂ of the longest run rounds.
    pub(crate) fn sum_runs(&mut self, points: &mut [Affine<F>], lengths: &mut [u32]) {
        while lengths.iter().any(|l| *l > 1) {
            let mut running = F::ONE;
            let mut end: usize = lengths.iter().map(|l| *l as usize).sum();
            for &length in lengths.iter().rev() {
                let start = end - length as usize;
                for pair in points[start..end].chunks_exact(2).rev() {
                    self.push(&mut running, &pair[0], &pair[1]);
                }
                end = start;
            }
            let mut inverse = running.invert();
            // Sums are written behind the pairs that are still to be read.
            let (mut read, mut write) = (0, 0);
            for length in lengths.iter_mut() {
                let pairs = *length as usize / 2;
                for i in 0..pairs {
                    let (p, q) = (points[read + 2 * i], points[read + 2 * i + 1]);
                    points[write + i] = self.pop(&mut inverse, &p, &q);
                }
                if *length % 2 == 1 {
                    points[write + pairs] = points[read + 2 * pairs];
                }
                read += *length as usize;
                *length = length.div_ceil(2);
                write += *length as usize;
            }
        }
    }
}
