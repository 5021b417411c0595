//! Winning and Window PoSt: from vanilla proofs, which filecoin-proofs makes beside the sectors, to partitions.

use crate::{
    Error,
    circuit::{CircuitId, ProofKind, SectorSize},
    hasher::WitnessTree,
    job::{FilecoinJob, Partitions},
};
use bellpepper_core_02::{Circuit as _, SynthesisError};
use blstrs::Scalar as Fr;
use filecoin_hashers::{
    Hasher,
    poseidon::{PoseidonDomain, PoseidonHasher},
};
use filecoin_proofs::{
    ChallengeSeed, FallbackPoStSectorProof, PoStConfig, PoStType, ProverId, VanillaProof, as_safe_commitment,
    parameters::{window_post_public_params, winning_post_public_params},
    partition_vanilla_proofs,
};
use forebay_pce::bellpepper::WitnessCs;
use storage_proofs_core::merkle::MerkleTreeTrait;
use storage_proofs_post::fallback::{FallbackPoStCircuit, PublicInputs, PublicParams, PublicSector, Sector};

/// The circuits of the partitions, filled in.
struct Post<Tree: MerkleTreeTrait>(Vec<FallbackPoStCircuit<WitnessTree<Tree>>>);

impl<Tree: 'static + MerkleTreeTrait> Partitions for Post<Tree> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn synthesise(&self, partition: usize, cs: &mut WitnessCs<Fr>) -> Result<(), SynthesisError> {
        let circuit = self.0.get(partition).ok_or(SynthesisError::AssignmentMissing)?;
        circuit.clone().synthesize(cs)
    }
}

impl FilecoinJob {
    /// A Winning or Window PoSt from vanilla proofs, one per sector, in the order of the sectors' ids.
    ///
    /// # Errors
    /// [`Error::Filecoin`] if the vanilla proofs do not verify, are too many or are not those of the configuration;
    /// [`Error::UnsupportedSize`].
    pub fn post<Tree>(
        config: &PoStConfig,
        randomness: &ChallengeSeed,
        prover_id: ProverId,
        vanilla: &[FallbackPoStSectorProof<Tree>],
    ) -> Result<FilecoinJob, Error>
    where
        Tree: 'static + MerkleTreeTrait<Hasher = PoseidonHasher>,
    {
        let (kind, params) = match config.typ {
            PoStType::Winning => (ProofKind::WinningPost, winning_post_public_params::<Tree>(config)),
            PoStType::Window => (ProofKind::WindowPost, window_post_public_params::<Tree>(config)),
        };
        let circuit = CircuitId { kind, sector_size: SectorSize::of(config.sector_size.into())? };
        let params = params.map_err(Error::filecoin)?;
        if vanilla.is_empty() {
            return Err(Error::NoVanillaProofs);
        }
        let inputs = PublicInputs {
            randomness: domain(randomness, "randomness")?,
            prover_id: domain(&prover_id, "prover_id")?,
            sectors: vanilla.iter().map(|v| PublicSector { id: v.sector_id, comm_r: v.comm_r }).collect(),
            k: None,
        };
        let count = match config.typ {
            PoStType::Winning => 1,
            PoStType::Window => vanilla.len().div_ceil(params.sector_count),
        };
        let partitions = partition_vanilla_proofs::<Tree>(config, &params, &inputs, count, vanilla)
            .map_err(Error::filecoin)?;
        let circuits =
            partitions.iter().enumerate().map(|(k, proof)| circuit_of::<Tree>(&params, &inputs, k, proof));
        Ok(FilecoinJob::new(circuit, Post::<Tree>(circuits.collect::<Result<_, _>>()?)))
    }
}

/// A commitment as an element of the field.
fn domain(bytes: &[u8; 32], what: &str) -> Result<PoseidonDomain, Error> {
    as_safe_commitment(bytes, what).map_err(Error::filecoin)
}

/// The circuit of partition `k`, as `FallbackPoStCompound::circuit` makes it, with a quick hasher. Where sectors are too few
/// the last one is repeated.
fn circuit_of<Tree>(
    params: &PublicParams,
    inputs: &PublicInputs<<PoseidonHasher as Hasher>::Domain>,
    k: usize,
    proof: &VanillaProof<Tree>,
) -> Result<FallbackPoStCircuit<WitnessTree<Tree>>, Error>
where
    Tree: MerkleTreeTrait<Hasher = PoseidonHasher>,
{
    let chunk = inputs.sectors.chunks(params.sector_count).nth(k).ok_or(Error::NoVanillaProofs)?;
    let sectors = proof.sectors.iter().enumerate().map(|(i, vanilla)| {
        let public = &chunk[i.min(chunk.len() - 1)];
        Sector {
            comm_r: Some(public.comm_r.into()),
            comm_c: Some(vanilla.comm_c.into()),
            comm_r_last: Some(vanilla.comm_r_last.into()),
            leafs: vanilla.leafs().into_iter().map(|leaf| Some(leaf.into())).collect(),
            paths: vanilla.as_options().into_iter().map(Into::into).collect(),
            id: Some(public.id.into()),
        }
    });
    Ok(FallbackPoStCircuit { prover_id: Some(inputs.prover_id.into()), sectors: sectors.collect() })
}
