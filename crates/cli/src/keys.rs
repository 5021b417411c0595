//! Opening keys and circuits: validated once, compiled once, remembered by digest.

use crate::{exit::Failure, session::Session};
use forebay_formats::{Digest, Load, Outcome, R1csFile, ValidatedStore, Validation, ZkeyFile};
use forebay_msm::Curve;
use forebay_pce::{
    Circuit,
    cache::{self, CacheOutcome},
};
use forebay_prover::{
    ProvingKey,
    circuit::{self, R1csSource},
    key::ZkeyKey,
};
use std::path::{Path, PathBuf};

/// A key that passed its checks, and its file's digest.
pub(crate) struct OpenKey<C: Curve> {
    pub(crate) key: ZkeyKey<C>,
    pub(crate) digest: Digest,
    pub(crate) checks: Outcome,
}

/// Checks a key to `level` unless a record says that this file passed before. A cache folder that can't be used costs
/// time, not the proof.
pub(crate) fn validate<C: Curve>(
    session: &Session,
    file: ZkeyFile<'static, C>,
    level: Validation,
) -> Result<OpenKey<C>, Failure> {
    let digest = file.digest(&session.pool);
    let checks = match store(session) {
        Some(store) => file.validate_once(level, &session.pool, &store)?,
        None => {
            file.validate(level, &session.pool)?;
            Outcome::Checked
        }
    };
    Ok(OpenKey { key: ZkeyKey::new(file)?, digest, checks })
}

fn store(session: &Session) -> Option<ValidatedStore> {
    let folder = session.config.cache_dir.as_ref()?.join("keys");
    ValidatedStore::open(&folder).inspect_err(|e| tracing::warn!("keys are checked anew each time: {e}")).ok()
}

/// The compiled circuit of a key, from the cache if it is there. With an r1cs it also holds C, and the key's own A and B
/// are compared with the r1cs's.
pub(crate) fn compiled<C: Curve>(
    session: &Session,
    key: &OpenKey<C>,
    r1cs: Option<&Path>,
) -> Result<(Circuit<C::Fr>, &'static str), Failure> {
    let Some(path) = r1cs else {
        let build = || circuit::compile_zkey(key.key.file());
        return cached(session, key.digest.0, build);
    };
    let file = R1csFile::open(path, Load::Auto)?;
    file.expect_curve(C::ID)?;
    let r1cs_digest = session.pool.install(|| digest_of(file.as_bytes()));
    let digest = *blake3::Hasher::new().update(&key.digest.0).update(&r1cs_digest).finalize().as_bytes();
    cached(session, digest, || {
        let source = R1csSource::new::<C>(&file)?;
        let compiled = circuit::compile_source(&source)?;
        circuit::check_key_matrices(key.key.file(), &compiled, &session.pool)?;
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

/// What a key is for, in one line.
pub(crate) fn describe<C: Curve>(key: &ZkeyKey<C>) -> String {
    let shape = key.shape();
    format!(
        "{}, {} variables, {} public, domain 2^{}",
        C::ID,
        shape.num_variables,
        shape.num_public,
        shape.domain.log_n
    )
}
