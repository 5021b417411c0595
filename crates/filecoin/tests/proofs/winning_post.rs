//! Winning PoSt of a 2 KiB sector. Its parameters take 12 CPU-seconds to generate.

use crate::common::{bellperson_proof, blinding, engine, forebay_proof, parameters, with_one_byte_changed};
use filecoin_proofs::{
    PublicReplicaInfo, parameters::winning_post_public_params, partition_vanilla_proofs, verify_winning_post,
};
use forebay_filecoin::{
    FilecoinJob,
    circuit::{CircuitId, ProofKind, SectorSize, winning_post_config},
    sample::{Miner, Tree},
};
use storage_proofs_core::{compound_proof::CompoundProof, sector::SectorId};
use storage_proofs_post::fallback::{FallbackPoSt, FallbackPoStCompound, PublicInputs, PublicSector};

const ID: CircuitId = CircuitId { kind: ProofKind::WinningPost, sector_size: SectorSize::KiB2 };
const PARAMETERS: &str = "06632bb04527f16773d8f5b8e229fc0ca02e8438f028e086865b2228666496f0";

#[test]
#[ignore = "generates parameters: 12 CPU-seconds, once"]
fn winning_post() {
    parameters(ID, PARAMETERS);
    let mut miner = Miner::new(2);
    let config = winning_post_config(SectorSize::KiB2);
    let sectors = vec![miner.seal().unwrap()];
    let vanilla = miner.vanilla_proofs(&config, &sectors).unwrap();
    let job = || FilecoinJob::post::<Tree>(&config, &miner.randomness, miner.prover_id, &vanilla).unwrap();

    let engine = engine(ID);
    let proof = engine.prove(job()).unwrap();
    assert_eq!(proof.len(), 192);
    let replicas: Vec<(SectorId, PublicReplicaInfo)> =
        miner.replicas(&sectors).unwrap().into_iter().collect();
    let verify = |proof: &[u8]| {
        verify_winning_post::<Tree>(&config, &miner.randomness, &replicas, miner.prover_id, proof)
    };
    assert!(verify(&proof).unwrap());
    for bad in with_one_byte_changed(&proof) {
        assert!(!matches!(verify(&bad), Ok(true)));
    }

    // With r and s fixed, the bytes are bellperson's, from filecoin-proofs' own circuit.
    let params = winning_post_public_params::<Tree>(&config).unwrap();
    let inputs = PublicInputs {
        randomness: miner.randomness.into(),
        prover_id: miner.prover_id.into(),
        sectors: vanilla.iter().map(|v| PublicSector { id: v.sector_id, comm_r: v.comm_r }).collect(),
        k: None,
    };
    let proofs = partition_vanilla_proofs::<Tree>(&config, &params, &inputs, 1, &vanilla).unwrap();
    let circuit = <FallbackPoStCompound<Tree> as CompoundProof<FallbackPoSt<'_, Tree>, _>>::circuit(
        &inputs,
        Default::default(),
        &proofs[0],
        &params,
        Some(0),
    );
    let (r, s) = blinding(3);
    assert!(forebay_proof(&engine, &job(), 0, r, s) == bellperson_proof(ID, circuit.unwrap(), r, s));
}
