//! What a file is, told from its contents: by its first bytes, or where a format has no magic, by its layout.
//!
//! bellperson's and arkworks' keys begin with points, which may be any bytes. What tells them is that their counts, which stand
//! where each format has them, fill the file to the byte, and that the points before have coordinates below the modulus. A file of
//! another kind has that by chance with a probability of some 2⁻⁶⁴ at most. Looking costs a few points and counts.

use crate::{
    ark::ArkKeyFile,
    bellperson::{ParamsFile, check_vk_layout},
    data::{Data, Load, open_regular, read_small},
    error::{FormatError, FormatErrorKind, Result},
    json::MAX_JSON_BYTES,
};
use forebay_msm::{Bls12_381, Bn254, CurveId};
use serde::Deserialize;
use std::{fmt, io::Read, path::Path};

/// A kind of file. Being of a kind says nothing about being well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A constraint system.
    R1cs,
    /// A witness.
    Wtns,
    /// A proving key.
    Zkey,
    /// Forebay's own proving key.
    NativeKey,
    /// A proving key of bellperson's.
    Params,
    /// A verification key of bellperson's.
    BellpersonVk,
    /// A proving key of arkworks', uncompressed, on this curve.
    ArkKey(CurveId),
    /// The powers of tau of a ceremony.
    Ptau,
    /// A verification key in JSON.
    VerifyingKeyJson,
    /// A proof in JSON.
    ProofJson,
    /// Public signals in JSON.
    PublicJson,
    /// A WebAssembly module, such as circom's witness generator.
    Wasm,
    /// Anything else.
    Unknown,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::R1cs => "r1cs constraint system",
            FileKind::Wtns => "wtns witness",
            FileKind::Zkey => "zkey proving key",
            FileKind::NativeKey => "native proving key (fbk)",
            FileKind::Params => "bellperson parameters",
            FileKind::BellpersonVk => "bellperson verification key",
            FileKind::ArkKey(CurveId::Bls12_381) => "arkworks proving key on bls12-381",
            FileKind::ArkKey(CurveId::Bn254) => "arkworks proving key on bn254",
            FileKind::Ptau => "ptau powers of tau",
            FileKind::VerifyingKeyJson => "verification key (JSON)",
            FileKind::ProofJson => "proof (JSON)",
            FileKind::PublicJson => "public signals (JSON)",
            FileKind::Wasm => "WebAssembly module",
            FileKind::Unknown => "unknown",
        })
    }
}

/// Which of the fields that tell the JSON files apart are there; all others are skipped.
#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "IC")]
    ic: Option<serde::de::IgnoredAny>,
    pi_a: Option<serde::de::IgnoredAny>,
}

/// Tells the kind of a file from its contents.
pub fn detect_bytes(bytes: &[u8]) -> FileKind {
    match bytes.first_chunk() {
        Some(b"r1cs") => return FileKind::R1cs,
        Some(b"wtns") => return FileKind::Wtns,
        Some(b"zkey") => return FileKind::Zkey,
        Some(b"fbpk") => return FileKind::NativeKey,
        Some(b"ptau") => return FileKind::Ptau,
        Some(b"\0asm") => return FileKind::Wasm,
        _ => {}
    }
    let by_layout = || {
        let fits = |kind: &FileKind| read_as(*kind, "", bytes).is_ok();
        BY_LAYOUT.into_iter().find(fits).unwrap_or(FileKind::Unknown)
    };
    if bytes.len() as u64 > MAX_JSON_BYTES {
        return by_layout();
    }
    match bytes.trim_ascii_start().first() {
        Some(b'{') => match serde_json::from_slice(bytes) {
            Ok(Fields { ic: Some(_), .. }) => FileKind::VerifyingKeyJson,
            Ok(Fields { pi_a: Some(_), .. }) => FileKind::ProofJson,
            // A coordinate may begin like JSON.
            _ => by_layout(),
        },
        Some(b'[') if serde_json::from_slice::<Vec<String>>(bytes).is_ok() => FileKind::PublicJson,
        _ => by_layout(),
    }
}

/// The kinds without magic.
const BY_LAYOUT: [FileKind; 4] = [
    FileKind::Params,
    FileKind::BellpersonVk,
    FileKind::ArkKey(CurveId::Bls12_381),
    FileKind::ArkKey(CurveId::Bn254),
];

/// Reads the layout of a kind without magic.
fn read_as(kind: FileKind, name: &str, bytes: &[u8]) -> Result<()> {
    match kind {
        FileKind::Params => ParamsFile::from_slice(name, bytes).map(drop),
        FileKind::BellpersonVk => check_vk_layout(name, bytes),
        FileKind::ArkKey(CurveId::Bls12_381) => ArkKeyFile::<Bls12_381>::from_slice(name, bytes).map(drop),
        FileKind::ArkKey(CurveId::Bn254) => ArkKeyFile::<Bn254>::from_slice(name, bytes).map(drop),
        _ => Ok(()),
    }
}

/// For a file that [`detect`] does not know: which kind without magic it comes closest to, and what is wrong with it then. The
/// reading that gets furthest into the file counts.
///
/// # Errors
/// As [`detect`].
pub fn explain(path: &Path) -> Result<(FileKind, FormatError)> {
    let data = Data::open(path, Load::Auto)?;
    let failures = BY_LAYOUT.into_iter().filter_map(|k| Some((k, read_as(k, data.name(), &data).err()?)));
    let (kind, error) = failures.max_by_key(|(_, error)| error.offset()).unzip();
    let unknown =
        || FormatError::new(data.name(), FormatErrorKind::Unsupported("not a file that Forebay knows"));
    Ok((kind.unwrap_or(FileKind::Unknown), error.unwrap_or_else(unknown)))
}

/// Tells the kind of a file from its contents. A file with a magic is recognised by four bytes and not read further.
///
/// # Errors
/// As for opening any file here: [`NotAFile`](crate::FormatErrorKind::NotAFile), [`Empty`](crate::FormatErrorKind::Empty),
/// and what the operating system says.
pub fn detect(path: &Path) -> Result<FileKind> {
    let (mut file, metadata) = open_regular(path)?;
    let mut head = [0; 4];
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..)
        && let n = file.read(rest).map_err(|e| FormatError::io(path, e))?
        && n > 0
    {
        filled += n;
    }
    let head = head.get(..filled).unwrap_or_default();
    let may_be_json = head.trim_ascii_start().first().is_none_or(|b| matches!(b, b'{' | b'['));
    match detect_bytes(head) {
        FileKind::Unknown if may_be_json && metadata.len() <= MAX_JSON_BYTES => {
            Ok(detect_bytes(&read_small(path, MAX_JSON_BYTES)?))
        }
        FileKind::Unknown => Ok(detect_bytes(&Data::open(path, Load::Auto)?)),
        kind => Ok(kind),
    }
}
