//! `forebay compile`.

use crate::{args::CompileArgs, exit::Failure, keys::digest_of, output, session::Session};
use forebay_formats::{AnyZkey, Load, R1csFile};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId, ScalarField};
use forebay_pce::{Circuit, Matrix, cache};
use forebay_prover::circuit::{R1csSource, compile_source, compile_zkey};
use serde_json::json;
use std::time::{Duration, Instant};

pub(crate) fn run(session: &Session, args: &CompileArgs) -> Result<(), Failure> {
    if args.circuit.extension().is_some_and(|e| e == "zkey") {
        return match AnyZkey::open(&args.circuit, Load::Auto)? {
            AnyZkey::Bls12_381(key) => finish(session, args, key.as_bytes(), || Ok(compile_zkey(&key)?)),
            AnyZkey::Bn254(key) => finish(session, args, key.as_bytes(), || Ok(compile_zkey(&key)?)),
        };
    }
    let file = R1csFile::open(&args.circuit, Load::Auto)?;
    match file.header().curve {
        CurveId::Bls12_381 => from_r1cs::<Bls12_381>(session, args, &file),
        CurveId::Bn254 => from_r1cs::<Bn254>(session, args, &file),
    }
}

fn from_r1cs<C: Curve>(session: &Session, args: &CompileArgs, file: &R1csFile<'_>) -> Result<(), Failure> {
    finish(session, args, file.as_bytes(), || Ok(compile_source(&R1csSource::new::<C>(file)?)?))
}

fn finish<F: ScalarField>(
    session: &Session,
    args: &CompileArgs,
    source: &[u8],
    build: impl FnOnce() -> Result<Circuit<F>, Failure>,
) -> Result<(), Failure> {
    let path = args.output.clone().unwrap_or_else(|| args.circuit.with_extension("pce"));
    let progress = session.output.progress("compiling the circuit");
    let start = Instant::now();
    let circuit = build()?;
    session.check_cancelled()?;
    let digest = session.pool.install(|| digest_of(source));
    cache::save(&circuit, &path, &digest, &session.pool).map_err(|e| Failure::io(&path, &e))?;
    drop(progress);
    report(session, args, &path, &circuit, start.elapsed());
    Ok(())
}

fn report<F: ScalarField>(
    session: &Session,
    args: &CompileArgs,
    path: &std::path::Path,
    circuit: &Circuit<F>,
    took: Duration,
) {
    let terms: u64 = [Matrix::A, Matrix::B, Matrix::C].iter().map(|m| circuit.num_terms(*m)).sum();
    let (rows, size) = (circuit.num_rows(), circuit.size_bytes() as u64);
    let per_term = size as f64 / (terms.max(1)) as f64;
    session.output.line(format!(
        "{}: {rows} rows, {terms} coefficients -> {} ({}, {per_term:.2} bytes per coefficient) in {}",
        args.circuit.display(),
        path.display(),
        output::bytes(size),
        output::duration(took)
    ));
    session.output.result(&json!({
        "circuit": args.circuit, "compiled": path, "rows": rows, "coefficients": terms, "bytes": size,
        "has_c": circuit.has_c(), "seconds": took.as_secs_f64(),
    }));
}
