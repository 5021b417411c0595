//! halo2curves: `msm_best` and `best_fft`, with its own fields and, on BLS12-381, its own points.

use crate::{measure::Contender, msm::Multiplier, ntt::Transformer, options::Setting};
use anyhow::Context;
use ff::{Field, PrimeField};
use forebay_msm::{
    AffinePoint, Bls12_381, Bn254, Curve, ScalarField, backend::DomainSpec, domain::root_of_unity,
};
use group::Curve as _;
use halo2curves::{CurveAffine, bls12381, bn256, fft::best_fft, msm::msm_best};
use rayon::ThreadPool;
use std::sync::Arc;

/// A curve whose scalar field halo2curves has too, under a name of its own.
pub(crate) trait Halo2Curve: Curve {
    type Scalar: PrimeField<Repr: From<[u8; 32]>>;
}

impl Halo2Curve for Bls12_381 {
    type Scalar = bls12381::Fr;
}

impl Halo2Curve for Bn254 {
    type Scalar = bn256::Fr;
}

fn scalar<C: Halo2Curve>(v: &C::Fr) -> C::Scalar {
    C::Scalar::from_repr(v.to_canonical_le_bytes().into()).unwrap_or(C::Scalar::ZERO)
}

macro_rules! msm {
    ($name:ident, $affine:ty) => {
        /// One multiplication a run, on the points that Forebay's BN254 is made of.
        pub(crate) fn $name<'a>(
            setting: &Setting,
            points: &'a [$affine],
            scalars: &'a [bn256::Fr],
        ) -> Multiplier<'a, $affine> {
            let pool = Arc::clone(&setting.pool);
            Contender::new("halo2curves", move || Ok(pool.install(|| msm_best(scalars, points)).to_affine()))
        }
    };
}
msm!(msm_bn_g1, bn256::G1Affine);
msm!(msm_bn_g2, bn256::G2Affine);

/// One multiplication a run, on halo2curves' points of BLS12-381.
pub(crate) fn msm_bls_g1<'a>(
    setting: &Setting,
    points: &[blstrs::G1Affine],
    scalars: &[blstrs::Scalar],
) -> Multiplier<'a, blstrs::G1Affine> {
    let pool = Arc::clone(&setting.pool);
    let points: Option<Vec<bls12381::G1Affine>> = points.iter().map(bls_point).collect();
    let scalars: Vec<bls12381::Fr> = scalars.iter().map(scalar::<Bls12_381>).collect();
    Contender::new("halo2curves", move || {
        let points = points.as_ref().context("points off halo2curves' curve")?;
        let sum = pool.install(|| msm_best(&scalars, points)).to_affine();
        bls_point_back(&sum).context("a point off blst's curve")
    })
}

fn bls_point(p: &blstrs::G1Affine) -> Option<bls12381::G1Affine> {
    let mut bytes = [0; 96];
    p.write_canonical(&mut bytes);
    let (x, y) = bytes.split_at(48);
    let coordinate = |bytes: &[u8]| -> Option<bls12381::Fq> {
        let mut repr = <bls12381::Fq as PrimeField>::Repr::default();
        repr.as_mut().copy_from_slice(bytes);
        bls12381::Fq::from_repr(repr).into_option()
    };
    bls12381::G1Affine::from_xy(coordinate(x)?, coordinate(y)?).into_option()
}

fn bls_point_back(p: &bls12381::G1Affine) -> Option<blstrs::G1Affine> {
    let mut bytes = [0; 96];
    let (x, y) = bytes.split_at_mut(48);
    x.copy_from_slice(p.x.to_repr().as_ref());
    y.copy_from_slice(p.y.to_repr().as_ref());
    blstrs::G1Affine::read_canonical(&bytes)
}

/// Data in halo2curves' field.
pub(crate) struct Halo2Transform<C: Halo2Curve> {
    values: Vec<C::Scalar>,
    root: C::Scalar,
    log_n: u32,
    pool: Arc<ThreadPool>,
}

impl<C: Halo2Curve> Halo2Transform<C> {
    /// With Forebay's root of unity: halo2curves' own is that of another generator on BN254 (7, where others take 5).
    pub(crate) fn new(setting: &Setting, spec: DomainSpec, values: &[C::Fr]) -> anyhow::Result<Self> {
        let root = scalar::<C>(&root_of_unity::<C::Fr>(spec.log_n, spec.generator)?);
        let values = values.iter().map(scalar::<C>).collect();
        Ok(Halo2Transform { values, root, log_n: spec.log_n, pool: Arc::clone(&setting.pool) })
    }
}

impl<C: Halo2Curve> Transformer<C::Fr> for Halo2Transform<C> {
    const NAME: &'static str = "halo2curves";

    fn transform(&mut self) -> anyhow::Result<()> {
        let (values, root, log_n) = (&mut self.values, self.root, self.log_n);
        self.pool.install(|| best_fft(values, root, log_n));
        Ok(())
    }

    fn is(&self, expected: &[C::Fr]) -> bool {
        self.values.iter().zip(expected).all(|(a, b)| *a == scalar::<C>(b))
    }
}
