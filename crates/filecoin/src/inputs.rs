//! The files that the command line takes, as JSON.

use crate::{Error, FilecoinJob, circuit::SectorSize};
use filecoin_hashers::poseidon::PoseidonHasher;
use filecoin_proofs::{
    ChallengeSeed, FallbackPoStSectorProof, PoRepConfig, PoStConfig, PoStType, ProverId, PublicReplicaInfo,
    SectorShape32GiB, SectorShape64GiB, SectorShapeBase, verify_window_post, verify_winning_post,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use storage_proofs_core::merkle::MerkleTreeTrait;

/// The input of a PoSt.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PostInput<Vanilla> {
    /// Randomness of the chain.
    pub randomness: ChallengeSeed,
    /// The prover's name.
    pub prover_id: ProverId,
    /// filecoin-proofs' `FallbackPoStSectorProof`, one per sector.
    pub vanilla_proofs: Vec<Vanilla>,
}

/// What a PoSt's verifier needs to know.
pub struct PostStatement {
    randomness: ChallengeSeed,
    prover_id: ProverId,
    replicas: BTreeMap<storage_proofs_core::sector::SectorId, PublicReplicaInfo>,
}

/// A PoRep from the JSON of `seal_commit_phase1`'s output.
///
/// # Errors
/// As [`FilecoinJob::porep_from_json`].
pub fn porep(size: SectorSize, config: &PoRepConfig, json: &[u8]) -> Result<FilecoinJob, Error> {
    match size {
        SectorSize::KiB2 | SectorSize::MiB8 | SectorSize::MiB512 => {
            FilecoinJob::porep_from_json::<SectorShapeBase>(config, json)
        }
        SectorSize::GiB32 => FilecoinJob::porep_from_json::<SectorShape32GiB>(config, json),
        SectorSize::GiB64 => FilecoinJob::porep_from_json::<SectorShape64GiB>(config, json),
    }
}

/// A PoSt from the JSON of a [`PostInput`].
///
/// # Errors
/// As [`FilecoinJob::post`], and [`Error::Json`].
pub fn post(
    size: SectorSize,
    config: &PoStConfig,
    json: &[u8],
) -> Result<(FilecoinJob, PostStatement), Error> {
    match size {
        SectorSize::KiB2 | SectorSize::MiB8 | SectorSize::MiB512 => post_of::<SectorShapeBase>(config, json),
        SectorSize::GiB32 => post_of::<SectorShape32GiB>(config, json),
        SectorSize::GiB64 => post_of::<SectorShape64GiB>(config, json),
    }
}

fn post_of<Tree>(config: &PoStConfig, json: &[u8]) -> Result<(FilecoinJob, PostStatement), Error>
where
    Tree: 'static + MerkleTreeTrait<Hasher = PoseidonHasher>,
{
    let PostInput { randomness, prover_id, vanilla_proofs } =
        serde_json::from_slice::<PostInput<FallbackPoStSectorProof<Tree>>>(json)?;
    let job = FilecoinJob::post::<Tree>(config, &randomness, prover_id, &vanilla_proofs)?;
    let replica =
        |v: &FallbackPoStSectorProof<Tree>| Ok((v.sector_id, PublicReplicaInfo::new(v.comm_r.into())?));
    let replicas =
        vanilla_proofs.iter().map(replica).collect::<anyhow::Result<_>>().map_err(Error::filecoin)?;
    Ok((job, PostStatement { randomness, prover_id, replicas }))
}

impl PostStatement {
    /// Asks filecoin-proofs whether it accepts a proof.
    ///
    /// # Errors
    /// What filecoin-proofs reports.
    pub fn verify(&self, size: SectorSize, config: &PoStConfig, proof: &[u8]) -> Result<bool, Error> {
        match size {
            SectorSize::KiB2 | SectorSize::MiB8 | SectorSize::MiB512 => {
                self.verify_with::<SectorShapeBase>(config, proof)
            }
            SectorSize::GiB32 => self.verify_with::<SectorShape32GiB>(config, proof),
            SectorSize::GiB64 => self.verify_with::<SectorShape64GiB>(config, proof),
        }
    }

    fn verify_with<Tree: 'static + MerkleTreeTrait>(
        &self,
        config: &PoStConfig,
        proof: &[u8],
    ) -> Result<bool, Error> {
        let (randomness, prover_id) = (&self.randomness, self.prover_id);
        let verified = match config.typ {
            PoStType::Window => {
                verify_window_post::<Tree>(config, randomness, &self.replicas, prover_id, proof)
            }
            PoStType::Winning => {
                let replicas: Vec<_> = self.replicas.iter().map(|(id, r)| (*id, r.clone())).collect();
                verify_winning_post::<Tree>(config, randomness, &replicas, prover_id, proof)
            }
        };
        verified.map_err(Error::filecoin)
    }
}
