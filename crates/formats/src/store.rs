//! Remembers which keys were validated, by the digest of their files, so that a second load need not check again.
//!
//! A record says that a file with this BLAKE3 digest passed this level under this version of the checks. BLAKE3 resists
//! collisions, so a record cannot stand for another file than the one checked. Records are believed because of where
//! they lie: the directory has mode 0700, and one that others may write to is refused. A record that is damaged, of
//! another version or of a lower level is a miss.
//!
//! A native key has a digest in its header, and is recorded under the hash of that and of what the file system says of the
//! file ([`crate::NativeKeyFile::validate_once`]), so that it need not be read again.

use crate::{
    atomic::{self, Access},
    data::read_small,
    error::{FormatError, FormatErrorKind, Result},
    validate::Validation,
    zkey::ZkeyFile,
};
use forebay_msm::Curve;
use rayon::ThreadPool;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// The BLAKE3 digest of a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Whether a validation was remembered or done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The digest was found with at least the level asked for.
    Remembered,
    /// The key was checked, and is remembered from now on.
    Checked,
}

/// A directory of records of validated keys.
#[derive(Clone, Debug)]
pub struct ValidatedStore {
    directory: PathBuf,
}

/// First line of a record. The number goes up when a check is added, so that older records are misses.
const RECORD: &str = "forebay validated key, checks 1";

impl ValidatedStore {
    /// Uses a directory, and creates it with mode 0700 if it does not exist.
    ///
    /// # Errors
    /// [`FormatErrorKind::NotAFile`] if the path is something else; [`FormatErrorKind::Unsupported`] if others may write
    /// to the directory; what the operating system says.
    pub fn open(directory: &Path) -> Result<Self> {
        let fail = |e| FormatError::io(directory, e);
        let refuse = |kind| Err(FormatError::new(directory.display().to_string(), kind));
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory).map_err(fail)?;
        let metadata = std::fs::metadata(directory).map_err(fail)?;
        if !metadata.is_dir() {
            return refuse(FormatErrorKind::NotAFile("a directory is needed here"));
        }
        #[cfg(unix)]
        if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o022 != 0 {
            return refuse(FormatErrorKind::Unsupported(
                "others may write to this directory of validated keys",
            ));
        }
        Ok(ValidatedStore { directory: directory.to_path_buf() })
    }

    /// The level that the file with this digest has passed, if it is known.
    pub fn lookup(&self, digest: &Digest) -> Option<Validation> {
        let text = read_small(&self.path(digest), 1024).ok()?;
        Validation::ALL.into_iter().find(|level| record(digest, *level).as_bytes() == text)
    }

    /// Records that the file with this digest has passed a level.
    ///
    /// # Errors
    /// As [`atomic::write`].
    pub fn remember(&self, digest: &Digest, level: Validation) -> Result<()> {
        atomic::write(&self.path(digest), Access::Private, record(digest, level).as_bytes())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(format!("{digest}.validated"))
    }
}

fn level_name(level: Validation) -> &'static str {
    match level {
        Validation::Structure => "structure",
        Validation::Canonical => "canonical",
        Validation::OnCurve => "on-curve",
        Validation::Subgroup => "subgroup",
    }
}

/// The whole text of a record. A record is valid if it is equal to this text for some level.
fn record(digest: &Digest, level: Validation) -> String {
    let body = format!("{RECORD}\nfile {digest}\nlevel {}\n", level_name(level));
    let checksum = blake3::hash(body.as_bytes());
    format!("{body}checksum {checksum}\n")
}

impl<C: Curve> ZkeyFile<'_, C> {
    /// The digest of the whole file, in parallel in `pool`.
    pub fn digest(&self, pool: &ThreadPool) -> Digest {
        // blake3's rayon tasks run in the pool that is current, which `install` makes the caller's.
        pool.install(|| Digest(*blake3::Hasher::new().update_rayon(self.as_bytes()).finalize().as_bytes()))
    }

    /// Validates unless `store` remembers that this very file passed `level` or more; remembers it if it passes.
    ///
    /// # Errors
    /// As [`ZkeyFile::validate`]. A record that cannot be written is no error: the next load checks again.
    pub fn validate_once(
        &self,
        level: Validation,
        pool: &ThreadPool,
        store: &ValidatedStore,
    ) -> Result<Outcome> {
        let digest = self.digest(pool);
        if store.lookup(&digest).is_some_and(|passed| passed >= level) {
            return Ok(Outcome::Remembered);
        }
        self.validate(level, pool)?;
        // The file must still be what was hashed and checked.
        self.check_unchanged()?;
        let _ = store.remember(&digest, level);
        Ok(Outcome::Checked)
    }
}
