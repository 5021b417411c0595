//! Proving keys that ark-groth16 makes and ark-serialize writes: read, checked, converted, and with fixed r and s the very
//! proofs that arkworks makes with them.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::Field;
use forebay_formats::{ArkKeyFile, Load, NativeKeyFile, Validation};
use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend};
use forebay_prover::{
    Blinding, Cancel, Prover, ProvingKey, circuit::compile_source, key::NativeKey, verify::verify,
};
use forebay_reference::{
    ark::{ArkCurve, ArkKey},
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

fn makes_the_same_proofs<C: ArkCurve>()
where
    CpuBackend: Backend<C>,
{
    let folder = tempfile::tempdir().unwrap();
    let (path, native) = (folder.path().join("key.ark"), folder.path().join("key.fbk"));
    for (rows, public) in [(1, 1), (5, 0), (127, 3), (700, 10)] {
        let circuit = RandomCircuit::<C::Fr>::new(rows, public, &mut rng(rows as u64));
        let ark = ArkKey::<C>::generate(&circuit, &mut rng(1));
        std::fs::write(&path, ark.key_bytes()).unwrap();
        let read = ArkKeyFile::<C>::open(&path, Load::Auto).unwrap();
        read.validate(Validation::Subgroup, &pool()).unwrap();
        // arkworks' generators are not the curve's.
        assert!(read.points().check().is_err());
        read.write_native(&native, Validation::Subgroup, &pool()).unwrap();

        let file = NativeKeyFile::<C>::open(&native, Load::Auto).unwrap();
        file.validate(Validation::Subgroup, &pool()).unwrap();
        let key = Arc::new(NativeKey::new(file).unwrap());
        assert_eq!(*key.verifying_key(), read.vkey().unwrap());
        // The bytes were understood as arkworks means them: the key in its types again is the same.
        assert!(ArkKey::<C>::new(&*key, &circuit).key_bytes() == ark.key_bytes());

        let compiled = Arc::new(compile_source(&circuit).unwrap());
        let backend = Arc::new(CpuBackend::new(pool()));
        let prover = Prover::<C>::new(backend, key.clone(), compiled, pool()).unwrap();
        let (r, s) = (C::Fr::random(rng(7)), C::Fr::random(rng(8)));
        let blinding = Blinding::new(r, s);
        let proven = prover.prove_with(&circuit.z, &blinding, &Cancel::default(), &|_| ()).unwrap();
        assert_eq!(proven.proof, ark.prove(&circuit.z, r, s), "{rows} rows");
        assert!(verify(key.verifying_key(), &proven.public.0, &proven.proof));
    }
}

#[test]
fn on_bls12_381() {
    makes_the_same_proofs::<Bls12_381>();
}

#[test]
fn on_bn254() {
    makes_the_same_proofs::<Bn254>();
}

fn truncated_and_longer<C: ArkCurve>() {
    let circuit = RandomCircuit::<C::Fr>::new(5, 1, &mut rng(3));
    let file = ArkKey::<C>::generate(&circuit, &mut rng(1)).key_bytes();
    ArkKeyFile::<C>::from_slice("k", &file).unwrap();
    for len in (0..file.len()).step_by(7).chain([file.len() - 1]) {
        ArkKeyFile::<C>::from_slice("k", &file[..len]).unwrap_err();
    }
    // What `ArkKey::save` puts after a key is no part of it.
    ArkKeyFile::<C>::from_slice("k", &[&file[..], &[0; 8]].concat()).unwrap_err();
}

#[test]
fn files_of_another_length_are_refused() {
    truncated_and_longer::<Bls12_381>();
    truncated_and_longer::<Bn254>();
}
