//! `forebay verify`.

use crate::{
    args::VerifyArgs,
    exit::{Failure, Status},
    session::Session,
};
use forebay_formats::{AnyZkey, FileKind, Load, Proof, PublicSignals, VerifyingKey, curve_of_json, detect};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use forebay_prover::verify::verify;
use serde_json::json;

pub(crate) fn run(session: &Session, args: &VerifyArgs) -> Result<(), Failure> {
    if matches!(detect(&args.key)?, FileKind::Zkey) {
        return match AnyZkey::open(&args.key, Load::Auto)? {
            AnyZkey::Bls12_381(key) => check(session, args, &key.vkey()?),
            AnyZkey::Bn254(key) => check(session, args, &key.vkey()?),
        };
    }
    match json_curve(args)? {
        CurveId::Bls12_381 => check::<Bls12_381>(session, args, &VerifyingKey::read(&args.key)?),
        CurveId::Bn254 => check::<Bn254>(session, args, &VerifyingKey::read(&args.key)?),
    }
}

/// The curve that a verification key names.
fn json_curve(args: &VerifyArgs) -> Result<CurveId, Failure> {
    let bytes = std::fs::read(&args.key).map_err(|e| Failure::io(&args.key, &e))?;
    let name = args.key.display().to_string();
    curve_of_json(&name, &bytes)?
        .ok_or_else(|| Failure::new(Status::BadInput, format!("{name}: names no curve that Forebay knows")))
}

fn check<C: Curve>(session: &Session, args: &VerifyArgs, vkey: &VerifyingKey<C>) -> Result<(), Failure> {
    let public = PublicSignals::<C>::read(&args.public)?;
    let proof = Proof::<C>::read(&args.proof)?;
    let expected = vkey.n_public();
    if public.0.len() != expected {
        let message =
            format!("{}: {} public signals, the key wants {expected}", args.public.display(), public.0.len());
        return Err(Failure::new(Status::BadInput, message));
    }
    if !verify(vkey, &public.0, &proof) {
        return Err(Failure::new(Status::Invalid, format!("{}: the proof is INVALID", args.proof.display())));
    }
    session.output.line(format!(
        "{}: the proof is valid ({}, {expected} public signals)",
        args.proof.display(),
        C::ID
    ));
    session.output.result(&json!({ "valid": true, "curve": C::ID.name(), "public_signals": expected }));
    Ok(())
}
