//! Whatever is written is read back.
#![allow(clippy::unwrap_used)]

mod support;

use ff::Field;
use forebay_formats::{
    Coefficient, G1Section, Load, Matrix, Proof, PublicSignals, R1csFile, R1csHeader, R1csWriter, Validation,
    VerifyingKey, WtnsFile, ZkeyFile, ZkeyHeader, ZkeyWriter, write_wtns,
};
use forebay_msm::{Bls12_381, Bn254, Curve, SecretVec};
use group::{Curve as _, Group};
use proptest::prelude::*;
use support::pool;

fn scalar<C: Curve>() -> impl Strategy<Value = C::Fr> {
    prop_oneof![
        Just(C::Fr::ZERO),
        Just(C::Fr::ONE),
        Just(-C::Fr::ONE),
        any::<u64>().prop_map(C::Fr::from),
        any::<[u64; 4]>().prop_map(|v| {
            v.iter().fold(C::Fr::ZERO, |acc, limb| acc * C::Fr::from(u64::MAX) + C::Fr::from(*limb))
        }),
    ]
}

type Row<F> = [Vec<(u32, F)>; 3];

fn rows<C: Curve>(wires: u32) -> impl Strategy<Value = Vec<Row<C::Fr>>> {
    let combination = || prop::collection::vec((0..wires, scalar::<C>()), 0..5);
    prop::collection::vec([combination(), combination(), combination()], 0..8)
}

fn r1cs<C: Curve>(rows: &[Row<C::Fr>], wires: u32) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.r1cs");
    let header = R1csHeader {
        curve: C::ID,
        n_wires: wires,
        n_pub_out: 1,
        n_pub_in: 0,
        n_prv_in: 2,
        n_labels: 1 << 40,
        n_constraints: rows.len() as u32,
    };
    let mut writer = R1csWriter::create(&path, &header).unwrap();
    for [a, b, c] in rows {
        writer.row([a, b, c]).unwrap();
    }
    writer.finish().unwrap();
    let file = R1csFile::open(&path, Load::Auto).unwrap();
    assert_eq!(*file.header(), header);
    let mut seen = 0;
    for (i, (read, written)) in file.rows().zip(rows).enumerate() {
        let read = read.unwrap();
        assert_eq!(read.index as usize, i);
        for (read, written) in [read.a, read.b, read.c].iter().zip(written) {
            assert_eq!(read.len(), written.len());
            assert_eq!(read.terms().collect::<Result<Vec<_>, _>>().unwrap(), *written);
            let mut summed = Vec::new();
            read.summed_terms(&mut summed).unwrap();
            assert!(summed.is_sorted_by(|a, b| a.0 < b.0) && summed.iter().all(|t| t.1 != C::Fr::ZERO));
            for wire in 0..wires {
                let of =
                    |terms: &[(u32, C::Fr)]| terms.iter().filter(|t| t.0 == wire).map(|t| t.1).sum::<C::Fr>();
                assert_eq!(of(&summed), of(written));
            }
        }
        seen += 1;
    }
    assert_eq!(seen, rows.len());
}

fn witness<C: Curve>(mut values: Vec<C::Fr>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.wtns");
    values.insert(0, C::Fr::ONE);
    write_wtns::<C>(&path, &SecretVec::from(values.clone())).unwrap();
    let read = WtnsFile::open(&path).unwrap().witness::<C>(&pool()).unwrap();
    assert_eq!(*read, values[..]);
}

fn g1<C: Curve>(s: &C::Fr) -> C::G1Affine {
    (C::G1::generator() * s).to_affine()
}

fn g2<C: Curve>(s: &C::Fr) -> C::G2Affine {
    (C::G2::generator() * s).to_affine()
}

/// Proof, public signals and verification key made of any scalars, zero (infinity) among them.
fn json<C: Curve>(s: &[C::Fr; 4]) {
    let proof = Proof::<C> { a: g1::<C>(&s[0]), b: g2::<C>(&s[1]), c: g1::<C>(&s[2]) };
    assert_eq!(Proof::from_json("p", proof.to_json().as_bytes()).unwrap(), proof);
    let signals = PublicSignals::<C>(s.to_vec());
    assert_eq!(PublicSignals::from_json("s", signals.to_json().as_bytes()).unwrap(), signals);
    let one = C::Fr::ONE;
    let key = VerifyingKey::<C> {
        alpha1: g1::<C>(&one),
        beta2: g2::<C>(&one),
        gamma2: g2::<C>(&one.double()),
        delta2: g2::<C>(&one),
        ic: s.iter().map(g1::<C>).collect(),
    };
    key.check().unwrap();
    assert_eq!(VerifyingKey::from_json("k", key.to_json().as_bytes()).unwrap(), key);
}

fn zkey<C: Curve>(s: &[C::Fr], chunk: usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("k.zkey");
    let (n_vars, n_public, domain_size) = (5, 1, 8);
    let (alpha, beta, delta) = (C::Fr::from(3), C::Fr::from(4), C::Fr::from(5));
    let header = ZkeyHeader::<C> {
        n_vars,
        n_public,
        domain_size,
        alpha1: g1::<C>(&alpha),
        beta1: g1::<C>(&beta),
        beta2: g2::<C>(&beta),
        gamma2: g2::<C>(&C::Fr::ONE),
        delta1: g1::<C>(&delta),
        delta2: g2::<C>(&delta),
    };
    let points: Vec<_> = s.iter().map(g1::<C>).collect();
    let points2: Vec<_> = s.iter().map(g2::<C>).collect();
    let coefficients: Vec<_> = s
        .iter()
        .enumerate()
        .map(|(i, v)| Coefficient {
            matrix: if i % 2 == 0 { Matrix::A } else { Matrix::B },
            row: i as u32 % domain_size,
            wire: i as u32 % n_vars,
            value: *v,
        })
        .collect();
    let mut w = ZkeyWriter::create(&path, &header).unwrap();
    let sizes =
        [(G1Section::H, 8), (G1Section::Ic, 2), (G1Section::A, 5), (G1Section::B1, 5), (G1Section::C, 3)];
    for (section, n) in sizes {
        w.g1(section, points[..n].chunks(chunk)).unwrap();
    }
    w.coefficients(coefficients.iter().copied()).unwrap();
    w.b2(points2[..5].chunks(chunk)).unwrap();
    w.finish(&[9; 64]).unwrap();
    let key = ZkeyFile::<C>::open(&path, Load::Auto).unwrap();
    key.validate(Validation::Subgroup, &pool()).unwrap();
    assert_eq!(*key.header(), header);
    assert_eq!(key.contributions().unwrap().circuit_hash, [9; 64]);
    for (read, n) in [key.h(), key.ic(), key.a(), key.b1(), key.c()].iter().zip([8, 2, 5, 5, 3]) {
        assert_eq!(read.len(), n);
        assert!((0..n).all(|i| read.get(i) == points[i]));
    }
    assert!((0..5).all(|i| key.b2().get(i) == points2[i]));
    assert_eq!(key.coefficients().iter().collect::<Result<Vec<_>, _>>().unwrap(), coefficients);
    assert_eq!(key.coefficients().range(3..5).count(), 2);
    assert_eq!(key.coefficients().range(7..usize::MAX).count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn constraints_survive(a in rows::<Bls12_381>(6), b in rows::<Bn254>(6)) {
        r1cs::<Bls12_381>(&a, 6);
        r1cs::<Bn254>(&b, 6);
    }

    #[test]
    fn witnesses_survive(
        a in prop::collection::vec(scalar::<Bls12_381>(), 0..40),
        b in prop::collection::vec(scalar::<Bn254>(), 0..40),
    ) {
        witness::<Bls12_381>(a);
        witness::<Bn254>(b);
    }

    #[test]
    fn json_survives(a in prop::array::uniform4(scalar::<Bls12_381>()), b in prop::array::uniform4(scalar::<Bn254>())) {
        json::<Bls12_381>(&a);
        json::<Bn254>(&b);
    }

    #[test]
    fn keys_survive(
        a in prop::collection::vec(scalar::<Bls12_381>(), 8),
        b in prop::collection::vec(scalar::<Bn254>(), 8),
        chunk in 1usize..9,
    ) {
        zkey::<Bls12_381>(&a, chunk);
        zkey::<Bn254>(&b, chunk);
    }
}
