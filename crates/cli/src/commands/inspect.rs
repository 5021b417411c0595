//! `forebay inspect`: what a file is, its sizes, whether it is sane.

use crate::{
    args::InspectArgs,
    exit::{Failure, Status},
    output,
    session::Session,
};
use forebay_formats::{
    AnyZkey, Digest, FileKind, Load, Proof, PublicSignals, R1csFile, Validation, VerifyingKey, WtnsFile,
    ZkeyFile, curve_of_json, detect,
};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use forebay_pce::{FileError, Matrix, cache};
use forebay_witness::WitnessGenerator;
use serde_json::{Map, Value, json};
use std::path::Path;

/// What was found, in the order in which it is told.
type Facts = Vec<(&'static str, Value)>;

pub(crate) fn run(session: &Session, args: &InspectArgs) -> Result<(), Failure> {
    let path = &args.file;
    let progress = session.output.progress("reading");
    let (kind, facts) = match detect(path)? {
        FileKind::Unknown => compiled(session, path)?,
        kind => (kind.to_string(), describe(session, args, kind)?),
    };
    drop(progress);

    let bytes = std::fs::metadata(path).map_err(|e| Failure::io(path, &e))?.len();
    session.output.line(format!("{}: {kind}, {}", path.display(), output::bytes(bytes)));
    for (name, value) in &facts {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        session.output.line(format!("  {:<22}{value}", name.replace('_', " ")));
    }
    let facts: Map<_, _> = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    session.output.result(&json!({ "file": path, "kind": kind, "bytes": bytes, "facts": facts }));
    Ok(())
}

fn describe(session: &Session, args: &InspectArgs, kind: FileKind) -> Result<Facts, Failure> {
    let path = &args.file;
    match kind {
        FileKind::R1cs => r1cs(&R1csFile::open(path, Load::Auto)?),
        FileKind::Wtns => wtns(session, &WtnsFile::open(path)?),
        FileKind::Zkey => match AnyZkey::open(path, Load::Auto)? {
            AnyZkey::Bls12_381(key) => zkey(session, args, &key),
            AnyZkey::Bn254(key) => zkey(session, args, &key),
        },
        FileKind::VerifyingKeyJson | FileKind::ProofJson => json_file(path, kind),
        FileKind::PublicJson => public(path),
        FileKind::Wasm => wasm(path),
        _ => Ok(Facts::new()),
    }
}

/// Every row is read, so a file that is described is well formed.
fn r1cs(file: &R1csFile<'_>) -> Result<Facts, Failure> {
    fn check<C: Curve>(file: &R1csFile<'_>) -> Result<u64, Failure> {
        let mut coefficients = 0;
        for row in file.rows() {
            let row = row?;
            for combination in [row.a, row.b, row.c] {
                for term in combination.terms::<C::Fr>() {
                    term?;
                    coefficients += 1;
                }
            }
        }
        Ok(coefficients)
    }
    let coefficients = match file.header().curve {
        CurveId::Bls12_381 => check::<Bls12_381>(file)?,
        CurveId::Bn254 => check::<Bn254>(file)?,
    };
    let h = file.header();
    Ok(vec![
        ("curve", json!(h.curve.name())),
        ("constraints", json!(h.n_constraints)),
        ("coefficients", json!(coefficients)),
        ("wires", json!(h.n_wires)),
        ("public_outputs", json!(h.n_pub_out)),
        ("public_inputs", json!(h.n_pub_in)),
        ("private_inputs", json!(h.n_prv_in)),
        ("labels", json!(h.n_labels)),
    ])
}

/// Sizes alone: a witness is secret.
fn wtns(session: &Session, file: &WtnsFile) -> Result<Facts, Failure> {
    let header = file.header();
    match header.curve {
        CurveId::Bls12_381 => drop(file.witness::<Bls12_381>(&session.pool)?),
        CurveId::Bn254 => drop(file.witness::<Bn254>(&session.pool)?),
    }
    Ok(vec![("curve", json!(header.curve.name())), ("values", json!(header.count))])
}

fn zkey<C: Curve>(session: &Session, args: &InspectArgs, key: &ZkeyFile<'_, C>) -> Result<Facts, Failure> {
    let level: Validation = args.validation.into();
    key.validate(level, &session.pool)?;
    let h = key.header();
    let contributions = key.contributions().map_or(Value::Null, |c| json!(c.count));
    Ok(vec![
        ("curve", json!(C::ID.name())),
        ("variables", json!(h.n_vars)),
        ("public_signals", json!(h.n_public)),
        ("domain", json!(format!("2^{}", h.domain_log2()))),
        ("coefficients", json!(key.coefficients().len())),
        ("contributions", contributions),
        ("checked", json!(level.to_string())),
        ("digest_blake3", json!(key.digest(&session.pool).to_string())),
    ])
}

fn json_file(path: &Path, kind: FileKind) -> Result<Facts, Failure> {
    fn read<C: Curve>(path: &Path, kind: FileKind) -> Result<Facts, Failure> {
        Ok(match kind {
            FileKind::ProofJson => {
                Proof::<C>::read(path)?;
                vec![("curve", json!(C::ID.name())), ("points", json!("in their groups"))]
            }
            _ => {
                let vkey = VerifyingKey::<C>::read(path)?;
                vec![("curve", json!(C::ID.name())), ("public_signals", json!(vkey.n_public()))]
            }
        })
    }
    let bytes = std::fs::read(path).map_err(|e| Failure::io(path, &e))?;
    match curve_of_json(&path.display().to_string(), &bytes)? {
        Some(CurveId::Bls12_381) => read::<Bls12_381>(path, kind),
        Some(CurveId::Bn254) => read::<Bn254>(path, kind),
        None => Err(Failure::new(
            Status::BadInput,
            format!("{}: names no curve that Forebay knows", path.display()),
        )),
    }
}

/// Public signals name no curve; they are read over the larger field.
fn public(path: &Path) -> Result<Facts, Failure> {
    let signals = PublicSignals::<Bls12_381>::read(path)?;
    let fits_bn254 = PublicSignals::<Bn254>::read(path).is_ok();
    Ok(vec![("signals", json!(signals.0.len())), ("fits_bn254", json!(fits_bn254))])
}

fn wasm(path: &Path) -> Result<Facts, Failure> {
    let bytes = std::fs::read(path).map_err(|e| Failure::io(path, &e))?;
    let generator = WitnessGenerator::from_bytes(&bytes)
        .map_err(|e| Failure::new(Status::BadInput, format!("{}: {e}", path.display())))?;
    let [major, minor, patch] = generator.circom_version();
    Ok(vec![
        ("curve", generator.curve().map_or(Value::Null, |c| json!(c.name()))),
        ("witness_values", json!(generator.witness_len())),
        ("input_values", json!(generator.input_len())),
        ("circom", json!(format!("{major}.{minor}.{patch}"))),
    ])
}

/// A compiled circuit, or nothing that Forebay knows.
fn compiled(session: &Session, path: &Path) -> Result<(String, Facts), Failure> {
    let identity = cache::identify(path).map_err(|e| match e {
        FileError::Magic | FileError::Length { .. } => {
            Failure::new(Status::BadInput, format!("{}: not a file that Forebay knows", path.display()))
        }
        e => Failure::new(Status::BadInput, format!("{}: compiled circuit: {e}", path.display())),
    })?;
    let of = |curve: CurveId| curve.scalar_modulus_le() == identity.modulus;
    let facts = match CurveId::ALL.into_iter().find(|curve| of(*curve)) {
        Some(CurveId::Bls12_381) => circuit::<Bls12_381>(session, path, &identity)?,
        Some(CurveId::Bn254) => circuit::<Bn254>(session, path, &identity)?,
        None => {
            return Err(Failure::new(
                Status::BadInput,
                format!("{}: a circuit over an unknown field", path.display()),
            ));
        }
    };
    Ok(("compiled circuit".into(), facts))
}

fn circuit<C: Curve>(session: &Session, path: &Path, identity: &cache::Identity) -> Result<Facts, Failure> {
    let circuit = cache::load::<C::Fr>(path, &identity.digest, &session.pool)
        .map_err(|e| Failure::new(Status::BadInput, format!("{}: compiled circuit: {e}", path.display())))?;
    let terms = [Matrix::A, Matrix::B, Matrix::C].map(|m| circuit.num_terms(m));
    Ok(vec![
        ("curve", json!(C::ID.name())),
        ("rows", json!(circuit.num_rows())),
        ("variables", json!(circuit.num_variables())),
        ("public_signals", json!(circuit.num_inputs() - 1)),
        ("coefficients", json!(terms.iter().sum::<u64>())),
        ("distinct_coefficients", json!(circuit.num_distinct_coefficients())),
        ("has_c", json!(circuit.has_c())),
        ("source_digest", json!(Digest(identity.digest).to_string())),
    ])
}
