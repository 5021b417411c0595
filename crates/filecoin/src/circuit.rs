//! Which of Filecoin's circuits: the kind of proof and the sector size.

use crate::Error;
use filecoin_proofs::{
    PoRepConfig, PoStConfig, PoStType, WINDOW_POST_CHALLENGE_COUNT, WINDOW_POST_SECTOR_COUNT,
    WINNING_POST_CHALLENGE_COUNT, WINNING_POST_SECTOR_COUNT, with_shape,
};
use std::{fmt, path::PathBuf};
use storage_proofs_core::{
    api_version::ApiVersion,
    merkle::MerkleTreeTrait,
    parameter_cache::{VERSION, parameter_cache_params_path, parameter_cache_verifying_key_path},
};

/// The release of the crates that define the circuits. A circuit compiled from another release is another circuit.
const STORAGE_PROOFS: &str = "storage-proofs 19.1.0";

/// The kinds of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProofKind {
    /// Proof of replication, one partition of it.
    Porep,
    /// Winning proof of spacetime.
    WinningPost,
    /// Window proof of spacetime, one partition of it.
    WindowPost,
}

impl fmt::Display for ProofKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProofKind::Porep => "PoRep",
            ProofKind::WinningPost => "Winning PoSt",
            ProofKind::WindowPost => "Window PoSt",
        })
    }
}

/// The sector sizes for which parameters were published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectorSize {
    /// 2 KiB, for tests.
    KiB2,
    /// 8 MiB, for tests.
    MiB8,
    /// 512 MiB, for tests.
    MiB512,
    /// 32 GiB.
    GiB32,
    /// 64 GiB.
    GiB64,
}

impl SectorSize {
    /// All of them.
    pub const ALL: [SectorSize; 5] =
        [SectorSize::KiB2, SectorSize::MiB8, SectorSize::MiB512, SectorSize::GiB32, SectorSize::GiB64];

    /// Bytes of a sector.
    pub const fn bytes(self) -> u64 {
        match self {
            SectorSize::KiB2 => 2 << 10,
            SectorSize::MiB8 => 8 << 20,
            SectorSize::MiB512 => 512 << 20,
            SectorSize::GiB32 => 32 << 30,
            SectorSize::GiB64 => 64 << 30,
        }
    }

    /// The size of so many bytes.
    ///
    /// # Errors
    /// [`Error::UnsupportedSize`].
    pub fn of(bytes: u64) -> Result<Self, Error> {
        let same = |size: &SectorSize| size.bytes() == bytes;
        SectorSize::ALL.into_iter().find(same).ok_or(Error::UnsupportedSize(bytes))
    }

    const fn name(self) -> &'static str {
        match self {
            SectorSize::KiB2 => "2KiB",
            SectorSize::MiB8 => "8MiB",
            SectorSize::MiB512 => "512MiB",
            SectorSize::GiB32 => "32GiB",
            SectorSize::GiB64 => "64GiB",
        }
    }
}

impl fmt::Display for SectorSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for SectorSize {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let same = |size: &SectorSize| size.name().eq_ignore_ascii_case(s);
        SectorSize::ALL.into_iter().find(same).ok_or_else(|| {
            let names = SectorSize::ALL.map(SectorSize::name).join(", ");
            format!("`{s}` is not a sector size that parameters were published for: {names}")
        })
    }
}

/// One circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CircuitId {
    /// The kind of proof.
    pub kind: ProofKind,
    /// The sector size.
    pub sector_size: SectorSize,
}

impl fmt::Display for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.sector_size)
    }
}

impl CircuitId {
    /// The name that filecoin-proofs gives to the circuit's parameters, such as
    /// `proof-of-spacetime-fallback-merkletree-poseidon_hasher-8-0-0-` and a digest.
    ///
    /// # Errors
    /// What filecoin-proofs reports.
    pub fn cache_identifier(self) -> Result<String, Error> {
        fn of<Tree: 'static + MerkleTreeTrait>(id: CircuitId) -> Result<String, Error> {
            let name = match id.kind {
                ProofKind::Porep => porep_config(id.sector_size).get_cache_identifier::<Tree>(),
                ProofKind::WinningPost => winning_post_config(id.sector_size).get_cache_identifier::<Tree>(),
                ProofKind::WindowPost => window_post_config(id.sector_size)?.get_cache_identifier::<Tree>(),
            };
            name.map_err(Error::filecoin)
        }
        with_shape!(self.sector_size.bytes(), of, self)
    }

    /// The digest under which the compiled circuit is stored: of the name of its parameters, which holds every number
    /// that shapes the circuit, and of the release that defines it.
    ///
    /// # Errors
    /// As [`cache_identifier`](Self::cache_identifier).
    pub fn digest(self) -> Result<[u8; 32], Error> {
        let text = format!(
            "forebay filecoin circuit 1\n{STORAGE_PROOFS}\nv{VERSION}\n{}\n",
            self.cache_identifier()?
        );
        Ok(*blake3::hash(text.as_bytes()).as_bytes())
    }

    /// Where filecoin-proofs keeps the circuit's parameters (`FIL_PROOFS_PARAMETER_CACHE`).
    ///
    /// # Errors
    /// As [`cache_identifier`](Self::cache_identifier).
    pub fn params_path(self) -> Result<PathBuf, Error> {
        Ok(parameter_cache_params_path(&self.cache_identifier()?))
    }

    /// Where filecoin-proofs keeps the verifying key.
    ///
    /// # Errors
    /// As [`cache_identifier`](Self::cache_identifier).
    pub fn verifying_key_path(self) -> Result<PathBuf, Error> {
        Ok(parameter_cache_verifying_key_path(&self.cache_identifier()?))
    }
}

/// A PoRep of this size. The circuit does not depend on the PoRep id and API version; these are the newest ones.
pub fn porep_config(size: SectorSize) -> PoRepConfig {
    PoRepConfig::new_groth16(size.bytes(), [0; 32], ApiVersion::V1_2_0)
}

/// A Winning PoSt of this size.
pub fn winning_post_config(size: SectorSize) -> PoStConfig {
    PoStConfig {
        sector_size: size.bytes().into(),
        challenge_count: WINNING_POST_CHALLENGE_COUNT,
        sector_count: WINNING_POST_SECTOR_COUNT,
        typ: PoStType::Winning,
        priority: false,
        api_version: ApiVersion::V1_1_0,
    }
}

/// A Window PoSt of this size.
///
/// # Errors
/// If filecoin-proofs does not know how many sectors a partition has.
pub fn window_post_config(size: SectorSize) -> Result<PoStConfig, Error> {
    let counts = WINDOW_POST_SECTOR_COUNT.read().map_err(|_| Error::UnknownSize(size))?;
    Ok(PoStConfig {
        sector_size: size.bytes().into(),
        challenge_count: WINDOW_POST_CHALLENGE_COUNT,
        sector_count: *counts.get(&size.bytes()).ok_or(Error::UnknownSize(size))?,
        typ: PoStType::Window,
        priority: false,
        api_version: ApiVersion::V1_2_0,
    })
}
