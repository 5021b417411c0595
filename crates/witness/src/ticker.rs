//! The clock of an engine: one thread for all its runs, asleep while none can be interrupted.

use crate::error::WitnessError;
use crate::runtime::TICK;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use wasmtime::Engine;

/// Ticks the engine's epoch while somebody asks for it.
pub(crate) struct Ticker {
    engine: Engine,
    shared: Arc<Shared>,
    /// Started by the first who asks; `None` if the system refused it.
    thread: OnceLock<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    asked: usize,
    closed: bool,
}

/// While this lives, the epoch ticks.
pub(crate) struct Ticking<'a>(&'a Shared);

impl Ticker {
    pub(crate) fn new(engine: Engine) -> Ticker {
        Ticker { engine, shared: Arc::default(), thread: OnceLock::new() }
    }

    /// Ticks until what is returned is dropped.
    pub(crate) fn tick(&self) -> Result<Ticking<'_>, WitnessError> {
        let thread = self.thread.get_or_init(|| {
            let (engine, shared) = (self.engine.clone(), Arc::clone(&self.shared));
            let thread = std::thread::Builder::new().name("witness-clock".to_owned());
            thread.spawn(move || shared.run(&engine)).ok()
        });
        if thread.is_none() {
            return Err(WitnessError::NoThread);
        }
        self.shared.lock().asked += 1;
        self.shared.changed.notify_one();
        Ok(Ticking(&self.shared))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, engine: &Engine) {
        let mut state = self.lock();
        while !state.closed {
            state = if state.asked == 0 {
                self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else {
                engine.increment_epoch();
                self.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.lock().asked -= 1;
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
        if let Some(Some(thread)) = self.thread.take() {
            // It runs nothing that panics.
            let _ = thread.join();
        }
    }
}
