//! The real clients, for tests: circom2 compiles, node computes witnesses, snarkjs sets up, proves and verifies.
//!
//! Test support: every function panics with the client's own output if something goes wrong, and nothing is ever
//! skipped. If node or npm is missing, the test fails and says so.
//!
//! ```no_run
//! use forebay_msm::CurveId;
//! use forebay_testkit::{circom_compile, node_witness, snarkjs_prove, snarkjs_setup, snarkjs_verify, TempDir};
//!
//! let circuit = circom_compile("multiplier", CurveId::Bn254);
//! let dir = TempDir::new().expect("a folder");
//! let wtns = node_witness(&circuit.wasm, r#"{"a": 3, "b": 11}"#, dir.path());
//! let keys = snarkjs_setup(&circuit.r1cs, CurveId::Bn254, 3);
//! let made = snarkjs_prove(&keys.zkey, &wtns, dir.path());
//! assert!(snarkjs_verify(&keys.vkey, &made.public, &made.proof));
//! ```
//!
//! The packages are those that `circuits/package-lock.json` pins, installed once into `target/clients` (network needed
//! that once). Compiled circuits, powers of tau and keys are kept there too, named by a digest of what they were made
//! from; a file lock per entry lets tests and processes run side by side.

mod cache;
mod circom;
mod packages;
mod process;
mod snarkjs;

pub use circom::{
    Circuit, Optimize, circom_compile, circom_compile_source, circom_compile_with, node_witness,
};
pub use packages::{build_assets_check, circuits_dir, poseidon_constants_check};
pub use snarkjs::{
    MAX_POWER, Proof, SnarkjsKeys, snarkjs_prove, snarkjs_setup, snarkjs_verify, snarkjs_wtns_check,
    snarkjs_zkey_verify,
};
pub use tempfile::TempDir;
