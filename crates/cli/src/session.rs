//! What every command shares: the configuration, the pool, the wish to stop, and where words go.

use crate::{
    args::{BackendArg, Global},
    backend::Backends,
    config::Config,
    exit::{Failure, Status},
    output::Output,
};
use forebay_prover::Cancel;
use rayon::ThreadPool;
use std::sync::{Arc, OnceLock};

/// The state of one run of the command.
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) cancel: Cancel,
    pub(crate) output: Output,
    /// What the command line asks proofs to run on.
    pub(crate) wanted: BackendArg,
    backends: OnceLock<Backends>,
}

impl Session {
    /// Reads the configuration, starts the pool and listens for Ctrl-C.
    pub(crate) fn start(global: &Global) -> Result<Session, Failure> {
        let config = Config::load(global)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(config.threads)
            .thread_name(|i| format!("forebay-{i}"))
            .build()
            .map_err(|e| {
                Failure::new(Status::Internal, format!("starting {} threads: {e}", config.threads))
            })?;
        let cancel = Cancel::default();
        stop_on_signal(cancel.clone())?;
        let output = Output::new(global.json);
        let (wanted, backends) = (global.backend, OnceLock::new());
        Ok(Session { config, pool: Arc::new(pool), cancel, output, wanted, backends })
    }

    /// The backend of commands that prove on this session's pool. Picked, and said, when first asked for.
    pub(crate) fn backends(&self) -> Result<&Backends, Failure> {
        if self.backends.get().is_none() {
            let chosen = Backends::choose(self.wanted, &self.pool)?;
            self.output.line(format!("backend  {}", chosen.reason()));
            // Nobody else sets it: a session belongs to one thread.
            let _ = self.backends.set(chosen);
        }
        self.backends.get().ok_or_else(|| Failure::new(Status::Internal, "no backend"))
    }

    /// Fails if somebody pressed Ctrl-C. Called between steps, so that temporary files are removed on the way out.
    pub(crate) fn check_cancelled(&self) -> Result<(), Failure> {
        match self.cancel.is_cancelled() {
            true => Err(interrupted()),
            false => Ok(()),
        }
    }
}

fn interrupted() -> Failure {
    Failure::new(Status::Interrupted, "interrupted; nothing was written")
}

/// The first signal asks the work to stop; a second one ends the process at once.
fn stop_on_signal(cancel: Cancel) -> Result<(), Failure> {
    let handler = move || {
        if cancel.is_cancelled() {
            std::process::exit(Status::Interrupted as i32);
        }
        cancel.cancel();
    };
    ctrlc::set_handler(handler).map_err(|e| Failure::new(Status::Internal, format!("signal handler: {e}")))
}
