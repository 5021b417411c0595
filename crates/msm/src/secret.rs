//! Buffers that hold something derived from a witness.

use crate::field::{ScalarField, as_limbs_mut};
use core::ops::{Deref, DerefMut};
use zeroize::Zeroize;

/// A cache line of field elements.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line<F>([F; PER_LINE]);

const PER_LINE: usize = 2;

/// A vector of field elements that is wiped when it is dropped, whatever the reason. It is neither `Debug` nor `Clone`,
/// so that a witness can't slip into a log or a copy, and it never grows past its first capacity, so that no reallocation
/// leaves an unwiped copy behind.
///
/// It begins with a cache line, for what loads and stores eight elements at a time: at 16 bytes beyond one, where an allocator
/// puts large blocks, every vector would cross lines.
pub struct SecretVec<F: ScalarField> {
    lines: Vec<Line<F>>,
    len: usize,
    capacity: usize,
}

impl<F: ScalarField> SecretVec<F> {
    /// `n` zeros.
    pub fn zeros(n: usize) -> Self {
        SecretVec { lines: vec![Line([F::ZERO; PER_LINE]); n.div_ceil(PER_LINE)], len: n, capacity: n }
    }

    /// No values, with room for exactly `n`; `None` if there is no memory.
    pub fn with_capacity(n: usize) -> Option<Self> {
        let mut lines = Vec::new();
        lines.try_reserve_exact(n.div_ceil(PER_LINE)).ok()?;
        Some(SecretVec { lines, len: 0, capacity: n })
    }

    /// Appends a value.
    ///
    /// # Panics
    /// If there is no room for it: see [`with_capacity`](Self::with_capacity).
    pub fn push(&mut self, value: F) {
        assert!(self.len < self.capacity, "a secret vector does not grow");
        match self.len % PER_LINE {
            0 => self.lines.push(Line([value, F::ZERO])),
            at => self.lines[self.len / PER_LINE].0[at] = value,
        }
        self.len += 1;
    }

    /// Keeps the first `n` values; the others are wiped.
    pub fn truncate(&mut self, n: usize) {
        if n < self.len {
            wipe(&mut self[n..]);
            self.lines.truncate(n.div_ceil(PER_LINE));
            self.len = n;
        }
    }
}

/// Moves values to lines of their own and wipes where they were. The caller answers for copies made before.
impl<F: ScalarField> From<Vec<F>> for SecretVec<F> {
    fn from(mut values: Vec<F>) -> Self {
        let mut moved = SecretVec::zeros(values.len());
        moved.copy_from_slice(&values);
        wipe(&mut values);
        moved
    }
}

impl<F: ScalarField> Deref for SecretVec<F> {
    type Target = [F];
    fn deref(&self) -> &[F] {
        const { assert!(size_of::<Line<F>>() == PER_LINE * size_of::<F>(), "no padding") };
        // SAFETY: lines are elements without gaps, of which the first `len` were written.
        unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<F: ScalarField> DerefMut for SecretVec<F> {
    fn deref_mut(&mut self) -> &mut [F] {
        // SAFETY: as above, and exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl<F: ScalarField> Drop for SecretVec<F> {
    fn drop(&mut self) {
        wipe(self);
    }
}

/// Overwrites field elements with zeros in a way that the compiler keeps.
pub fn wipe<F: ScalarField>(values: &mut [F]) {
    as_limbs_mut(values).as_flattened_mut().zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bls12_381, Curve};
    use ff::Field;

    type Fr = <Bls12_381 as Curve>::Fr;

    #[test]
    fn wiping_leaves_zeros() {
        let mut v = vec![Fr::from(7), -Fr::ONE, Fr::ONE];
        wipe(&mut v);
        assert_eq!(v, [Fr::ZERO; 3]);
    }

    #[test]
    fn a_cut_tail_is_wiped_in_place() {
        let mut v = SecretVec::from(vec![Fr::ONE; 3]);
        v.truncate(1);
        assert_eq!(*v, [Fr::ONE]);
        // SAFETY: the buffer still has room for three values, all of them initialised.
        let all = unsafe { core::slice::from_raw_parts(v.as_ptr(), 3) };
        assert_eq!(all, [Fr::ONE, Fr::ZERO, Fr::ZERO]);
    }

    #[test]
    fn values_begin_a_cache_line_and_stay_in_order() {
        for n in 0..6u64 {
            let values: Vec<Fr> = (0..n).map(Fr::from).collect();
            let mut pushed = SecretVec::with_capacity(n as usize).unwrap();
            values.iter().for_each(|value| pushed.push(*value));
            assert_eq!((&*pushed, &*SecretVec::from(values.clone())), (&*values, &*values));
            assert_eq!(pushed.as_ptr() as usize % 64, 0);
            pushed.truncate(1);
            assert_eq!(*pushed, values[..values.len().min(1)]);
        }
    }

    #[test]
    #[should_panic(expected = "does not grow")]
    fn there_is_no_growing() {
        let mut v = SecretVec::with_capacity(1).unwrap();
        (0..2).for_each(|_| v.push(Fr::ONE));
    }
}
