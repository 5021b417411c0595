//! `forebay filecoin`: a program of its own, because it links filecoin-proofs (`docs/decisions/0015-filecoin-program.md`).

use crate::exit::{Failure, Status};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

const PROGRAM: &str = "forebay-filecoin";

/// Becomes the program, found beside this one or on the path.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let program = beside_this().unwrap_or_else(|| PathBuf::from(PROGRAM));
    let mut command = Command::new(&program);
    command.args(arguments);
    Err(start(&mut command, &program))
}

fn beside_this() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name(PROGRAM);
    path.is_file().then_some(path)
}

/// Returns only if the program could not be started.
#[cfg(unix)]
fn start(command: &mut Command, program: &Path) -> Failure {
    failure(program, &std::os::unix::process::CommandExt::exec(command))
}

/// Ends this process as the program ended.
#[cfg(not(unix))]
fn start(command: &mut Command, program: &Path) -> Failure {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(Status::Internal as i32)),
        Err(error) => failure(program, &error),
    }
}

fn failure(program: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Failure::usage(format!(
            "{PROGRAM} is neither beside this program nor on the path: `cargo install --path crates/filecoin` installs it"
        ));
    }
    Failure::new(Status::Io, format!("{}: {error}", program.display()))
}
