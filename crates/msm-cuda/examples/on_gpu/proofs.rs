//! Whole proofs on the device, of a circuit with 2^20 constraints on both curves, each verified. The CPU's kernels are the
//! reference: what the device computes wrongly is named in the report.

use crate::{Options, median, staged};
use forebay_msm::{Backend, Bls12_381, Bn254, CpuBackend, Curve, ScalarField};
use forebay_msm_cuda::{CudaBackend, device::Device};
use forebay_prover::{
    Cancel, ProveError, Prover, ProvingKey,
    circuit::{ConstraintSource, Counts, Visit, compile_source},
    setup::{Convention, development_key},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde_json::{Value, json};
use std::{error::Error, sync::Arc, time::Instant};

/// Proofs of which the median counts.
const PROOFS: usize = 5;

/// Products of neighbours: x_{i+2} = x_{i+1}·x_i + x_i, `rows` of them, all values of full width. The last is public.
struct Neighbours {
    rows: usize,
}

impl Neighbours {
    /// The variable of x_i: after 1 and the public one.
    fn variable(&self, i: usize) -> u32 {
        if i == self.rows + 1 { 1 } else { i as u32 + 2 }
    }

    fn assignment<F: ScalarField>(&self) -> Vec<F> {
        let mut z = vec![F::ONE; self.rows + 3];
        let (mut x, mut y) = (F::MULTIPLICATIVE_GENERATOR.invert().unwrap_or(F::ONE), F::from(3));
        for i in 0..self.rows + 2 {
            z[self.variable(i) as usize] = x;
            (x, y) = (y, y * x + x);
        }
        z
    }
}

impl<F: ScalarField> ConstraintSource<F> for Neighbours {
    fn counts(&self) -> Counts {
        Counts { num_variables: self.rows + 3, num_public: 1, num_constraints: self.rows }
    }

    fn for_each(&self, visit: &mut Visit<'_, F>) -> Result<(), ProveError> {
        for i in 0..self.rows {
            let [x, y, next] = [i, i + 1, i + 2].map(|i| self.variable(i));
            visit(&[(y, F::ONE), (0, F::ONE)], &[(x, F::ONE)], &[(next, F::ONE)])?;
        }
        Ok(())
    }
}

pub(crate) fn run(
    options: &Options,
    device: Arc<dyn Device>,
    cpu: &CpuBackend,
) -> Result<(Value, bool), Box<dyn Error>> {
    let backend = Arc::new(staged(&device, cpu)?);
    let curves = [of::<Bls12_381>(options, &backend, cpu)?, of::<Bn254>(options, &backend, cpu)?];
    let passed = curves.iter().all(|(_, passed)| *passed);
    let curves: Vec<Value> = curves.into_iter().map(|(report, _)| report).collect();
    let (name, emulated) = (&device.properties().name, device.properties().is_emulated);
    Ok((json!({ "device": name, "emulated": emulated, "passed": passed, "proofs": curves }), passed))
}

fn of<C: Curve>(
    options: &Options,
    backend: &Arc<CudaBackend>,
    cpu: &CpuBackend,
) -> Result<(Value, bool), Box<dyn Error>>
where
    CpuBackend: Backend<C>,
    CudaBackend: Backend<C>,
{
    let rows = if options.small { 200 } else { 1 << 20 };
    let (circuit, pool) = (Neighbours { rows }, cpu.pool());
    let start = Instant::now();
    let rng = ChaCha20Rng::seed_from_u64(1);
    let key = development_key::<C>(&circuit, Convention::SNARKJS, rng, pool, &Cancel::default())?;
    let setup_s = start.elapsed().as_secs_f64();
    let log_n = key.shape.domain.log_n;
    let compiled = Arc::new(compile_source::<C::Fr>(&circuit)?);
    let device = Arc::clone(backend) as Arc<dyn Backend<C>>;
    let key = Arc::new(key) as Arc<dyn ProvingKey<C>>;
    let reference = Arc::new(cpu.clone()) as Arc<dyn Backend<C>>;
    let prover = Prover::new(device, key, compiled, Arc::clone(pool))?.with_reference(reference);
    let z = circuit.assignment::<C::Fr>();
    let (mut seconds, mut wrong, mut stages) = (Vec::new(), Vec::new(), Value::Null);
    for _ in 0..if options.small { 1 } else { PROOFS } {
        let start = Instant::now();
        // What is returned was verified.
        let proven = prover.prove(&z)?;
        seconds.push(start.elapsed().as_secs_f32());
        wrong.extend(proven.diagnoses.iter().map(ToString::to_string));
        let times =
            proven.times.iter().map(|(stage, time)| (stage.name().to_owned(), json!(time.as_secs_f64())));
        stages = times.collect::<serde_json::Map<_, _>>().into();
    }
    let passed = wrong.is_empty();
    let report = json!({ "curve": C::ID.name(), "constraints": rows, "log_domain": log_n, "setup_s": setup_s,
        "verified": seconds.len(), "median_s": median(seconds), "stages_s": stages, "wrong_results": wrong });
    Ok((report, passed))
}
