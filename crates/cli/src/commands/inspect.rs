//! `forebay inspect`: what a file is, its sizes, whether it is sane.

use crate::{
    args::InspectArgs,
    exit::{Failure, Status},
    keys::{AnyKey, Counts, KeyFile, curve_of_json_file, not_known},
    output,
    session::Session,
};
use forebay_formats::{
    BellpersonVk, Digest, FileKind, Load, ParamsFile, Proof, PublicSignals, R1csFile, Validation,
    VerifyingKey, WtnsFile, detect,
};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId, backend::QuotientBasis};
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
        FileKind::Zkey | FileKind::NativeKey | FileKind::ArkKey(_) | FileKind::Params => {
            match AnyKey::open_as(kind, path)? {
                AnyKey::Bls12_381(file) => key(session, args, &file),
                AnyKey::Bn254(file) => key(session, args, &file),
                AnyKey::Params(file) => params(session, args, &file),
            }
        }
        FileKind::BellpersonVk => {
            let vk = BellpersonVk::read(path)?;
            let public = vk.verifying_key().n_public();
            Ok(vec![("curve", json!(Bls12_381::ID.name())), ("public_signals", json!(public))])
        }
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

fn key<C: Curve>(session: &Session, args: &InspectArgs, file: &KeyFile<C>) -> Result<Facts, Failure> {
    let level: Validation = args.validation.into();
    file.validate(level, &session.pool)?;
    let Counts { variables, public, domain_log2 } = file.counts();
    let mut facts = vec![
        ("curve", json!(C::ID.name())),
        ("variables", json!(variables)),
        ("public_signals", json!(public)),
        ("domain", json!(format!("2^{domain_log2}"))),
    ];
    match file {
        KeyFile::Zkey(key) => {
            let contributions = key.contributions().map_or(Value::Null, |c| json!(c.count));
            facts.push(("coefficients", json!(key.coefficients().len())));
            facts.push(("contributions", contributions));
        }
        KeyFile::Native(key) => {
            let header = key.header();
            let basis = match header.basis {
                QuotientBasis::OddCosetLagrange => "odd coset Lagrange (snarkjs)",
                QuotientBasis::Coefficients => "coefficients (bellperson, arkworks)",
            };
            facts.push(("basis_of_h", json!(basis)));
            facts.push(("root_generator", json!(header.domain.generator.0)));
        }
        KeyFile::Ark(_) => {}
    }
    facts.push(("checked", json!(level.to_string())));
    facts.push(("digest_blake3", json!(file.digest(&session.pool).to_string())));
    Ok(facts)
}

fn params(session: &Session, args: &InspectArgs, file: &ParamsFile<'_>) -> Result<Facts, Failure> {
    let level: Validation = args.validation.into();
    file.validate(level, &session.pool)?;
    let counts = file.counts();
    Ok(vec![
        ("curve", json!(Bls12_381::ID.name())),
        ("variables", json!(counts.variables())),
        ("public_signals", json!(counts.inputs - 1)),
        ("domain", json!(format!("2^{}", counts.domain_log2))),
        ("variables_in_a", json!(counts.a)),
        ("variables_in_b", json!(counts.b)),
        ("checked", json!(level.to_string())),
        ("digest_of_verifying_part", json!(file.verifying_digest().to_string())),
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
    match curve_of_json_file(path)? {
        CurveId::Bls12_381 => read::<Bls12_381>(path, kind),
        CurveId::Bn254 => read::<Bn254>(path, kind),
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
        FileError::Magic | FileError::Length { .. } => not_known(path),
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
