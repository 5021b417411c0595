//! Writing a development key as a zkey.

use super::InMemoryKey;
use crate::{ProveError, circuit::ConstraintSource};
use forebay_formats::{Coefficient, G1Section, Matrix, ZkeyHeader, ZkeyWriter};
use forebay_msm::{Curve, backend::QuotientBasis};
use std::path::Path;

/// Writes `key` and the matrices of `source` as a zkey that snarkjs reads. The circuit hash in its last section is zero
/// and there are no contributions: `snarkjs zkey verify` rejects it, as it should a key without a ceremony.
///
/// # Errors
/// [`ProveError::Setup`] if the key is not in snarkjs's convention; errors of reading and writing.
pub fn write_zkey<C: Curve>(
    path: &Path,
    key: &InMemoryKey<C>,
    source: &dyn ConstraintSource<C::Fr>,
) -> Result<(), ProveError> {
    if key.shape.basis != QuotientBasis::OddCosetLagrange {
        return Err(ProveError::Setup("a zkey holds the quotient's points in the Lagrange basis".into()));
    }
    let coefficients = coefficients(source)?;
    let header = ZkeyHeader {
        n_vars: count(key.shape.num_variables, "variables")?,
        n_public: count(key.shape.num_public, "public inputs")?,
        domain_size: count(key.shape.domain.size(), "rows")?,
        alpha1: key.vkey.alpha1,
        beta1: key.beta1,
        beta2: key.vkey.beta2,
        gamma2: key.vkey.gamma2,
        delta1: key.delta1,
        delta2: key.vkey.delta2,
    };
    let mut out = ZkeyWriter::<C>::create(path, &header)?;
    out.coefficients(coefficients)?;
    for (section, points) in [
        (G1Section::Ic, &key.vkey.ic),
        (G1Section::H, &key.h),
        (G1Section::C, &key.l),
        (G1Section::A, &key.a),
        (G1Section::B1, &key.b1),
    ] {
        out.g1(section, [points])?;
    }
    out.b2([&key.b2])?;
    out.finish(&[0; 64])?;
    Ok(())
}

/// A and B as a zkey lists them: those of the constraints, then one A row per public input, the constant included.
fn coefficients<F: forebay_msm::ScalarField>(
    source: &dyn ConstraintSource<F>,
) -> Result<Vec<Coefficient<F>>, ProveError> {
    let counts = source.counts();
    let rows = count(counts.num_constraints, "constraints")?;
    let inputs = count(counts.num_public, "public inputs")?;
    let mut out = Vec::new();
    let mut row = 0;
    source.for_each(&mut |a, b, _| {
        for (matrix, terms) in [(Matrix::A, a), (Matrix::B, b)] {
            out.extend(terms.iter().map(|(wire, value)| Coefficient {
                matrix,
                row,
                wire: *wire,
                value: *value,
            }));
        }
        row += 1;
        Ok(())
    })?;
    let input = |wire| Coefficient { matrix: Matrix::A, row: rows + wire, wire, value: F::ONE };
    out.extend((0..=inputs).map(input));
    Ok(out)
}

fn count(n: usize, what: &str) -> Result<u32, ProveError> {
    u32::try_from(n).map_err(|_| ProveError::Setup(format!("{n} {what} do not fit a zkey")))
}
