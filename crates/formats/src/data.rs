//! Where a parser's bytes come from: a map of a regular file, a copy in memory, or a slice of the caller.
//!
//! # Files that change while they are mapped
//! Reading a page of a map beyond the end of a file that somebody truncated raises SIGBUS, and no check in this process
//! can rule that out: it happens between any check and the read. Forebay's answer has four parts:
//! - Every writer here replaces files by rename ([`crate::atomic`]), so a reader keeps the old inode whole.
//! - Whatever is small, and every witness, is read into memory and not mapped ([`Load::Auto`]).
//! - [`Load::Read`] copies any file, for directories that somebody else may write into.
//! - [`Data::check_unchanged`] compares size and modification time with those at opening, so a key that was
//!   rewritten in place is named as such, not reported as a wrong proof. (Every proof is verified, so a changed key can
//!   never lead to a wrong one.)

use crate::error::{FormatError, FormatErrorKind, Result};
use memmap2::Mmap;
use std::{
    fs::{File, FileType, Metadata},
    io::Read,
    ops::Deref,
    path::Path,
    time::SystemTime,
};
use zeroize::Zeroizing;

/// Whether a file is mapped or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Load {
    /// Maps files of at least [`MAP_THRESHOLD`] bytes, reads smaller ones.
    #[default]
    Auto,
    /// Reads the file into memory, whatever its size.
    Read,
}

/// Files from this size on are mapped: 1 MiB. Mapping and reading, each with one pass over the bytes, took 22 and 18 µs at
/// 64 KiB, 54 and 50 at 256 KiB, 182 and 186 at 1 MiB, 2.39 and 3.71 ms at 16 MiB (`examples/validation.rs mapping`); and a
/// file in memory cannot raise SIGBUS.
pub const MAP_THRESHOLD: u64 = 1 << 20;

/// The bytes of one file, and its name for messages.
#[derive(Debug)]
pub struct Data<'a> {
    name: String,
    storage: Storage<'a>,
    opened: Option<Opened>,
}

#[derive(Debug)]
enum Storage<'a> {
    Mapped(Mmap),
    Owned(Vec<u8>),
    Borrowed(&'a [u8]),
}

#[derive(Debug)]
struct Opened {
    file: File,
    len: u64,
    modified: Option<SystemTime>,
}

impl Data<'static> {
    /// Opens a regular file.
    ///
    /// # Errors
    /// What the operating system says; [`FormatErrorKind::NotAFile`] for directories, FIFOs, sockets and devices;
    /// [`FormatErrorKind::Empty`].
    pub fn open(path: &Path, load: Load) -> Result<Self> {
        let (mut file, metadata) = open_regular(path)?;
        let opened =
            Opened { len: metadata.len(), modified: metadata.modified().ok(), file: clone(&file, path)? };
        let storage = if load == Load::Auto && metadata.len() >= MAP_THRESHOLD {
            // SAFETY: the map is only read. The module's documentation says what happens, and what is done about it,
            // when another process truncates or rewrites the file. Every value is checked where it is read, and bytes
            // that change after their check can yield wrong values but no undefined behaviour in code that only copies
            // integers out of the map.
            Storage::Mapped(unsafe { Mmap::map(&file) }.map_err(|e| FormatError::io(path, e))?)
        } else {
            let mut bytes = allocate(path, metadata.len())?;
            file.read_to_end(&mut bytes).map_err(|e| FormatError::io(path, e))?;
            Storage::Owned(bytes)
        };
        Ok(Data { name: path.display().to_string(), storage, opened: Some(opened) })
    }
}

impl<'a> Data<'a> {
    /// Bytes that the caller holds; `name` stands for the path in messages.
    pub fn from_slice(name: impl Into<String>, bytes: &'a [u8]) -> Self {
        Data { name: name.into(), storage: Storage::Borrowed(bytes), opened: None }
    }

    /// The path, or the name given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the bytes are a map of the file.
    pub fn is_mapped(&self) -> bool {
        matches!(self.storage, Storage::Mapped(_))
    }

    /// Whether the file still has the size and modification time that it had when it was opened.
    ///
    /// # Errors
    /// [`FormatErrorKind::Changed`] if not.
    pub fn check_unchanged(&self) -> Result<()> {
        let Some(opened) = &self.opened else { return Ok(()) };
        let now = opened.file.metadata().map_err(|e| FormatError::io(Path::new(&self.name), e))?;
        if now.len() == opened.len && now.modified().ok() == opened.modified {
            return Ok(());
        }
        Err(FormatError::new(self.name.clone(), FormatErrorKind::Changed))
    }
}

/// Gives a reader over the field `data` what all of them offer. How it reads is its own `parse(Data) -> Result<Self>`.
macro_rules! file_reader {
    ($reader:ident $(<$c:ident>)?) => {
        impl $(<$c: forebay_msm::Curve>)? $reader<'static $(, $c)?> {
            /// Opens a file.
            ///
            /// # Errors
            /// Anything wrong with the file, its header or its counts; [`WrongCurve`](crate::FormatErrorKind::WrongCurve) where
            /// the file tells its curve and it is another one.
            pub fn open(path: &std::path::Path, load: $crate::data::Load) -> $crate::error::Result<Self> {
                Self::parse($crate::data::Data::open(path, load)?)
            }
        }

        impl<'a $(, $c: forebay_msm::Curve)?> $reader<'a $(, $c)?> {
            /// Reads from bytes; `name` stands for the path in messages.
            ///
            /// # Errors
            /// As for a file.
            pub fn from_slice(name: &str, bytes: &'a [u8]) -> $crate::error::Result<Self> {
                Self::parse($crate::data::Data::from_slice(name, bytes))
            }

            /// The path or name, for messages.
            pub fn name(&self) -> &str {
                self.data.name()
            }

            /// The whole file.
            pub fn as_bytes(&self) -> &[u8] {
                &self.data
            }

            /// Whether the file is used from its map.
            pub fn is_mapped(&self) -> bool {
                self.data.is_mapped()
            }

            /// Fails if the file was changed since it was opened.
            ///
            /// # Errors
            /// [`Changed`](crate::FormatErrorKind::Changed).
            pub fn check_unchanged(&self) -> $crate::error::Result<()> {
                self.data.check_unchanged()
            }
        }
    };
}
pub(crate) use file_reader;

/// What a file system says of a file: another file, or one that was changed, has another stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Device, inode, size, times of modification and of change in seconds and nanoseconds.
    pub(crate) fields: [u64; 7],
    /// When contents or metadata last changed.
    pub(crate) changed: SystemTime,
}

impl Data<'_> {
    /// The stamp of the file as it is now. `None` for bytes of the caller, and where the system has no such thing.
    #[cfg(unix)]
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        use std::{os::unix::fs::MetadataExt, time::Duration};
        let m = self.opened.as_ref()?.file.metadata().ok()?;
        let (seconds, nanos) = (u64::try_from(m.ctime()).ok()?, u32::try_from(m.ctime_nsec()).ok()?);
        let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))?;
        let modified = [m.mtime() as u64, m.mtime_nsec() as u64];
        let fields = [m.dev(), m.ino(), m.len(), modified[0], modified[1], seconds, nanos.into()];
        Some(Stamp { fields, changed })
    }

    /// The stamp of the file as it is now. `None` for bytes of the caller, and where the system has no such thing.
    #[cfg(not(unix))]
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        None
    }
}

impl Deref for Data<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.storage {
            Storage::Mapped(map) => map,
            Storage::Owned(bytes) => bytes,
            Storage::Borrowed(bytes) => bytes,
        }
    }
}

/// Reads a file of secrets into a buffer that is wiped when dropped; never mapped.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let (mut file, metadata) = open_regular(path)?;
    let len = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    // One byte more, so that the end is seen without growing (which would leave an unwiped copy behind).
    let mut bytes = Zeroizing::new(allocate(path, metadata.len().saturating_add(1))?);
    let read =
        (&mut file).take(metadata.len()).read_to_end(&mut bytes).map_err(|e| FormatError::io(path, e))?;
    if read != len {
        return Err(FormatError::new(path.display().to_string(), FormatErrorKind::Changed));
    }
    Ok(bytes)
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let (file, metadata) = open_regular(path)?;
    let too_large =
        |found| FormatError::new(path.display().to_string(), FormatErrorKind::TooLarge { found, limit });
    if metadata.len() > limit {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = allocate(path, metadata.len())?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| FormatError::io(path, e))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Opens a non-empty regular file. The type is looked up before opening, because opening a FIFO would block.
pub(crate) fn open_regular(path: &Path) -> Result<(File, Metadata)> {
    let io_error = |e| FormatError::io(path, e);
    let kind = |kind| FormatError::new(path.display().to_string(), kind);
    let check = |metadata: &Metadata| match metadata.file_type() {
        t if t.is_file() => Ok(()),
        t => Err(kind(FormatErrorKind::NotAFile(describe(t)))),
    };
    check(&std::fs::metadata(path).map_err(io_error)?)?;
    let file = File::open(path).map_err(io_error)?;
    let metadata = file.metadata().map_err(io_error)?;
    check(&metadata)?;
    if metadata.len() == 0 {
        return Err(kind(FormatErrorKind::Empty));
    }
    Ok((file, metadata))
}

/// What a path that is not a regular file is.
pub(crate) fn describe(file_type: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if file_type.is_fifo() {
            return "a FIFO";
        }
        if file_type.is_socket() {
            return "a socket";
        }
        if file_type.is_block_device() || file_type.is_char_device() {
            return "a device";
        }
    }
    if file_type.is_dir() { "a directory" } else { "a special file" }
}

fn clone(file: &File, path: &Path) -> Result<File> {
    file.try_clone().map_err(|e| FormatError::io(path, e))
}

/// A buffer for a file of `len` bytes; a file larger than memory is an error, not an abort.
fn allocate(path: &Path, len: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    bytes
        .try_reserve_exact(len)
        .map_err(|_| FormatError::io(path, std::io::ErrorKind::OutOfMemory.into()))?;
    Ok(bytes)
}
