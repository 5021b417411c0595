//! `forebay verify`.

use crate::{
    args::VerifyArgs,
    exit::{Failure, Status},
    keys::AnyVkey,
    session::Session,
};
use forebay_formats::{Proof, PublicSignals, VerifyingKey};
use forebay_msm::Curve;
use forebay_prover::verify::verify;
use serde_json::json;

pub(crate) fn run(session: &Session, args: &VerifyArgs) -> Result<(), Failure> {
    match AnyVkey::read(&args.key)? {
        AnyVkey::Bls12_381(vkey) => check(session, args, &vkey),
        AnyVkey::Bn254(vkey) => check(session, args, &vkey),
    }
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
