//! The seam between a prover and the hardware.
//!
//! A [`Backend`] does the four heavy jobs of a Groth16 proof: multi-scalar multiplications in G1 and G2, number-
//! theoretic transforms, and the quotient. It never decides *when*: threads come from the pool that the backend was
//! built with, and locks, budgets and retries belong to the caller, who reads [`ErrorClass`] to know what it may do.

use crate::{bases::Bases, curve::Curve};
use core::fmt;

/// The multiplicative generator that a proving system derives its roots of unity from.
///
/// The 2^k-th root of unity is g^((r−1)/2^k). Systems differ: snarkjs takes g = 5 on both curves; ff, blst, bellperson
/// and arkworks take 7 on BLS12-381 and 5 on BN254. A key fixes its choice, and a proof made with the other one does
/// not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootGenerator(pub u64);

impl RootGenerator {
    /// What snarkjs uses, on every curve.
    pub const SNARKJS: RootGenerator = RootGenerator(5);

    /// What the field's own crate uses (`PrimeField::MULTIPLICATIVE_GENERATOR`): bellperson, arkworks, Filecoin.
    pub fn of_field<C: Curve>() -> RootGenerator {
        match C::ID {
            crate::CurveId::Bls12_381 => RootGenerator(7),
            crate::CurveId::Bn254 => RootGenerator(5),
        }
    }
}

/// The subgroup of 2^`log_n`-th roots of unity, in the order of the powers of one root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainSpec {
    /// Logarithm of the size.
    pub log_n: u32,
    /// Where the root comes from.
    pub generator: RootGenerator,
}

impl DomainSpec {
    /// The number of points, 2^`log_n`.
    pub fn size(&self) -> usize {
        1usize << self.log_n
    }
}

/// A transform between coefficients and evaluations, both in natural order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transform {
    /// Coefficients → evaluations at ω^i.
    Forward,
    /// Evaluations at ω^i → coefficients.
    Inverse,
    /// Coefficients → evaluations at s·ω^i.
    CosetForward(Coset),
    /// Evaluations at s·ω^i → coefficients.
    CosetInverse(Coset),
}

/// The shift s of a coset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Coset {
    /// The root generator itself: the usual coset, disjoint from every domain.
    Generator,
    /// The primitive 2n-th root: the odd powers of it are the points where snarkjs evaluates the quotient.
    OddRoots,
}

/// The basis in which the h points of a key expect the quotient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotientBasis {
    /// `(a·b − c)(ω_{2n}^{2i+1})` for i < n, undivided: what pairs with the Lagrange points of a snarkjs key.
    OddCosetLagrange,
    /// The coefficients of `(a·b − c)/Z`, of which the first n − 1 may be non-zero: bellperson, arkworks.
    Coefficients,
}

/// What a backend can do, for choosing one and for planning memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// A short name: `cpu-portable`.
    pub name: &'static str,
    /// Whether work runs on a device of its own rather than on the caller's CPU.
    pub is_device: bool,
    /// Worker threads at its disposal.
    pub threads: usize,
    /// The largest domain, as a logarithm.
    pub max_log_domain: u32,
}

/// What the caller may do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// A passing fault: the same call may succeed now.
    Retryable,
    /// Not enough memory: release some, or split the work, then retry.
    OutOfMemory,
    /// The device is gone for this process: use another backend.
    DeviceLost,
    /// A wrong call or a broken invariant: retrying cannot help; report it.
    Bug,
}

/// An error of a backend: its class, the operation and what happened.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {detail} ({class})")]
pub struct BackendError {
    class: ErrorClass,
    operation: &'static str,
    detail: String,
}

impl BackendError {
    /// An error of the given class in `operation`.
    pub fn new(class: ErrorClass, operation: &'static str, detail: impl Into<String>) -> Self {
        BackendError { class, operation, detail: detail.into() }
    }

    /// A broken precondition.
    pub fn bug(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorClass::Bug, operation, detail)
    }

    /// What the caller may do.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// The operation that failed.
    pub fn operation(&self) -> &'static str {
        self.operation
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorClass::Retryable => "may be retried",
            ErrorClass::OutOfMemory => "out of memory",
            ErrorClass::DeviceLost => "device lost",
            ErrorClass::Bug => "a defect",
        })
    }
}

/// The heavy operations of a prover on one curve.
///
/// All scalars are in the field's own (Montgomery) form. Implementations are variable-time. No method keeps a
/// reference to its inputs after it returns, and working copies of scalars are wiped.
pub trait Backend<C: Curve>: Send + Sync {
    /// What this backend is and can do.
    fn capabilities(&self) -> Capabilities;

    /// The most bytes of host memory that one operation on `n` terms, or a domain of `n` points, allocates beside its
    /// inputs: for a budget, not for a limit.
    fn scratch_bytes(&self, n: usize) -> usize;

    /// Σ scalars\[i\]·bases\[i\] in G1.
    ///
    /// # Errors
    /// [`ErrorClass::Bug`] if the lengths differ.
    fn msm_g1(&self, bases: Bases<'_, C::G1Affine>, scalars: &[C::Fr]) -> Result<C::G1, BackendError>;

    /// Σ scalars\[i\]·bases\[i\] in G2.
    ///
    /// # Errors
    /// [`ErrorClass::Bug`] if the lengths differ.
    fn msm_g2(&self, bases: Bases<'_, C::G2Affine>, scalars: &[C::Fr]) -> Result<C::G2, BackendError>;

    /// Transforms `values` in place.
    ///
    /// # Errors
    /// [`ErrorClass::Bug`] if the length is not the domain's size or the field has no such domain.
    fn ntt(&self, domain: DomainSpec, transform: Transform, values: &mut [C::Fr])
    -> Result<(), BackendError>;

    /// Turns evaluations of a, b, c over the domain into the quotient in `basis`, left in `a`. What remains in `b` and
    /// `c` is unspecified (and still secret).
    ///
    /// # Errors
    /// [`ErrorClass::Bug`] if a length is not the domain's size or the field has no such domain.
    fn quotient(
        &self,
        domain: DomainSpec,
        basis: QuotientBasis,
        a: &mut [C::Fr],
        b: &mut [C::Fr],
        c: &mut [C::Fr],
    ) -> Result<(), BackendError>;
}

/// Refuses an operation on as many `what` as do not belong together. Every backend asks here first, so that a wrong call is
/// refused with the same words, and before anything is allocated.
///
/// # Errors
/// A defect of the caller.
pub fn same_length(
    operation: &'static str,
    what: &str,
    found: usize,
    expected: usize,
) -> Result<(), BackendError> {
    if found == expected {
        return Ok(());
    }
    Err(BackendError::bug(operation, format!("{what}: {found} values, not {expected}")))
}

/// Refuses an operation on a vector that has not one value per point of the domain. No domain is made for it.
///
/// # Errors
/// A defect of the caller.
pub fn one_per_point(
    operation: &'static str,
    what: &str,
    found: usize,
    spec: DomainSpec,
) -> Result<(), BackendError> {
    if found.is_power_of_two() && found.trailing_zeros() == spec.log_n {
        return Ok(());
    }
    Err(BackendError::bug(operation, format!("{what}: {found} values on a domain of 2^{}", spec.log_n)))
}
