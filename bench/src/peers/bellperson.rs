//! bellperson: proofs on a key of Forebay's in the power basis, its MSM and its transform (BLS12-381 alone).

use crate::{measure::Contender, msm::Multiplier, ntt::Transformer};
use bellperson::{
    Circuit, ConstraintSystem, Index, LinearCombination, SynthesisError, Variable,
    domain::EvaluationDomain,
    groth16::{Parameters, VerifyingKey, create_proof},
};
use blstrs::{Bls12, G1Affine, Scalar};
use ec_gpu_gen::{
    multiexp_cpu::{FullDensity, multiexp_cpu},
    threadpool::Worker,
};
use ff::PrimeField;
use forebay_formats::Proof;
use forebay_msm::{Bases, Bls12_381};
use forebay_prover::{ProvingKey, circuit::ConstraintSource};
use group::{Curve as _, prime::PrimeCurveAffine};
use std::sync::Arc;

type Row = [LinearCombination<Scalar>; 3];

/// A key and its circuit in bellperson's types.
pub(crate) struct BellpersonKey {
    parameters: Parameters<Bls12>,
    rows: Vec<Row>,
    num_inputs: usize,
}

impl BellpersonKey {
    pub(crate) fn new(
        key: &dyn ProvingKey<Bls12_381>,
        source: &dyn ConstraintSource<Scalar>,
    ) -> anyhow::Result<Self> {
        let num_inputs = source.counts().num_public + 1;
        let mut rows = Vec::with_capacity(source.counts().num_constraints);
        source.for_each(&mut |a, b, c| {
            rows.push([a, b, c].map(|terms| combination(terms, num_inputs)));
            Ok(())
        })?;
        let vkey = key.verifying_key();
        let parameters = Parameters {
            vk: VerifyingKey {
                alpha_g1: vkey.alpha1,
                beta_g1: key.beta1(),
                beta_g2: vkey.beta2,
                gamma_g2: vkey.gamma2,
                delta_g1: key.delta1(),
                delta_g2: vkey.delta2,
                ic: vkey.ic.clone(),
            },
            h: Arc::new(points(key.h())),
            l: Arc::new(points(key.l())),
            a: Arc::new(finite(key.a())),
            b_g1: Arc::new(finite(key.b1())),
            b_g2: Arc::new(finite(key.b2())),
        };
        Ok(BellpersonKey { parameters, rows, num_inputs })
    }

    /// bellperson's proof of the assignment `z`, synthesis included, with the given r and s.
    pub(crate) fn prove(&self, z: &[Scalar], r: Scalar, s: Scalar) -> anyhow::Result<Proof<Bls12_381>> {
        let circuit = Rows { rows: &self.rows, z, num_inputs: self.num_inputs };
        let proof = create_proof::<Bls12, _, _>(circuit, &self.parameters, r, s)?;
        Ok(Proof { a: proof.a, b: proof.b, c: proof.c })
    }
}

fn points(bases: Bases<'_, G1Affine>) -> Vec<G1Affine> {
    (0..bases.len()).map(|i| bases.get(i)).collect()
}

/// bellperson drops the points at infinity.
fn finite<A: forebay_msm::AffinePoint>(bases: Bases<'_, A>) -> Vec<A> {
    (0..bases.len()).map(|i| bases.get(i)).filter(|p| !bool::from(PrimeCurveAffine::is_identity(p))).collect()
}

fn combination(terms: &[(u32, Scalar)], num_inputs: usize) -> LinearCombination<Scalar> {
    terms.iter().fold(LinearCombination::zero(), |sum, (i, v)| {
        let i = *i as usize;
        let index = if i < num_inputs { Index::Input(i) } else { Index::Aux(i - num_inputs) };
        sum + (*v, Variable::new_unchecked(index))
    })
}

/// The rows and an assignment as a circuit.
struct Rows<'a> {
    rows: &'a [Row],
    z: &'a [Scalar],
    num_inputs: usize,
}

impl Circuit<Scalar> for Rows<'_> {
    fn synthesize<CS: ConstraintSystem<Scalar>>(self, cs: &mut CS) -> Result<(), SynthesisError> {
        let (inputs, aux) = self.z.split_at(self.num_inputs);
        for v in &inputs[1..] {
            cs.alloc_input(|| "", || Ok(*v))?;
        }
        for v in aux {
            cs.alloc(|| "", || Ok(*v))?;
        }
        for [a, b, c] in self.rows {
            cs.enforce(|| "", |_| a.clone(), |_| b.clone(), |_| c.clone());
        }
        Ok(())
    }
}

/// One multiplication a run. bellperson's takes the canonical form of the scalars, so the conversion counts.
pub(crate) fn msm<'a, A>(points: &[A], scalars: &'a [Scalar]) -> Multiplier<'a, A>
where
    A: PrimeCurveAffine<Scalar = Scalar> + 'a,
    A::Curve: group::Curve<AffineRepr = A>,
{
    let points = Arc::new(points.to_vec());
    Contender::new("bellperson", move || {
        let exponents = Arc::new(scalars.iter().map(PrimeField::to_repr).collect::<Vec<_>>());
        let sum = multiexp_cpu(&Worker::new(), (Arc::clone(&points), 0), FullDensity, exponents).wait()?;
        Ok(sum.to_affine())
    })
}

/// Data in bellperson's domain.
pub(crate) struct BellpersonTransform(EvaluationDomain<Scalar>);

impl BellpersonTransform {
    pub(crate) fn new(values: &[Scalar]) -> anyhow::Result<Self> {
        Ok(BellpersonTransform(EvaluationDomain::from_coeffs(values.to_vec())?))
    }
}

impl Transformer<Scalar> for BellpersonTransform {
    const NAME: &'static str = "bellperson";

    fn transform(&mut self) -> anyhow::Result<()> {
        Ok(self.0.fft(&Worker::new(), &mut None)?)
    }

    fn is(&self, expected: &[Scalar]) -> bool {
        self.0.as_ref() == expected
    }
}
