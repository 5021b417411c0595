//! Peak memory of one proof, each prover in a process of its own that reads its key from a file: ours maps a zkey and
//! compiles its circuit, as the `forebay` command does; ark-groth16 deserializes its own format and holds the matrices;
//! snarkjs reads the same zkey. The peak is the kernel's (VmHWM; for node ru_maxrss), so mapped pages of the key count.

use crate::{
    circuits::Subject,
    measure::{Sample, children, sample},
    options::{ChildArgs, ChildProver, Cli, Peer, ProveArgs, Setting},
    peers::snarkjs,
    prove::{Case, write_files},
    report::{self, Row},
};
use anyhow::Context;
use clap::ValueEnum;
use forebay_formats::{Load, Proof, WtnsFile, ZkeyFile};
use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend, CurveId, ScalarField};
use forebay_prover::{
    Blinding, Cancel, Prover, ProvingKey, circuit::compile_zkey, key::ZkeyKey, setup::Convention,
};
use forebay_reference::ark::{ArkCurve, ArkKey, scalar};
use forebay_testkit::TempDir;
use serde_json::{Value, json};
use std::{env, fs, path::Path, process::Command, sync::Arc};

/// The key and matrices as arkworks stores them.
const ARK_KEY: &str = "key.ark";
/// r and s.
const BLINDING: &str = "blinding";

/// Prints a row per peer for everything that `args` asks for.
pub(crate) fn compare(setting: &Setting, args: &ProveArgs) -> anyhow::Result<()> {
    for curve in args.curves() {
        match curve {
            CurveId::Bls12_381 => {
                let subjects = Subject::<Bls12_381>::all(setting, &args.circuit, &args.log_n);
                subjects.into_iter().try_for_each(|subject| compare_on(setting, subject?))?;
            }
            CurveId::Bn254 => {
                let subjects = Subject::<Bn254>::all(setting, &args.circuit, &args.log_n);
                subjects.into_iter().try_for_each(|subject| compare_on(setting, subject?))?;
            }
        }
    }
    Ok(())
}

fn compare_on<C: ArkCurve>(setting: &Setting, subject: Subject<C>) -> anyhow::Result<()>
where
    CpuBackend: Backend<C>,
{
    let files = TempDir::new()?;
    {
        let case = Case::new(setting, &subject, Convention::SNARKJS)?;
        write_files(&case, files.path())?;
        let ark = subject.with_source(|source| Ok(ArkKey::<C>::new(&*case.key, source)))?;
        ark.save(&files.path().join(ARK_KEY))?;
        let blinding = [case.r, case.s].map(|v| v.to_canonical_le_bytes());
        fs::write(files.path().join(BLINDING), blinding.concat())?;
    }
    let heading = report::Subject::new(setting, &format!("memory {}", subject.name), C::ID, subject.log_n);
    let run = |prover| run(setting, C::ID, prover, files.path());
    let ours = run(ChildProver::Forebay)?;
    for (peer, name, prover) in
        [(Peer::Ark, "ark-groth16", ChildProver::Ark), (Peer::Snarkjs, "snarkjs", ChildProver::Snarkjs)]
    {
        if !setting.wants(peer) {
            continue;
        }
        let theirs = run(prover)?;
        // snarkjs's proof, with blinding of its own, was verified by its process.
        let equal =
            theirs.proof == ours.proof || (prover == ChildProver::Snarkjs && theirs.proof == "verified");
        let peaks = Some([ours.peak, theirs.peak]);
        heading.print(setting, &Row { peer: name, ours: ours.time, theirs: theirs.time, equal, peaks });
        anyhow::ensure!(equal, "the proofs differ");
    }
    Ok(())
}

/// What a child reports: its proof, peak, and the time of the proof itself.
struct Report {
    proof: String,
    peak: u64,
    time: Sample,
}

fn run(setting: &Setting, curve: CurveId, prover: ChildProver, files: &Path) -> anyhow::Result<Report> {
    let prover = prover.to_possible_value().context("a prover's name")?;
    let threads = setting.threads.to_string();
    let kernels = setting.kernels_argument();
    let output = Command::new(env::current_exe()?)
        .args(["--threads", &threads, "--kernels", kernels, "memory-child", prover.get_name(), curve.name()])
        .arg(files)
        .output()?;
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    anyhow::ensure!(output.status.success(), "{}: {errors}", prover.get_name());
    let value: Value = serde_json::from_str(&text)?;
    let number = |name: &str| value[name].as_f64().with_context(|| format!("no {name} in {text}"));
    Ok(Report {
        proof: value["proof"].as_str().context("no proof")?.to_owned(),
        peak: number("peak")? as u64,
        time: Sample { cpu: number("cpu")?, wall: number("wall")?, busy: 0.0 },
    })
}

/// One prover, alone in this process.
pub(crate) fn child(cli: &Cli, args: &ChildArgs) -> anyhow::Result<()> {
    let threads = cli.threads().first().copied().unwrap_or(1);
    let setting = Setting::new(cli, threads)?;
    match args.curve.id() {
        CurveId::Bls12_381 => child_on::<Bls12_381>(&setting, args),
        CurveId::Bn254 => child_on::<Bn254>(&setting, args),
    }
}

fn child_on<C: ArkCurve>(setting: &Setting, args: &ChildArgs) -> anyhow::Result<()>
where
    CpuBackend: Backend<C>,
{
    let (proof, time, peak) = match args.prover {
        ChildProver::Forebay => {
            let (proof, time) = ours::<C>(setting, &args.files)?;
            (proof.to_json(), time, own_peak()?)
        }
        ChildProver::Ark => {
            let (proof, time) = ark::<C>(setting, &args.files)?;
            (proof.to_json(), time, own_peak()?)
        }
        ChildProver::Snarkjs => {
            let key = ZkeyFile::<C>::open(&args.files.join(snarkjs::ZKEY), Load::Auto)?;
            let z = WtnsFile::open(&args.files.join(snarkjs::WTNS))?.witness::<C>(&setting.pool)?;
            let public = &z[1..=key.header().n_public as usize];
            let (good, time) = sample(|| snarkjs::accepted_proof::<C>(&args.files, &key.vkey()?, public));
            anyhow::ensure!(good?, "snarkjs's proof does not verify");
            ("verified".to_owned(), time, children().1)
        }
    };
    println!("{}", json!({ "proof": proof, "peak": peak, "cpu": time.cpu, "wall": time.wall }));
    Ok(())
}

fn blinding<C: ArkCurve>(files: &Path) -> anyhow::Result<[C::Fr; 2]> {
    let bytes = fs::read(files.join(BLINDING))?;
    let value =
        |i: usize| -> Option<C::Fr> { C::Fr::from_canonical_le_bytes(bytes.as_chunks::<32>().0.get(i)?) };
    Ok([value(0).context("no r")?, value(1).context("no s")?])
}

fn ours<C: ArkCurve>(setting: &Setting, files: &Path) -> anyhow::Result<(Proof<C>, Sample)>
where
    CpuBackend: Backend<C>,
{
    let file = ZkeyFile::<C>::open(&files.join(snarkjs::ZKEY), Load::Auto)?;
    let circuit = Arc::new(compile_zkey(&file)?);
    let key = Arc::new(ZkeyKey::new(file)?) as Arc<dyn ProvingKey<C>>;
    let prover = Prover::new(Arc::new(setting.backend()?), key, circuit, Arc::clone(&setting.pool))?;
    let z = WtnsFile::open(&files.join(snarkjs::WTNS))?.witness::<C>(&setting.pool)?;
    let [r, s] = blinding::<C>(files)?;
    let (proven, time) = sample(|| prover.prove_with(&z, &Blinding::new(r, s), &Cancel::default(), &|_| ()));
    Ok((proven?.proof, time))
}

fn ark<C: ArkCurve>(setting: &Setting, files: &Path) -> anyhow::Result<(Proof<C>, Sample)> {
    let key = ArkKey::<C>::load(&files.join(ARK_KEY))?;
    let z: Vec<_> = {
        let z = WtnsFile::open(&files.join(snarkjs::WTNS))?.witness::<C>(&setting.pool)?;
        z.iter().map(scalar::<C>).collect()
    };
    let [r, s] = blinding::<C>(files)?.map(|v| scalar::<C>(&v));
    let (proof, time) = sample(|| setting.pool.install(|| key.prove_there(&z, r, s)));
    Ok((ArkKey::<C>::proof_back(&proof), time))
}

/// This process's peak resident size in bytes (Linux).
fn own_peak() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}
