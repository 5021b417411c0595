//! Section 2 of a zkey: the sizes, and the points that are not per wire.

use crate::{
    cursor::Cursor,
    error::{FormatErrorKind, KeyDefect, PointName, Result},
    iden3::{read_base_modulus, read_scalar_modulus},
    key_points::KeyPoints,
    validate::Validation,
};
use ff::PrimeField;
use forebay_msm::{AffinePoint, Curve, CurveId};

/// The header of a zkey. Reading it checks that the counts fit together and that the coordinates are reduced; the curve
/// equation and the subgroup are for validation.
#[derive(Clone, Debug)]
pub struct ZkeyHeader<C: Curve> {
    /// Number of wires, the constant 1 included.
    pub n_vars: u32,
    /// Number of public signals, without the constant 1.
    pub n_public: u32,
    /// Size of the evaluation domain, a power of two.
    pub domain_size: u32,
    /// α in G1.
    pub alpha1: C::G1Affine,
    /// β in G1.
    pub beta1: C::G1Affine,
    /// β in G2.
    pub beta2: C::G2Affine,
    /// γ in G2.
    pub gamma2: C::G2Affine,
    /// δ in G1.
    pub delta1: C::G1Affine,
    /// δ in G2.
    pub delta2: C::G2Affine,
}

impl<C: Curve> ZkeyHeader<C> {
    fn parts(&self) -> ([u32; 3], [&C::G1Affine; 3], [&C::G2Affine; 3]) {
        (
            [self.n_vars, self.n_public, self.domain_size],
            [&self.alpha1, &self.beta1, &self.delta1],
            [&self.beta2, &self.gamma2, &self.delta2],
        )
    }
}

impl<C: Curve> PartialEq for ZkeyHeader<C> {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl<C: Curve> Eq for ZkeyHeader<C> {}

/// The curve of a header: that of q, if r agrees.
pub(super) fn read_curve(cursor: &mut Cursor<'_>) -> Result<CurveId> {
    let base = read_base_modulus(cursor)?;
    let at = cursor.clone();
    let scalar = read_scalar_modulus(cursor)?;
    if base != scalar {
        return Err(at.error(FormatErrorKind::Header("its two moduli are of different curves")));
    }
    Ok(base)
}

impl<C: Curve> ZkeyHeader<C> {
    pub(super) fn read(mut cursor: Cursor<'_>) -> Result<Self> {
        let start = cursor.clone();
        let found = read_curve(&mut cursor)?;
        if found != C::ID {
            return Err(start.error(FormatErrorKind::WrongCurve { found, expected: C::ID }));
        }
        let counts_at = cursor.clone();
        let header = ZkeyHeader {
            n_vars: cursor.u32()?,
            n_public: cursor.u32()?,
            domain_size: cursor.u32()?,
            alpha1: point(&mut cursor, "alpha1")?,
            beta1: point(&mut cursor, "beta1")?,
            beta2: point(&mut cursor, "beta2")?,
            gamma2: point(&mut cursor, "gamma2")?,
            delta1: point(&mut cursor, "delta1")?,
            delta2: point(&mut cursor, "delta2")?,
        };
        cursor.finish()?;
        header.check_counts().map_err(|kind| counts_at.error(kind))?;
        Ok(header)
    }

    /// Checks the counts against each other and the domain against the field.
    pub(super) fn check_counts(&self) -> Result<(), FormatErrorKind> {
        if u64::from(self.n_public) + 1 > self.n_vars.into() {
            return Err(FormatErrorKind::Header("more public signals than wires"));
        }
        let domain = u64::from(self.domain_size);
        if !domain.is_power_of_two() {
            return Err(FormatErrorKind::Key(KeyDefect::DomainNotPowerOfTwo(domain)));
        }
        // The quotient is evaluated at the odd powers of ω₂ₙ, so a root of order 2·domain must exist.
        let max_log2 = C::Fr::S - 1;
        if domain.trailing_zeros() > max_log2 {
            return Err(FormatErrorKind::Key(KeyDefect::DomainAboveTwoAdicity { domain, max_log2 }));
        }
        Ok(())
    }

    /// The points.
    pub fn points(&self) -> KeyPoints<C> {
        KeyPoints {
            alpha1: self.alpha1,
            beta1: self.beta1,
            beta2: self.beta2,
            gamma2: self.gamma2,
            delta1: self.delta1,
            delta2: self.delta2,
        }
    }

    /// Logarithm of the domain's size.
    pub fn domain_log2(&self) -> u32 {
        self.domain_size.trailing_zeros()
    }
}

fn point<A: AffinePoint>(cursor: &mut Cursor<'_>, name: &'static str) -> Result<A> {
    let at = cursor.clone();
    let bytes = cursor.take(A::BYTES as u64)?;
    let point = A::coefficients_are_reduced(bytes).then(|| A::from_raw_bytes(bytes)).flatten();
    let kind = FormatErrorKind::Point { point: PointName::Named(name), check: Validation::Canonical };
    point.ok_or_else(|| at.error(kind))
}
