//! A compiled witness generator, and running it.

use crate::abi::{Header, Session};
use crate::error::{WitnessError, printable};
use crate::host::{self, Host, IMPORTS, LogSink};
use crate::inputs::{Inputs, Signal};
use crate::runtime::Runtime;
use forebay_msm::field::limbs_to_le_bytes;
use forebay_msm::{CurveId, ScalarField, SecretVec};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use wasmtime::{InstancePre, Linker};
use zeroize::Zeroizing;

/// Values read between two looks at the clock while the witness is copied out.
const READ_CHUNK: usize = 1 << 14;
/// Time allowed for instantiating a module and reading its header.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Limits and hooks of one run.
pub struct RunOptions {
    /// Most bytes of linear memory that the module may have. By default 4 GiB, all that 32-bit WebAssembly can address.
    pub memory_limit: usize,
    /// Longest time that the run may take. By default none.
    pub timeout: Option<Duration>,
    /// Raised by another thread to end the run; seen within about 10 ms.
    pub cancel: Option<Arc<AtomicBool>>,
    /// Receives the circuit's `log()` lines, values in hexadecimal. By default they are dropped: they may hold
    /// witness values.
    pub log: Option<LogSink>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { memory_limit: 1 << 32, timeout: None, cancel: None, log: None }
    }
}

/// A circom 2 witness generator, compiled to machine code. Cheap to share: each run has its own instance.
pub struct WitnessGenerator {
    runtime: Runtime,
    module: InstancePre<Host>,
    header: Header,
    memory_bytes: usize,
}

impl WitnessGenerator {
    /// Compiles a module, on this thread, and reads what it says about its circuit.
    ///
    /// # Errors
    /// [`WitnessError::InvalidModule`] if the bytes are not a WebAssembly module, [`WitnessError::NotCircom`] if it is
    /// not a witness generator of circom 2, [`WitnessError::WrongField`] if its field does not have 256 bits; and what
    /// instantiating it can give (a trap, a limit).
    pub fn from_bytes(wasm: &[u8]) -> Result<Self, WitnessError> {
        let runtime = Runtime::new().map_err(|e| invalid(&e))?;
        let module = runtime.compile(wasm).map_err(|e| invalid(&e))?;
        let strange = module.imports().find(|i| i.module() != "runtime" || !IMPORTS.contains(&i.name()));
        if let Some(import) = strange {
            let name = printable(&format!("{}.{}", import.module(), import.name()), 80);
            return Err(WitnessError::NotCircom { reason: format!("it wants {name} from its host") });
        }
        let mut linker = Linker::new(runtime.engine());
        host::define(&mut linker).map_err(|e| invalid(&e))?;
        let module = linker.instantiate_pre(&module).map_err(|_| WitnessError::NotCircom {
            reason: "it wants host functions of another signature".to_owned(),
        })?;
        let options = RunOptions { timeout: Some(PROBE_TIMEOUT), ..RunOptions::default() };
        let probe = runtime.run(options, |store| {
            let session = Session::start(&module, store)?;
            Ok((session.header, session.memory_bytes()))
        });
        let (header, memory_bytes) = probe?;
        Ok(Self { runtime, module, header, memory_bytes })
    }

    /// The curve whose scalar field the circuit is over; `None` if Forebay has no such curve.
    pub fn curve(&self) -> Option<CurveId> {
        curve_of(&self.header.prime)
    }

    /// The version of circom that made the module: major, minor, patch.
    pub fn circom_version(&self) -> [i32; 3] {
        self.header.version
    }

    /// Wires of the circuit: how many values a witness has.
    pub fn witness_len(&self) -> usize {
        self.header.witness_len
    }

    /// Bytes of a run's linear memory when it begins; circom's modules do not let it grow. So much is kept for the next
    /// run, wiped, and there are as many as ran at the same time.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Values of all input signals together.
    pub fn input_len(&self) -> usize {
        self.header.input_len
    }

    /// Computes the witness on this thread. Runs on different threads do not disturb each other.
    ///
    /// # Errors
    /// Any [`WitnessError`] but [`WitnessError::InvalidModule`]. None carries an input or a witness value.
    pub fn calculate<F: ScalarField>(
        &self,
        inputs: &Inputs,
        options: RunOptions,
    ) -> Result<SecretVec<F>, WitnessError> {
        let wanted = limbs_to_le_bytes(&F::MODULUS_LIMBS);
        if self.header.prime != wanted {
            let (found, wanted) = (self.header.field_name(), describe_prime(&wanted));
            return Err(WitnessError::WrongField { found, wanted });
        }
        self.runtime.run(options, |store| {
            let mut session = Session::start(&self.module, store)?;
            if session.header != self.header {
                let reason = "it describes its circuit differently from run to run".to_owned();
                return Err(WitnessError::NotCircom { reason });
            }
            session.init()?;
            set_inputs::<F>(&mut session, inputs)?;
            read_witness(&mut session)
        })
    }
}

fn set_inputs<F: ScalarField>(session: &mut Session, inputs: &Inputs) -> Result<(), WitnessError> {
    // Everything is checked before the first value is set, since the last value runs the circuit.
    let mut found = 0;
    for Signal { name, values } in inputs.iter() {
        let wanted = session.signal_size(fnv1a(name))?;
        if wanted != values.len() {
            let signal = printable(name, 120);
            if wanted == 0 {
                return Err(WitnessError::UnknownSignal { signal });
            }
            return Err(WitnessError::WrongLength { signal, found: values.len(), wanted });
        }
        found += values.len();
    }
    let wanted = session.header.input_len;
    if found < wanted {
        return Err(WitnessError::MissingInputs { found, wanted });
    }
    for Signal { name, values } in inputs.iter() {
        let hash = fnv1a(name);
        for (i, value) in values.iter().enumerate() {
            let bytes = Zeroizing::new(value.reduce::<F>().to_canonical_le_bytes());
            session.set_signal(hash, i, &bytes)?;
        }
    }
    Ok(())
}

fn read_witness<F: ScalarField>(session: &mut Session) -> Result<SecretVec<F>, WitnessError> {
    let len = session.header.witness_len;
    let mut witness = SecretVec::with_capacity(len).ok_or(WitnessError::OutOfMemory { values: len })?;
    for i in 0..len {
        if i % READ_CHUNK == 0 {
            session.check_interrupt()?;
        }
        let value = F::from_canonical_le_bytes(session.witness(i)?).ok_or_else(|| {
            WitnessError::InvalidWitness { reason: format!("value {i} is not below the prime") }
        })?;
        if i == 0 && value != F::ONE {
            return Err(WitnessError::InvalidWitness { reason: "value 0 is not 1".to_owned() });
        }
        witness.push(value);
    }
    Ok(witness)
}

/// FNV-1a with 64 bits, over UTF-16 units as JavaScript's strings have them: circom's names are ASCII.
fn fnv1a(name: &str) -> u64 {
    name.encode_utf16()
        .fold(0xcbf2_9ce4_8422_2325, |hash, unit| (hash ^ u64::from(unit)).wrapping_mul(0x100_0000_01b3))
}

fn curve_of(prime: &[u8; 32]) -> Option<CurveId> {
    CurveId::ALL.into_iter().find(|curve| curve.scalar_modulus_le() == *prime)
}

/// A curve's name, or the prime itself (a public constant) in hexadecimal.
pub(crate) fn describe_prime(prime: &[u8; 32]) -> String {
    match curve_of(prime) {
        Some(curve) => curve.name().to_owned(),
        None => {
            prime.iter().rev().fold("the prime 0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
        }
    }
}

fn invalid(error: &wasmtime::Error) -> WitnessError {
    WitnessError::InvalidModule { reason: printable(&error.root_cause().to_string(), 200) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_msm::{Bn254, Curve};

    #[test]
    fn names_hash_as_fnv1a() {
        // From the test vectors of the FNV authors (draft-eastlake-fnv).
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_memory_is_kept_and_wiped_of_inputs_and_witness() {
        let generator =
            WitnessGenerator::from_bytes(include_bytes!("../tests/fixtures/shapes.bn254.wasm")).unwrap();
        let inputs = Inputs::from_json(include_bytes!("../tests/fixtures/shapes.bn254.json")).unwrap();
        generator
            .runtime
            .run(RunOptions::default(), |store| {
                let mut session = Session::start(&generator.module, store)?;
                session.init()?;
                set_inputs::<<Bn254 as Curve>::Fr>(&mut session, &inputs)?;
                // 2^200, an input, as circom stores a long value.
                let secret = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1u8, 0, 0, 0, 0, 0, 0, 0];
                assert!(session.memory().windows(secret.len()).any(|w| w == secret));
                Ok(())
            })
            .unwrap();
        // The probe's memory was used again, and is wiped.
        assert_eq!(generator.runtime.memories.kept(), (1, true));
    }
}
