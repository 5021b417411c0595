//! Window PoSt of 2 KiB sectors, two partitions: in every test run.

use crate::common::{bellperson_proof, blinding, engine, forebay_proof, parameters, with_one_byte_changed};
use filecoin_proofs::{parameters::window_post_public_params, partition_vanilla_proofs, verify_window_post};
use forebay_filecoin::{
    Error, FilecoinJob,
    circuit::{CircuitId, ProofKind, SectorSize, window_post_config},
    keys,
    sample::{Miner, Sealed, Tree, Vanilla},
};
use storage_proofs_core::compound_proof::CompoundProof;
use storage_proofs_post::fallback::{
    FallbackPoSt, FallbackPoStCircuit, FallbackPoStCompound, PublicInputs, PublicSector,
};

const ID: CircuitId = CircuitId { kind: ProofKind::WindowPost, sector_size: SectorSize::KiB2 };
const PARAMETERS: &str = "024e093db3af92dc42821226735beb3d08ee2279cde13a7b7dc0b6f5065dee79";

struct Case {
    miner: Miner,
    sectors: Vec<Sealed>,
    vanilla: Vec<Vanilla>,
}

/// Three sectors: the second partition is filled up.
fn case() -> Case {
    parameters(ID, PARAMETERS);
    let mut miner = Miner::new(1);
    let config = window_post_config(SectorSize::KiB2).unwrap();
    let sectors: Vec<Sealed> = (0..3).map(|_| miner.seal().unwrap()).collect();
    let vanilla = miner.vanilla_proofs(&config, &sectors).unwrap();
    Case { miner, sectors, vanilla }
}

impl Case {
    fn job(&self) -> FilecoinJob {
        let config = window_post_config(SectorSize::KiB2).unwrap();
        FilecoinJob::post::<Tree>(&config, &self.miner.randomness, self.miner.prover_id, &self.vanilla)
            .unwrap()
    }

    fn verify(&self, proof: &[u8]) -> Result<bool, String> {
        let config = window_post_config(SectorSize::KiB2).unwrap();
        let replicas = self.miner.replicas(&self.sectors).unwrap();
        verify_window_post::<Tree>(&config, &self.miner.randomness, &replicas, self.miner.prover_id, proof)
            .map_err(|e| e.to_string())
    }

    /// filecoin-proofs' own circuit of a partition.
    fn circuit(&self, partition: usize) -> FallbackPoStCircuit<Tree> {
        let config = window_post_config(SectorSize::KiB2).unwrap();
        let params = window_post_public_params::<Tree>(&config).unwrap();
        let sector = |v: &Vanilla| PublicSector { id: v.sector_id, comm_r: v.comm_r };
        let inputs = PublicInputs {
            randomness: self.miner.randomness.into(),
            prover_id: self.miner.prover_id.into(),
            sectors: self.vanilla.iter().map(sector).collect(),
            k: None,
        };
        let proofs = partition_vanilla_proofs::<Tree>(&config, &params, &inputs, 2, &self.vanilla).unwrap();
        <FallbackPoStCompound<Tree> as CompoundProof<FallbackPoSt<'_, Tree>, _>>::circuit(
            &inputs,
            Default::default(),
            &proofs[partition],
            &params,
            Some(partition),
        )
        .unwrap()
    }
}

#[test]
fn window_post_of_two_partitions() {
    let case = case();
    let engine = engine(ID);

    // Proved through the pipeline, accepted by filecoin-proofs, rejected when changed.
    let proof = engine.prove(case.job()).unwrap();
    assert_eq!(proof.len(), 2 * 192);
    assert_eq!(case.verify(&proof), Ok(true));
    for bad in with_one_byte_changed(&proof) {
        assert!(!matches!(case.verify(&bad), Ok(true)));
    }
    let swapped = [&proof[192..], &proof[..192]].concat();
    assert_eq!(case.verify(&swapped), Ok(false));

    // The compiled circuit is what proved.
    let loaded = engine.load(ID).unwrap();
    assert_eq!(loaded.prover.circuit().evaluations(), 2);
    assert!(loaded.prover.circuit().has_c());

    // With r and s fixed, the bytes are bellperson's.
    let job = case.job();
    for partition in 0..2 {
        let (r, s) = blinding(partition as u64);
        let ours = forebay_proof(&engine, &job, partition, r, s);
        assert!(ours == bellperson_proof(ID, case.circuit(partition), r, s), "partition {partition}");
    }
    let (inputs, aux) = (loaded.prover.circuit().num_inputs(), loaded.prover.circuit().num_aux());
    assert!(matches!(job.witness(2, inputs, aux), Err(Error::NoPartition { partition: 2, count: 2 })));
    assert!(matches!(job.witness(0, inputs + 1, aux), Err(Error::Witness { .. })));
}

#[test]
fn circuits_and_keys_come_from_their_caches() {
    parameters(ID, PARAMETERS);
    let folder = tempfile::tempdir().unwrap();
    let caches = keys::Caches::below(folder.path()).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let level = forebay_formats::Validation::Canonical;
    let (circuit, first) = keys::circuit(ID, &caches, &pool).unwrap();
    let (_, second) = keys::circuit(ID, &caches, &pool).unwrap();
    assert_eq!((first.hit, second.hit), (false, true));
    let (_, first) = keys::key(ID, &circuit, &caches, level, &pool).unwrap();
    assert!(first.conversion.is_some() && !first.load.hit);
    // A file is remembered once it is 2 s old.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let (_, second) = keys::key(ID, &circuit, &caches, level, &pool).unwrap();
    assert!(second.conversion.is_none() && !second.load.hit);
    let (_, third) = keys::key(ID, &circuit, &caches, level, &pool).unwrap();
    assert!(third.conversion.is_none() && third.load.hit);
}

#[test]
fn bad_inputs_are_errors() {
    let mut case = case();
    let config = window_post_config(SectorSize::KiB2).unwrap();
    let (randomness, prover) = (case.miner.randomness, case.miner.prover_id);
    let post =
        |vanilla: &[Vanilla], randomness| FilecoinJob::post::<Tree>(&config, randomness, prover, vanilla);
    assert!(matches!(post(&[], &randomness), Err(Error::NoVanillaProofs)));
    // Vanilla proofs for other challenges.
    let mut other = randomness;
    other[0] ^= 1;
    assert!(matches!(post(&case.vanilla, &other), Err(Error::Filecoin(_))));
    // Not an element of the field.
    assert!(matches!(post(&case.vanilla, &[255; 32]), Err(Error::Filecoin(_))));
    // Somebody else's commitment.
    case.vanilla[0].comm_r = case.vanilla[1].comm_r;
    assert!(matches!(post(&case.vanilla, &randomness), Err(Error::Filecoin(_))));
}
