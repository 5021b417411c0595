//! Development parameters from a seed, in bellperson's format, where filecoin-proofs looks for them. Whoever knows the seed
//! can forge proofs: for tests and benchmarks alone.
//!
//! Forebay's own setup makes them ([`forebay_prover::setup`]), in a fourth of bellperson's time. That both are
//! alike is for bellperson's prover and filecoin-proofs' verifiers to say: tests ask them.

use crate::{
    Error,
    blank::{WithBlank, with_blank},
    circuit::CircuitId,
};
use bellpepper_core_02::{
    Circuit as Synthesis, ConstraintSystem, Index, LinearCombination, SynthesisError, Variable,
};
use blstrs::Scalar as Fr;
use forebay_formats::{Digest, KeyPoints, Load, ParamsFile, ParamsPoints};
use forebay_msm::{Bases, Bls12_381};
use forebay_prover::{
    Cancel, ProveError,
    circuit::{ConstraintSource, Counts, Visit},
    setup::{Convention, InMemoryKey, development_key},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rayon::ThreadPool;
use std::sync::mpsc;

/// The seed of the parameters that this repository's tests and benchmarks use.
pub const TEST_SEED: u64 = 20_201_015;

/// Generates the circuit's parameters and verifying key from a seed where filecoin-proofs looks for them, unless they are
/// there. The same seed gives the same bytes. Tells the digest of the verifying part, and whether they were generated.
///
/// # Errors
/// What the setup, filecoin-proofs and the file system report.
pub fn insecure_parameters(id: CircuitId, seed: u64, pool: &ThreadPool) -> Result<(Digest, bool), Error> {
    let (params, vk) = (id.params_path()?, id.verifying_key_path()?);
    let missing = !params.exists() || !vk.exists();
    if missing {
        let folder = params.parent().unwrap_or(std::path::Path::new("."));
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let key = generate(id, seed, pool)?;
        let points = key_points(&key);
        let contents = ParamsPoints {
            points: &points,
            ic: Bases::from_slice(&key.vkey.ic),
            h: Bases::from_slice(&key.h),
            l: Bases::from_slice(&key.l),
            a: Bases::from_slice(&key.a),
            b1: Bases::from_slice(&key.b1),
            b2: Bases::from_slice(&key.b2),
        };
        contents.write_params(&params)?;
        contents.write_vk(&vk)?;
    }
    Ok((ParamsFile::open(&params, Load::Auto)?.verifying_digest(), missing))
}

fn generate(id: CircuitId, seed: u64, pool: &ThreadPool) -> Result<InMemoryKey<Bls12_381>, Error> {
    let source = BlankSource::new(id)?;
    let rng = ChaCha20Rng::seed_from_u64(seed);
    let convention = Convention::power_basis::<Bls12_381>();
    Ok(development_key::<Bls12_381>(&source, convention, rng, pool, &Cancel::default())?)
}

fn key_points(key: &InMemoryKey<Bls12_381>) -> KeyPoints<Bls12_381> {
    KeyPoints {
        alpha1: key.vkey.alpha1,
        beta1: key.beta1,
        beta2: key.vkey.beta2,
        gamma2: key.vkey.gamma2,
        delta1: key.delta1,
        delta2: key.vkey.delta2,
    }
}

/// A row's combinations A, B and C.
type Row = [Vec<(u32, Fr)>; 3];

/// Rows handed over at a time.
const BATCH: usize = 1024;

/// The rows of a blank circuit, synthesised anew at each pass: a thread synthesises, the caller's visits.
struct BlankSource {
    id: CircuitId,
    counts: Counts,
}

impl BlankSource {
    fn new(id: CircuitId) -> Result<Self, Error> {
        let (inputs, aux, rows) = with_blank(id, Pass(RowsCs::new(0, None)))?;
        let counts = Counts { num_variables: inputs + aux, num_public: inputs - 1, num_constraints: rows };
        Ok(BlankSource { id, counts })
    }
}

impl ConstraintSource<Fr> for BlankSource {
    fn counts(&self) -> Counts {
        self.counts
    }

    fn for_each(&self, visit: &mut Visit<'_, Fr>) -> Result<(), ProveError> {
        let (sender, rows) = mpsc::sync_channel::<Vec<Row>>(4);
        std::thread::scope(|scope| {
            let cs = RowsCs::new(self.counts.num_public + 1, Some(sender));
            let pass = scope.spawn(|| with_blank(self.id, Pass(cs)));
            // Leaving the loop early hangs up, and the synthesis goes on without an ear.
            let visited = rows.into_iter().flatten().try_for_each(|[a, b, c]| visit(&a, &b, &c));
            match pass.join() {
                Ok(Ok(_)) => visited,
                Ok(Err(e)) => visited.and(Err(ProveError::Setup(e.to_string()))),
                Err(_) => visited.and(Err(ProveError::Setup("the synthesis panicked".into()))),
            }
        })
    }
}

/// Synthesises, and tells the numbers of inputs, auxiliary variables and rows.
struct Pass(RowsCs);

impl WithBlank for Pass {
    type Output = (usize, usize, usize);
    fn apply<C: Synthesis<Fr> + Send>(mut self, circuit: C) -> Result<Self::Output, Error> {
        circuit.synthesize(&mut self.0)?;
        self.0.send();
        Ok((self.0.inputs, self.0.aux, self.0.rows))
    }
}

/// Hands the rows on, if there is somebody who takes them; auxiliary variables come after so many inputs.
struct RowsCs {
    all_inputs: usize,
    sender: Option<mpsc::SyncSender<Vec<Row>>>,
    batch: Vec<Row>,
    inputs: usize,
    aux: usize,
    rows: usize,
}

impl RowsCs {
    fn new(all_inputs: usize, sender: Option<mpsc::SyncSender<Vec<Row>>>) -> Self {
        RowsCs { all_inputs, sender, batch: Vec::new(), inputs: 1, aux: 0, rows: 0 }
    }

    fn terms(&self, lc: &LinearCombination<Fr>) -> Vec<(u32, Fr)> {
        let column = |v: Variable| match v.get_unchecked() {
            Index::Input(i) => i as u32,
            Index::Aux(i) => (self.all_inputs + i) as u32,
        };
        lc.iter().map(|(v, value)| (column(v), *value)).collect()
    }

    fn send(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if self.sender.as_ref().is_some_and(|sender| sender.send(batch).is_err()) {
            self.sender = None;
        }
    }
}

impl ConstraintSystem<Fr> for RowsCs {
    type Root = Self;

    fn alloc<F, A, AR>(&mut self, _: A, _: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Fr, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.aux += 1;
        Ok(Variable::new_unchecked(Index::Aux(self.aux - 1)))
    }

    fn alloc_input<F, A, AR>(&mut self, _: A, _: F) -> Result<Variable, SynthesisError>
    where
        F: FnOnce() -> Result<Fr, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.inputs += 1;
        Ok(Variable::new_unchecked(Index::Input(self.inputs - 1)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
        LB: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
        LC: FnOnce(LinearCombination<Fr>) -> LinearCombination<Fr>,
    {
        self.rows += 1;
        if self.sender.is_none() {
            return;
        }
        let zero = LinearCombination::zero;
        self.batch.push([a(zero()), b(zero()), c(zero())].map(|lc| self.terms(&lc)));
        if self.batch.len() == BATCH {
            self.send();
        }
    }

    fn push_namespace<NR: Into<String>, N: FnOnce() -> NR>(&mut self, _: N) {}

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self {
        self
    }
}
