//! `forebay setup`: development keys.

use crate::{args::SetupArgs, exit::Failure, output, session::Session};
use forebay_formats::{Load, R1csFile};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use forebay_prover::{
    circuit::R1csSource,
    setup::{Convention, development_key, write_zkey},
};
use rand_core::OsRng;
use serde_json::json;
use std::{path::PathBuf, time::Instant};

/// What the user must have read before sending a key to anyone.
const WARNING: &str = "This is a DEVELOPMENT key: whoever ran this command could forge proofs with it. Never use it in production.";

pub(crate) fn run(session: &Session, args: &SetupArgs) -> Result<(), Failure> {
    let file = R1csFile::open(&args.r1cs, Load::Auto)?;
    match file.header().curve {
        CurveId::Bls12_381 => setup::<Bls12_381>(session, args, &file),
        CurveId::Bn254 => setup::<Bn254>(session, args, &file),
    }
}

fn setup<C: Curve>(session: &Session, args: &SetupArgs, file: &R1csFile<'_>) -> Result<(), Failure> {
    let output_path = args.output.clone().unwrap_or_else(|| args.r1cs.with_extension("INSECURE-DEV.zkey"));
    let vkey_path = args.vkey.clone().unwrap_or_else(|| default_vkey(&output_path));
    let progress = session.output.progress("making a development key");
    let start = Instant::now();
    let source = R1csSource::new::<C>(file)?;
    let key = development_key::<C>(&source, Convention::SNARKJS, OsRng, &session.pool, &session.cancel)?;
    session.check_cancelled()?;
    progress.say("writing the key");
    write_zkey(&output_path, &key, &source)?;
    key.vkey.write(&vkey_path)?;
    drop(progress);

    let header = file.header();
    let (constraints, log_n) = (header.n_constraints, key.shape.domain.log_n);
    let took = start.elapsed();
    session.output.line(format!(
        "{}: {constraints} constraints over {}, domain 2^{log_n}",
        args.r1cs.display(),
        C::ID
    ));
    session.output.line(format!(
        "wrote {} and {} in {}",
        output_path.display(),
        vkey_path.display(),
        output::duration(took)
    ));
    session.output.line(WARNING);
    session.output.result(&json!({
        "curve": C::ID.name(), "constraints": constraints, "domain_log2": log_n,
        "key": output_path, "vkey": vkey_path, "seconds": took.as_secs_f64(), "insecure": true, "warning": WARNING,
    }));
    Ok(())
}

fn default_vkey(key: &std::path::Path) -> PathBuf {
    key.with_extension("vkey.json")
}
