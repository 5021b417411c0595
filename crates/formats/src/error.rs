//! The one error of this crate: what is wrong, and in which file, section and offset.
//!
//! The [`Display`](fmt::Display) form is one line, as in
//! `circuit.zkey: section 4 (coefficients), offset 1234: wire 99 is out of range (there are 50)`. No message holds a
//! value from a witness: of a bad field element only its place is told.

use crate::validate::Validation;
use forebay_msm::CurveId;
use std::{fmt, io, path::Path};

/// The result of everything here that can fail.
pub type Result<T, E = FormatError> = core::result::Result<T, E>;

/// A section of a binary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The number in the file, or the position where the format has no numbers.
    pub id: u32,
    /// What it holds.
    pub name: &'static str,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "section {} ({})", self.id, self.name)
    }
}

/// What is wrong with a file, and where.
pub struct FormatError(Box<Inner>);

struct Inner {
    file: String,
    section: Option<Section>,
    offset: Option<u64>,
    kind: FormatErrorKind,
}

impl FormatError {
    /// An error about a file as a whole.
    pub fn new(file: impl Into<String>, kind: FormatErrorKind) -> Self {
        FormatError(Box::new(Inner { file: file.into(), section: None, offset: None, kind }))
    }

    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FormatErrorKind::DiskFull,
            _ => FormatErrorKind::Io(error),
        };
        Self::new(path.display().to_string(), kind)
    }

    /// The file's path, or the name that the caller gave to the bytes.
    pub fn file(&self) -> &str {
        &self.0.file
    }

    /// The section of a binary file.
    pub fn section(&self) -> Option<Section> {
        self.0.section
    }

    /// Where in the file, in bytes from its start.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// What is wrong.
    pub fn kind(&self) -> &FormatErrorKind {
        &self.0.kind
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { file, section, offset, kind } = &*self.0;
        write!(f, "{file}: ")?;
        match (section, offset) {
            (Some(section), Some(offset)) => write!(f, "{section}, offset {offset}: ")?,
            (Some(section), None) => write!(f, "{section}: ")?,
            (None, Some(offset)) => write!(f, "offset {offset}: ")?,
            (None, None) => {}
        }
        kind.fmt(f)
    }
}

impl fmt::Debug for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormatError({self})")
    }
}

impl std::error::Error for FormatError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            FormatErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// Where in a file: what an error is built from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) section: Option<Section>,
}

impl Place<'_> {
    pub(crate) fn error(&self, kind: FormatErrorKind) -> FormatError {
        FormatError(Box::new(Inner { file: self.file.into(), section: self.section, offset: None, kind }))
    }

    pub(crate) fn error_at(&self, offset: u64, kind: FormatErrorKind) -> FormatError {
        let offset = Some(offset);
        FormatError(Box::new(Inner { file: self.file.into(), section: self.section, offset, kind }))
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatErrorKind {
    /// The operating system refused.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// No room for the output; nothing was left behind.
    #[error("the disk is full or a quota is used up; nothing was written")]
    DiskFull,
    /// A directory, FIFO, socket or device where a regular file is needed.
    #[error("{0}, not a regular file")]
    NotAFile(&'static str),
    /// A file without contents.
    #[error("the file is empty")]
    Empty,
    /// A file that another program changed while it was in use.
    #[error("the file was changed by another program while it was in use")]
    Changed,
    /// A file larger than its kind can be.
    #[error("{found} bytes are too many (at most {limit})")]
    TooLarge {
        /// Its size.
        found: u64,
        /// The largest size read.
        limit: u64,
    },
    /// The file is of another kind.
    #[error("not a {expected} file: it does not start with \"{expected}\"")]
    Magic {
        /// The four letters that it should start with.
        expected: &'static str,
    },
    /// The file's version is not one that can be read.
    #[error("version {found} is not supported (only {expected})")]
    Version {
        /// The version in the file.
        found: u32,
        /// The version that is read.
        expected: u32,
    },
    /// More bytes are announced than there are.
    #[error("truncated: {needed} bytes are needed and {left} are left")]
    Truncated {
        /// How many bytes the format asks for.
        needed: u64,
        /// How many there are.
        left: u64,
    },
    /// Bytes after the end of what the format describes.
    #[error("{0} unexpected bytes at the end")]
    Trailing(u64),
    /// More sections than any real file has.
    #[error("{found} sections are too many (at most {limit})")]
    TooManySections {
        /// The number in the file.
        found: u32,
        /// The largest number read.
        limit: u32,
    },
    /// A section that must be there is not.
    #[error("the section is missing")]
    MissingSection,
    /// A section occurs twice.
    #[error("the section occurs twice")]
    DuplicateSection,
    /// A section's length does not follow from the counts in the header.
    #[error("the section has {found} bytes where the header asks for {expected}")]
    SectionLength {
        /// The length in the file.
        found: u64,
        /// The length that follows from the header.
        expected: u64,
    },
    /// A modulus that belongs to no curve known here.
    #[error("the {0} is of no known curve (known are bls12-381 and bn254)")]
    UnknownCurve(&'static str),
    /// Another curve than the caller works on.
    #[error("the file is for {found}, not for {expected}")]
    WrongCurve {
        /// The curve of the file.
        found: CurveId,
        /// The curve of the caller.
        expected: CurveId,
    },
    /// Something that the format allows and Forebay does not.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A field element that is not below the modulus. The value is not told.
    #[error("{0} is not below the field's modulus")]
    NotReduced(&'static str),
    /// An index that points outside of what it indexes.
    #[error("{what} {index} is out of range (there are {count})")]
    OutOfRange {
        /// What the index counts.
        what: &'static str,
        /// The index.
        index: u64,
        /// How many there are.
        count: u64,
    },
    /// Two numbers that must agree do not.
    #[error("{what}: {found} where {expected} follows from the rest")]
    Count {
        /// What is counted.
        what: &'static str,
        /// The number found.
        found: u64,
        /// The number expected.
        expected: u64,
    },
    /// Counts in a header that contradict each other.
    #[error("the header contradicts itself: {0}")]
    Header(&'static str),
    /// The first value of a witness must be one.
    #[error("the first value of a witness must be 1")]
    FirstWireNotOne,
    /// A point that fails a check.
    #[error("{point} fails the check \"{check}\"")]
    Point {
        /// Which point: a name, or a position in its section.
        point: PointName,
        /// The check that it fails.
        check: Validation,
    },
    /// Contents that are not what their digest says: the file is damaged.
    #[error("the {0} does not match its digest: the file is damaged")]
    Digest(&'static str),
    /// Bytes that do not encode a point as the format asks for.
    #[error("{point} {what}")]
    Encoding {
        /// Which point: a name, or a position in its section.
        point: PointName,
        /// What is wrong.
        what: &'static str,
    },
    /// A key that must not be used, though every part is well formed.
    #[error("the key is not sound: {0}")]
    Key(KeyDefect),
    /// JSON that is malformed or not of the expected shape.
    #[error("line {line}, column {column}: {what}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// A field of a JSON file holds something else than it should.
    #[error("{field}: {what}")]
    JsonValue {
        /// Path of the field, such as `pi_b[1][0]`.
        field: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The writer was called out of order or with counts that contradict the header.
    #[error("cannot write: {0}")]
    Misuse(&'static str),
}

/// Which point of a key or proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointName {
    /// A point with a name, such as `alpha1`.
    Named(&'static str),
    /// A point of a list, from 0.
    Index(u64),
}

impl fmt::Display for PointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PointName::Named(name) => f.write_str(name),
            PointName::Index(i) => write!(f, "point {i}"),
        }
    }
}

/// Why a well-formed key must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyDefect {
    /// α, β, γ or δ is the point at infinity: anybody could forge proofs.
    #[error("{0} is the point at infinity, so anybody could forge proofs")]
    Identity(&'static str),
    /// γ = δ: anybody can forge proofs. A snarkjs key without a contribution is such a key.
    #[error("gamma equals delta, so anybody could forge proofs (a snarkjs key needs a `zkey contribute`)")]
    GammaIsDelta,
    /// β or δ in G1 and in G2 are multiples by different scalars.
    #[error("{0} in G1 and in G2 do not belong together")]
    Mismatch(&'static str),
    /// The domain's size is not a power of two.
    #[error("the domain size {0} is not a power of two")]
    DomainNotPowerOfTwo(u64),
    /// The field has no root of unity of twice the domain's order.
    #[error("the domain size {domain} is above 2^{max_log2}, the largest that the field allows")]
    DomainAboveTwoAdicity {
        /// Size of the domain.
        domain: u64,
        /// Logarithm of the largest size.
        max_log2: u32,
    },
}
