//! `forebay prove`.

use crate::{
    args::ProveArgs,
    exit::Failure,
    keys::{self, AnyKey, KeyFile},
    output,
    session::Session,
    witness::Generator,
};
use forebay_formats::{
    Outcome, WtnsFile,
    atomic::{Access, AtomicFile},
};
use forebay_msm::{Backend, CpuBackend, Curve, SecretVec};
use forebay_msm_cuda::CudaBackend;
use forebay_prover::{Blinding, Proven, Prover};
use rand_core::OsRng;
use serde_json::json;
use std::{
    io::{Read, Write},
    path::Path,
    sync::Arc,
};
use zeroize::Zeroizing;

pub(crate) fn run(session: &Session, args: &ProveArgs) -> Result<(), Failure> {
    let (jobs, key) = (&args.batch.jobs, &args.key);
    if let Some(jobs) = jobs {
        return super::batch::run(session, args, jobs);
    }
    let Some(path) = key else { return Err(Failure::usage("give a key, or --jobs")) };
    match AnyKey::open(path)? {
        AnyKey::Bls12_381(key) => prove(session, args, path, key),
        AnyKey::Bn254(key) => prove(session, args, path, key),
        AnyKey::Params(_) => Err(keys::must_be_converted(path)),
    }
}

fn prove<C: Curve>(session: &Session, args: &ProveArgs, path: &Path, file: KeyFile<C>) -> Result<(), Failure>
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    let progress = session.output.progress("reading the key");
    let level = args.validation.unwrap_or(session.config.validation);
    progress.say("checking the key");
    let key = keys::validate(session, file, level.into())?;
    session.check_cancelled()?;
    progress.say("compiling the circuit");
    let (circuit, origin) = keys::compiled(session, &key, args.r1cs.as_deref())?;
    session.check_cancelled()?;
    progress.say("reading the witness");
    let witness = witness::<C>(session, args)?;

    let (key, remembered) = (key.key, key.checks == Outcome::Remembered);
    let backends = session.backends()?;
    let prover =
        Prover::new(backends.of::<C>(), key.proving(), Arc::new(circuit), Arc::clone(&session.pool))?
            .with_reference(backends.reference());
    let blinding = Blinding::random(&mut OsRng);
    let on_stage = |stage: forebay_prover::Stage| progress.say(stage.name());
    let proven = prover.prove_with(&witness, &blinding, &session.cancel, &on_stage)?;
    drop(progress);

    key.check_unchanged()?;
    write_pair((&args.proof, &proven.proof.to_json()), (&args.public, &proven.public.to_json()))?;
    let key = format!("{} ({}", path.display(), keys::describe(&*key.proving()));
    report(session, args, &proven, &key, remembered, origin)
}

/// Writes both files or neither: both lie complete beside their targets before either gets its name.
pub(crate) fn write_pair(proof: (&Path, &str), public: (&Path, &str)) -> Result<(), Failure> {
    let prepare = |(path, text): (&Path, &str)| -> Result<AtomicFile, Failure> {
        let mut file = AtomicFile::create(path, Access::Public)?;
        file.write_all(text.as_bytes()).map_err(|e| file.error(e))?;
        Ok(file)
    };
    let (proof, public) = (prepare(proof)?, prepare(public)?);
    proof.commit()?;
    public.commit()?;
    Ok(())
}

/// The witness from a file, or computed in this process.
fn witness<C: Curve>(session: &Session, args: &ProveArgs) -> Result<SecretVec<C::Fr>, Failure> {
    if let Some(path) = &args.witness {
        return Ok(WtnsFile::open(path)?.witness::<C>(&session.pool)?);
    }
    let (Some(wasm), Some(input)) = (&args.wasm, &args.input) else {
        return Err(Failure::usage("give a witness, or --wasm and --input"));
    };
    let module = std::fs::read(wasm).map_err(|e| Failure::io(wasm, &e))?;
    let input = read_input(input)?;
    Generator::compile(&module, &wasm.display().to_string())?.run::<C>(session, &input)
}

/// The input's text, which holds secrets: wiped when dropped.
fn read_input(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path.as_os_str() != "-" {
        return std::fs::read(path).map(Zeroizing::new).map_err(|e| Failure::io(path, &e));
    }
    let mut text = Zeroizing::new(Vec::new());
    std::io::stdin().read_to_end(&mut text).map_err(|e| Failure::io(Path::new("standard input"), &e))?;
    Ok(text)
}

fn report<C: Curve>(
    session: &Session,
    args: &ProveArgs,
    proven: &Proven<C>,
    key: &str,
    remembered: bool,
    cache: &str,
) -> Result<(), Failure> {
    let out = &session.output;
    let backends = session.backends()?;
    out.line(format!("key      {key}; checks {})", if remembered { "remembered" } else { "made now" }));
    out.line(format!("circuit  {cache}"));
    for (stage, time) in proven.times.iter() {
        out.line(format!("  {:<9}{:>10}", stage.name(), output::duration(time)));
    }
    for diagnosis in &proven.diagnoses {
        out.line(format!("wrong    {diagnosis}; the proof was discarded and made again"));
    }
    out.line(format!("proved and verified in {}", output::duration(proven.times.total())));
    out.line(format!("wrote    {} and {}", args.proof.display(), args.public.display()));
    out.result(&json!({
        "curve": C::ID.name(),
        "proof": args.proof, "public": args.public,
        "backend": backends.reason(), "device_faults": backends.faults().failed,
        "wrong_results": proven.diagnoses.iter().map(|d| d.to_string()).collect::<Vec<_>>(),
        "verified": true, "key_checks_remembered": remembered, "circuit": cache,
        "stages_s": times_json(&proven.times),
        "total_s": proven.times.total().as_secs_f64(),
    }));
    Ok(())
}

/// Seconds by stage.
pub(crate) fn times_json(times: &forebay_prover::StageTimes) -> serde_json::Value {
    times
        .iter()
        .map(|(stage, time)| (stage.name().to_owned(), json!(time.as_secs_f64())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
