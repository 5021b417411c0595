//! Output files that are whole or absent.
//!
//! The contents go to a temporary file in the same directory, are synchronised to the disk, and take the target's name
//! by `rename`. An error, a panic or a full disk on the way removes the temporary file and leaves the target as it was;
//! a reader who has the old file mapped keeps it whole.

use crate::{
    data::describe,
    error::{FormatError, FormatErrorKind, Result},
};
use std::{
    fs::{File, Permissions},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use tempfile::{Builder, NamedTempFile};

/// Who may read an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Proofs and keys: 0666 less the umask.
    Public,
    /// Witnesses and other secrets: 0600.
    Private,
}

/// A file being written, which appears under its name only when [`commit`](AtomicFile::commit) succeeds.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    out: BufWriter<NamedTempFile>,
}

/// Bytes per system call.
const BUFFER: usize = 256 << 10;

impl AtomicFile {
    /// Starts writing a file. An existing regular file is replaced at [`commit`](Self::commit); a symbolic link is
    /// followed, so that it is not replaced itself.
    ///
    /// # Errors
    /// [`FormatErrorKind::NotAFile`] if the target exists and is not a regular file; what the operating system says.
    pub fn create(path: &Path, access: Access) -> Result<Self> {
        let target = resolve(path)?;
        let mut builder = Builder::new();
        builder.prefix(".forebay-").suffix(".tmp");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = if access == Access::Private { 0o600 } else { 0o666 };
            builder.permissions(Permissions::from_mode(mode));
        }
        let temporary = builder.tempfile_in(directory(&target)).map_err(|e| FormatError::io(path, e))?;
        Ok(AtomicFile { target, out: BufWriter::with_capacity(BUFFER, temporary) })
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.target
    }

    /// Turns an error of writing into one that names the target.
    pub fn error(&self, error: io::Error) -> FormatError {
        FormatError::io(&self.target, error)
    }

    /// Synchronises the contents to the disk and gives the file its name.
    ///
    /// # Errors
    /// What the operating system says; nothing is left behind then.
    pub fn commit(self) -> Result<()> {
        let AtomicFile { target, out } = self;
        let fail = |e| FormatError::io(&target, e);
        let temporary = out.into_inner().map_err(|e| fail(e.into_error()))?;
        temporary.as_file().sync_all().map_err(fail)?;
        temporary.persist(&target).map_err(|e| fail(e.error))?;
        // The rename itself is durable once the directory is. Not every file system lets a directory be opened or
        // synchronised, and the file is whole either way.
        if let Ok(directory) = File::open(directory(&target)) {
            let _ = directory.sync_all();
        }
        Ok(())
    }
}

/// Writes a whole file from a slice.
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write(path: &Path, access: Access, contents: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path, access)?;
    file.write_all(contents).map_err(|e| file.error(e))?;
    file.commit()
}

impl Write for AtomicFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.out.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        self.out.seek(pos)
    }
}

fn directory(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file to replace: a symbolic link's target, or the path itself.
fn resolve(path: &Path) -> Result<PathBuf> {
    match std::fs::metadata(path) {
        Ok(m) if m.is_file() => std::fs::canonicalize(path).map_err(|e| FormatError::io(path, e)),
        Ok(m) => {
            let kind = FormatErrorKind::NotAFile(describe(m.file_type()));
            Err(FormatError::new(path.display().to_string(), kind))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(path.to_path_buf()),
        Err(e) => Err(FormatError::io(path, e)),
    }
}
