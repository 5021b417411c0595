//! From errors to one line and an exit status.

use forebay_formats::{FormatError, FormatErrorKind};
use forebay_prover::ProveError;
use forebay_scheduler::{executor::JobError, policy};
use std::{fmt, path::Path};

/// The documented exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// A defect, or a kernel that failed.
    Internal = 1,
    /// The command line or the configuration.
    Usage = 2,
    /// A file is malformed, or does not belong with another.
    BadInput = 3,
    /// The witness does not satisfy the circuit, or can't be computed from the input.
    BadWitness = 4,
    /// A proof does not verify.
    Invalid = 5,
    /// Reading or writing failed.
    Io = 6,
    /// Ctrl-C, or a request to terminate.
    Interrupted = 130,
}

/// A command's failure: a status and a message without line breaks.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    message: String,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl fmt::Display) -> Self {
        Failure { status, message: message.to_string().replace('\n', " ") }
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Status::Usage, message)
    }

    /// An input/output error on `path`.
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::new(Status::Io, format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

fn format_status(e: &FormatError) -> Status {
    match e.kind() {
        FormatErrorKind::Io(_) | FormatErrorKind::DiskFull => Status::Io,
        _ => Status::BadInput,
    }
}

impl From<FormatError> for Failure {
    fn from(e: FormatError) -> Self {
        Self::new(format_status(&e), e)
    }
}

impl From<ProveError> for Failure {
    fn from(e: ProveError) -> Self {
        let status = match &e {
            ProveError::Rejected { diagnoses, .. } if diagnoses.iter().any(|d| !d.wrong.is_empty()) => {
                Status::Internal
            }
            ProveError::WitnessLength { .. }
            | ProveError::WitnessConstant
            | ProveError::Unsatisfied { .. }
            | ProveError::Witness(_)
            | ProveError::Rejected { checked: false, .. } => Status::BadWitness,
            ProveError::KeyMismatch { .. }
            | ProveError::KeyMatrixMismatch { .. }
            | ProveError::KeyShape { .. }
            | ProveError::Compile(_)
            | ProveError::Setup(_)
            | ProveError::Rejected { checked: true, .. } => Status::BadInput,
            ProveError::Format(f) => format_status(f),
            ProveError::Cancelled => Status::Interrupted,
            ProveError::Backend(_) | ProveError::Evaluate(_) => Status::Internal,
        };
        Self::new(status, e)
    }
}

impl From<JobError<ProveError>> for Failure {
    fn from(e: JobError<ProveError>) -> Self {
        match e {
            JobError::Failed { error: Some((partition, error)), failure } => {
                let inner = Failure::from(error);
                Self::new(inner.status, format!("{failure}: partition {partition}: {}", inner.message))
            }
            JobError::Failed { failure: policy::Failure::Cancelled, .. } => {
                Self::new(Status::Interrupted, "cancelled")
            }
            other @ JobError::Refused(_) => Self::new(Status::Usage, other),
            other => Self::new(Status::Internal, other),
        }
    }
}

impl From<forebay_sweep::Overcommitted> for Failure {
    fn from(e: forebay_sweep::Overcommitted) -> Self {
        Self::new(Status::Internal, e)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(e: anyhow::Error) -> Self {
        Self::new(Status::Internal, format!("{e:#}"))
    }
}
