//! Buffers that hold something derived from a witness.

use crate::field::{ScalarField, as_limbs_mut};
use core::ops::{Deref, DerefMut};
use zeroize::Zeroize;

/// A vector of field elements that is wiped when it is dropped, whatever the reason. It is neither `Debug` nor `Clone`,
/// so that a witness can't slip into a log or a copy, and it never grows past its first capacity, so that no reallocation
/// leaves an unwiped copy behind.
pub struct SecretVec<F: ScalarField>(Vec<F>);

impl<F: ScalarField> SecretVec<F> {
    /// `n` zeros.
    pub fn zeros(n: usize) -> Self {
        SecretVec(vec![F::ZERO; n])
    }

    /// No values, with room for exactly `n`; `None` if there is no memory.
    pub fn with_capacity(n: usize) -> Option<Self> {
        let mut values = Vec::new();
        values.try_reserve_exact(n).ok()?;
        Some(SecretVec(values))
    }

    /// Appends a value.
    ///
    /// # Panics
    /// If there is no room for it: see [`with_capacity`](Self::with_capacity).
    pub fn push(&mut self, value: F) {
        assert!(self.0.len() < self.0.capacity(), "a secret vector does not grow");
        self.0.push(value);
    }

    /// Keeps the first `n` values; the others are wiped.
    pub fn truncate(&mut self, n: usize) {
        if n < self.0.len() {
            wipe(&mut self.0[n..]);
            self.0.truncate(n);
        }
    }
}

/// Takes values over. The caller answers for copies made before.
impl<F: ScalarField> From<Vec<F>> for SecretVec<F> {
    fn from(values: Vec<F>) -> Self {
        SecretVec(values)
    }
}

impl<F: ScalarField> Deref for SecretVec<F> {
    type Target = [F];
    fn deref(&self) -> &[F] {
        &self.0
    }
}

impl<F: ScalarField> DerefMut for SecretVec<F> {
    fn deref_mut(&mut self) -> &mut [F] {
        &mut self.0
    }
}

impl<F: ScalarField> Drop for SecretVec<F> {
    fn drop(&mut self) {
        wipe(&mut self.0);
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
    #[should_panic(expected = "does not grow")]
    fn there_is_no_growing() {
        let mut v = SecretVec::from(Vec::with_capacity(1));
        (0..2).for_each(|_| v.push(Fr::ONE));
    }
}
