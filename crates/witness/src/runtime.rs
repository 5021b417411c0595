//! Where modules run: an engine whose linear memories are used again, and a clock that interrupts runs.

use crate::error::WitnessError;
use crate::generator::RunOptions;
use crate::host::{self, Host};
use crate::memory::Memories;
use crate::ticker::Ticker;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{Config, Engine, Module, OptLevel, Store};

/// How often a running module looks at the clock and the cancel flag. Short enough for Ctrl-C to feel immediate.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// An engine, its memories and its clock.
pub(crate) struct Runtime {
    ticker: Ticker,
    engine: Engine,
    #[cfg(test)]
    pub(crate) memories: Memories,
}

impl Runtime {
    pub(crate) fn new() -> wasmtime::Result<Runtime> {
        let memories = Memories::default();
        let mut config = config();
        config.with_host_memory(Arc::new(memories.clone()));
        let engine = Engine::new(&config)?;
        Ok(Runtime {
            ticker: Ticker::new(engine.clone()),
            engine,
            #[cfg(test)]
            memories,
        })
    }

    pub(crate) fn compile(&self, wasm: &[u8]) -> wasmtime::Result<Module> {
        Module::from_binary(&self.engine, wasm)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Runs `work` in a fresh store with these limits. If the run can be interrupted, the clock ticks meanwhile.
    pub(crate) fn run<T>(
        &self,
        options: RunOptions,
        work: impl FnOnce(Store<Host>) -> Result<T, WitnessError>,
    ) -> Result<T, WitnessError> {
        let RunOptions { memory_limit, timeout, cancel, log } = options;
        let interruptible = timeout.is_some() || cancel.is_some();
        let mut store = Store::new(&self.engine, Host::new(memory_limit, timeout, cancel, log));
        store.limiter(|host| host);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(host::on_tick);
        let _ticking = interruptible.then(|| self.ticker.tick()).transpose()?;
        work(store)
    }
}

/// WebAssembly as circom emits it (the MVP) and as optimisers rewrite it; nothing that needs more trust or code.
///
/// No optimisation: compiling takes far longer than running. Against full optimisation, membership compiles in 47 ms
/// instead of 57 ms and runs in 6.5 ms instead of 6.2 ms; sha256 of 64 bytes, 0.23 s for 0.28 s and 138 ms for 133 ms
/// (one thread, medians; `examples/witness.rs`).
fn config() -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::None)
        .epoch_interruption(true)
        .memory_init_cow(false) // an image could only be mapped over memories that wasmtime mapped itself
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false);
    config
}
