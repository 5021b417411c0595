//! Damaged JSON: refused with a typed error that quotes nothing of the file.
#![allow(clippy::unwrap_used)]

mod support;

use forebay_formats::{
    FileKind, FormatError, FormatErrorKind, KeyDefect, Proof, PublicSignals, VerifyingKey, curve_of_json,
    detect, detect_bytes,
};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use num_bigint::BigUint;
use serde_json::{Value, json};
use support::{bytes, fixture};

fn value(dir: &str, name: &str) -> Value {
    serde_json::from_slice(&bytes(dir, name)).unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, FormatError>, expected: &str) {
    let message = result.expect_err(expected).to_string();
    assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    assert!(!message.contains('\n') && message.starts_with("f: "), "{message:?}");
}

fn proof<C: Curve>(v: &Value) -> Result<Proof<C>, FormatError> {
    Proof::from_json("f", v.to_string().as_bytes())
}

fn vkey<C: Curve>(v: &Value) -> Result<VerifyingKey<C>, FormatError> {
    VerifyingKey::from_json("f", v.to_string().as_bytes())
}

fn public<C: Curve>(v: &Value) -> Result<PublicSignals<C>, FormatError> {
    PublicSignals::from_json("f", v.to_string().as_bytes())
}

fn damaged<C: Curve>(dir: &str) {
    let (p, k, s) = (bytes(dir, "proof.json"), bytes(dir, "vkey.json"), bytes(dir, "public.json"));
    let good_proof = Proof::<C>::from_json("f", &p).unwrap();
    let good_key = VerifyingKey::<C>::from_json("f", &k).unwrap();
    for len in 0..p.len() {
        Proof::<C>::from_json("f", &p[..len]).unwrap_err();
    }
    for len in 0..k.len() {
        VerifyingKey::<C>::from_json("f", &k[..len]).unwrap_err();
    }
    for len in 0..s.len() {
        PublicSignals::<C>::from_json("f", &s[..len]).unwrap_err();
    }
    // A changed proof or key is refused, unless the change is in white space or in what is not used.
    let flipped = |file: &[u8], bit: usize| {
        let mut file = file.to_vec();
        file[bit / 8] ^= 1 << (bit % 8);
        file
    };
    for bit in 0..8 * p.len() {
        if let Ok(read) = Proof::<C>::from_json("f", &flipped(&p, bit)) {
            assert_eq!(read, good_proof, "bit {bit}");
        }
    }
    for byte in 0..k.len() {
        if let Ok(read) = VerifyingKey::<C>::from_json("f", &flipped(&k, 8 * byte + byte % 8)) {
            assert_eq!(read, good_key, "byte {byte}");
        }
    }
    for bit in 0..8 * s.len() {
        let _ = PublicSignals::<C>::from_json("f", &flipped(&s, bit));
    }
}

#[test]
fn every_prefix_is_refused_and_no_bit_changes_a_point() {
    damaged::<Bls12_381>("bls12-381");
    damaged::<Bn254>("bn254");
}

fn numbers_are_strict<C: Curve>(dir: &str) {
    let good = value(dir, "proof.json");
    let q = BigUint::from_bytes_le(C::BASE_MODULUS_LE);
    let x = good["pi_a"][0].as_str().unwrap().to_string();
    let with = |v: Value| {
        let mut p = good.clone();
        p["pi_a"][0] = v;
        proof::<C>(&p)
    };
    let x_plus_q = BigUint::parse_bytes(x.as_bytes(), 10).unwrap() + &q;
    for big in [q.clone(), &q + 1u8, x_plus_q, BigUint::from(1u8) << (8 * C::BASE_MODULUS_LE.len())] {
        refused(with(json!(big.to_string())), "pi_a: not below the field's modulus");
    }
    for bad in
        [format!("0{x}"), format!("+{x}"), format!("-{x}"), format!(" {x}"), String::new(), "0x1".into()]
    {
        refused(with(json!(bad)), "pi_a: not a decimal number without leading zeros");
    }
    refused(with(json!("9".repeat(1 << 20))), "pi_a: not a decimal number");
    refused(with(json!(7)), "line 1, column");
    refused(with(json!("2")), "pi_a: the point is not on the curve");
    let r = BigUint::from_bytes_le(&C::ID.scalar_modulus_le());
    refused(public::<C>(&json!(["1", r.to_string()])), "signal[1]: not below the field's modulus");
    refused(public::<C>(&json!(["1", (r + 1u8).to_string()])), "signal[1]: not below the field's modulus");
    refused(public::<C>(&json!(["1", "01"])), "signal[1]: not a decimal number");
    refused(public::<C>(&json!([1])), "line 1, column");
    refused(public::<C>(&json!({"a": "1"})), "line 1, column");
    assert!(public::<C>(&json!([])).unwrap().0.is_empty());
}

#[test]
fn numbers_have_one_spelling() {
    numbers_are_strict::<Bls12_381>("bls12-381");
    numbers_are_strict::<Bn254>("bn254");
}

fn shapes_are_strict<C: Curve>(dir: &str, other: &str) {
    let (p, k) = (value(dir, "proof.json"), value(dir, "vkey.json"));
    let edit = |v: &Value, change: &dyn Fn(&mut Value)| {
        let mut v = v.clone();
        change(&mut v);
        v
    };
    for field in ["pi_a", "pi_b", "pi_c", "protocol"] {
        let v = edit(&p, &|v| drop(v.as_object_mut().unwrap().remove(field)));
        refused(proof::<C>(&v), &format!("missing field `{field}`"));
    }
    let v = edit(&p, &|v| drop(v.as_object_mut().unwrap().remove("curve")));
    proof::<C>(&v).unwrap();
    refused(proof::<C>(&edit(&p, &|v| v["canary"] = json!("secret"))), "does not belong here");
    let twice = p.to_string().replacen('{', r#"{"pi_a":["0","1","0"],"#, 1);
    refused(Proof::<C>::from_json("f", twice.as_bytes()), "duplicate field `pi_a`");
    refused(proof::<C>(&edit(&p, &|v| v["protocol"] = json!("plonk"))), "protocol: not \"groth16\"");
    refused(proof::<C>(&edit(&p, &|v| v["curve"] = json!("secp256k1"))), "curve: neither");
    refused(proof::<C>(&value(other, "proof.json")), "the file is for");
    refused(vkey::<C>(&value(other, "vkey.json")), "the file is for");
    refused(proof::<C>(&edit(&p, &|v| v["pi_a"] = json!(["1", "2"]))), "line 1, column");
    refused(proof::<C>(&edit(&p, &|v| v["pi_a"] = json!(["1", "2", "1", "1"]))), "line 1, column");
    refused(
        proof::<C>(&edit(&p, &|v| v["pi_a"][2] = json!("2"))),
        "pi_a: the point's third coordinate is not 1",
    );
    refused(proof::<C>(&edit(&p, &|v| v["pi_a"][2] = json!("0"))), "pi_a: the point at infinity");
    refused(proof::<C>(&edit(&p, &|v| v["pi_a"] = json!(["0", "0", "1"]))), "pi_a: the point at infinity");
    refused(
        proof::<C>(&edit(&p, &|v| v["pi_b"][2] = json!(["0", "1"]))),
        "pi_b: the point's third coordinate",
    );
    // c1 before c0, as in zcash's encoding.
    let swap = |v: &mut Value| v["pi_b"][0].as_array_mut().unwrap().reverse();
    refused(proof::<C>(&edit(&p, &swap)), "pi_b: the point is not on the curve");
    let array = json!([p["pi_a"], p["pi_b"], p["pi_c"], p["protocol"], p["curve"]]);
    refused(proof::<C>(&array), "not a JSON object");
    refused(vkey::<C>(&json!([k["protocol"], k["curve"], k["nPublic"]])), "not a JSON object");
    refused(Proof::<C>::from_json("f", "[".repeat(100_000).as_bytes()), "line 1, column");

    let infinity = json!([["0", "0"], ["1", "0"], ["0", "0"]]);
    for (field, name) in [("vk_beta_2", "beta2"), ("vk_gamma_2", "gamma2"), ("vk_delta_2", "delta2")] {
        let error = vkey::<C>(&edit(&k, &|v| v[field] = infinity.clone())).unwrap_err();
        assert!(
            matches!(error.kind(), FormatErrorKind::Key(KeyDefect::Identity(n)) if *n == name),
            "{error}"
        );
    }
    let error = vkey::<C>(&edit(&k, &|v| v["vk_alpha_1"] = json!(["0", "1", "0"]))).unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::Key(KeyDefect::Identity("alpha1"))), "{error}");
    let error = vkey::<C>(&edit(&k, &|v| v["vk_gamma_2"] = v["vk_delta_2"].clone())).unwrap_err();
    assert!(matches!(error.kind(), FormatErrorKind::Key(KeyDefect::GammaIsDelta)), "{error}");
    for n in [0, 1, 3, u32::MAX] {
        refused(vkey::<C>(&edit(&k, &|v| v["nPublic"] = json!(n))), "points in IC: 3 where");
    }
    refused(vkey::<C>(&edit(&k, &|v| v["nPublic"] = json!(1u64 << 32))), "line 1, column");
    let v = edit(&k, &|v| drop(v.as_object_mut().unwrap().remove("vk_alphabeta_12")));
    assert_eq!(vkey::<C>(&v).unwrap(), vkey::<C>(&k).unwrap());
    // Infinity among the points of IC is a legal point, and survives a round trip.
    let key = vkey::<C>(&edit(&k, &|v| v["IC"][1] = json!(["0", "1", "0"]))).unwrap();
    assert_eq!(VerifyingKey::<C>::from_json("f", key.to_json().as_bytes()).unwrap(), key);
}

#[test]
fn shapes_are_exact() {
    shapes_are_strict::<Bls12_381>("bls12-381", "bn254");
    shapes_are_strict::<Bn254>("bn254", "bls12-381");
}

#[test]
fn points_outside_of_the_subgroup_are_refused() {
    // (0, 2) is on y² = x³ + 4 and has order 3.
    let mut v = value("bls12-381", "proof.json");
    v["pi_c"] = json!(["0", "2", "1"]);
    refused(proof::<Bls12_381>(&v), "pi_c: the point is not in the subgroup of order r");
}

#[test]
fn messages_quote_nothing() {
    let canary = "73013837423452345";
    for secret in [
        format!(r#"{{"pi_a": {canary}}}"#),
        format!(r#"{{"a": "{canary}"}}"#),
        format!(r#"{{"{canary}": 1}}"#),
        format!(r#"["{canary}x"]"#),
        format!(r#"[{canary}]"#),
        format!(r#""{canary}""#),
    ] {
        let bytes = secret.as_bytes();
        for error in [
            Proof::<Bn254>::from_json("f", bytes).unwrap_err(),
            VerifyingKey::<Bn254>::from_json("f", bytes).unwrap_err(),
            PublicSignals::<Bn254>::from_json("f", bytes).unwrap_err(),
        ] {
            assert!(!format!("{error} {error:?} {:?}", error.kind()).contains(canary), "{error}");
        }
    }
}

#[test]
fn kinds_and_curves_are_told_apart() {
    for (name, kind) in [
        ("multiplier.r1cs", FileKind::R1cs),
        ("multiplier.wtns", FileKind::Wtns),
        ("multiplier.zkey", FileKind::Zkey),
        ("vkey.json", FileKind::VerifyingKeyJson),
        ("proof.json", FileKind::ProofJson),
        ("public.json", FileKind::PublicJson),
    ] {
        for dir in ["bls12-381", "bn254"] {
            assert_eq!(detect(&fixture(dir, name)).unwrap(), kind);
        }
    }
    for (bytes, kind) in [
        (&b"\0asm\x01\0\0\0"[..], FileKind::Wasm),
        (b"ptau", FileKind::Ptau),
        (b"fbpk\x01", FileKind::NativeKey),
        (b"{}", FileKind::Unknown),
        (b"[1]", FileKind::Unknown),
        (b"r1c", FileKind::Unknown),
        (b"", FileKind::Unknown),
        (b"  ", FileKind::Unknown),
        (b"{\"IC\":", FileKind::Unknown),
    ] {
        assert_eq!(detect_bytes(bytes), kind, "{bytes:?}");
    }
    let curve = |dir, name| curve_of_json("f", &bytes(dir, name)).unwrap();
    assert_eq!(curve("bn254", "vkey.json"), Some(CurveId::Bn254));
    assert_eq!(curve("bls12-381", "proof.json"), Some(CurveId::Bls12_381));
    assert_eq!(curve_of_json("f", b"{}").unwrap(), None);
    refused(curve_of_json("f", br#"{"curve":"x"}"#), "curve: neither");
}
