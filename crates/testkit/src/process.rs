//! Running a client.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a client ended.
pub(crate) struct Outcome {
    pub(crate) success: bool,
    /// Its standard output, then its standard error.
    pub(crate) text: String,
    what: String,
}

impl Outcome {
    /// Panics with the client's output unless it succeeded.
    #[track_caller]
    pub(crate) fn expect_success(self) {
        assert!(self.success, "{} failed:\n{}", self.what, self.text);
    }

    /// Panics because the client did something unforeseen.
    #[track_caller]
    pub(crate) fn unexpected(self) -> ! {
        panic!("{} gave no verdict:\n{}", self.what, self.text)
    }
}

/// Runs a program of node's in a folder. Panics if it cannot be started.
#[track_caller]
pub(crate) fn run<S: AsRef<OsStr>>(program: &str, args: &[S], folder: &Path) -> Outcome {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null());
    let what = format!("{command:?}");
    let output = command.output().unwrap_or_else(|e| {
        panic!(
            "cannot run `{program}` ({e}). The client tests need node 18 or later with npm on the PATH \
             (https://nodejs.org); they are never skipped."
        )
    });
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Outcome { success: output.status.success(), text, what }
}
