//! Blank circuits: the constraints without a witness.

use crate::{
    Error,
    circuit::{CircuitId, ProofKind, SectorSize, porep_config, window_post_config, winning_post_config},
};
use bellpepper_core_02::Circuit as Synthesis;
use blstrs::Scalar as Fr;
use filecoin_proofs::{
    DefaultPieceHasher, SectorShape32GiB, SectorShape64GiB, SectorShapeBase,
    parameters::{public_params, window_post_public_params, winning_post_public_params},
};
use storage_proofs_core::{compound_proof::CompoundProof, merkle::MerkleTreeTrait};
use storage_proofs_porep::stacked::{StackedCompound, StackedDrg};
use storage_proofs_post::fallback::{FallbackPoSt, FallbackPoStCircuit, FallbackPoStCompound};

/// Does something with a blank circuit, whose type depends on the kind of proof and the sector size.
pub(crate) trait WithBlank {
    type Output;
    fn apply<C: Synthesis<Fr> + Send>(self, circuit: C) -> Result<Self::Output, Error>;
}

/// Hands the blank circuit to `action`.
pub(crate) fn with_blank<A: WithBlank>(id: CircuitId, action: A) -> Result<A::Output, Error> {
    match id.sector_size {
        SectorSize::KiB2 | SectorSize::MiB8 | SectorSize::MiB512 => of::<SectorShapeBase, A>(id, action),
        SectorSize::GiB32 => of::<SectorShape32GiB, A>(id, action),
        SectorSize::GiB64 => of::<SectorShape64GiB, A>(id, action),
    }
}

fn of<Tree: 'static + MerkleTreeTrait, A: WithBlank>(id: CircuitId, action: A) -> Result<A::Output, Error> {
    match id.kind {
        ProofKind::Porep => {
            let params = public_params::<Tree>(&porep_config(id.sector_size)).map_err(Error::filecoin)?;
            let circuit = <StackedCompound<Tree, DefaultPieceHasher> as CompoundProof<
                StackedDrg<'_, Tree, DefaultPieceHasher>,
                _,
            >>::blank_circuit(&params);
            action.apply(circuit)
        }
        ProofKind::WinningPost => {
            let params = winning_post_public_params::<Tree>(&winning_post_config(id.sector_size));
            action.apply(blank_post::<Tree>(&params.map_err(Error::filecoin)?))
        }
        ProofKind::WindowPost => {
            let params = window_post_public_params::<Tree>(&window_post_config(id.sector_size)?);
            action.apply(blank_post::<Tree>(&params.map_err(Error::filecoin)?))
        }
    }
}

fn blank_post<Tree: 'static + MerkleTreeTrait>(
    params: &storage_proofs_post::fallback::PublicParams,
) -> FallbackPoStCircuit<Tree> {
    <FallbackPoStCompound<Tree> as CompoundProof<FallbackPoSt<'_, Tree>, _>>::blank_circuit(params)
}
