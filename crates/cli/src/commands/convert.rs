//! `forebay convert`: other systems' proving keys into Forebay's own.

use crate::{
    args::ConvertArgs,
    exit::{Failure, Status},
    keys::{AnyKey, KeyFile},
    output,
    session::Session,
};
use forebay_formats::{
    BellpersonVk, Densities, FileKind, Load, NativeKeyFile, ParamsFile, R1csFile, Validation, detect,
};
use forebay_msm::{Bls12_381, Bn254, Curve};
use forebay_pce::{Circuit, cache};
use forebay_prover::{
    circuit::R1csSource,
    key::{ZkeyKey, densities, densities_of, write_native},
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// What is to be done, checked as far as it can be before the work.
struct Plan<'a> {
    session: &'a Session,
    args: &'a ConvertArgs,
    output: PathBuf,
    level: Validation,
    started: Instant,
}

/// How a verification key is written.
type WriteVkey<C> = fn(&NativeKeyFile<'static, C>, &Path) -> forebay_formats::Result<()>;

pub(crate) fn run(session: &Session, args: &ConvertArgs) -> Result<(), Failure> {
    let output = args.output.clone().unwrap_or_else(|| args.key.with_extension("fbk"));
    let level = args.validation.unwrap_or(session.config.validation).into();
    let plan = Plan { session, args, output, level, started: Instant::now() };
    let key = AnyKey::open(&args.key)?;
    plan.check_targets()?;
    match key {
        AnyKey::Bls12_381(file) => {
            // arkworks' generators are not the curve's, and bellperson's readers may look.
            let bellperson = !matches!(file, KeyFile::Ark(_));
            let write = plan.vkey_writer::<Bls12_381>(bellperson.then_some(write_vk as WriteVkey<_>))?;
            plan.convert(file, write)
        }
        AnyKey::Bn254(file) => {
            let write = plan.vkey_writer::<Bn254>(None)?;
            plan.convert(file, write)
        }
        AnyKey::Params(file) => plan.convert_params(&file),
    }
}

impl Plan<'_> {
    /// Refuses to replace files unless asked to, and the key itself in any case.
    fn check_targets(&self) -> Result<(), Failure> {
        let source = std::fs::canonicalize(&self.args.key).map_err(|e| Failure::io(&self.args.key, &e))?;
        for target in [Some(&self.output), self.args.vkey.as_ref()].into_iter().flatten() {
            if std::fs::canonicalize(target).is_ok_and(|target| target == source) {
                return Err(Failure::usage(format!("{}: is the key itself", target.display())));
            }
            if target.exists() && !self.args.force {
                return Err(Failure::usage(format!("{}: exists; --force replaces it", target.display())));
            }
        }
        Ok(())
    }

    /// How the verification key is to be written; bellperson's way is there for some keys alone.
    fn vkey_writer<C: Curve>(&self, bellperson: Option<WriteVkey<C>>) -> Result<WriteVkey<C>, Failure> {
        let asks_for_vk =
            self.args.vkey.as_ref().is_some_and(|path| path.extension().is_some_and(|e| e == "vk"));
        match (asks_for_vk, bellperson) {
            (true, Some(write)) => Ok(write),
            (true, None) => Err(Failure::usage(
                "--vkey: a .vk is bellperson's, which has keys on bls12-381 over the curve's own generators; \
                 a name with .json gets snarkjs's",
            )),
            (false, _) => Ok(|key, path| key.vkey()?.write(path)),
        }
    }

    fn convert<C: Curve>(&self, file: KeyFile<C>, write: WriteVkey<C>) -> Result<(), Failure> {
        let (session, kind) = (self.session, file.kind());
        let progress = session.output.progress("checking the key");
        match file {
            KeyFile::Native(_) => {
                return Err(Failure::usage(format!(
                    "{}: is Forebay's own key already",
                    self.args.key.display()
                )));
            }
            KeyFile::Zkey(file) => {
                file.validate(self.level, &session.pool)?;
                session.check_cancelled()?;
                progress.say("writing the points");
                let key = ZkeyKey::new(file)?;
                write_native(&self.output, &key, &session.pool)?;
                self.keep_if(key.file().check_unchanged())?;
            }
            KeyFile::Ark(file) => {
                progress.say("decoding, checking and writing the points");
                file.write_native(&self.output, self.level, &session.pool)?;
            }
        }
        progress.say("checking the digests of what was written");
        self.finish(kind, write)
    }

    fn convert_params(&self, file: &ParamsFile<'_>) -> Result<(), Failure> {
        let write = self.vkey_writer::<Bls12_381>(Some(write_vk))?;
        let Some(circuit) = &self.args.circuit else {
            return Err(Failure::usage(
                "bellperson's parameters leave points out: name the circuit with --circuit",
            ));
        };
        let progress = self.session.output.progress("reading the circuit");
        let densities = densities_from(self.session, circuit)?;
        self.session.check_cancelled()?;
        progress.say("decoding, checking and writing the points");
        file.write_native(&self.output, &densities, self.level, &self.session.pool)?;
        progress.say("checking the digests of what was written");
        self.finish(FileKind::Params, write)
    }

    /// Reads back what was written: every section against its digest. A file that fails is not left behind.
    fn finish<C: Curve>(&self, kind: FileKind, write: WriteVkey<C>) -> Result<(), Failure> {
        let session = self.session;
        let written = NativeKeyFile::<C>::open(&self.output, Load::Auto);
        let checked =
            written.and_then(|key| key.validate(Validation::Structure, &session.pool).map(|()| key));
        let key = self.keep_if(checked)?;
        self.keep_if(session.check_cancelled())?;
        if let Some(path) = &self.args.vkey {
            write(&key, path)?;
        }
        self.report::<C>(&key, kind)
    }

    fn report<C: Curve>(&self, key: &NativeKeyFile<'_, C>, kind: FileKind) -> Result<(), Failure> {
        let (out, took, header) = (&self.session.output, self.started.elapsed(), key.header());
        let bytes = key.as_bytes().len() as u64;
        out.line(format!(
            "{} ({kind}, {}) -> {} ({}) in {}",
            self.args.key.display(),
            C::ID,
            self.output.display(),
            output::bytes(bytes),
            output::duration(took)
        ));
        out.line(format!("  digest {}", key.root_digest()));
        if let Some(vkey) = &self.args.vkey {
            out.line(format!("  verification key {}", vkey.display()));
        }
        out.result(&json!({
            "key": self.args.key, "kind": kind.to_string(), "curve": C::ID.name(), "output": self.output,
            "bytes": bytes, "digest": key.root_digest().to_string(), "vkey": self.args.vkey,
            "variables": header.num_variables, "public_signals": header.num_public,
            "domain_log2": header.domain.log_n, "checked": self.level.to_string(), "seconds": took.as_secs_f64(),
        }));
        Ok(())
    }

    /// Removes the output if `result` is an error.
    fn keep_if<T, E>(&self, result: Result<T, E>) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        if result.is_err() {
            let _ = std::fs::remove_file(&self.output);
        }
        Ok(result?)
    }
}

fn write_vk(key: &NativeKeyFile<'static, Bls12_381>, path: &Path) -> forebay_formats::Result<()> {
    BellpersonVk::write(path, key.points(), key.ic())
}

/// The variables that bellperson keeps points of, from an r1cs or a compiled circuit.
fn densities_from(session: &Session, path: &Path) -> Result<Densities, Failure> {
    if detect(path)? == FileKind::R1cs {
        let file = R1csFile::open(path, Load::Auto)?;
        return Ok(densities(&R1csSource::new::<Bls12_381>(&file)?)?);
    }
    let bad = |e| Failure::new(Status::BadInput, format!("{}: as a compiled circuit: {e}", path.display()));
    let identity = cache::identify(path).map_err(bad)?;
    let circuit: Circuit<<Bls12_381 as Curve>::Fr> =
        cache::load(path, &identity.digest, &session.pool).map_err(bad)?;
    Ok(densities_of(&circuit))
}
