//! The quadratic arithmetic program of a constraint system, evaluated at τ.
//!
//! uᵢ(τ) = Σ_rows A[row, i]·L_row(τ), and likewise v from B and w from C, with the Lagrange polynomials of the domain.
//! Gennaro, Gentry, Parno, Raykova, "Quadratic Span Programs and Succinct NIZKs without PCPs", EUROCRYPT 2013.

use crate::{ProveError, circuit::ConstraintSource, key::KeyShape};
use forebay_msm::{
    ScalarField,
    backend::{DomainSpec, QuotientBasis},
    field::batch_inverse::batch_invert,
};
use rayon::{ThreadPool, prelude::*};

/// uᵢ(τ), vᵢ(τ), wᵢ(τ) for every variable.
pub(super) struct QapAtTau<F> {
    pub(super) u: Vec<F>,
    pub(super) v: Vec<F>,
    pub(super) w: Vec<F>,
}

impl<F: ScalarField> QapAtTau<F> {
    pub(super) fn evaluate(
        source: &dyn ConstraintSource<F>,
        domain: DomainSpec,
        tau: F,
        pool: &ThreadPool,
    ) -> Result<Self, ProveError> {
        let counts = source.counts();
        let lagrange = lagrange_at(tau, domain, pool)?;
        let zeros = || vec![F::ZERO; counts.num_variables];
        let mut qap = QapAtTau { u: zeros(), v: zeros(), w: zeros() };
        let mut row = 0;
        source.for_each(&mut |a, b, c| {
            let l = lagrange[row];
            for (terms, sums) in [(a, &mut qap.u), (b, &mut qap.v), (c, &mut qap.w)] {
                for (variable, coefficient) in terms {
                    sums[*variable as usize] += *coefficient * l;
                }
            }
            row += 1;
            Ok(())
        })?;
        // The rows x·0 = 0 of the public inputs, which make their polynomials independent.
        for i in 0..=counts.num_public {
            qap.u[i] += lagrange[row + i];
        }
        Ok(qap)
    }

    /// β·u + α·v + w, per variable.
    pub(super) fn combined(&self, alpha: F, beta: F) -> Vec<F> {
        let uv = self.u.iter().zip(&self.v);
        uv.zip(&self.w).map(|((u, v), w)| beta * u + alpha * v + w).collect()
    }
}

/// The scalars of the h points.
pub(super) fn h_scalars<F: ScalarField>(
    shape: KeyShape,
    tau: F,
    delta_inverse: F,
    pool: &ThreadPool,
) -> Result<Vec<F>, ProveError> {
    let n = shape.domain.size();
    Ok(match shape.basis {
        QuotientBasis::OddCosetLagrange => {
            let double = DomainSpec { log_n: shape.domain.log_n + 1, ..shape.domain };
            let lagrange = lagrange_at(tau, double, pool)?;
            lagrange.iter().skip(1).step_by(2).map(|l| *l * delta_inverse).collect()
        }
        QuotientBasis::Coefficients => {
            let scale = (tau.pow_vartime([n as u64]) - F::ONE) * delta_inverse;
            powers(tau, n - 1, pool).into_iter().map(|p| p * scale).collect()
        }
    })
}

/// L_i(τ) = ω^i·(τⁿ − 1) / (n·(τ − ω^i)) for each i.
fn lagrange_at<F: ScalarField>(tau: F, domain: DomainSpec, pool: &ThreadPool) -> Result<Vec<F>, ProveError> {
    let n = domain.size() as u64;
    let root = forebay_msm::domain::root_of_unity::<F>(domain.log_n, domain.generator)
        .map_err(|e| ProveError::Setup(format!("domain of 2^{}: {e}", domain.log_n)))?;
    let z = tau.pow_vartime([n]) - F::ONE;
    let scale = F::from(n).invert().into_option().map(|n_inverse| z * n_inverse);
    let scale = scale.ok_or_else(|| ProveError::Setup("the domain's size is 0 in the field".into()))?;
    let roots = powers(root, n as usize, pool);
    let mut values: Vec<F> = pool.install(|| roots.par_iter().map(|w| tau - w).collect());
    pool.install(|| {
        batch_invert(&mut values);
        values.par_iter_mut().zip(&roots).for_each(|(v, w)| *v *= *w * scale);
    });
    Ok(values)
}

/// 1, x, x², … of length n.
fn powers<F: ScalarField>(x: F, n: usize, pool: &ThreadPool) -> Vec<F> {
    const CHUNK: usize = 1 << 12;
    let mut out = vec![F::ONE; n];
    pool.install(|| {
        out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, chunk)| {
            let mut p = x.pow_vartime([(i * CHUNK) as u64]);
            for v in chunk {
                *v = p;
                p *= x;
            }
        });
    });
    out
}
