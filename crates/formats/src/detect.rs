//! What a file is, told from its first bytes.

use crate::{
    data::{open_regular, read_small},
    error::{FormatError, Result},
    json::MAX_JSON_BYTES,
};
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
    if bytes.len() as u64 > MAX_JSON_BYTES {
        return FileKind::Unknown;
    }
    match bytes.trim_ascii_start().first() {
        Some(b'{') => match serde_json::from_slice(bytes) {
            Ok(Fields { ic: Some(_), .. }) => FileKind::VerifyingKeyJson,
            Ok(Fields { pi_a: Some(_), .. }) => FileKind::ProofJson,
            _ => FileKind::Unknown,
        },
        Some(b'[') if serde_json::from_slice::<Vec<String>>(bytes).is_ok() => FileKind::PublicJson,
        _ => FileKind::Unknown,
    }
}

/// Tells the kind of a file from its contents. A binary file is recognised by four bytes and not read further.
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
    match detect_bytes(head) {
        FileKind::Unknown if metadata.len() <= MAX_JSON_BYTES => {
            Ok(detect_bytes(&read_small(path, MAX_JSON_BYTES)?))
        }
        kind => Ok(kind),
    }
}
