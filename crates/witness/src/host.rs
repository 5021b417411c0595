//! What the module sees of the host: the four functions that circom's ABI imports, and its limits.

use crate::error::{CircuitError, printable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wasmtime::{Caller, Error, Extern, Linker, ResourceLimiter, Result, StoreContextMut, UpdateDeadline};
use zeroize::{Zeroize, Zeroizing};

/// Receives each line that a circuit prints with `log()`. Such a line may hold witness values.
pub type LogSink = Box<dyn FnMut(&str) + Send>;

/// Characters taken of one message, and messages taken of one error: a module cannot make the host hold more.
const MESSAGE_CHARS: usize = 256;
const TRACE_LEN: usize = 16;
/// Characters of one `log()` line.
const LINE_CHARS: usize = 4096;

/// Why the host stopped the module.
#[derive(Clone)]
pub(crate) enum Stop {
    Circuit(CircuitError),
    Memory { wanted: usize },
    Timeout,
    Cancelled,
}

/// The state of one run.
pub(crate) struct Host {
    pub(crate) stop: Option<Stop>,
    pub(crate) memory_limit: usize,
    pub(crate) timeout: Option<Duration>,
    /// When the run must end.
    deadline: Option<Instant>,
    cancel: Option<Arc<AtomicBool>>,
    trace: Vec<String>,
    log: Option<LogSink>,
    line: Zeroizing<String>,
}

impl Host {
    pub(crate) fn new(
        memory_limit: usize,
        timeout: Option<Duration>,
        cancel: Option<Arc<AtomicBool>>,
        log: Option<LogSink>,
    ) -> Self {
        Self {
            stop: None,
            memory_limit,
            timeout,
            deadline: timeout.and_then(|t| Instant::now().checked_add(t)),
            cancel,
            trace: Vec::new(),
            log,
            line: Zeroizing::new(String::with_capacity(LINE_CHARS)),
        }
    }

    /// Stops the run if it was cancelled or is out of time.
    pub(crate) fn check_interrupt(&mut self) -> Result<()> {
        if self.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(self.stop(Stop::Cancelled));
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(self.stop(Stop::Timeout));
        }
        Ok(())
    }

    /// Records the reason and makes the error that unwinds the module.
    fn stop(&mut self, reason: Stop) -> Error {
        self.stop.get_or_insert(reason);
        Error::msg("stopped by the host")
    }

    /// Adds one piece of a `log()` line, or ends the line. Pieces beyond the line's capacity are dropped, so that the
    /// buffer never moves and leaves no copy.
    fn log_piece(&mut self, piece: &str) {
        let Some(sink) = &mut self.log else { return };
        if piece == "\n" {
            sink(&self.line);
            self.line.zeroize();
            self.line.reserve_exact(LINE_CHARS);
        } else if self.line.len() + piece.len() < LINE_CHARS {
            if !self.line.is_empty() {
                self.line.push(' ');
            }
            self.line.push_str(piece);
        }
    }
}

/// Called at every tick of the engine's epoch while the module runs.
pub(crate) fn on_tick(mut store: StoreContextMut<'_, Host>) -> Result<UpdateDeadline> {
    store.data_mut().check_interrupt()?;
    Ok(UpdateDeadline::Continue(1))
}

impl ResourceLimiter for Host {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        if desired > self.memory_limit {
            return Err(self.stop(Stop::Memory { wanted: desired }));
        }
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        // A table's element is a pointer; circom's modules have no table at all.
        let bytes = desired.saturating_mul(size_of::<usize>());
        if bytes > self.memory_limit {
            return Err(self.stop(Stop::Memory { wanted: bytes }));
        }
        Ok(true)
    }
}

/// Names of the functions that [`define`] gives, all in the module `runtime`.
pub(crate) const IMPORTS: [&str; 4] =
    ["exceptionHandler", "printErrorMessage", "writeBufferMessage", "showSharedRWMemory"];

/// Gives the module the host's functions.
pub(crate) fn define(linker: &mut Linker<Host>) -> Result<()> {
    linker.func_wrap("runtime", IMPORTS[0], |mut caller: Caller<'_, Host>, code: i32| -> Result<()> {
        let trace = std::mem::take(&mut caller.data_mut().trace);
        Err(caller.data_mut().stop(Stop::Circuit(CircuitError { code, trace })))
    })?;
    linker.func_wrap("runtime", IMPORTS[1], |mut caller: Caller<'_, Host>| -> Result<()> {
        if caller.data().trace.len() < TRACE_LEN {
            let place = place_of(&read_message(&mut caller)?);
            caller.data_mut().trace.push(place);
        }
        Ok(())
    })?;
    linker.func_wrap("runtime", IMPORTS[2], |mut caller: Caller<'_, Host>| -> Result<()> {
        if caller.data().log.is_some() {
            let piece = read_message(&mut caller)?;
            caller.data_mut().log_piece(&piece);
        }
        Ok(())
    })?;
    linker.func_wrap("runtime", IMPORTS[3], |mut caller: Caller<'_, Host>| -> Result<()> {
        if caller.data().log.is_some() {
            let value = read_shared_value(&mut caller)?;
            caller.data_mut().log_piece(&value);
        }
        Ok(())
    })?;
    Ok(())
}

/// The text in the module's message buffer: `getMessageChar` until it answers 0.
fn read_message(caller: &mut Caller<'_, Host>) -> Result<Zeroizing<String>> {
    let next = exported(caller, "getMessageChar")?.typed::<(), i32>(&*caller)?;
    let mut text = Zeroizing::new(String::with_capacity(MESSAGE_CHARS));
    for _ in 0..MESSAGE_CHARS {
        match next.call(&mut *caller, ())? {
            0 => break,
            // circom's text is ASCII (or Latin-1): what is not becomes '?'.
            c => text.push(u8::try_from(c).ok().filter(u8::is_ascii).map_or('?', char::from)),
        }
    }
    Ok(text)
}

/// The field element in the module's shared buffer, in hexadecimal.
fn read_shared_value(caller: &mut Caller<'_, Host>) -> Result<Zeroizing<String>> {
    let words = exported(caller, "getFieldNumLen32")?.typed::<(), i32>(&*caller)?.call(&mut *caller, ())?;
    let read = exported(caller, "readSharedRWMemory")?.typed::<i32, i32>(&*caller)?;
    let mut text = Zeroizing::new(String::with_capacity(2 + 8 * MESSAGE_CHARS));
    text.push_str("0x");
    for word in (0..words.min(MESSAGE_CHARS as i32)).rev() {
        let value = read.call(&mut *caller, word)? as u32;
        for nibble in (0..8).rev() {
            text.push(char::from_digit((value >> (4 * nibble)) & 15, 16).unwrap_or('0'));
        }
    }
    Ok(text)
}

fn exported(caller: &mut Caller<'_, Host>, name: &str) -> Result<wasmtime::Func> {
    caller
        .get_export(name)
        .and_then(Extern::into_func)
        .ok_or_else(|| Error::msg("a function is not exported"))
}

/// "Error in template Multiplier_0 line: 8. " becomes "Multiplier_0 line 8". circom's compiler writes these texts and
/// they hold no values; text of any other shape could, so only its presence is reported.
fn place_of(message: &str) -> String {
    let parsed = message.trim().strip_prefix("Error in template ").and_then(|rest| {
        let (template, line) = rest.split_once(" line: ")?;
        let line = line.trim_end_matches('.');
        let name = template.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'$');
        let number = line.len() <= 9 && !line.is_empty() && line.bytes().all(|c| c.is_ascii_digit());
        (name && number).then(|| format!("{} line {line}", printable(template, 96)))
    });
    parsed.unwrap_or_else(|| "(a message of another form)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn only_templates_and_lines_are_reported() {
        assert_eq!(place_of("Error in template Num2Bits_3 line: 38"), "Num2Bits_3 line 38");
        assert_eq!(place_of("Error in template A_0 line: 7. "), "A_0 line 7");
        for other in
            ["1234567", "Error in template A line: 1 secret 5", "Error in template A 5 line: 1", "\u{1b}[2J"]
        {
            assert_eq!(place_of(other), "(a message of another form)");
        }
    }
}
