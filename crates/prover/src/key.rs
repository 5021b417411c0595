//! What a proving key must offer.

mod native;

pub use native::{NativeKey, densities, densities_of, write_native};

use crate::ProveError;
use forebay_formats::{VerifyingKey, ZkeyFile};
use forebay_msm::{
    Bases, Curve,
    backend::{DomainSpec, QuotientBasis, RootGenerator},
};

/// The counts of a key and the conventions of its maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShape {
    /// Variables, the constant one and the public ones included.
    pub num_variables: usize,
    /// Public variables, the constant one not included.
    pub num_public: usize,
    /// The domain of the quadratic arithmetic program.
    pub domain: DomainSpec,
    /// What the h points pair with.
    pub basis: QuotientBasis,
}

impl KeyShape {
    /// How many h points there are.
    pub fn num_h(&self) -> usize {
        match self.basis {
            QuotientBasis::OddCosetLagrange => self.domain.size(),
            QuotientBasis::Coefficients => self.domain.size() - 1,
        }
    }
}

/// A proving key, in memory or mapped. The names are the paper's: u, v, w are the QAP's polynomials at τ.
pub trait ProvingKey<C: Curve>: Send + Sync {
    /// Counts and conventions.
    fn shape(&self) -> KeyShape;
    /// α, β, γ, δ and the points of the public inputs.
    fn verifying_key(&self) -> &VerifyingKey<C>;
    /// β in G1.
    fn beta1(&self) -> C::G1Affine;
    /// δ in G1.
    fn delta1(&self) -> C::G1Affine;
    /// uᵢ(τ), one per variable.
    fn a(&self) -> Bases<'_, C::G1Affine>;
    /// vᵢ(τ) in G1, one per variable.
    fn b1(&self) -> Bases<'_, C::G1Affine>;
    /// vᵢ(τ) in G2, one per variable.
    fn b2(&self) -> Bases<'_, C::G2Affine>;
    /// (β·uᵢ(τ) + α·vᵢ(τ) + wᵢ(τ))/δ, one per private variable.
    fn l(&self) -> Bases<'_, C::G1Affine>;
    /// The quotient's points, in the basis of [`KeyShape::basis`], already multiplied by Z(τ)/δ where that is due.
    fn h(&self) -> Bases<'_, C::G1Affine>;

    /// Refuses a key whose sections have other lengths than its header asks for.
    ///
    /// # Errors
    /// [`ProveError::KeyShape`].
    fn check_shape(&self) -> Result<(), ProveError> {
        let shape = self.shape();
        let private = shape.num_variables.checked_sub(shape.num_public + 1).unwrap_or(usize::MAX);
        let counts = [
            ("a", shape.num_variables, self.a().len()),
            ("b in G1", shape.num_variables, self.b1().len()),
            ("b in G2", shape.num_variables, self.b2().len()),
            ("l", private, self.l().len()),
            ("h", shape.num_h(), self.h().len()),
            ("the public inputs", shape.num_public + 1, self.verifying_key().ic.len()),
        ];
        match counts.into_iter().find(|(_, expected, actual)| expected != actual) {
            Some((what, expected, actual)) => Err(ProveError::KeyShape { what, expected, actual }),
            None => Ok(()),
        }
    }
}

/// A snarkjs key, used from its map.
#[derive(Debug)]
pub struct ZkeyKey<C: Curve> {
    file: ZkeyFile<'static, C>,
    vkey: VerifyingKey<C>,
}

impl<C: Curve> ZkeyKey<C> {
    /// Takes an opened key over. What its points are worth is the caller's question (`forebay_formats::validate`).
    ///
    /// # Errors
    /// If the verifying part can't be read.
    pub fn new(file: ZkeyFile<'static, C>) -> Result<Self, ProveError> {
        let vkey = file.vkey()?;
        Ok(ZkeyKey { file, vkey })
    }

    /// The file.
    pub fn file(&self) -> &ZkeyFile<'static, C> {
        &self.file
    }
}

impl<C: Curve> ProvingKey<C> for ZkeyKey<C> {
    fn shape(&self) -> KeyShape {
        let header = self.file.header();
        KeyShape {
            num_variables: header.n_vars as usize,
            num_public: header.n_public as usize,
            domain: DomainSpec { log_n: header.domain_log2(), generator: RootGenerator::SNARKJS },
            basis: QuotientBasis::OddCosetLagrange,
        }
    }
    fn verifying_key(&self) -> &VerifyingKey<C> {
        &self.vkey
    }
    fn beta1(&self) -> C::G1Affine {
        self.file.header().beta1
    }
    fn delta1(&self) -> C::G1Affine {
        self.file.header().delta1
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
        self.file.c()
    }
    fn h(&self) -> Bases<'_, C::G1Affine> {
        self.file.h()
    }
}
