//! A proof that a program gave a result, in one file.
//!
//! Magic, program, iterations, result, then the proof's bytes. The verifier compiles the program itself.

use super::{Fibonacci, machine::MAX_ITERATIONS};
use crate::{
    Options, Parameters, ProveError, ProvingKey, Security, SetupError, VerifyError,
    field::{F, MODULUS},
    machine::setup,
    prover::prove,
    security::Sizes,
    verifier::verify_bytes,
};
use p3_field::PrimeField64;
use rayon::ThreadPool;

const MAGIC: &[u8; 8] = b"FBFIB001";
/// Bytes before the proof.
const HEAD: usize = 24;

/// What was computed, and the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// n.
    pub iterations: u64,
    /// F_n modulo p.
    pub result: F,
    /// The proof's bytes.
    pub proof: Vec<u8>,
}

/// Compiles the program.
fn key(pool: &ThreadPool, program: &Fibonacci) -> Result<ProvingKey, SetupError> {
    let airs = program.airs();
    let airs: Vec<_> = airs.iter().map(AsRef::as_ref).collect();
    setup(pool, &airs, Parameters::default())
}

impl Receipt {
    /// Runs the program and proves it.
    pub fn prove(pool: &ThreadPool, iterations: u64, options: Options<'_>) -> Result<Receipt, ProveError> {
        let program = Fibonacci::new(iterations)?;
        let key = key(pool, &program).map_err(|e| ProveError::Shape(e.to_string()))?;
        let (traces, result) = program.run()?;
        let proof = prove(pool, &key, traces, &program.public(result), options)?;
        Ok(Receipt { iterations, result, proof: proof.to_bytes() })
    }

    /// Checks the proof. Offsets in errors are those of the file.
    pub fn verify(&self, pool: &ThreadPool) -> Result<(), VerifyError> {
        let program = Fibonacci::new(self.iterations).map_err(|_| VerifyError::Public("iterations"))?;
        let key = key(pool, &program).map_err(|_| VerifyError::Public("the program does not compile"))?;
        let verdict = verify_bytes(key.verifying_key(), &program.public(self.result), &self.proof);
        verdict.map_err(|e| e.moved(HEAD))
    }

    /// Bits of security of receipts of this many iterations.
    pub fn security(&self) -> Security {
        let steps = 5 * self.iterations.min(MAX_ITERATIONS) + 4;
        let log_rows = steps.next_power_of_two().ilog2() + 1;
        // Nine messages a row of the two tall tables at most, one of each range row.
        let messages = (9u64 << log_rows) + (1 << 17);
        Parameters::default().security(Sizes { log_rows, columns: 80, constraints: 25, messages, arity: 6 })
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.iterations.to_le_bytes());
        bytes.extend(self.result.as_canonical_u64().to_le_bytes());
        bytes.extend_from_slice(&self.proof);
        bytes
    }

    /// Reads a file; whether the proof holds is not looked at.
    pub fn from_bytes(bytes: &[u8]) -> Result<Receipt, VerifyError> {
        let fault = |offset, what| Err(VerifyError::Encoding { offset, what });
        if !bytes.starts_with(MAGIC) {
            return fault(0, "this is no receipt");
        }
        let Some((head, proof)) = bytes.split_at_checked(HEAD) else {
            return fault(bytes.len(), "it ends early");
        };
        let (words, _) = head.as_chunks::<8>();
        let result = u64::from_le_bytes(words[2]);
        if result >= MODULUS {
            return fault(16, "the result is not canonical");
        }
        Ok(Receipt {
            iterations: u64::from_le_bytes(words[1]),
            result: F::new(result),
            proof: proof.to_vec(),
        })
    }
}
