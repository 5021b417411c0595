//! Scalar fields with their Montgomery limbs in view.
//!
//! `ff` hides how an element is stored. Kernels need it: a dot product that reduces once, a vectorised butterfly, a
//! memory-mapped table of coefficients. [`ScalarField`] opens the four 64-bit limbs of the published types; [`mont4`]
//! is portable arithmetic on them.

pub mod batch_inverse;
pub mod coordinate;
pub mod fp381;
pub mod mont4;
#[cfg(target_arch = "x86_64")]
mod mont4_x86;
pub mod quadratic;

use ff::PrimeField;

/// A prime field of at most 255 bits, stored as four little-endian 64-bit limbs in Montgomery form with R = 2^256.
///
/// # Safety
/// An implementor promises that the type's memory is exactly `[u64; 4]` (size 32, alignment of `u64`), that the limbs
/// are the reduced Montgomery form, and that [`MODULUS_LIMBS`](Self::MODULUS_LIMBS) and [`NEG_INV`](Self::NEG_INV) are right.
pub unsafe trait ScalarField: PrimeField + Send + Sync + 'static {
    /// The modulus r, little-endian limbs. Below 2^255.
    const MODULUS_LIMBS: [u64; 4];
    /// −r⁻¹ mod 2^64.
    const NEG_INV: u64 = neg_inv64(Self::MODULUS_LIMBS[0]);
    /// R = 2^256 mod r: the limbs of one.
    const R: [u64; 4] = pow2_mod(256, &Self::MODULUS_LIMBS);
    /// R² = 2^512 mod r.
    const R2: [u64; 4] = pow2_mod(512, &Self::MODULUS_LIMBS);
    /// R³ = 2^768 mod r.
    const R3: [u64; 4] = pow2_mod(768, &Self::MODULUS_LIMBS);

    /// The Montgomery limbs.
    #[inline(always)]
    fn limbs(&self) -> &[u64; 4] {
        // SAFETY: the trait's contract.
        unsafe { &*(self as *const Self).cast() }
    }

    /// The element with these Montgomery limbs, which must be below the modulus.
    #[inline(always)]
    fn from_limbs_unchecked(limbs: [u64; 4]) -> Self {
        debug_assert!(mont4::is_reduced::<Self>(&limbs), "limbs not below the modulus");
        // SAFETY: the trait's contract: same size and layout, and any limbs are memory-safe.
        unsafe { core::mem::transmute_copy(&limbs) }
    }

    /// The canonical integer, little-endian limbs.
    #[inline]
    fn to_canonical(&self) -> [u64; 4] {
        mont4::redc::<Self>(&[self.limbs()[0], self.limbs()[1], self.limbs()[2], self.limbs()[3], 0, 0, 0, 0])
    }

    /// The element of a canonical integer; `None` if it is not below the modulus.
    #[inline]
    fn from_canonical(v: [u64; 4]) -> Option<Self> {
        mont4::is_reduced::<Self>(&v).then(|| Self::from_limbs_unchecked(mont4::mul::<Self>(&v, &Self::R2)))
    }

    /// The element of a canonical little-endian integer; `None` if it is not below the modulus.
    #[inline]
    fn from_canonical_le_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Self::from_canonical(limbs_from_le_bytes(bytes))
    }

    /// The canonical integer, little-endian bytes.
    #[inline]
    fn to_canonical_le_bytes(&self) -> [u8; 32] {
        limbs_to_le_bytes(&self.to_canonical())
    }
}

/// A slice of elements as its limbs.
#[inline]
pub fn as_limbs<F: ScalarField>(values: &[F]) -> &[[u64; 4]] {
    // SAFETY: the contract of `ScalarField`: each element is exactly `[u64; 4]`.
    unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
}

/// A mutable slice of elements as its limbs. Whoever writes must leave reduced limbs.
#[inline]
pub fn as_limbs_mut<F: ScalarField>(values: &mut [F]) -> &mut [[u64; 4]] {
    // SAFETY: the contract of `ScalarField`; unreduced limbs would be wrong values but not undefined behaviour.
    unsafe { core::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) }
}

/// Little-endian bytes to limbs.
#[inline]
pub fn limbs_from_le_bytes(bytes: &[u8; 32]) -> [u64; 4] {
    core::array::from_fn(|i| u64::from_le_bytes(core::array::from_fn(|j| bytes[8 * i + j])))
}

/// Limbs to little-endian bytes.
#[inline]
pub fn limbs_to_le_bytes(limbs: &[u64; 4]) -> [u8; 32] {
    core::array::from_fn(|i| limbs[i / 8].to_le_bytes()[i % 8])
}

const _: () = assert!(size_of::<blstrs::Scalar>() == 32 && align_of::<blstrs::Scalar>() == 8);
const _: () = assert!(size_of::<halo2curves::bn256::Fr>() == 32 && align_of::<halo2curves::bn256::Fr>() == 8);

// SAFETY: `Scalar` is `repr(transparent)` over `blst_fr { l: [u64; 4] }`, in Montgomery form with R = 2^256.
unsafe impl ScalarField for blstrs::Scalar {
    const MODULUS_LIMBS: [u64; 4] =
        [0xffff_ffff_0000_0001, 0x53bd_a402_fffe_5bfe, 0x3339_d808_09a1_d805, 0x73ed_a753_299d_7d48];
}

// SAFETY: `Fr` is a struct with the single field `[u64; 4]`, in Montgomery form with R = 2^256.
unsafe impl ScalarField for halo2curves::bn256::Fr {
    const MODULUS_LIMBS: [u64; 4] =
        [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
}

/// −m⁻¹ mod 2^64 for odd m, by Newton's iteration.
const fn neg_inv64(m: u64) -> u64 {
    let mut inv = 1u64;
    let mut i = 0;
    while i < 6 {
        inv = inv.wrapping_mul(2u64.wrapping_sub(m.wrapping_mul(inv)));
        i += 1;
    }
    inv.wrapping_neg()
}

/// 2^k mod m by doubling; m is below 2^255.
const fn pow2_mod(k: u32, m: &[u64; 4]) -> [u64; 4] {
    let mut v = [1u64, 0, 0, 0];
    let mut i = 0;
    while i < k {
        v = [v[0] << 1, (v[1] << 1) | (v[0] >> 63), (v[2] << 1) | (v[1] >> 63), (v[3] << 1) | (v[2] >> 63)];
        v = mont4::subtract_if_not_below(v, m);
        i += 1;
    }
    v
}
