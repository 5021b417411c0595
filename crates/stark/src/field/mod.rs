//! The fields: Goldilocks `F` (p = 2^64 − 2^32 + 1) and its cubic extension `E` = F\[X\]/(X³ − X − 1).
//!
//! Arithmetic on single elements is that of p3-field and p3-goldilocks. Columns are slices of raw 64-bit words: any
//! word stands for its residue, canonical (below p) or not. Only hashing, serialisation and comparison need the
//! canonical word. An extension column is three base columns, one for each coefficient.

mod batch_inverse;

pub use batch_inverse::{batch_inverse, batch_inverse_ext};
pub(crate) use batch_inverse::{invert_chunk, invert_ext_by_products, invert_ext_chunk};
pub use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing, PrimeField64, TwoAdicField};

/// The base field.
pub type F = p3_goldilocks::Goldilocks;
/// The cubic extension, in which challenges live: about 192 bits.
pub type E = p3_field::extension::CubicTrinomialExtensionField<F>;

/// Degree of [`E`] over [`F`].
pub const EXTENSION_DEGREE: usize = 3;
/// p.
pub const MODULUS: u64 = F::ORDER_U64;
/// The largest power of two that divides p − 1.
pub const TWO_ADICITY: u32 = 32;

/// The generator of the subgroup of order 2^`log_n`.
///
/// # Panics
/// When `log_n` is above [`TWO_ADICITY`].
pub fn root_of_unity(log_n: u32) -> F {
    F::two_adic_generator(log_n as usize)
}

/// The coefficients of an extension element, as canonical words.
pub(crate) fn words(e: E) -> [u64; 3] {
    let c: &[F] = e.as_basis_coefficients_slice();
    [c[0].as_canonical_u64(), c[1].as_canonical_u64(), c[2].as_canonical_u64()]
}

/// The extension element with these coefficients.
pub(crate) fn ext(words: [u64; 3]) -> E {
    E::new([F::new(words[0]), F::new(words[1]), F::new(words[2])])
}

/// `value` with the basis element X^`power` multiplied in (`power` < 3).
pub(crate) fn times_basis(value: E, power: usize) -> E {
    let mut basis = [0; 3];
    basis[power] = 1;
    value * ext(basis)
}

/// The powers 1, b, b², ….
pub(crate) fn powers(base: E, count: usize) -> Vec<E> {
    let mut power = E::ONE;
    (0..count)
        .map(|_| {
            let this = power;
            power *= base;
            this
        })
        .collect()
}
