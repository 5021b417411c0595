//! Forebay's native key file, and how other keys become one.
//!
//! The file holds points as the kernels read them, with infinity for variables that do not occur, so it is used from its
//! map (`docs/decisions/0011-native-key.md`). It does not hold the matrices: the circuit comes from elsewhere.

use super::{KeyShape, ProvingKey};
use crate::{ProveError, circuit::ConstraintSource};
use forebay_formats::{
    Densities, Density, KeyPoints, NativeHeader, NativeKeyFile, NativeKeyWriter, NativePart, VerifyingKey,
};
use forebay_msm::{Bases, Curve, ScalarField};
use forebay_pce::{BitSet, Circuit};
use rayon::ThreadPool;
use std::path::Path;

/// A native key, used from its map.
#[derive(Debug)]
pub struct NativeKey<C: Curve> {
    file: NativeKeyFile<'static, C>,
    vkey: VerifyingKey<C>,
}

impl<C: Curve> NativeKey<C> {
    /// Takes an opened key over. What its points are worth is the caller's question
    /// ([`NativeKeyFile::validate_once`]).
    ///
    /// # Errors
    /// If the verifying part can't be read.
    pub fn new(file: NativeKeyFile<'static, C>) -> Result<Self, ProveError> {
        let vkey = file.vkey()?;
        Ok(NativeKey { file, vkey })
    }

    /// The file.
    pub fn file(&self) -> &NativeKeyFile<'static, C> {
        &self.file
    }
}

impl<C: Curve> ProvingKey<C> for NativeKey<C> {
    fn shape(&self) -> KeyShape {
        let header = self.file.header();
        KeyShape {
            num_variables: header.num_variables as usize,
            num_public: header.num_public as usize,
            domain: header.domain,
            basis: header.basis,
        }
    }
    fn verifying_key(&self) -> &VerifyingKey<C> {
        &self.vkey
    }
    fn beta1(&self) -> C::G1Affine {
        self.file.points().beta1
    }
    fn delta1(&self) -> C::G1Affine {
        self.file.points().delta1
    }
    fn a(&self) -> Bases<'_, C::G1Affine> {
        self.file.a()
    }
    fn b1(&self) -> Bases<'_, C::G1Affine> {
        self.file.b1()
    }
    fn b2(&self) -> Bases<'_, C::G2Affine> {
        self.file.b2()
    }
    fn l(&self) -> Bases<'_, C::G1Affine> {
        self.file.l()
    }
    fn h(&self) -> Bases<'_, C::G1Affine> {
        self.file.h()
    }
}

/// Writes any key as a native one: a zkey, or one in memory. Its digests are computed in `pool`. bellperson's parameters
/// and arkworks' keys have ways of their own: [`forebay_formats::ParamsFile::write_native`],
/// [`forebay_formats::ArkKeyFile::write_native`].
///
/// # Errors
/// [`ProveError::KeyShape`]; errors of writing. The target is written whole or not at all. The points are not checked.
pub fn write_native<C: Curve>(
    path: &Path,
    key: &dyn ProvingKey<C>,
    pool: &ThreadPool,
) -> Result<(), ProveError> {
    key.check_shape()?;
    let shape = key.shape();
    let count = |n: usize| {
        u32::try_from(n).map_err(|_| ProveError::Setup(format!("{n} variables do not fit a key file")))
    };
    let header = NativeHeader {
        num_variables: count(shape.num_variables)?,
        num_public: count(shape.num_public)?,
        domain: shape.domain,
        basis: shape.basis,
    };
    let VerifyingKey { alpha1, beta2, gamma2, delta2, ref ic } = *key.verifying_key();
    let (beta1, delta1) = (key.beta1(), key.delta1());
    let points = KeyPoints { alpha1, beta1, beta2, gamma2, delta1, delta2 };
    pool.install(|| {
        let mut out = NativeKeyWriter::<C>::create(path, header, &points)?;
        for (part, points) in [
            (NativePart::Ic, Bases::from_slice(ic)),
            (NativePart::A, key.a()),
            (NativePart::B1, key.b1()),
            (NativePart::L, key.l()),
            (NativePart::H, key.h()),
        ] {
            out.g1(part, |sink| sink.push(points))?;
        }
        out.b2(|sink| sink.push(key.b2()))?;
        out.finish()?;
        Ok(())
    })
}

/// The variables that occur in A and in B, as bellperson's prover counts them: those with a coefficient that is not zero,
/// and every input in A.
///
/// # Errors
/// What reading the source reports; [`ProveError::Setup`] for a variable that does not exist.
pub fn densities<F: ScalarField>(source: &dyn ConstraintSource<F>) -> Result<Densities, ProveError> {
    let counts = source.counts();
    let inputs = counts.num_public + 1;
    let mut a = Density::from_fn(counts.num_variables, |i| i < inputs);
    let mut b = Density::none(counts.num_variables);
    source.for_each(&mut |row_a, row_b, _| {
        for (density, terms) in [(&mut a, row_a), (&mut b, row_b)] {
            for (variable, value) in terms {
                let variable = *variable as usize;
                if variable >= counts.num_variables {
                    return Err(ProveError::Setup(format!("there is no variable {variable}")));
                }
                if !bool::from(value.is_zero()) {
                    density.insert(variable);
                }
            }
        }
        Ok(())
    })?;
    Ok(Densities { a, b })
}

/// The same from a compiled circuit that has the rows xᵢ·0 = 0 of its inputs, as [`compile_source`] and bellperson append them.
///
/// [`compile_source`]: crate::circuit::compile_source
pub fn densities_of<F: ScalarField>(circuit: &Circuit<F>) -> Densities {
    let of = |bits: &BitSet| Density::from_fn(circuit.num_variables(), |i| bits.contains(i));
    Densities { a: of(&circuit.density().a), b: of(&circuit.density().b) }
}
