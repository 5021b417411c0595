//! Files that circom and snarkjs wrote: read, related to each other, and written again.
#![allow(clippy::unwrap_used)]

mod support;

use ff::Field;
use forebay_formats::{
    AnyZkey, Coefficient, G1Section, Load, Matrix, Proof, PublicSignals, R1csFile, R1csWriter, VerifyingKey,
    WtnsFile, ZkeyFile, ZkeyWriter, write_wtns,
};
use forebay_msm::{Bases, Bls12_381, Bn254, Curve};
use group::prime::PrimeCurveAffine;
use pairing::Engine;
use std::path::Path;
use support::{fixture, pool, section};

fn both(check: fn(&str), check_bn: fn(&str)) {
    check("bls12-381");
    check_bn("bn254");
}

/// (A·w)·(B·w) = C·w for each row, and the public signals are the wires 1 to nPublic.
fn witness_satisfies<C: Curve>(dir: &str) {
    let r1cs = R1csFile::open(&fixture(dir, "multiplier.r1cs"), Load::Auto).unwrap();
    let wtns = WtnsFile::open(&fixture(dir, "multiplier.wtns")).unwrap();
    let header = r1cs.header();
    assert_eq!((header.curve, header.n_public(), header.n_pub_out, header.n_prv_in), (C::ID, 2, 1, 3));
    assert_eq!(wtns.header().count, header.n_wires);
    let witness = wtns.witness::<C>(&pool()).unwrap();
    let w = &*witness;
    let dot = |c: forebay_formats::r1cs::Combination<'_>| {
        c.terms::<C::Fr>().map(|t| t.unwrap()).map(|(wire, v)| v * w[wire as usize]).sum::<C::Fr>()
    };
    let rows: Vec<_> = r1cs.rows().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), header.n_constraints as usize);
    for row in rows {
        assert_eq!(dot(row.a) * dot(row.b), dot(row.c), "row {}", row.index);
    }
    let public = PublicSignals::<C>::read(&fixture(dir, "public.json")).unwrap();
    assert_eq!(public.0, w[1..3]);
    // (3·3·11·12 − 3·11)·2 with k = 2
    assert_eq!(public.0, [C::Fr::from(2310), C::Fr::from(2)]);
}

#[test]
fn the_witness_satisfies_the_constraints() {
    both(witness_satisfies::<Bls12_381>, witness_satisfies::<Bn254>);
}

/// The key's matrices are those of the r1cs, with one row more for the constant and each public signal.
fn coefficients_match<C: Curve>(dir: &str) {
    let r1cs = R1csFile::open(&fixture(dir, "multiplier.r1cs"), Load::Read).unwrap();
    let key = ZkeyFile::<C>::open(&fixture(dir, "multiplier.zkey"), Load::Auto).unwrap();
    let mut expected = Vec::new();
    for row in r1cs.rows() {
        let row = row.unwrap();
        for (matrix, combination) in [(Matrix::A, row.a), (Matrix::B, row.b)] {
            let terms = combination.terms::<C::Fr>().map(|t| t.unwrap());
            expected.extend(terms.map(|(wire, value)| Coefficient { matrix, row: row.index, wire, value }));
        }
    }
    for wire in 0..=key.header().n_public {
        let row = r1cs.header().n_constraints + wire;
        expected.push(Coefficient { matrix: Matrix::A, row, wire, value: C::Fr::ONE });
    }
    let mut found: Vec<_> = key.coefficients().iter().map(|c| c.unwrap()).collect();
    let order = |c: &Coefficient<C::Fr>| (c.matrix, c.row, c.wire);
    expected.sort_by_key(order);
    found.sort_by_key(order);
    assert_eq!(found, expected);
}

#[test]
fn the_keys_matrices_are_those_of_the_circuit() {
    both(coefficients_match::<Bls12_381>, coefficients_match::<Bn254>);
}

/// e(A, B) = e(α, β)·e(Σ xᵢ·ICᵢ, γ)·e(C, δ) holds for snarkjs's proof.
fn proof_verifies<C: Curve>(dir: &str) {
    let key = VerifyingKey::<C>::read(&fixture(dir, "vkey.json")).unwrap();
    let proof = Proof::<C>::read(&fixture(dir, "proof.json")).unwrap();
    let public = PublicSignals::<C>::read(&fixture(dir, "public.json")).unwrap();
    assert_eq!(key.n_public(), public.0.len());
    let x =
        key.ic[1..].iter().zip(&public.0).fold(key.ic[0].to_curve(), |acc, (p, x)| acc + p.to_curve() * x);
    let e = |p: C::G1Affine, q: C::G2Affine| <C::Engine as Engine>::pairing(&p, &q);
    let x = group::Curve::to_affine(&x);
    assert_eq!(e(proof.a, proof.b), e(key.alpha1, key.beta2) + e(x, key.gamma2) + e(proof.c, key.delta2));
}

#[test]
fn snarkjs_proofs_verify() {
    both(proof_verifies::<Bls12_381>, proof_verifies::<Bn254>);
}

/// What is written again equals what circom and snarkjs wrote: byte for byte where the format leaves no choice.
fn rewrites<C: Curve>(dir: &str) {
    let out = tempfile::tempdir().unwrap();
    let read = |path: &Path| std::fs::read(path).unwrap();
    let key = VerifyingKey::<C>::read(&fixture(dir, "vkey.json")).unwrap();
    let zkey = ZkeyFile::<C>::open(&fixture(dir, "multiplier.zkey"), Load::Auto).unwrap();
    assert_eq!(zkey.vkey().unwrap(), key);
    assert_eq!(zkey.contributions().unwrap().count, 1);
    assert_eq!(VerifyingKey::<C>::from_json("again", key.to_json().as_bytes()).unwrap(), key);
    let path = out.path().join("proof.json");
    Proof::<C>::read(&fixture(dir, "proof.json")).unwrap().write(&path).unwrap();
    assert_eq!(read(&path), read(&fixture(dir, "proof.json")));
    let path = out.path().join("public.json");
    PublicSignals::<C>::read(&fixture(dir, "public.json")).unwrap().write(&path).unwrap();
    assert_eq!(read(&path), read(&fixture(dir, "public.json")));
    let path = out.path().join("w.wtns");
    let witness = WtnsFile::open(&fixture(dir, "multiplier.wtns")).unwrap().witness::<C>(&pool()).unwrap();
    write_wtns::<C>(&path, &witness).unwrap();
    assert_eq!(read(&path), read(&fixture(dir, "multiplier.wtns")));

    let path = out.path().join("again.zkey");
    let mut writer = ZkeyWriter::create(&path, zkey.header()).unwrap();
    writer.coefficients(zkey.coefficients().iter().map(|c| c.unwrap())).unwrap();
    let g1 = |bases: Bases<'_, C::G1Affine>| (0..bases.len()).map(|i| [bases.get(i)]).collect::<Vec<_>>();
    writer.g1(G1Section::Ic, g1(zkey.ic())).unwrap();
    writer.g1(G1Section::H, g1(zkey.h())).unwrap();
    writer.g1(G1Section::C, g1(zkey.c())).unwrap();
    writer.g1(G1Section::A, g1(zkey.a())).unwrap();
    writer.g1(G1Section::B1, g1(zkey.b1())).unwrap();
    writer.b2((0..zkey.b2().len()).map(|i| [zkey.b2().get(i)])).unwrap();
    writer.finish(&zkey.contributions().unwrap().circuit_hash).unwrap();
    // Sections 1 to 9 are byte for byte what snarkjs wrote: the coefficients' form v·R² included.
    let (ours, theirs) = (read(&path), read(&fixture(dir, "multiplier.zkey")));
    for id in 1..10 {
        assert_eq!(ours[section(&ours, id)], theirs[section(&theirs, id)], "section {id}");
    }
    let again = ZkeyFile::<C>::open(&path, Load::Read).unwrap();
    assert_eq!(again.header(), zkey.header());
    assert_eq!(again.contributions().unwrap().circuit_hash, zkey.contributions().unwrap().circuit_hash);

    let r1cs = R1csFile::open(&fixture(dir, "multiplier.r1cs"), Load::Read).unwrap();
    let path = out.path().join("again.r1cs");
    let mut writer = R1csWriter::create(&path, r1cs.header()).unwrap();
    let terms = |c: forebay_formats::r1cs::Combination<'_>| {
        c.terms::<C::Fr>().collect::<Result<Vec<_>, _>>().unwrap()
    };
    for row in r1cs.rows() {
        let row = row.unwrap();
        writer.row::<C::Fr>([&terms(row.a), &terms(row.b), &terms(row.c)]).unwrap();
    }
    writer.finish().unwrap();
    let again = R1csFile::open(&path, Load::Read).unwrap();
    assert_eq!(again.header(), r1cs.header());
    for (a, b) in again.rows().zip(r1cs.rows()) {
        let (a, b) = (a.unwrap(), b.unwrap());
        for (a, b) in [(a.a, b.a), (a.b, b.b), (a.c, b.c)] {
            assert!(a.raw_terms().eq(b.raw_terms()));
        }
    }
}

#[test]
fn what_was_read_is_written_alike() {
    both(rewrites::<Bls12_381>, rewrites::<Bn254>);
}

#[test]
fn the_curve_is_told_from_the_header() {
    for dir in ["bls12-381", "bn254"] {
        let key = AnyZkey::open(&fixture(dir, "multiplier.zkey"), Load::Auto).unwrap();
        assert_eq!(key.curve().name(), dir);
    }
    let wrong = ZkeyFile::<Bn254>::open(&fixture("bls12-381", "multiplier.zkey"), Load::Auto).unwrap_err();
    assert!(wrong.to_string().ends_with("the file is for bls12-381, not for bn254"), "{wrong}");
}
