//! What is proved: the multiplication chain, and circom's SHA-256.

use crate::options::{CircuitArg, Setting};
use anyhow::Context;
use ff::Field;
use forebay_formats::{Load, R1csFile, WtnsFile};
use forebay_msm::{Curve, backend::RootGenerator};
use forebay_prover::{
    circuit::{ConstraintSource, R1csSource},
    setup::domain_for,
};
use forebay_reference::chain::Chain;
use forebay_testkit::{Optimize, TempDir, circom_compile_source, node_witness};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::path::{Path, PathBuf};

/// circomlib's SHA-256 of 4096 bits. Only fetched and compiled here, never part of this repository.
const SHA256: &str = "pragma circom 2.0.0;
include \"circomlib/circuits/sha256/sha256.circom\";
component main = Sha256(4096);
";

/// A circuit with a satisfying assignment.
pub(crate) struct Subject<C: Curve> {
    /// `chain`, `sha256`, or a file's name.
    pub(crate) name: String,
    pub(crate) log_n: u32,
    rows: Rows,
    /// The full assignment, beginning with 1.
    pub(crate) z: Vec<C::Fr>,
}

enum Rows {
    Chain(Chain),
    File(PathBuf),
}

impl<C: Curve> Subject<C> {
    /// One less than 2^`log_n` rows in all: inputs take rows too.
    fn chain(log_n: u32) -> anyhow::Result<Self> {
        let n = (1usize << log_n).checked_sub(2).context("log-n must be at least 2")?;
        let chain = Chain { n };
        let z = chain.assignment(C::Fr::random(ChaCha20Rng::seed_from_u64(u64::from(log_n))));
        Ok(Subject { name: "chain".into(), log_n, rows: Rows::Chain(chain), z })
    }

    fn sha256(setting: &Setting) -> anyhow::Result<Self> {
        let circuit = circom_compile_source("sha256_4096bits", SHA256, C::ID, Optimize::Default);
        let bits: Vec<String> = (0..4096).map(|i| ((i * 7 + i / 3) % 2).to_string()).collect();
        let files = TempDir::new()?;
        let wtns = node_witness(&circuit.wasm, &serde_json::json!({ "in": bits }).to_string(), files.path());
        Subject { name: "sha256".into(), ..Self::of_files(setting, &circuit.r1cs, &wtns)? }.checked()
    }

    /// A circuit and a witness in files.
    pub(crate) fn of_files(setting: &Setting, r1cs: &Path, witness: &Path) -> anyhow::Result<Self> {
        let z = WtnsFile::open(witness)?.witness::<C>(&setting.pool)?.to_vec();
        let name = r1cs.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        let mut subject = Subject { name, log_n: 0, rows: Rows::File(r1cs.to_owned()), z };
        let counts = subject.with_source(|source| Ok(source.counts()))?;
        subject.log_n =
            domain_for::<C>(counts.num_constraints, counts.num_public, RootGenerator::SNARKJS)?.log_n;
        subject.checked()
    }

    fn checked(self) -> anyhow::Result<Self> {
        let expected = self.with_source(|source| Ok(source.counts().num_variables))?;
        anyhow::ensure!(self.z.len() == expected, "{} values for {expected} variables", self.z.len());
        Ok(self)
    }

    /// Everything that a command line asks for.
    pub(crate) fn all(setting: &Setting, circuits: &[CircuitArg], logs: &[u32]) -> Vec<anyhow::Result<Self>> {
        let of = |circuit: &CircuitArg| match circuit {
            CircuitArg::Chain => logs.iter().map(|log_n| Self::chain(*log_n)).collect(),
            CircuitArg::Sha256 => vec![Self::sha256(setting)],
        };
        circuits.iter().flat_map(of).collect()
    }

    /// Lends the constraints.
    pub(crate) fn with_source<T>(
        &self,
        use_it: impl FnOnce(&dyn ConstraintSource<C::Fr>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        match &self.rows {
            Rows::Chain(chain) => use_it(chain),
            Rows::File(path) => {
                let file = R1csFile::open(path, Load::Auto)?;
                use_it(&R1csSource::new::<C>(&file)?)
            }
        }
    }
}
