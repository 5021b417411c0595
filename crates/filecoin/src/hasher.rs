//! Filecoin's Merkle trees with a hasher whose circuit is quick about witnesses.
//!
//! storage-proofs' circuits are generic over the tree, and the tree over its hasher. [`WitnessHasher`] is the Poseidon hasher
//! in all but one thing: asked by a constraint system that only collects values, it pushes the values
//! ([`crate::poseidon`]) instead of building the circuit. [`WitnessTree`] is a sector's tree with it.

use crate::poseidon::push_values;
use bellpepper_core_02::{ConstraintSystem, SynthesisError, boolean::Boolean, num::AllocatedNum};
use blstrs::Scalar as Fr;
use filecoin_hashers::{
    HashFunction, Hasher, PoseidonArity,
    poseidon::{PoseidonDomain, PoseidonFunction},
};
use forebay_msm::secret::wipe;
use generic_array::typenum::U2;
use merkletree::{
    hash::{Algorithm, Hashable},
    store::VecStore,
};
use serde::{Deserialize, Serialize};
use std::hash::Hasher as StdHasher;
use storage_proofs_core::merkle::{MerkleTreeTrait, MerkleTreeWrapper};

/// `Tree` with [`WitnessHasher`]. Nothing is ever stored in it: its type is what matters.
pub(crate) type WitnessTree<Tree> = MerkleTreeWrapper<
    WitnessHasher,
    VecStore<PoseidonDomain>,
    <Tree as MerkleTreeTrait>::Arity,
    <Tree as MerkleTreeTrait>::SubTreeArity,
    <Tree as MerkleTreeTrait>::TopTreeArity,
>;

/// The Poseidon hasher with a quick witness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WitnessHasher;

impl Hasher for WitnessHasher {
    type Domain = PoseidonDomain;
    type Function = WitnessFunction;

    fn name() -> String {
        "poseidon_hasher".into()
    }
}

/// [`PoseidonFunction`] with a quick witness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WitnessFunction(PoseidonFunction);

impl Hashable<WitnessFunction> for PoseidonDomain {
    fn hash(&self, state: &mut WitnessFunction) {
        Hashable::<PoseidonFunction>::hash(self, &mut state.0);
    }
}

impl StdHasher for WitnessFunction {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

impl Algorithm<PoseidonDomain> for WitnessFunction {
    fn hash(&mut self) -> PoseidonDomain {
        Algorithm::hash(&mut self.0)
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn leaf(&mut self, leaf: PoseidonDomain) -> PoseidonDomain {
        self.0.leaf(leaf)
    }
    fn node(&mut self, left: PoseidonDomain, right: PoseidonDomain, height: usize) -> PoseidonDomain {
        self.0.node(left, right, height)
    }
    fn multi_node(&mut self, parts: &[PoseidonDomain], height: usize) -> PoseidonDomain {
        self.0.multi_node(parts, height)
    }
}

/// Allocates the values of hashing `preimage` with arity `A`.
fn witness<A: PoseidonArity, CS: ConstraintSystem<Fr>>(
    mut cs: CS,
    preimage: &[AllocatedNum<Fr>],
) -> Result<AllocatedNum<Fr>, SynthesisError> {
    let missing = SynthesisError::AssignmentMissing;
    let mut inputs =
        preimage.iter().map(AllocatedNum::get_value).collect::<Option<Vec<Fr>>>().ok_or(missing)?;
    // The largest number of values: 36 elements, 8 full rounds and 60 partial ones, 4 values for each s-box.
    let mut values = Vec::with_capacity(4 * (37 * 8 + 60) + 1);
    push_values::<A>(&inputs, &mut values);
    let hash = values.pop();
    cs.extend_aux(&values);
    wipe(&mut inputs);
    wipe(&mut values);
    AllocatedNum::alloc(cs, || hash.ok_or(SynthesisError::AssignmentMissing))
}

impl HashFunction<PoseidonDomain> for WitnessFunction {
    fn hash(data: &[u8]) -> PoseidonDomain {
        <PoseidonFunction as HashFunction<PoseidonDomain>>::hash(data)
    }

    fn hash2(a: &PoseidonDomain, b: &PoseidonDomain) -> PoseidonDomain {
        PoseidonFunction::hash2(a, b)
    }

    fn hash_md(input: &[PoseidonDomain]) -> PoseidonDomain {
        PoseidonFunction::hash_md(input)
    }

    fn hash_leaf_circuit<CS: ConstraintSystem<Fr>>(
        cs: CS,
        left: &AllocatedNum<Fr>,
        right: &AllocatedNum<Fr>,
        height: usize,
    ) -> Result<AllocatedNum<Fr>, SynthesisError> {
        if cs.is_witness_generator() {
            return witness::<U2, CS>(cs, &[left.clone(), right.clone()]);
        }
        PoseidonFunction::hash_leaf_circuit(cs, left, right, height)
    }

    fn hash_multi_leaf_circuit<Arity: 'static + PoseidonArity, CS: ConstraintSystem<Fr>>(
        cs: CS,
        leaves: &[AllocatedNum<Fr>],
        height: usize,
    ) -> Result<AllocatedNum<Fr>, SynthesisError> {
        if cs.is_witness_generator() {
            return witness::<Arity, CS>(cs, leaves);
        }
        PoseidonFunction::hash_multi_leaf_circuit::<Arity, CS>(cs, leaves, height)
    }

    fn hash_md_circuit<CS: ConstraintSystem<Fr>>(
        cs: &mut CS,
        elements: &[AllocatedNum<Fr>],
    ) -> Result<AllocatedNum<Fr>, SynthesisError> {
        PoseidonFunction::hash_md_circuit(cs, elements)
    }

    fn hash_circuit<CS: ConstraintSystem<Fr>>(
        cs: CS,
        bits: &[Boolean],
    ) -> Result<AllocatedNum<Fr>, SynthesisError> {
        PoseidonFunction::hash_circuit(cs, bits)
    }

    fn hash2_circuit<CS: ConstraintSystem<Fr>>(
        cs: CS,
        a: &AllocatedNum<Fr>,
        b: &AllocatedNum<Fr>,
    ) -> Result<AllocatedNum<Fr>, SynthesisError> {
        if cs.is_witness_generator() {
            return witness::<U2, CS>(cs, &[a.clone(), b.clone()]);
        }
        PoseidonFunction::hash2_circuit(cs, a, b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::{Field, PrimeField};
    use filecoin_hashers::PoseidonMDArity;
    use forebay_pce::bellpepper::WitnessCs;
    use generic_array::typenum::{U4, U8, U11, U16};
    use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

    /// Collects values and does not say so: neptune takes its slow path.
    struct Plain(WitnessCs<Fr>);

    type Value<'a> = &'a mut dyn FnMut() -> Result<Fr, SynthesisError>;

    impl Plain {
        fn push(&mut self, value: Value<'_>) -> Result<bellpepper_core_02::Variable, SynthesisError> {
            self.0.alloc(|| "", value)
        }
    }

    impl ConstraintSystem<Fr> for Plain {
        type Root = Self;
        fn alloc<F, A, AR>(&mut self, _: A, value: F) -> Result<bellpepper_core_02::Variable, SynthesisError>
        where
            F: FnOnce() -> Result<Fr, SynthesisError>,
            A: FnOnce() -> AR,
            AR: Into<String>,
        {
            let mut value = Some(value);
            self.push(&mut || value.take().map_or(Err(SynthesisError::AssignmentMissing), |f| f()))
        }
        fn alloc_input<F, A, AR>(
            &mut self,
            _: A,
            _: F,
        ) -> Result<bellpepper_core_02::Variable, SynthesisError>
        where
            F: FnOnce() -> Result<Fr, SynthesisError>,
            A: FnOnce() -> AR,
            AR: Into<String>,
        {
            unreachable!("a hash has no inputs")
        }
        fn enforce<A, AR, LA, LB, LC>(&mut self, _: A, _: LA, _: LB, _: LC)
        where
            A: FnOnce() -> AR,
            AR: Into<String>,
            LA: FnOnce(
                bellpepper_core_02::LinearCombination<Fr>,
            ) -> bellpepper_core_02::LinearCombination<Fr>,
            LB: FnOnce(
                bellpepper_core_02::LinearCombination<Fr>,
            ) -> bellpepper_core_02::LinearCombination<Fr>,
            LC: FnOnce(
                bellpepper_core_02::LinearCombination<Fr>,
            ) -> bellpepper_core_02::LinearCombination<Fr>,
        {
        }
        fn push_namespace<NR: Into<String>, N: FnOnce() -> NR>(&mut self, _: N) {}
        fn pop_namespace(&mut self) {}
        fn get_root(&mut self) -> &mut Self {
            self
        }
    }

    fn allocated(cs: &mut impl ConstraintSystem<Fr>, values: &[Option<Fr>]) -> Vec<AllocatedNum<Fr>> {
        let alloc = |v: &Option<Fr>| {
            AllocatedNum::alloc(cs.namespace(|| "x"), || v.ok_or(SynthesisError::AssignmentMissing)).unwrap()
        };
        values.iter().map(alloc).collect()
    }

    fn same_values<A: PoseidonArity + 'static>() {
        let mut rng = ChaCha8Rng::seed_from_u64(A::to_usize() as u64);
        for round in 0..3 {
            let mut values: Vec<Option<Fr>> =
                (0..A::to_usize()).map(|_| Some(Fr::random(&mut rng))).collect();
            if round == 0 {
                values.fill(Some(Fr::ZERO));
            }
            let mut plain = Plain(WitnessCs::new());
            let preimage = allocated(&mut plain, &values);
            let expected =
                PoseidonFunction::hash_multi_leaf_circuit::<A, _>(plain.namespace(|| "h"), &preimage, 0);
            let mut quick = WitnessCs::<Fr>::new();
            let preimage = allocated(&mut quick, &values);
            let hash =
                WitnessFunction::hash_multi_leaf_circuit::<A, _>(quick.namespace(|| "h"), &preimage, 0);
            let (hash, expected) = (hash.unwrap(), expected.unwrap());
            assert_eq!(hash.get_value(), expected.get_value());
            assert_eq!(quick.aux(), plain.0.aux(), "arity {}", A::to_usize());
            assert_eq!(quick.inputs(), [Fr::ONE]);
        }
    }

    #[test]
    fn values_are_those_of_neptunes_circuit() {
        same_values::<U2>();
        same_values::<U4>();
        same_values::<U8>();
        same_values::<U11>();
        same_values::<U16>();
        same_values::<PoseidonMDArity>();
    }

    #[test]
    fn the_hash_is_that_of_the_tree() {
        let (a, b) = (Fr::from(5), Fr::from(6));
        let mut cs = WitnessCs::<Fr>::new();
        let nums = allocated(&mut cs, &[Some(a), Some(b)]);
        let hash = WitnessFunction::hash2_circuit(cs.namespace(|| "h"), &nums[0], &nums[1]).unwrap();
        let (a, b) = (PoseidonDomain::from(a.to_repr()), PoseidonDomain::from(b.to_repr()));
        let expected = WitnessFunction::hash2(&a, &b);
        assert_eq!(hash.get_value().map(PoseidonDomain::from), Some(expected));
        assert_eq!(PoseidonFunction::hash2(&a, &b), expected);
    }

    #[test]
    fn an_unknown_value_is_an_error() {
        // A blank circuit has no values: the number was allocated elsewhere.
        let mut compile = forebay_pce::bellpepper::CompileCs::<Fr>::new();
        let blank = AllocatedNum::alloc(compile.namespace(|| "x"), || Ok(Fr::ONE)).unwrap();
        assert!(blank.get_value().is_none());
        let mut cs = WitnessCs::<Fr>::new();
        assert!(WitnessFunction::hash2_circuit(cs.namespace(|| "h"), &blank, &blank).is_err());
    }
}
