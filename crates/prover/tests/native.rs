//! Native keys: the same points as the key that they were made from, and with fixed r and s the same proofs.
#![allow(clippy::unwrap_used)] // a test may panic

use ff::Field;
use forebay_formats::{FormatErrorKind, Load, NativeKeyFile, ParamsFile, Validation, ZkeyFile};
use forebay_msm::{AffinePoint, Backend, Bls12_381, Bn254, CpuBackend, Curve};
use forebay_prover::{
    Blinding, Cancel, ProveError, Prover, ProvingKey,
    circuit::{ConstraintSource, compile_source},
    key::{NativeKey, ZkeyKey, densities, write_native},
    setup::{Convention, InMemoryKey, development_key, write_zkey},
};
use forebay_reference::random::RandomCircuit;
use group::prime::PrimeCurveAffine;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rayon::ThreadPool;
use std::{path::Path, sync::Arc};

fn pool() -> Arc<ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap())
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn key_for<C: Curve>(source: &dyn ConstraintSource<C::Fr>, convention: Convention) -> Arc<InMemoryKey<C>> {
    Arc::new(development_key::<C>(source, convention, rng(1), &pool(), &Cancel::default()).unwrap())
}

/// Proves with fixed blinding.
fn proof<C: Curve>(circuit: &RandomCircuit<C::Fr>, key: Arc<dyn ProvingKey<C>>) -> forebay_formats::Proof<C>
where
    CpuBackend: Backend<C>,
{
    let compiled = Arc::new(compile_source(circuit).unwrap());
    let prover = Prover::new(Arc::new(CpuBackend::new(pool())), key, compiled, pool()).unwrap();
    let blinding = Blinding::new(C::Fr::random(rng(7)), C::Fr::random(rng(8)));
    prover.prove_with(&circuit.z, &blinding, &Cancel::default(), &|_| ()).unwrap().proof
}

fn open<C: Curve>(path: &Path) -> Arc<NativeKey<C>> {
    let file = NativeKeyFile::<C>::open(path, Load::Auto).unwrap();
    file.validate(Validation::Subgroup, &pool()).unwrap();
    Arc::new(NativeKey::new(file).unwrap())
}

fn same_key<C: Curve>(one: &dyn ProvingKey<C>, two: &dyn ProvingKey<C>) {
    assert_eq!(one.shape(), two.shape());
    assert_eq!(one.verifying_key(), two.verifying_key());
    assert!((one.beta1(), one.delta1()) == (two.beta1(), two.delta1()));
    for (a, b) in [(one.a(), two.a()), (one.b1(), two.b1()), (one.l(), two.l()), (one.h(), two.h())] {
        assert!(a.as_bytes() == b.as_bytes());
    }
    assert!(one.b2().as_bytes() == two.b2().as_bytes());
}

/// bellperson's file of a key, without the crate's code: points at infinity are left out of a and b.
fn params(key: &InMemoryKey<Bls12_381>) -> Vec<u8> {
    fn point<A: AffinePoint>(p: &A, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + A::BYTES, 0);
        p.write_canonical(&mut out[start..]);
        let (x, y) = out[start..].split_at_mut(A::BYTES / 2);
        x.reverse();
        y.reverse();
    }
    fn list<A: AffinePoint>(points: &[A], out: &mut Vec<u8>) {
        let finite: Vec<_> = points.iter().filter(|p| !bool::from(p.is_identity())).collect();
        out.extend((finite.len() as u32).to_be_bytes());
        finite.into_iter().for_each(|p| point(p, out));
    }
    let mut out = Vec::new();
    point(&key.vkey.alpha1, &mut out);
    point(&key.beta1, &mut out);
    point(&key.vkey.beta2, &mut out);
    point(&key.vkey.gamma2, &mut out);
    point(&key.delta1, &mut out);
    point(&key.vkey.delta2, &mut out);
    list(&key.vkey.ic, &mut out);
    list(&key.h, &mut out);
    list(&key.l, &mut out);
    list(&key.a, &mut out);
    list(&key.b1, &mut out);
    list(&key.b2, &mut out);
    out
}

#[test]
fn bellperson_parameters_make_the_same_proofs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.fbk");
    for (rows, public) in [(1, 1), (5, 0), (127, 3), (1000, 10)] {
        let circuit = RandomCircuit::<<Bls12_381 as Curve>::Fr>::new(rows, public, &mut rng(rows as u64));
        let made = key_for::<Bls12_381>(&circuit, Convention::power_basis::<Bls12_381>());
        let bytes = params(&made);
        let read = ParamsFile::from_slice("p", &bytes).unwrap();
        let densities = densities(&circuit).unwrap();
        let infinities = made.b1.iter().filter(|p| bool::from(p.is_identity())).count();
        assert!(rows < 100 || infinities > 0, "the circuit has variables that are not in B");
        assert_eq!(densities.b.count(), made.b1.len() - infinities);
        read.write_native(&path, &densities, Validation::Subgroup, &pool()).unwrap();
        let key = open::<Bls12_381>(&path);
        same_key::<Bls12_381>(&*key, &*made);
        assert_eq!(proof(&circuit, key), proof(&circuit, made.clone()), "{rows} rows");

        // The densities of another circuit do not fit.
        let mut other = densities.clone();
        let absent = (0..other.b.variables()).find(|i| !other.b.contains(*i));
        if let Some(absent) = absent {
            other.b.insert(absent);
            let error = read.write_native(&path, &other, Validation::Subgroup, &pool()).unwrap_err();
            assert!(matches!(error.kind(), FormatErrorKind::Count { .. }), "{error}");
        }
    }
}

fn zkeys<C: Curve>()
where
    CpuBackend: Backend<C>,
{
    let folder = tempfile::tempdir().unwrap();
    let (zkey, native) = (folder.path().join("key.zkey"), folder.path().join("key.fbk"));
    let circuit = RandomCircuit::<C::Fr>::new(100, 3, &mut rng(3));
    let made = key_for::<C>(&circuit, Convention::SNARKJS);
    write_zkey(&zkey, &made, &circuit).unwrap();
    let read = ZkeyKey::new(ZkeyFile::<C>::open(&zkey, Load::Auto).unwrap()).unwrap();
    write_native::<C>(&native, &read, &pool()).unwrap();
    let key = open::<C>(&native);
    same_key::<C>(&*key, &read);
    assert_eq!(proof(&circuit, key.clone()), proof(&circuit, made));

    // The points lie at multiples of a page, and so are aligned wherever the file is mapped.
    assert!(key.a().as_bytes().as_ptr().addr().is_multiple_of(align_of::<u64>()) || !key.file().is_mapped());
}

#[test]
fn zkeys_make_the_same_proofs() {
    zkeys::<Bls12_381>();
    zkeys::<Bn254>();
}

#[test]
fn a_key_that_contradicts_itself_is_not_written() {
    let circuit = RandomCircuit::<<Bn254 as Curve>::Fr>::new(20, 1, &mut rng(3));
    let mut made =
        development_key::<Bn254>(&circuit, Convention::SNARKJS, rng(1), &pool(), &Cancel::default()).unwrap();
    made.l.pop();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.fbk");
    let error = write_native::<Bn254>(&path, &made, &pool()).unwrap_err();
    assert!(matches!(error, ProveError::KeyShape { what: "l", .. }), "{error}");
    assert!(!path.exists());
}
