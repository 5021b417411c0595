//! What the tests share: an engine with caches below the parameters' folder, seeded parameters, bellperson's own prover.

use bellpepper_core_02::Circuit;
use bellperson::groth16::{self, MappedParameters, Proof};
use blstrs::{Bls12, Scalar as Fr};
use ff::Field;
use forebay_filecoin::{Engine, FilecoinJob, circuit::CircuitId, keys::Caches, proof_bytes, setup};
use forebay_formats::Validation;
use forebay_prover::{Blinding, Cancel};
use forebay_scheduler::config::Config;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// The circuit's parameters are there, and are those that the seed gives.
pub(crate) fn parameters(id: CircuitId, digest: &str) {
    let pool = rayon::ThreadPoolBuilder::new().build().unwrap();
    let (found, _) = setup::insecure_parameters(id, setup::TEST_SEED, &pool).unwrap();
    assert_eq!(found.to_string(), digest, "parameters from another seed or generator");
}

/// An engine whose caches lie beside the parameters.
pub(crate) fn engine(id: CircuitId) -> Engine {
    let config = Config { pw: 2, ..Config::default() };
    Engine::start(&config, caches(id), Validation::OnCurve).unwrap()
}

pub(crate) fn caches(id: CircuitId) -> Caches {
    Caches::below(&id.params_path().unwrap().with_file_name("forebay")).unwrap()
}

/// bellperson's proof of a circuit with r and s given.
pub(crate) fn bellperson_proof<C: Circuit<Fr> + Send>(id: CircuitId, circuit: C, r: Fr, s: Fr) -> Vec<u8> {
    let path = id.params_path().unwrap();
    let params: MappedParameters<Bls12> = groth16::Parameters::build_mapped_parameters(path, false).unwrap();
    let proof: Proof<Bls12> = groth16::create_proof(circuit, &params, r, s).unwrap();
    let mut bytes = Vec::new();
    proof.write(&mut bytes).unwrap();
    bytes
}

/// Our proof of a partition with the same.
pub(crate) fn forebay_proof(engine: &Engine, job: &FilecoinJob, partition: usize, r: Fr, s: Fr) -> Vec<u8> {
    let loaded = engine.load(job.circuit()).unwrap();
    let circuit = loaded.prover.circuit();
    let z = job.witness(partition, circuit.num_inputs(), circuit.num_aux()).unwrap();
    let proven = loaded.prover.prove_with(&z, &Blinding::new(r, s), &Cancel::default(), &|_| ()).unwrap();
    proof_bytes(&proven.proof)
}

/// r and s that anybody can know.
pub(crate) fn blinding(seed: u64) -> (Fr, Fr) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (Fr::random(&mut rng), Fr::random(&mut rng))
}

/// The proof with one byte changed, at each of several places.
pub(crate) fn with_one_byte_changed(proof: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    // In A, in B, in C, and in the last partition's C.
    [10, 60, 180, proof.len() - 3].into_iter().map(|at| {
        let mut bad = proof.to_vec();
        bad[at] ^= 1;
        bad
    })
}
