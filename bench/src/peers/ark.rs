//! arkworks 0.6: ark-ec's MSM, ark-poly's transform, ark-groth16's matrix products.

use crate::{measure::Contender, msm::Multiplier, ntt::Transformer, options::Setting};
use anyhow::Context;
use ark_ec::{CurveGroup, VariableBaseMSM, pairing::Pairing};
use ark_groth16::r1cs_to_qap::evaluate_constraint;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use forebay_prover::circuit::ConstraintSource;
use forebay_reference::ark::{ArkCurve, scalar};
use rayon::{ThreadPool, prelude::*};
use std::sync::Arc;

/// Rows of terms.
type Rows<F> = Vec<Vec<(F, usize)>>;
type Fr<C> = <<C as ArkCurve>::Pairing as Pairing>::ScalarField;

macro_rules! msm {
    ($name:ident, $affine:ident, $projective:ident, $to:ident, $back:ident) => {
        /// One multiplication a run.
        pub(crate) fn $name<'a, C: ArkCurve>(
            setting: &Setting,
            points: &[C::$affine],
            scalars: &[C::Fr],
        ) -> Multiplier<'a, C::$affine> {
            let pool = Arc::clone(&setting.pool);
            let points: Vec<_> = points.iter().map(C::$to).collect();
            let scalars: Vec<_> = scalars.iter().map(scalar::<C>).collect();
            Contender::new("ark-ec", move || {
                let sum =
                    pool.install(|| <C::Pairing as Pairing>::$projective::msm_unchecked(&points, &scalars));
                Ok(C::$back(&sum.into_affine()))
            })
        }
    };
}
msm!(msm_g1, G1Affine, G1, g1, g1_back);
msm!(msm_g2, G2Affine, G2, g2, g2_back);

/// Data in arkworks' field and the domain of their size.
pub(crate) struct ArkTransform<C: ArkCurve> {
    values: Vec<Fr<C>>,
    domain: Radix2EvaluationDomain<Fr<C>>,
    pool: Arc<ThreadPool>,
}

impl<C: ArkCurve> ArkTransform<C> {
    pub(crate) fn new(setting: &Setting, values: &[C::Fr]) -> anyhow::Result<Self> {
        let domain = Radix2EvaluationDomain::new(values.len()).context("no such domain in arkworks")?;
        let values = values.iter().map(scalar::<C>).collect();
        Ok(ArkTransform { values, domain, pool: Arc::clone(&setting.pool) })
    }
}

impl<C: ArkCurve> Transformer<C::Fr> for ArkTransform<C> {
    const NAME: &'static str = "ark-poly";

    fn transform(&mut self) -> anyhow::Result<()> {
        let (values, domain) = (&mut self.values, &self.domain);
        self.pool.install(|| domain.fft_in_place(values));
        Ok(())
    }

    fn is(&self, expected: &[C::Fr]) -> bool {
        self.values.iter().zip(expected).all(|(a, b)| *a == scalar::<C>(b))
    }
}

/// The matrices of a circuit and an assignment, in arkworks' types.
pub(crate) struct ArkMatrices<C: ArkCurve> {
    matrices: [Rows<Fr<C>>; 3],
    z: Vec<Fr<C>>,
    pool: Arc<ThreadPool>,
}

impl<C: ArkCurve> ArkMatrices<C> {
    pub(crate) fn new(
        setting: &Setting,
        source: &dyn ConstraintSource<C::Fr>,
        z: &[C::Fr],
    ) -> anyhow::Result<Self> {
        let mut matrices = [const { Vec::new() }; 3];
        source.for_each(&mut |a, b, c| {
            for (matrix, terms) in matrices.iter_mut().zip([a, b, c]) {
                matrix.push(terms.iter().map(|(i, v)| (scalar::<C>(v), *i as usize)).collect());
            }
            Ok(())
        })?;
        Ok(ArkMatrices { matrices, z: z.iter().map(scalar::<C>).collect(), pool: Arc::clone(&setting.pool) })
    }

    /// The three products, as ark-groth16's prover computes them: rows in parallel, each by `evaluate_constraint`.
    pub(crate) fn products(&self) -> [Vec<Fr<C>>; 3] {
        self.pool.install(|| {
            self.matrices
                .each_ref()
                .map(|m| m.par_iter().map(|row| evaluate_constraint(row, &self.z)).collect())
        })
    }

    /// Whether the products are those: rows beyond the constraints are not compared.
    pub(crate) fn are(products: &[Vec<Fr<C>>; 3], expected: &[Vec<C::Fr>; 3]) -> bool {
        let equal = |a: &Vec<Fr<C>>, b: &Vec<C::Fr>| a.iter().zip(b).all(|(a, b)| *a == scalar::<C>(b));
        products.iter().zip(expected).all(|(a, b)| equal(a, b))
    }
}
