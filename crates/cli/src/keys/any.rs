//! Proving keys of every kind: the one place that tells which a file is.

use crate::exit::{Failure, Status};
use forebay_formats::{
    AnyZkey, ArkKeyFile, BellpersonVk, Digest, FileKind, Load, NativeKeyFile, ParamsFile, Result, Validation,
    VerifyingKey, ZkeyFile, data::Data, detect, explain, native_curve,
};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use rayon::ThreadPool;
use std::path::Path;

/// A proving key, opened and not yet checked.
pub(crate) enum AnyKey {
    Bls12_381(KeyFile<Bls12_381>),
    Bn254(KeyFile<Bn254>),
    /// bellperson's, which can't be used before its circuit is known. On BLS12-381.
    Params(ParamsFile<'static>),
}

/// A proving key on a curve.
pub(crate) enum KeyFile<C: Curve> {
    Zkey(ZkeyFile<'static, C>),
    Native(NativeKeyFile<'static, C>),
    Ark(ArkKeyFile<'static, C>),
}

impl AnyKey {
    /// Opens a proving key, of whichever kind it is.
    pub(crate) fn open(path: &Path) -> Result<AnyKey, Failure> {
        Self::open_as(detect(path)?, path)
    }

    /// Opens a file as what [`detect`] found it to be.
    pub(crate) fn open_as(kind: FileKind, path: &Path) -> Result<AnyKey, Failure> {
        use AnyKey::{Bls12_381 as Bls, Bn254 as Bn};
        Ok(match kind {
            FileKind::Zkey => match AnyZkey::open(path, Load::Auto)? {
                AnyZkey::Bls12_381(file) => Bls(KeyFile::Zkey(file)),
                AnyZkey::Bn254(file) => Bn(KeyFile::Zkey(file)),
            },
            FileKind::NativeKey => match curve_of_native(path)? {
                CurveId::Bls12_381 => Bls(KeyFile::Native(NativeKeyFile::open(path, Load::Auto)?)),
                CurveId::Bn254 => Bn(KeyFile::Native(NativeKeyFile::open(path, Load::Auto)?)),
            },
            FileKind::ArkKey(CurveId::Bls12_381) => Bls(KeyFile::Ark(ArkKeyFile::open(path, Load::Auto)?)),
            FileKind::ArkKey(CurveId::Bn254) => Bn(KeyFile::Ark(ArkKeyFile::open(path, Load::Auto)?)),
            FileKind::Params => AnyKey::Params(ParamsFile::open(path, Load::Auto)?),
            FileKind::Unknown => return Err(not_known(path)),
            other => {
                let message = format!("{}: a {other}, not a proving key", path.display());
                return Err(Failure::new(Status::BadInput, message));
            }
        })
    }
}

/// Why a file is nothing that Forebay knows: what is wrong with it as the kind that it comes closest to.
pub(crate) fn not_known(path: &Path) -> Failure {
    match explain(path) {
        Ok((kind, error)) => Failure::new(
            Status::BadInput,
            format!("{error} (not a file that Forebay knows; it is closest to {kind})"),
        ),
        Err(error) => error.into(),
    }
}

fn curve_of_native(path: &Path) -> Result<CurveId> {
    let data = Data::open(path, Load::Auto)?;
    native_curve(data.name(), &data)
}

impl<C: Curve> KeyFile<C> {
    /// What it is, in words.
    pub(crate) fn kind(&self) -> FileKind {
        match self {
            KeyFile::Zkey(_) => FileKind::Zkey,
            KeyFile::Native(_) => FileKind::NativeKey,
            KeyFile::Ark(_) => FileKind::ArkKey(C::ID),
        }
    }

    pub(crate) fn vkey(&self) -> Result<VerifyingKey<C>> {
        match self {
            KeyFile::Zkey(key) => key.vkey(),
            KeyFile::Native(key) => key.vkey(),
            KeyFile::Ark(key) => key.vkey(),
        }
    }

    pub(crate) fn validate(&self, level: Validation, pool: &ThreadPool) -> Result<()> {
        match self {
            KeyFile::Zkey(key) => key.validate(level, pool),
            KeyFile::Native(key) => key.validate(level, pool),
            KeyFile::Ark(key) => key.validate(level, pool),
        }
    }

    /// The key's name: of a native key what its header says, of others the digest of all bytes.
    pub(crate) fn digest(&self, pool: &ThreadPool) -> Digest {
        let of = |bytes: &[u8]| Digest(pool.install(|| super::digest_of(bytes)));
        match self {
            KeyFile::Zkey(key) => key.digest(pool),
            KeyFile::Native(key) => key.root_digest(),
            KeyFile::Ark(key) => of(key.as_bytes()),
        }
    }
}

/// A verification key, on the curve that its file is for.
pub(crate) enum AnyVkey {
    Bls12_381(Box<VerifyingKey<Bls12_381>>),
    Bn254(Box<VerifyingKey<Bn254>>),
}

impl AnyVkey {
    /// Reads a verification key of any kind, or takes it out of a proving key.
    pub(crate) fn read(path: &Path) -> Result<AnyVkey, Failure> {
        let kind = detect(path)?;
        match kind {
            FileKind::BellpersonVk => {
                return Ok(AnyVkey::Bls12_381(Box::new(BellpersonVk::read(path)?.verifying_key().clone())));
            }
            // What is meant to be JSON is complained about as JSON.
            FileKind::VerifyingKeyJson | FileKind::ProofJson | FileKind::PublicJson => return json(path),
            FileKind::Unknown if is_json_by_name(path) => return json(path),
            _ => {}
        }
        Ok(match AnyKey::open_as(kind, path)? {
            AnyKey::Bls12_381(key) => AnyVkey::Bls12_381(Box::new(key.vkey()?)),
            AnyKey::Bn254(key) => AnyVkey::Bn254(Box::new(key.vkey()?)),
            AnyKey::Params(key) => AnyVkey::Bls12_381(Box::new(key.vkey()?)),
        })
    }
}

fn is_json_by_name(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// A verification key as snarkjs writes it, on the curve that it names.
fn json(path: &Path) -> Result<AnyVkey, Failure> {
    Ok(match super::curve_of_json_file(path)? {
        CurveId::Bls12_381 => AnyVkey::Bls12_381(Box::new(VerifyingKey::read(path)?)),
        CurveId::Bn254 => AnyVkey::Bn254(Box::new(VerifyingKey::read(path)?)),
    })
}

/// The facts of a key that `inspect` tells, whatever its kind.
pub(crate) struct Counts {
    pub(crate) variables: u64,
    pub(crate) public: u64,
    pub(crate) domain_log2: u32,
}

impl<C: Curve> KeyFile<C> {
    pub(crate) fn counts(&self) -> Counts {
        let native = |h: &forebay_formats::NativeHeader| Counts {
            variables: h.num_variables.into(),
            public: h.num_public.into(),
            domain_log2: h.domain.log_n,
        };
        match self {
            KeyFile::Zkey(key) => {
                let h = key.header();
                let (variables, public) = (h.n_vars.into(), h.n_public.into());
                Counts { variables, public, domain_log2: h.domain_log2() }
            }
            KeyFile::Native(key) => native(key.header()),
            KeyFile::Ark(key) => native(key.header()),
        }
    }
}
