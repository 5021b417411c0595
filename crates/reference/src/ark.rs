//! The independent implementation: arkworks' Groth16 on Forebay's keys.
//!
//! With the same key, assignment, r and s, a Groth16 proof is one triple of points. So two implementations can be
//! compared for equality, not merely for acceptance. [`prove`] converts a key once ([`ArkKey`]) and lets ark-groth16 do
//! the rest, with the reduction that the key's convention asks for: libsnark's (coefficients), or the one of circom
//! (Lagrange points on the odd coset), here with the root generator of the key, since snarkjs's on BLS12-381 is not ark's.

use ark_ec::{
    AffineRepr,
    pairing::Pairing,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{Field, PrimeField};
use ark_groth16::{
    Groth16, Proof as ArkProof, ProvingKey as ArkProvingKey, VerifyingKey as ArkVerifyingKey,
    r1cs_to_qap::{LibsnarkReduction, R1CSToQAP, evaluate_constraint},
};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_relations::gr1cs::{ConstraintSystemRef, Matrix, SynthesisError};
use forebay_formats::Proof;
use forebay_msm::{
    AffinePoint, Bases, Bls12_381, Bn254, Curve, ScalarField,
    backend::{DomainSpec, QuotientBasis},
};
use forebay_prover::{ProvingKey, circuit::ConstraintSource, key::KeyShape};
use std::cell::Cell;

/// A curve as both libraries know it.
pub trait ArkCurve: Curve {
    /// arkworks' pairing engine.
    type Pairing: Pairing;
    /// A point of G1, there.
    fn g1(p: &Self::G1Affine) -> <Self::Pairing as Pairing>::G1Affine;
    /// A point of G2, there.
    fn g2(p: &Self::G2Affine) -> <Self::Pairing as Pairing>::G2Affine;
    /// A point of G1, back.
    fn g1_back(p: &<Self::Pairing as Pairing>::G1Affine) -> Self::G1Affine;
    /// A point of G2, back.
    fn g2_back(p: &<Self::Pairing as Pairing>::G2Affine) -> Self::G2Affine;
}

/// Reads canonical coefficients into an arkworks point.
fn to_ark<A: AffinePoint, P: SWCurveConfig>(p: &A) -> Affine<P> {
    let mut bytes = vec![0; A::BYTES];
    p.write_canonical(&mut bytes);
    if bytes.iter().all(|b| *b == 0) {
        return Affine::identity();
    }
    let coordinate = |bytes: &[u8]| {
        let coefficients = bytes.chunks_exact(A::COEFFICIENT_BYTES);
        let field = coefficients.map(<P::BaseField as Field>::BasePrimeField::from_le_bytes_mod_order);
        P::BaseField::from_base_prime_field_elems(field)
            .expect("as many coefficients as the extension's degree")
    };
    let (x, y) = bytes.split_at(A::BYTES / 2);
    Affine::new_unchecked(coordinate(x), coordinate(y))
}

/// Reads an arkworks point back.
fn from_ark<A: AffinePoint, P: SWCurveConfig>(p: &Affine<P>) -> A {
    if p.is_zero() {
        return A::identity();
    }
    let mut bytes = Vec::with_capacity(A::BYTES);
    for coordinate in [p.x, p.y] {
        for coefficient in coordinate.to_base_prime_field_elements() {
            let mut le = ark_ff::BigInteger::to_bytes_le(&coefficient.into_bigint());
            le.resize(A::COEFFICIENT_BYTES, 0);
            bytes.extend_from_slice(&le);
        }
    }
    A::read_canonical(&bytes).expect("arkworks' coefficients are canonical")
}

macro_rules! ark_curve {
    ($ours:ty, $theirs:ty) => {
        impl ArkCurve for $ours {
            type Pairing = $theirs;
            fn g1(p: &Self::G1Affine) -> <Self::Pairing as Pairing>::G1Affine {
                to_ark(p)
            }
            fn g2(p: &Self::G2Affine) -> <Self::Pairing as Pairing>::G2Affine {
                to_ark(p)
            }
            fn g1_back(p: &<Self::Pairing as Pairing>::G1Affine) -> Self::G1Affine {
                from_ark(p)
            }
            fn g2_back(p: &<Self::Pairing as Pairing>::G2Affine) -> Self::G2Affine {
                from_ark(p)
            }
        }
    };
}
ark_curve!(Bls12_381, ark_bls12_381::Bls12_381);
ark_curve!(Bn254, ark_bn254::Bn254);

type ArkFr<C> = <<C as ArkCurve>::Pairing as Pairing>::ScalarField;

/// A scalar, there.
pub fn scalar<C: ArkCurve>(v: &C::Fr) -> ArkFr<C> {
    ArkFr::<C>::from_le_bytes_mod_order(&v.to_canonical_le_bytes())
}

/// A key and its circuit in arkworks' types.
pub struct ArkKey<C: ArkCurve> {
    pub(crate) key: ArkProvingKey<C::Pairing>,
    pub(crate) matrices: Vec<Matrix<ArkFr<C>>>,
    pub(crate) shape: KeyShape,
    pub(crate) num_constraints: usize,
}

impl<C: ArkCurve> ArkKey<C> {
    /// Converts.
    pub fn new(key: &dyn ProvingKey<C>, source: &dyn ConstraintSource<C::Fr>) -> Self {
        let mut matrices = vec![Vec::new(), Vec::new(), Vec::new()];
        let convert = |terms: &[(u32, C::Fr)]| -> Vec<(ArkFr<C>, usize)> {
            terms.iter().map(|(i, v)| (scalar::<C>(v), *i as usize)).collect()
        };
        source
            .for_each(&mut |a, b, c| {
                for (matrix, terms) in matrices.iter_mut().zip([a, b, c]) {
                    matrix.push(convert(terms));
                }
                Ok(())
            })
            .expect("a readable source");
        let g1 = |bases: Bases<'_, C::G1Affine>| (0..bases.len()).map(|i| C::g1(&bases.get(i))).collect();
        let g2 = |bases: Bases<'_, C::G2Affine>| (0..bases.len()).map(|i| C::g2(&bases.get(i))).collect();
        let vkey = key.verifying_key();
        let key_there = ArkProvingKey {
            vk: ArkVerifyingKey {
                alpha_g1: C::g1(&vkey.alpha1),
                beta_g2: C::g2(&vkey.beta2),
                gamma_g2: C::g2(&vkey.gamma2),
                delta_g2: C::g2(&vkey.delta2),
                gamma_abc_g1: vkey.ic.iter().map(C::g1).collect(),
            },
            beta_g1: C::g1(&key.beta1()),
            delta_g1: C::g1(&key.delta1()),
            a_query: g1(key.a()),
            b_g1_query: g1(key.b1()),
            b_g2_query: g2(key.b2()),
            h_query: g1(key.h()),
            l_query: g1(key.l()),
        };
        let num_constraints = source.counts().num_constraints;
        ArkKey { key: key_there, matrices, shape: key.shape(), num_constraints }
    }

    /// ark-groth16's proof with the given r and s, in its own types. `z` is the full assignment.
    pub fn prove_there(&self, z: &[ArkFr<C>], r: ArkFr<C>, s: ArkFr<C>) -> ArkProof<C::Pairing> {
        let inputs = self.shape.num_public + 1;
        let (key, matrices, rows) = (&self.key, &self.matrices, self.num_constraints);
        let proof = match self.shape.basis {
            QuotientBasis::Coefficients => {
                Groth16::<C::Pairing, LibsnarkReduction>::create_proof_with_reduction_and_matrices(
                    key, r, s, matrices, inputs, rows, z,
                )
            }
            QuotientBasis::OddCosetLagrange => {
                CIRCOM_DOMAIN.set(Some(self.shape.domain));
                Groth16::<C::Pairing, CircomReduction>::create_proof_with_reduction_and_matrices(
                    key, r, s, matrices, inputs, rows, z,
                )
            }
        };
        proof.expect("arkworks proves")
    }

    /// The same, from and to Forebay's types.
    pub fn prove(&self, z: &[C::Fr], r: C::Fr, s: C::Fr) -> Proof<C> {
        let there: Vec<ArkFr<C>> = z.iter().map(scalar::<C>).collect();
        let proof = self.prove_there(&there, scalar::<C>(&r), scalar::<C>(&s));
        Self::proof_back(&proof)
    }

    /// A proof of arkworks in Forebay's types.
    pub fn proof_back(proof: &ArkProof<C::Pairing>) -> Proof<C> {
        Proof { a: C::g1_back(&proof.a), b: C::g2_back(&proof.b), c: C::g1_back(&proof.c) }
    }
}

thread_local! {
    /// The domain of the key being proved with: ark's reduction trait has no place for it.
    static CIRCOM_DOMAIN: Cell<Option<DomainSpec>> = const { Cell::new(None) };
}

/// The reduction of circom and snarkjs: (a·b − c) at the odd powers of the 2n-th root.
struct CircomReduction;

/// The domain that `spec` names.
fn domain<F: PrimeField>(spec: DomainSpec) -> Radix2EvaluationDomain<F> {
    let root = |log_n: u32| {
        let full = F::from(spec.generator.0).pow(F::TRACE);
        (log_n..F::TWO_ADICITY).fold(full, |w, _| w.square())
    };
    let mut domain = Radix2EvaluationDomain::<F>::new(spec.size()).expect("a domain of the field");
    domain.group_gen = root(spec.log_n);
    domain.group_gen_inv = domain.group_gen.inverse().expect("a root of unity");
    domain.get_coset(root(spec.log_n + 1)).expect("a coset")
}

impl R1CSToQAP for CircomReduction {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        _: ConstraintSystemRef<F>,
        _: &F,
    ) -> Result<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize), SynthesisError> {
        Err(SynthesisError::Unsatisfiable) // keys come from elsewhere
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        num_inputs: usize,
        num_constraints: usize,
        z: &[F],
    ) -> Result<Vec<F>, SynthesisError> {
        let spec = CIRCOM_DOMAIN.get().ok_or(SynthesisError::AssignmentMissing)?;
        let coset = domain::<F>(spec);
        let mut subgroup = coset;
        subgroup.offset = F::ONE;
        subgroup.offset_inv = F::ONE;
        subgroup.offset_pow_size = F::ONE;
        let evaluations = |matrix: &Matrix<F>| {
            let mut v = vec![F::ZERO; spec.size()];
            for (v, row) in v.iter_mut().zip(matrix) {
                *v = evaluate_constraint(row, z);
            }
            v
        };
        let mut abc = [0, 1, 2].map(|i| evaluations(&matrices[i]));
        abc[0][num_constraints..num_constraints + num_inputs].copy_from_slice(&z[..num_inputs]);
        for v in &mut abc {
            subgroup.ifft_in_place(v);
            coset.fft_in_place(v);
        }
        let [a, b, c] = abc;
        Ok(a.into_iter().zip(b).zip(c).map(|((a, b), c)| a * b - c).collect())
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        _: usize,
        _: F,
        _: F,
        _: F,
    ) -> Result<Vec<F>, SynthesisError> {
        Err(SynthesisError::Unsatisfiable) // keys come from elsewhere
    }
}
