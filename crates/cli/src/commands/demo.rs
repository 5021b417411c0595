//! `forebay demo`: a real circuit, proved and verified on both curves with nothing else at hand.

use crate::{
    args::DemoArgs, assets::Demo, commands::prove::times_json, exit::Failure, output, session::Session,
    witness::Generator,
};
use forebay_formats::{
    Load, R1csFile, ZkeyFile,
    atomic::{self, Access},
};
use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend, Curve, CurveId};
use forebay_msm_cuda::CudaBackend;
use forebay_prover::{
    Blinding, Prover, ProvingKey, Stage,
    circuit::{R1csSource, compile_source},
    key::ZkeyKey,
    setup::{Convention, development_key, write_zkey},
};
use rand_core::OsRng;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) fn run(session: &Session, args: &DemoArgs) -> Result<(), Failure> {
    let curves = args.curve.map_or_else(|| CurveId::ALL.to_vec(), |c| vec![c.into()]);
    let out = &session.output;
    out.line("Anonymous membership: I know a secret whose Poseidon commitment is a leaf of this Merkle tree of depth 20,");
    out.line("and here is my nullifier. (circuits/membership.circom)");
    let mut results = Vec::new();
    for curve in curves {
        let folder = args.output.join(curve.name());
        results.push(match curve {
            CurveId::Bls12_381 => on_curve::<Bls12_381>(session, &folder)?,
            CurveId::Bn254 => on_curve::<Bn254>(session, &folder)?,
        });
    }
    suggest(session, &args.output, &results);
    out.result(&json!({ "folder": args.output, "curves": results }));
    Ok(())
}

/// The demo's files in one folder.
struct Files {
    folder: PathBuf,
}

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        Ok(atomic::write(&self.path(name), Access::Public, bytes)?)
    }
}

fn on_curve<C: Curve>(session: &Session, folder: &Path) -> Result<Value, Failure>
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    std::fs::create_dir_all(folder).map_err(|e| Failure::io(folder, &e))?;
    let files = Files { folder: folder.to_owned() };
    let demo = Demo::on(C::ID);
    let wasm = demo.wasm()?;
    let (prover, setup_time) = prepare::<C>(session, demo, &files)?;
    files.write("membership.wasm", &wasm)?;
    let generator = Generator::compile(&wasm, "membership.wasm")?;

    let mut proofs = Vec::new();
    for (name, input) in demo.inputs {
        session.check_cancelled()?;
        let progress = session.output.progress("computing the witness");
        let start = Instant::now();
        let witness = generator.run::<C>(session, input.as_bytes())?;
        let witness_time = start.elapsed();
        let on_stage = |stage: Stage| progress.say(stage.name());
        let blinding = Blinding::random(&mut OsRng);
        let proven = prover.prove_with(&witness, &blinding, &session.cancel, &on_stage)?;
        drop(progress);
        files.write(&format!("{name}.input.json"), input.as_bytes())?;
        proven.proof.write(&files.path(&format!("{name}.proof.json")))?;
        proven.public.write(&files.path(&format!("{name}.public.json")))?;
        line(session, name, witness_time, &proven.times);
        proofs.push(json!({
            "name": name, "verified": true, "witness_s": witness_time.as_secs_f64(),
            "prove_s": proven.times.total().as_secs_f64(), "stages_s": times_json(&proven.times),
        }));
    }
    Ok(
        json!({ "curve": C::ID.name(), "folder": folder, "setup_s": setup_time.as_secs_f64(), "proofs": proofs }),
    )
}

/// Makes a development key, writes it, and proves from the written file as `forebay prove` does.
fn prepare<C: Curve>(session: &Session, demo: &Demo, files: &Files) -> Result<(Prover<C>, Duration), Failure>
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    let progress = session.output.progress("making a development key");
    let start = Instant::now();
    let bytes = demo.r1cs()?;
    files.write("membership.r1cs", &bytes)?;
    let file = R1csFile::from_slice("membership.r1cs", &bytes)?;
    let source = R1csSource::new::<C>(&file)?;
    let made = development_key::<C>(&source, Convention::SNARKJS, OsRng, &session.pool, &session.cancel)?;
    session.check_cancelled()?;
    let path = files.path("membership.INSECURE-DEV.zkey");
    write_zkey(&path, &made, &source)?;
    made.vkey.write(&files.path("verification_key.json"))?;
    let circuit = Arc::new(compile_source(&source)?);
    let key = Arc::new(ZkeyKey::new(ZkeyFile::<C>::open(&path, Load::Auto)?)?);
    drop(progress);

    let time = start.elapsed();
    let (constraints, log_n) = (file.header().n_constraints, made.shape.domain.log_n);
    let made_in = output::duration(time);
    session.output.line("");
    session.output.line(format!(
        "{}: {constraints} constraints, domain 2^{log_n}; development key made in {made_in}",
        C::ID
    ));
    let key = key as Arc<dyn ProvingKey<C>>;
    let backends = session.backends()?;
    let prover = Prover::new(backends.of::<C>(), key, circuit, Arc::clone(&session.pool))?;
    Ok((prover.with_reference(backends.reference()), time))
}

/// One proof in one line: where the time went.
fn line(session: &Session, name: &str, witness: Duration, times: &forebay_prover::StageTimes) {
    let of = |wanted: &[Stage]| -> Duration {
        times.iter().filter(|(stage, _)| wanted.contains(stage)).map(|(_, time)| time).sum()
    };
    let columns = [
        ("witness", witness),
        ("evaluate", of(&[Stage::Evaluate, Stage::Check])),
        ("quotient", of(&[Stage::Quotient])),
        ("MSM G1", of(&[Stage::MsmH, Stage::MsmL, Stage::MsmA, Stage::MsmB1])),
        ("MSM G2", of(&[Stage::MsmB2])),
        ("verify", of(&[Stage::Verify])),
    ];
    let columns: Vec<String> =
        columns.iter().map(|(what, t)| format!("{what} {}", output::duration(*t))).collect();
    let total = output::duration(times.total());
    session.output.line(format!("  {name}  proved and verified in {total}   ({})", columns.join(", ")));
}

fn suggest(session: &Session, folder: &Path, results: &[Value]) {
    let Some(curve) = results.last().and_then(|r| r["curve"].as_str()) else { return };
    let at = folder.join(curve);
    let at = at.display();
    let out = &session.output;
    out.line("");
    out.line(format!(
        "Every proof verified. The files are in {}. The keys are for DEVELOPMENT only. Try next:",
        folder.display()
    ));
    out.line(format!(
        "  forebay verify {at}/verification_key.json {at}/member-1.public.json {at}/member-1.proof.json"
    ));
    out.line(format!("  npx snarkjs groth16 verify {at}/verification_key.json {at}/member-1.public.json {at}/member-1.proof.json"));
    out.line(format!("  forebay prove {at}/membership.INSECURE-DEV.zkey --wasm {at}/membership.wasm --input {at}/member-2.input.json"));
    out.line("  forebay setup your.r1cs && forebay prove your.INSECURE-DEV.zkey your.wtns --r1cs your.r1cs");
}
