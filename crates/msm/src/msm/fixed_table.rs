//! Makes a table of multiples 2^(D·j)·P: D doublings in Jacobian coordinates, 2M + 5S each, then one inversion for a
//! task's points, from one step to the next.
//!
//! Formula dbl-2009-l of <https://hyperelliptic.org/EFD/g1p/auto-shortw-jacobian-0.html>.

use super::point::Affine;
use crate::field::coordinate::Coordinate;
use rayon::prelude::*;

/// Points of a task: its inversion costs less than a hundredth of its products.
const TASK: usize = 1 << 10;

/// (X/Z², Y/Z³); Z = 0 at infinity.
#[derive(Clone, Copy)]
struct Jacobian<K> {
    x: K,
    y: K,
    z: K,
}

impl<K: Coordinate> Jacobian<K> {
    fn double(&self) -> Self {
        let (a, b) = (self.x.square(), self.y.square());
        let c = b.square();
        let d = self.x.add(&b).square().sub(&a).sub(&c).double();
        let e = a.double().add(&a);
        let x = e.square().sub(&d.double());
        let y = e.mul(&d.sub(&x)).sub(&c.double().double().double());
        Jacobian { x, y, z: self.y.mul(&self.z).double() }
    }
}

/// Fills the steps after the first `n` points, each from the one before it.
pub(super) fn fill_steps<K: Coordinate>(table: &mut [Affine<K>], n: usize, step_bits: u32) {
    let mut rest = table;
    while n > 0 && rest.len() > n {
        let (from, tail) = rest.split_at_mut(n);
        let to = &mut tail[..n];
        from.par_chunks(TASK).zip(to.par_chunks_mut(TASK)).for_each(|(from, to)| shift(from, to, step_bits));
        rest = tail;
    }
}

/// to\[i\] ← 2^bits·from\[i\].
fn shift<K: Coordinate>(from: &[Affine<K>], to: &mut [Affine<K>], bits: u32) {
    let mut running = K::ONE;
    let mut doubled = Vec::with_capacity(from.len());
    for p in from {
        let z = if p.is_infinity() { K::ZERO } else { K::ONE };
        let sum = (0..bits).fold(Jacobian { x: p.x, y: p.y, z }, |acc, _| acc.double());
        doubled.push((sum, running));
        if !sum.z.is_zero() {
            running = running.mul(&sum.z);
        }
    }
    let mut inverse = running.invert();
    for (to, (p, before)) in to.iter_mut().zip(&doubled).rev() {
        if p.z.is_zero() {
            *to = Affine::INFINITY;
            continue;
        }
        let z_inverse = inverse.mul(before);
        inverse = inverse.mul(&p.z);
        let square = z_inverse.square();
        *to = Affine { x: p.x.mul(&square), y: p.y.mul(&square.mul(&z_inverse)) };
    }
}
