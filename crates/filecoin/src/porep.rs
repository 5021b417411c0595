//! PoRep: from the output of commit phase 1 to partitions.

use crate::{
    Error,
    circuit::{CircuitId, ProofKind, SectorSize},
    hasher::WitnessTree,
    job::{FilecoinJob, Partitions},
};
use bellpepper_core_02::{Circuit as _, SynthesisError};
use blstrs::Scalar as Fr;
use filecoin_hashers::{
    Domain,
    poseidon::{PoseidonDomain, PoseidonHasher},
};
use filecoin_proofs::{
    DefaultPieceDomain, DefaultPieceHasher, PoRepConfig, SealCommitPhase1Output, VanillaSealProof,
    as_safe_commitment, parameters::public_params,
};
use forebay_pce::bellpepper::WitnessCs;
use storage_proofs_core::{compound_proof::CompoundProof, merkle::MerkleTreeTrait};
use storage_proofs_porep::stacked::{PublicInputs, PublicParams, StackedCompound, StackedDrg, Tau};

/// The vanilla proofs of the partitions, with what else their circuits are filled from.
struct Porep<Tree: 'static + MerkleTreeTrait> {
    params: PublicParams<Tree>,
    inputs: PublicInputs<PoseidonDomain, DefaultPieceDomain>,
    vanilla: Vec<Vec<VanillaSealProof<Tree>>>,
}

impl<Tree> Partitions for Porep<Tree>
where
    Tree: 'static + MerkleTreeTrait,
    Tree::Hasher: filecoin_hashers::Hasher<Domain = PoseidonDomain>,
{
    fn count(&self) -> usize {
        self.vanilla.len()
    }

    fn synthesise(&self, partition: usize, cs: &mut WitnessCs<Fr>) -> Result<(), SynthesisError> {
        let proof = self.vanilla.get(partition).ok_or(SynthesisError::AssignmentMissing)?;
        let circuit = <StackedCompound<Tree, DefaultPieceHasher> as CompoundProof<
            StackedDrg<'_, Tree, DefaultPieceHasher>,
            _,
        >>::circuit(&self.inputs, (), proof, &self.params, Some(partition));
        // It fails on vanilla proofs of different sectors.
        circuit.map_err(|_| SynthesisError::Unsatisfiable)?.synthesize(cs)
    }
}

impl FilecoinJob {
    /// A PoRep from what `seal_commit_phase1` returned.
    ///
    /// # Errors
    /// As [`porep_from_json`](Self::porep_from_json).
    pub fn porep<Tree>(
        config: &PoRepConfig,
        output: &SealCommitPhase1Output<Tree>,
    ) -> Result<FilecoinJob, Error>
    where
        Tree: 'static + MerkleTreeTrait<Hasher = PoseidonHasher>,
    {
        Self::porep_from_json::<Tree>(config, &serde_json::to_vec(output)?)
    }

    /// A PoRep from the same, written by serde as JSON.
    ///
    /// # Errors
    /// [`Error::Json`]; [`Error::NoVanillaProofs`] if there is not one list for each partition, none of them empty;
    /// [`Error::Filecoin`] for commitments that are none; [`Error::UnsupportedSize`].
    pub fn porep_from_json<Tree>(config: &PoRepConfig, json: &[u8]) -> Result<FilecoinJob, Error>
    where
        Tree: 'static + MerkleTreeTrait<Hasher = PoseidonHasher>,
    {
        let output: SealCommitPhase1Output<WitnessTree<Tree>> = serde_json::from_slice(json)?;
        let sector_size = SectorSize::of(config.sector_size.into())?;
        let circuit = CircuitId { kind: ProofKind::Porep, sector_size };
        let SealCommitPhase1Output { vanilla_proofs, comm_r, comm_d, replica_id, seed, .. } = output;
        let count = usize::from(config.partitions);
        if vanilla_proofs.len() != count || vanilla_proofs.iter().any(Vec::is_empty) {
            return Err(Error::NoVanillaProofs);
        }
        let inputs = PublicInputs {
            replica_id,
            tau: Some(Tau {
                comm_d: DefaultPieceDomain::try_from_bytes(&comm_d).map_err(Error::filecoin)?,
                comm_r: as_safe_commitment(&comm_r, "comm_r").map_err(Error::filecoin)?,
            }),
            k: None,
            seed: Some(seed),
        };
        let params = public_params::<WitnessTree<Tree>>(config).map_err(Error::filecoin)?;
        Ok(FilecoinJob::new(circuit, Porep { params, inputs, vanilla: vanilla_proofs }))
    }
}
