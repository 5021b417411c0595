//! Opening keys and circuits: validated once, compiled once, remembered by digest.

mod any;

pub(crate) use any::{AnyKey, AnyVkey, Counts, KeyFile, not_known};

use crate::{
    exit::{Failure, Status},
    session::Session,
};
use forebay_formats::{
    ArkKeyFile, Digest, Load, NativeKeyFile, Outcome, R1csFile, ValidatedStore, Validation, curve_of_json,
};
use forebay_msm::{Curve, CurveId};
use forebay_pce::{
    Circuit,
    cache::{self, CacheOutcome},
};
use forebay_prover::{
    ProvingKey,
    circuit::{self, R1csSource},
    key::{NativeKey, ZkeyKey},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// A key to prove with.
pub(crate) enum Key<C: Curve> {
    /// snarkjs's, with the matrices A and B.
    Zkey(Arc<ZkeyKey<C>>),
    /// Forebay's own, without matrices.
    Native(Arc<NativeKey<C>>),
}

impl<C: Curve> Key<C> {
    pub(crate) fn proving(&self) -> Arc<dyn ProvingKey<C>> {
        match self {
            Key::Zkey(key) => Arc::clone(key) as Arc<dyn ProvingKey<C>>,
            Key::Native(key) => Arc::clone(key) as Arc<dyn ProvingKey<C>>,
        }
    }

    /// Fails if the key's file changed since it was opened: proofs made meanwhile are not to be trusted.
    pub(crate) fn check_unchanged(&self) -> Result<(), Failure> {
        match self {
            Key::Zkey(key) => key.file().check_unchanged()?,
            Key::Native(key) => key.file().check_unchanged()?,
        }
        Ok(())
    }
}

/// A key that passed its checks, and its file's digest.
pub(crate) struct OpenKey<C: Curve> {
    pub(crate) key: Key<C>,
    pub(crate) digest: Digest,
    pub(crate) checks: Outcome,
}

/// Checks a key to `level` unless a record says that this file passed before. A cache folder that can't be used costs
/// time, not the proof. An arkworks key is converted, once where there is a cache.
pub(crate) fn validate<C: Curve>(
    session: &Session,
    file: KeyFile<C>,
    level: Validation,
) -> Result<OpenKey<C>, Failure> {
    let digest = file.digest(&session.pool);
    let store = store(session);
    let file = match file {
        KeyFile::Zkey(file) => {
            let checks = match &store {
                Some(store) => file.validate_once(level, &session.pool, store)?,
                None => file.validate(level, &session.pool).map(|()| Outcome::Checked)?,
            };
            return Ok(OpenKey { key: Key::Zkey(Arc::new(ZkeyKey::new(file)?)), digest, checks });
        }
        KeyFile::Native(file) => file,
        KeyFile::Ark(file) => converted(session, &file, digest, level)?,
    };
    let checks = match &store {
        Some(store) => file.validate_once(level, &session.pool, store)?,
        None => file.validate(level, &session.pool).map(|()| Outcome::Checked)?,
    };
    Ok(OpenKey { key: Key::Native(Arc::new(NativeKey::new(file)?)), digest, checks })
}

/// The native key of an arkworks key, from the cache if it is there. Its points pass `level` on the way, so that the error of one
/// that does not names the key that was given.
fn converted<C: Curve>(
    session: &Session,
    file: &ArkKeyFile<'_, C>,
    digest: Digest,
    level: Validation,
) -> Result<NativeKeyFile<'static, C>, Failure> {
    // Opened, a file stays although its folder goes.
    let temporary = tempfile::tempdir().map_err(|e| Failure::io(&std::env::temp_dir(), &e))?;
    let cached = keys_folder(session).filter(|_| store(session).is_some());
    let path = cached.as_deref().unwrap_or(temporary.path()).join(format!("{digest}.fbk"));
    if let Ok(native) = NativeKeyFile::open(&path, Load::Auto) {
        return Ok(native);
    }
    tracing::info!("converting {} to {}", file.name(), path.display());
    file.write_native(&path, level, &session.pool)?;
    Ok(NativeKeyFile::open(&path, Load::Auto)?)
}

fn keys_folder(session: &Session) -> Option<PathBuf> {
    Some(session.config.cache_dir.as_ref()?.join("keys"))
}

fn store(session: &Session) -> Option<ValidatedStore> {
    let folder = keys_folder(session)?;
    ValidatedStore::open(&folder).inspect_err(|e| tracing::warn!("keys are checked anew each time: {e}")).ok()
}

/// The compiled circuit of a key, from the cache if it is there. With an r1cs it also holds C, and the key's own A and B
/// are compared with the r1cs's, where the key has them.
pub(crate) fn compiled<C: Curve>(
    session: &Session,
    key: &OpenKey<C>,
    r1cs: Option<&Path>,
) -> Result<(Circuit<C::Fr>, &'static str), Failure> {
    let zkey = match &key.key {
        Key::Zkey(key) => Some(key.file()),
        Key::Native(_) => None,
    };
    let Some(path) = r1cs else {
        let Some(zkey) = zkey else {
            return Err(Failure::usage("the key holds no matrices: name the circuit with --r1cs"));
        };
        return cached(session, key.digest.0, || circuit::compile_zkey(zkey));
    };
    let file = R1csFile::open(path, Load::Auto)?;
    file.expect_curve(C::ID)?;
    let r1cs_digest = session.pool.install(|| digest_of(file.as_bytes()));
    let digest = *blake3::Hasher::new().update(&key.digest.0).update(&r1cs_digest).finalize().as_bytes();
    cached(session, digest, || {
        let source = R1csSource::new::<C>(&file)?;
        let compiled = circuit::compile_source(&source)?;
        if let Some(zkey) = zkey {
            circuit::check_key_matrices(zkey, &compiled, &session.pool)?;
        }
        Ok::<_, Failure>(compiled)
    })
}

fn cached<F, E>(
    session: &Session,
    digest: [u8; 32],
    build: impl FnOnce() -> Result<Circuit<F>, E>,
) -> Result<(Circuit<F>, &'static str), Failure>
where
    F: forebay_msm::ScalarField,
    Failure: From<E>,
{
    let Some(path) = circuit_path(session, digest) else { return Ok((build()?, "compiled, not kept")) };
    let (circuit, outcome) = cache::load_or_build(&path, &digest, &session.pool, build)?;
    Ok((circuit, describe_outcome(&outcome)))
}

/// Says what the cache did, and logs why if it was not a plain hit.
fn describe_outcome(outcome: &CacheOutcome) -> &'static str {
    match outcome {
        CacheOutcome::Hit => "from the cache",
        CacheOutcome::Miss { reason, not_saved: None } => {
            tracing::info!("compiled circuit: {reason}");
            "compiled, kept for the next time"
        }
        CacheOutcome::Miss { reason, not_saved: Some(error) } => {
            tracing::warn!("compiled circuit: {reason}; it can't be kept: {error}");
            "compiled, not kept"
        }
    }
}

fn circuit_path(session: &Session, digest: [u8; 32]) -> Option<PathBuf> {
    let folder = session.config.cache_dir.as_ref()?.join("circuits");
    if let Err(e) = std::fs::create_dir_all(&folder) {
        tracing::warn!("{}: {e}", folder.display());
        return None;
    }
    Some(folder.join(format!("{}.pce", Digest(digest))))
}

/// The digest of a file's bytes, on the current pool.
pub(crate) fn digest_of(bytes: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new().update_rayon(bytes).finalize().as_bytes()
}

/// bellperson's parameters leave out points, and only the circuit tells which.
pub(crate) fn must_be_converted(path: &Path) -> Failure {
    let name = path.display();
    let message = format!(
        "{name}: bellperson's parameters: `forebay convert {name} --circuit FILE` makes a key of them"
    );
    Failure::new(Status::BadInput, message)
}

/// The curve that a JSON file names.
pub(crate) fn curve_of_json_file(path: &Path) -> Result<CurveId, Failure> {
    let bytes = std::fs::read(path).map_err(|e| Failure::io(path, &e))?;
    let name = path.display().to_string();
    curve_of_json(&name, &bytes)?
        .ok_or_else(|| Failure::new(Status::BadInput, format!("{name}: names no curve that Forebay knows")))
}

/// What a key is for, in one line.
pub(crate) fn describe<C: Curve>(key: &dyn ProvingKey<C>) -> String {
    let shape = key.shape();
    format!(
        "{}, {} variables, {} public, domain 2^{}",
        C::ID,
        shape.num_variables,
        shape.num_public,
        shape.domain.log_n
    )
}
