//! PoRep of a 2 KiB sector. Its parameters take some CPU-minutes to generate, and 1.1 GB.

use crate::common::{bellperson_proof, blinding, engine, forebay_proof, parameters, with_one_byte_changed};
use filecoin_hashers::Domain;
use filecoin_proofs::{DefaultPieceDomain, DefaultPieceHasher, parameters::public_params};
use forebay_filecoin::{
    Error, FilecoinJob,
    circuit::{CircuitId, ProofKind, SectorSize},
    sample::{Miner, Tree},
};
use storage_proofs_core::compound_proof::CompoundProof;
use storage_proofs_porep::stacked::{PublicInputs, StackedCompound, StackedDrg, Tau};

const ID: CircuitId = CircuitId { kind: ProofKind::Porep, sector_size: SectorSize::KiB2 };
const PARAMETERS: &str = "30ba33fc89eecfa078bc83601b8a3c9abff8cb5e5c18aba7b5783ea3a9995694";

#[test]
#[ignore = "generates parameters: CPU-minutes and 1.1 GB, once"]
fn porep() {
    parameters(ID, PARAMETERS);
    let mut miner = Miner::new(3);
    let sector = miner.seal().unwrap();
    let phase1 = miner.commit_phase1(&sector).unwrap();
    let job = || FilecoinJob::porep::<Tree>(&miner.config, &phase1).unwrap();

    let engine = engine(ID);
    let proof = engine.prove(job()).unwrap();
    assert_eq!(proof.len(), 192);
    assert!(miner.verify_seal(&sector, &proof).unwrap());
    for bad in with_one_byte_changed(&proof) {
        assert!(!matches!(miner.verify_seal(&sector, &bad), Ok(true)));
    }

    // With r and s fixed, the bytes are bellperson's, from filecoin-proofs' own circuit.
    let inputs = PublicInputs {
        replica_id: phase1.replica_id,
        tau: Some(Tau {
            comm_d: DefaultPieceDomain::try_from_bytes(&phase1.comm_d).unwrap(),
            comm_r: phase1.comm_r.into(),
        }),
        k: None,
        seed: Some(phase1.seed),
    };
    let params = public_params::<Tree>(&miner.config).unwrap();
    let circuit = <StackedCompound<Tree, DefaultPieceHasher> as CompoundProof<
        StackedDrg<'_, Tree, DefaultPieceHasher>,
        _,
    >>::circuit(&inputs, (), &phase1.vanilla_proofs[0], &params, Some(0));
    let (r, s) = blinding(4);
    assert!(forebay_proof(&engine, &job(), 0, r, s) == bellperson_proof(ID, circuit.unwrap(), r, s));
}

#[test]
fn an_output_of_phase_1_that_is_none_is_an_error() {
    let mut miner = Miner::new(4);
    let sector = miner.seal().unwrap();
    let mut phase1 = miner.commit_phase1(&sector).unwrap();
    let json = serde_json::to_vec(&phase1).unwrap();
    let porep = |json: &[u8]| FilecoinJob::porep_from_json::<Tree>(&miner.config, json);
    assert_eq!(porep(&json).unwrap().partitions(), 1);
    assert!(matches!(porep(&json[..json.len() / 2]), Err(Error::Json(_))));
    assert!(matches!(porep(b"{}"), Err(Error::Json(_))));
    let comm_r = std::mem::replace(&mut phase1.comm_r, [255; 32]);
    assert!(matches!(FilecoinJob::porep::<Tree>(&miner.config, &phase1), Err(Error::Filecoin(_))));
    phase1.comm_r = comm_r;
    phase1.vanilla_proofs.clear();
    assert!(matches!(FilecoinJob::porep::<Tree>(&miner.config, &phase1), Err(Error::NoVanillaProofs)));
}
