//! One instance of a circom 2 witness generator: its exported functions, and its memory, wiped when the store ends.
//!
//! The ABI is that of `witness_calculator.js` as circom 2 emits it: field elements travel through a buffer of
//! `getFieldNumLen32` little-endian 32-bit words, whose place in the linear memory `getSharedRWMemoryStart` tells.

use crate::error::{WitnessError, printable};
use crate::generator::describe_prime;
use crate::host::{Host, Stop};
use wasmtime::{Instance, InstancePre, Memory, Store, Trap, TypedFunc, WasmParams, WasmResults};

/// 32-bit words of a field element, the only size that Forebay's curves have.
const WORDS: i32 = 8;
/// Bytes of a field element.
const BYTES: usize = 32;

/// What a module says about its circuit before it is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// circom's version: major, minor, patch.
    pub(crate) version: [i32; 3],
    /// The prime, little-endian.
    pub(crate) prime: [u8; BYTES],
    /// Wires.
    pub(crate) witness_len: usize,
    /// Values of all input signals.
    pub(crate) input_len: usize,
}

/// An instance that has been started but has seen no input.
pub(crate) struct Session {
    store: Store<Host>,
    memory: Memory,
    shared_start: usize,
    init: TypedFunc<i32, ()>,
    signal_size: TypedFunc<(i32, i32), i32>,
    set_signal: TypedFunc<(i32, i32, i32), ()>,
    get_witness: TypedFunc<i32, ()>,
    pub(crate) header: Header,
}

impl Session {
    /// Instantiates the module within the host's limits and reads its header.
    pub(crate) fn start(module: &InstancePre<Host>, mut store: Store<Host>) -> Result<Self, WitnessError> {
        let instance = match module.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(e) => return Err(failure(&e, store.data())),
        };
        let mut abi = Abi { store: &mut store, instance };
        let memory = abi.memory()?;
        let version = [
            abi.call("getVersion")?,
            abi.call_if_there("getMinorVersion")?.unwrap_or(0),
            abi.call_if_there("getPatchVersion")?.unwrap_or(0),
        ];
        if version[0] != 2 {
            let reason = format!("it says that circom {} made it", version[0]);
            return Err(WitnessError::NotCircom { reason });
        }
        let words = abi.call("getFieldNumLen32")?;
        if words != WORDS {
            let found = format!("a field of {} bits", i64::from(words).saturating_mul(32));
            return Err(WitnessError::WrongField { found, wanted: "a field of 256 bits".to_owned() });
        }
        let shared_start = abi.call("getSharedRWMemoryStart")? as u32 as usize;
        let witness_len = abi.call("getWitnessSize")? as u32 as usize;
        let input_len = abi.call("getInputSize")? as u32 as usize;
        let get_prime = abi.function::<(), ()>("getRawPrime")?;
        let init = abi.function("init")?;
        let signal_size = abi.function("getInputSignalSize")?;
        let set_signal = abi.function("setInputSignal")?;
        let get_witness = abi.function("getWitness")?;
        let header = Header { version, prime: [0; BYTES], witness_len, input_len };
        let mut session =
            Self { store, memory, shared_start, init, signal_size, set_signal, get_witness, header };
        session.call(&get_prime, ())?;
        session.header.prime = *session.shared()?;
        session.check_witness_len()?;
        Ok(session)
    }

    /// Begins a computation: clears the circuit's state. A circuit without inputs runs here.
    pub(crate) fn init(&mut self) -> Result<(), WitnessError> {
        // 1 asks for sanity checks; circom 2 makes them in any case.
        self.call(&self.init.clone(), 1)
    }

    /// How many values the input signal has. 0 if there is no such signal: circom answers 0 or −1 then.
    pub(crate) fn signal_size(&mut self, hash: u64) -> Result<usize, WitnessError> {
        let size = self.call(&self.signal_size.clone(), halves(hash))?;
        Ok(usize::try_from(size).unwrap_or(0))
    }

    /// Sets one value (canonical, little-endian) of an input signal. The last one of all runs the circuit.
    pub(crate) fn set_signal(
        &mut self,
        hash: u64,
        index: usize,
        value: &[u8; BYTES],
    ) -> Result<(), WitnessError> {
        *self.shared()? = *value;
        let (high, low) = halves(hash);
        self.call(&self.set_signal.clone(), (high, low, index as u32 as i32))
    }

    /// One value of the witness, little-endian, not known to be below the prime.
    pub(crate) fn witness(&mut self, index: usize) -> Result<&[u8; BYTES], WitnessError> {
        self.call(&self.get_witness.clone(), index as u32 as i32)?;
        Ok(self.shared()?)
    }

    /// Stops if the run was cancelled or is out of time: for loops of the host.
    pub(crate) fn check_interrupt(&mut self) -> Result<(), WitnessError> {
        let interrupted = self.store.data_mut().check_interrupt();
        interrupted.map_err(|e| failure(&e, self.store.data()))
    }

    /// A witness is a list of 32-bit signal indices in the module's memory: it has at most a quarter as many entries
    /// as the memory has bytes. This bounds what the host allocates for a module that lies.
    fn check_witness_len(&self) -> Result<(), WitnessError> {
        let most = self.memory.data_size(&self.store) / 4;
        let len = self.header.witness_len;
        if len == 0 || len > most {
            let reason =
                format!("it says that the witness has {len} values; its memory holds at most {most}");
            return Err(WitnessError::NotCircom { reason });
        }
        Ok(())
    }

    /// The shared buffer.
    fn shared(&mut self) -> Result<&mut [u8; BYTES], WitnessError> {
        let start = self.shared_start;
        self.memory
            .data_mut(&mut self.store)
            .get_mut(start..)
            .and_then(|rest| rest.first_chunk_mut())
            .ok_or_else(|| WitnessError::NotCircom {
                reason: "its shared buffer lies outside its memory".to_owned(),
            })
    }

    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        f: &TypedFunc<P, R>,
        args: P,
    ) -> Result<R, WitnessError> {
        f.call(&mut self.store, args).map_err(|e| failure(&e, self.store.data()))
    }

    /// Bytes of the memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> &[u8] {
        self.memory.data(&self.store)
    }
}

/// Looks up exports by name.
struct Abi<'a> {
    store: &'a mut Store<Host>,
    instance: Instance,
}

impl Abi<'_> {
    fn memory(&mut self) -> Result<Memory, WitnessError> {
        self.instance.get_memory(&mut *self.store, "memory").ok_or_else(|| missing("memory"))
    }

    fn function<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
    ) -> Result<TypedFunc<P, R>, WitnessError> {
        let function = self.instance.get_func(&mut *self.store, name).ok_or_else(|| missing(name))?;
        function.typed(&*self.store).map_err(|_| WitnessError::NotCircom {
            reason: format!("its function {name} has another signature"),
        })
    }

    fn call(&mut self, name: &str) -> Result<i32, WitnessError> {
        let function = self.function::<(), i32>(name)?;
        function.call(&mut *self.store, ()).map_err(|e| failure(&e, self.store.data()))
    }

    fn call_if_there(&mut self, name: &str) -> Result<Option<i32>, WitnessError> {
        match self.instance.get_func(&mut *self.store, name) {
            Some(_) => self.call(name).map(Some),
            None => Ok(None),
        }
    }
}

fn missing(name: &str) -> WitnessError {
    WitnessError::NotCircom { reason: format!("it does not export {name}") }
}

fn halves(hash: u64) -> (i32, i32) {
    ((hash >> 32) as u32 as i32, hash as u32 as i32)
}

/// Sorts an error of the runtime: what the host stopped has its reason in the host's state, the rest are traps. Of a
/// trap only its kind is kept; the runtime's longer messages are for its developers.
pub(crate) fn failure(error: &wasmtime::Error, host: &Host) -> WitnessError {
    match host.stop.clone() {
        Some(Stop::Circuit(e)) => WitnessError::Circuit(e),
        Some(Stop::Memory { wanted }) => WitnessError::MemoryLimit { wanted, limit: host.memory_limit },
        Some(Stop::Timeout) => WitnessError::Timeout { limit: host.timeout.unwrap_or_default() },
        Some(Stop::Cancelled) => WitnessError::Cancelled,
        None => match error.downcast_ref::<Trap>() {
            Some(trap) => WitnessError::Trap { reason: trap.to_string() },
            None => WitnessError::Trap { reason: printable(&error.root_cause().to_string(), 200) },
        },
    }
}

impl Header {
    /// The prime's name for messages.
    pub(crate) fn field_name(&self) -> String {
        describe_prime(&self.prime)
    }
}
