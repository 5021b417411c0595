//! Sectors of 2 KiB sealed from random data, and what is proved about them: for tests and benchmarks.

use crate::{
    Error,
    circuit::{SectorSize, porep_config},
};
use filecoin_hashers::{Domain, poseidon::PoseidonDomain};
use filecoin_proofs::{
    ChallengeSeed, FallbackPoStSectorProof, PaddedBytesAmount, PieceInfo, PoRepConfig, PoStConfig,
    PrivateReplicaInfo, ProverId, PublicReplicaInfo, SealCommitPhase1Output, SealPreCommitOutput,
    SectorShape2KiB, Ticket, UnpaddedBytesAmount, add_piece, clear_cache,
    generate_fallback_sector_challenges, generate_piece_commitment, generate_single_vanilla_proof,
    seal_commit_phase1, seal_pre_commit_phase1, seal_pre_commit_phase2, verify_seal,
};
use rand::Rng;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::{
    collections::BTreeMap,
    io::{Seek, Write},
};
use storage_proofs_core::sector::SectorId;
use tempfile::{NamedTempFile, TempDir};

/// The shape of the sectors' trees.
pub type Tree = SectorShape2KiB;

/// The vanilla proof of a sector.
pub type Vanilla = FallbackPoStSectorProof<Tree>;

/// A prover with sealed sectors.
pub struct Miner {
    /// How its sectors are sealed.
    pub config: PoRepConfig,
    /// Its name.
    pub prover_id: ProverId,
    /// Randomness of the chain.
    pub randomness: ChallengeSeed,
    rng: ChaCha20Rng,
}

/// A sealed sector. Its files go with it.
pub struct Sealed {
    /// Its number.
    pub id: SectorId,
    /// The randomness that it was sealed with.
    pub ticket: Ticket,
    /// The randomness that its PoRep is challenged with.
    pub seed: Ticket,
    /// Its commitments.
    pub commitments: SealPreCommitOutput,
    pieces: Vec<PieceInfo>,
    replica: NamedTempFile,
    cache: TempDir,
}

impl Miner {
    /// A miner of 2 KiB sectors; everything is drawn from the seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut config = porep_config(SectorSize::KiB2);
        config.porep_id = rng.r#gen();
        Miner { config, prover_id: element(&mut rng), randomness: element(&mut rng), rng }
    }

    /// Seals a sector of random data.
    ///
    /// # Errors
    /// What filecoin-proofs reports.
    pub fn seal(&mut self) -> Result<Sealed, Error> {
        self.try_seal().map_err(Error::filecoin)
    }

    fn try_seal(&mut self) -> anyhow::Result<Sealed> {
        let size = UnpaddedBytesAmount::from(PaddedBytesAmount(SectorSize::KiB2.bytes()));
        let mut piece = NamedTempFile::new()?;
        let data: Vec<u8> = (0..u64::from(size)).map(|_| self.rng.r#gen()).collect();
        piece.write_all(&data)?;
        piece.as_file_mut().rewind()?;
        let pieces = vec![generate_piece_commitment(piece.as_file_mut(), size)?];
        piece.as_file_mut().rewind()?;
        let mut staged = NamedTempFile::new()?;
        add_piece(&mut piece, &mut staged, size, &[])?;
        let (replica, cache) = (NamedTempFile::new()?, tempfile::tempdir()?);
        let (id, ticket, seed) =
            (SectorId::from(self.rng.r#gen::<u64>()), self.rng.r#gen(), self.rng.r#gen());
        let (config, folder) = (&self.config, cache.path());
        let phase1 = seal_pre_commit_phase1::<_, _, _, Tree>(
            config,
            folder,
            staged.path(),
            replica.path(),
            self.prover_id,
            id,
            ticket,
            &pieces,
        )?;
        let commitments = seal_pre_commit_phase2(config, phase1, folder, replica.path())?;
        Ok(Sealed { id, ticket, seed, commitments, pieces, replica, cache })
    }

    /// The vanilla proofs of a sector's PoRep: what `seal_commit_phase1` returns.
    ///
    /// # Errors
    /// What filecoin-proofs reports.
    pub fn commit_phase1(&self, sector: &Sealed) -> Result<SealCommitPhase1Output<Tree>, Error> {
        seal_commit_phase1::<_, Tree>(
            &self.config,
            sector.cache.path(),
            sector.replica.path(),
            self.prover_id,
            sector.id,
            sector.ticket,
            sector.seed,
            sector.commitments.clone(),
            &sector.pieces,
        )
        .map_err(Error::filecoin)
    }

    /// Asks filecoin-proofs.
    ///
    /// # Errors
    /// What filecoin-proofs reports, about bytes that are no proof too.
    pub fn verify_seal(&self, sector: &Sealed, proof: &[u8]) -> Result<bool, Error> {
        let SealPreCommitOutput { comm_r, comm_d } = sector.commitments;
        let (ticket, seed) = (sector.ticket, sector.seed);
        verify_seal::<Tree>(&self.config, comm_r, comm_d, self.prover_id, sector.id, ticket, seed, proof)
            .map_err(Error::filecoin)
    }

    /// The vanilla proofs of a PoSt over sectors, which a PoRep no longer needs (files of the PoRep alone are deleted).
    ///
    /// # Errors
    /// What filecoin-proofs reports.
    pub fn vanilla_proofs(&self, config: &PoStConfig, sectors: &[Sealed]) -> Result<Vec<Vanilla>, Error> {
        self.try_vanilla_proofs(config, sectors).map_err(Error::filecoin)
    }

    fn try_vanilla_proofs(&self, config: &PoStConfig, sectors: &[Sealed]) -> anyhow::Result<Vec<Vanilla>> {
        let mut by_id = BTreeMap::new();
        for sector in sectors {
            clear_cache(sector.cache.path())?;
            let (replica, cache) = (sector.replica.path().into(), sector.cache.path().into());
            by_id.insert(
                sector.id,
                PrivateReplicaInfo::<Tree>::new(replica, sector.commitments.comm_r, cache)?,
            );
        }
        let ids: Vec<SectorId> = by_id.keys().copied().collect();
        let challenges =
            generate_fallback_sector_challenges::<Tree>(config, &self.randomness, &ids, self.prover_id)?;
        by_id
            .iter()
            .map(|(id, replica)| {
                let challenges = challenges.get(id).map_or(&[][..], Vec::as_slice);
                generate_single_vanilla_proof::<Tree>(config, *id, replica, challenges)
            })
            .collect()
    }

    /// What a verifier knows about sectors.
    ///
    /// # Errors
    /// What filecoin-proofs reports.
    pub fn replicas(&self, sectors: &[Sealed]) -> Result<BTreeMap<SectorId, PublicReplicaInfo>, Error> {
        let public = |s: &Sealed| Ok((s.id, PublicReplicaInfo::new(s.commitments.comm_r)?));
        sectors.iter().map(public).collect::<anyhow::Result<_>>().map_err(Error::filecoin)
    }
}

/// Bytes that are an element of the field.
fn element(rng: &mut ChaCha20Rng) -> [u8; 32] {
    PoseidonDomain::random(rng).into()
}
