//! The prover on both curves and in both conventions: what it accepts, what it refuses, and that arkworks makes the very
//! same proofs.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::Field;
use forebay_formats::{Load, ZkeyFile};
use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend, Curve};
use forebay_prover::{
    Blinding, Cancel, ProveError, Prover, ProvingKey, Stage,
    circuit::{ConstraintSource, check_key_matrices, compile_source, compile_zkey},
    key::ZkeyKey,
    setup::{Convention, InMemoryKey, development_key, write_zkey},
    verify::verify,
};
use forebay_reference::{
    ark::{ArkCurve, ArkKey},
    chain::Chain,
    random::RandomCircuit,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rayon::ThreadPool;
use std::sync::Arc;

fn pool() -> Arc<ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap())
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn key_for<C: Curve>(source: &dyn ConstraintSource<C::Fr>, convention: Convention) -> Arc<InMemoryKey<C>> {
    Arc::new(development_key::<C>(source, convention, rng(1), &pool(), &Cancel::default()).unwrap())
}

fn prover_for<C: Curve>(source: &dyn ConstraintSource<C::Fr>, key: Arc<dyn ProvingKey<C>>) -> Prover<C>
where
    CpuBackend: Backend<C>,
{
    let circuit = Arc::new(compile_source(source).unwrap());
    Prover::new(Arc::new(CpuBackend::new(pool())), key, circuit, pool()).unwrap()
}

fn conventions<C: Curve>() -> [Convention; 2] {
    [Convention::SNARKJS, Convention::power_basis::<C>()]
}

/// Proofs verify, differ from each other, fail for other inputs and when changed; and with r and s fixed they are
/// arkworks' own, point by point.
fn proves<C: ArkCurve>()
where
    CpuBackend: Backend<C>,
{
    for convention in conventions::<C>() {
        for (rows, public) in [(1, 1), (5, 0), (30, 3), (127, 1), (300, 10)] {
            let circuit = RandomCircuit::<C::Fr>::new(rows, public, &mut rng(rows as u64));
            let key = key_for::<C>(&circuit, convention);
            let prover = prover_for::<C>(&circuit, key.clone());
            let (one, two) = (prover.prove(&circuit.z).unwrap(), prover.prove(&circuit.z).unwrap());
            assert_ne!(one.proof, two.proof, "fresh blinding");
            assert_eq!(one.public.0, circuit.z[1..=public]);
            assert!(verify(&key.vkey, &one.public.0, &one.proof));
            let mut other = one.public.0.clone();
            if let Some(x) = other.last_mut() {
                *x += C::Fr::ONE;
                assert!(!verify(&key.vkey, &other, &one.proof));
            }
            let mut changed = one.proof.clone();
            changed.c = two.proof.c;
            assert!(!verify(&key.vkey, &one.public.0, &changed));

            let (r, s) = (C::Fr::random(rng(7)), C::Fr::random(rng(8)));
            let fixed = |r, s| {
                let blinding = Blinding::new(r, s);
                prover.prove_with(&circuit.z, &blinding, &Cancel::default(), &|_| ()).unwrap().proof
            };
            let ark = ArkKey::<C>::new(&*key, &circuit);
            assert_eq!(fixed(r, s), ark.prove(&circuit.z, r, s), "{rows} rows, {convention:?}");
            assert_eq!(fixed(C::Fr::ZERO, C::Fr::ZERO), ark.prove(&circuit.z, C::Fr::ZERO, C::Fr::ZERO));
        }
    }
}

#[test]
fn proves_on_bls12_381_as_arkworks_does() {
    proves::<Bls12_381>();
}

#[test]
fn proves_on_bn254_as_arkworks_does() {
    proves::<Bn254>();
}

fn writes_and_maps_a_zkey<C: Curve>()
where
    CpuBackend: Backend<C>,
{
    let circuit = RandomCircuit::<C::Fr>::new(100, 3, &mut rng(3));
    let made = key_for::<C>(&circuit, Convention::SNARKJS);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("circuit.zkey");
    write_zkey(&path, &made, &circuit).unwrap();
    let key = Arc::new(ZkeyKey::new(ZkeyFile::<C>::open(&path, Load::Auto).unwrap()).unwrap());
    assert_eq!(key.shape(), made.shape);

    // With C, from the constraints.
    let proven = prover_for::<C>(&circuit, key.clone()).prove(&circuit.z).unwrap();
    assert!(verify(&made.vkey, &proven.public.0, &proven.proof));

    // Without C, from the key alone: the same matrices A and B, and the evaluator really ran.
    let compiled = Arc::new(compile_zkey(key.file()).unwrap());
    assert!(!compiled.has_c());
    check_key_matrices(key.file(), &compile_source(&circuit).unwrap(), &pool()).unwrap();
    let backend = Arc::new(CpuBackend::new(pool()));
    let prover = Prover::<C>::new(backend, key.clone(), compiled.clone(), pool()).unwrap();
    let before = compiled.evaluations();
    let proven = prover.prove(&circuit.z).unwrap();
    assert_eq!(compiled.evaluations(), before + 1);
    assert!(proven.evaluation.rows as usize >= circuit.rows.len() && proven.evaluation.terms > 0);
    assert!(verify(&made.vkey, &proven.public.0, &proven.proof));

    // A bad witness is only noticed by the finished proof, which is discarded.
    let mut bad = circuit.z.clone();
    *bad.last_mut().unwrap() += C::Fr::ONE;
    let bad_is_noticed = matches!(prover.prove(&bad), Err(ProveError::Rejected { checked: false, .. }));
    assert!(bad_is_noticed || circuit_ignores_last::<C>(&circuit));

    // Another circuit of the same shape is refused.
    let other = RandomCircuit::<C::Fr>::new(100, 3, &mut rng(4));
    let other = compile_source(&other).unwrap();
    let error = check_key_matrices(key.file(), &other, &pool()).unwrap_err();
    assert!(matches!(error, ProveError::KeyMatrixMismatch { matrix: 'A' }), "{error}");
}

/// Whether the last variable occurs nowhere, so that any value satisfies.
fn circuit_ignores_last<C: Curve>(circuit: &RandomCircuit<C::Fr>) -> bool {
    let last = circuit.z.len() as u32 - 1;
    !circuit.rows.iter().flatten().flatten().any(|(i, v)| *i == last && *v != C::Fr::ZERO)
}

#[test]
fn zkeys_are_written_and_mapped() {
    writes_and_maps_a_zkey::<Bls12_381>();
    writes_and_maps_a_zkey::<Bn254>();
}

fn refuses<C: Curve>()
where
    CpuBackend: Backend<C>,
{
    let chain = Chain { n: 50 };
    let key = key_for::<C>(&chain, Convention::SNARKJS);
    let prover = prover_for::<C>(&chain, key.clone());
    let z = chain.assignment(C::Fr::from(3));
    prover.prove(&z).unwrap();

    let error = |z: &[C::Fr]| prover.prove(z).unwrap_err();
    assert!(matches!(error(&z[1..]), ProveError::WitnessLength { expected: 52, actual: 51 }));
    let mut zero = z.clone();
    zero[0] = C::Fr::ZERO;
    assert!(matches!(error(&zero), ProveError::WitnessConstant));
    // x_10 is variable 12; it is the output of row 9.
    let mut bad = z.clone();
    bad[12] += C::Fr::ONE;
    assert!(matches!(error(&bad), ProveError::Unsatisfied { row: 9 }));
    // No message holds a value of the witness.
    let value = format!("{:?}", bad[12]);
    assert!(!error(&bad).to_string().contains(value.trim_start_matches("0x")));

    // Another shape of key.
    let other = key_for::<C>(&Chain { n: 51 }, Convention::SNARKJS);
    let circuit = Arc::new(compile_source::<C::Fr>(&chain).unwrap());
    let mismatch = Prover::<C>::new(Arc::new(CpuBackend::new(pool())), other, circuit.clone(), pool());
    assert!(matches!(mismatch, Err(ProveError::KeyMismatch { what: "variables", key: 53, circuit: 52 })));

    // A key with a section cut short, and one whose points are another's.
    let mut cut =
        development_key::<C>(&chain, Convention::SNARKJS, rng(1), &pool(), &Cancel::default()).unwrap();
    cut.h.pop();
    let cut = Prover::<C>::new(Arc::new(CpuBackend::new(pool())), Arc::new(cut), circuit.clone(), pool());
    assert!(matches!(cut, Err(ProveError::KeyShape { what: "h", expected: 64, actual: 63 })));
    let mut swapped =
        development_key::<C>(&chain, Convention::SNARKJS, rng(1), &pool(), &Cancel::default()).unwrap();
    swapped.a.swap(3, 4);
    let swapped =
        Prover::<C>::new(Arc::new(CpuBackend::new(pool())), Arc::new(swapped), circuit, pool()).unwrap();
    assert!(matches!(swapped.prove(&z), Err(ProveError::Rejected { checked: true, .. })));
}

#[test]
fn bad_witnesses_and_keys_are_refused() {
    refuses::<Bls12_381>();
    refuses::<Bn254>();
}

#[test]
fn the_generator_of_the_roots_matters_on_bls12_381() {
    let chain = Chain { n: 20 };
    let mut key =
        development_key::<Bls12_381>(&chain, Convention::SNARKJS, rng(1), &pool(), &Cancel::default())
            .unwrap();
    key.shape.domain.generator = Convention::power_basis::<Bls12_381>().generator;
    let prover = prover_for::<Bls12_381>(&chain, Arc::new(key));
    let z = chain.assignment(<Bls12_381 as Curve>::Fr::from(5));
    assert!(matches!(prover.prove(&z), Err(ProveError::Rejected { checked: true, .. })));
}

#[test]
fn cancelling_is_honoured_before_each_stage() {
    let chain = Chain { n: 20 };
    let prover = prover_for::<Bn254>(&chain, key_for::<Bn254>(&chain, Convention::SNARKJS));
    let z = chain.assignment(<Bn254 as Curve>::Fr::from(5));
    for last in Stage::ALL {
        let cancel = Cancel::default();
        let on_stage = |stage| {
            if stage == last {
                cancel.cancel();
            }
        };
        let blinding = Blinding::random(&mut rng(1));
        let outcome = prover.prove_with(&z, &blinding, &cancel, &on_stage);
        match last {
            Stage::Verify => assert!(outcome.is_ok(), "a finished proof is not thrown away"),
            Stage::Diagnose => assert!(outcome.is_ok(), "a proof that verifies needs none"),
            _ => assert!(matches!(outcome, Err(ProveError::Cancelled)), "at {last}"),
        }
    }
}
