//! What the commands do. Each gives a result of names and values.

use crate::{BLOCKS, SealArgs};
use anyhow::{Context, Result, ensure};
use filecoin_proofs::{
    SealCommitPhase1Output, SectorShape32GiB, SectorShape64GiB, SectorShapeBase, verify_seal,
};
use forebay_filecoin::{
    Engine,
    circuit::{CircuitId, ProofKind, SectorSize, porep_config, window_post_config, winning_post_config},
    inputs::{self, PostInput},
    keys::{self, Caches},
    sample::{Miner, Vanilla},
    setup,
};
use forebay_formats::{
    Validation,
    atomic::{self, Access},
};
use forebay_pce::Matrix;
use forebay_scheduler::{
    config::Config,
    probe::{BandwidthOptions, measure},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What all commands share.
pub(crate) struct Session {
    pub(crate) cache: PathBuf,
    pub(crate) threads: usize,
}

impl Session {
    pub(crate) fn caches(&self) -> Result<Caches> {
        Ok(Caches::below(&self.cache)?)
    }

    /// The scheduler's configuration, with the threads that were asked for.
    pub(crate) fn config(&self) -> Config {
        Config { synthesis: self.threads, msm: self.threads, ..Config::default() }
    }

    fn pool(&self) -> Result<rayon::ThreadPool> {
        Ok(rayon::ThreadPoolBuilder::new().num_threads(self.threads).build()?)
    }

    pub(crate) fn prove(&self, id: CircuitId, input: &Path, output: &Path, seal: &SealArgs) -> Result<Value> {
        let engine = engine(&self.config(), self.caches()?)?;
        let json = std::fs::read(input).with_context(|| input.display().to_string())?;
        let loaded = engine.load(id)?;
        let start = Instant::now();
        let size = id.sector_size;
        let (proof, accepted) = match id.kind {
            ProofKind::Porep => {
                let proof = engine.prove(inputs::porep(size, &porep_config(size), &json)?)?;
                let accepted = check_seal(size, &json, seal, &proof)?;
                (proof, accepted)
            }
            ProofKind::WinningPost | ProofKind::WindowPost => {
                let config = match id.kind {
                    ProofKind::WinningPost => winning_post_config(size),
                    _ => window_post_config(size)?,
                };
                let (job, statement) = inputs::post(size, &config, &json)?;
                let proof = engine.prove(job)?;
                let accepted = statement.verify(size, &config, &proof)?;
                (proof, Some(accepted))
            }
        };
        ensure!(accepted != Some(false), "filecoin-proofs rejects the proof: it is not written");
        atomic::write(output, Access::Public, &proof)?;
        Ok(json!({
            "circuit": id.to_string(), "proof": output, "bytes": proof.len(),
            "accepted by filecoin-proofs": accepted,
            "circuit_from_cache": loaded.circuit.hit, "circuit_s": loaded.circuit.time.as_secs_f64(),
            "conversion_s": loaded.key.conversion.map(|t| t.as_secs_f64()),
            "key_load_s": loaded.key.load.time.as_secs_f64(),
            "prove_s": start.elapsed().as_secs_f64(),
        }))
    }

    pub(crate) fn compile(&self, id: CircuitId) -> Result<Value> {
        let (caches, pool) = (self.caches()?, self.pool()?);
        let cpu = cpu_seconds();
        let (circuit, fetched) = keys::circuit(id, &caches, &pool)?;
        let path = caches.circuit_path(id)?;
        let terms = [Matrix::A, Matrix::B, Matrix::C].map(|m| circuit.num_terms(m));
        Ok(json!({
            "circuit": id.to_string(), "from_cache": fetched.hit, "file": path,
            "file_bytes": std::fs::metadata(&path).with_context(|| path.display().to_string())?.len(),
            "evaluator_bytes": circuit.size_bytes(),
            "constraints": circuit.num_constraints(), "inputs": circuit.num_inputs(), "aux": circuit.num_aux(),
            "terms": terms, "distinct_coefficients": circuit.num_distinct_coefficients(),
            "bytes_per_term": circuit.size_bytes() as f64 / terms.iter().sum::<u64>() as f64,
            "wall_s": fetched.time.as_secs_f64(), "cpu_s": cpu_seconds() - cpu, "peak_memory_bytes": peak_memory(),
        }))
    }

    pub(crate) fn evaluate(&self, id: CircuitId, output: Option<&Path>) -> Result<Value> {
        let (caches, pool) = (self.caches()?, self.pool()?);
        let (circuit, fetched) = keys::circuit(id, &caches, &pool)?;
        let witness = forebay_filecoin::synthetic_witness(circuit.num_variables(), 1, &pool);
        let cpu = cpu_seconds();
        let done = forebay_filecoin::evaluate(&circuit, &witness, output, &pool)?;
        let cpu = cpu_seconds() - cpu;
        drop(witness);
        let options = BandwidthOptions {
            bytes: 1 << 30,
            time: Duration::from_millis(500),
            threads: pool.current_num_threads(),
        };
        let machine = measure(options);
        let machine = machine.last().map(|p| p.bytes_per_second);
        Ok(json!({
            "circuit": id.to_string(), "circuit_from_cache": fetched.hit, "rows": done.stats.rows,
            "evaluate_s": done.time.as_secs_f64(), "cpu_s_with_digest": cpu,
            "bytes_read": done.stats.bytes_read, "bytes_written": done.stats.bytes_written,
            "bytes_per_second": done.bytes_per_second(), "machine_bytes_per_second": machine,
            "share": machine.map(|m| done.bytes_per_second() / m),
            "digest": forebay_formats::Digest(done.digest).to_string(), "output": output,
            "writing_s": output.map(|_| done.writing.as_secs_f64()),
            "peak_memory_bytes": peak_memory(),
        }))
    }
}

/// An engine, and the allocator told what its configuration says.
pub(crate) fn engine(config: &Config, caches: Caches) -> Result<Engine> {
    let engine = Engine::start(config, caches, Validation::OnCurve)?;
    BLOCKS.follow(config, engine.executor().usage().total.host);
    Ok(engine)
}

/// Asks `verify_seal`, if there is what it has to know.
fn check_seal(size: SectorSize, json: &[u8], seal: &SealArgs, proof: &[u8]) -> Result<Option<bool>> {
    let (Some(prover_id), Some(sector_id), Some(porep_id)) = (seal.prover_id, seal.sector_id, seal.porep_id)
    else {
        return Ok(None);
    };
    let mut config = porep_config(size);
    config.porep_id = porep_id;
    macro_rules! verify {
        ($tree:ty) => {{
            let c1: SealCommitPhase1Output<$tree> = serde_json::from_slice(json)?;
            let (id, seed) = (sector_id.into(), c1.seed);
            verify_seal::<$tree>(&config, c1.comm_r, c1.comm_d, prover_id, id, c1.ticket, seed, proof)?
        }};
    }
    Ok(Some(match size {
        SectorSize::KiB2 | SectorSize::MiB8 | SectorSize::MiB512 => verify!(SectorShapeBase),
        SectorSize::GiB32 => verify!(SectorShape32GiB),
        SectorSize::GiB64 => verify!(SectorShape64GiB),
    }))
}

pub(crate) fn insecure_setup(id: CircuitId, seed: u64, threads: usize) -> Result<Value> {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (digest, generated) = setup::insecure_parameters(id, seed, &pool)?;
    Ok(json!({
        "circuit": id.to_string(), "parameters": id.params_path()?, "generated": generated,
        "digest": digest.to_string(),
        "wall_s": start.elapsed().as_secs_f64(), "cpu_s": cpu_seconds() - cpu,
    }))
}

pub(crate) fn sample(kind: ProofKind, partitions: usize, output: &Path, seed: u64) -> Result<Value> {
    let (json, mut result) = sample_input(kind, partitions, seed)?;
    atomic::write(output, Access::Private, &json)?;
    result["input"] = json!(output);
    Ok(result)
}

/// An input for `prove`, from sectors sealed now, and what `verify_seal` has to know of a PoRep. Window PoSt alone has partitions.
pub(crate) fn sample_input(kind: ProofKind, partitions: usize, seed: u64) -> Result<(Vec<u8>, Value)> {
    let mut miner = Miner::new(seed);
    match kind {
        ProofKind::Porep => {
            let sector = miner.seal()?;
            let hex = |bytes: &[u8; 32]| forebay_formats::Digest(*bytes).to_string();
            let known = json!({
                "prover_id": hex(&miner.prover_id), "sector_id": u64::from(sector.id),
                "porep_id": hex(&miner.config.porep_id),
            });
            Ok((serde_json::to_vec(&miner.commit_phase1(&sector)?)?, known))
        }
        ProofKind::WinningPost => {
            Ok((post(&mut miner, &winning_post_config(SectorSize::KiB2), 1)?, json!({})))
        }
        ProofKind::WindowPost => {
            let config = window_post_config(SectorSize::KiB2)?;
            Ok((post(&mut miner, &config, partitions * config.sector_count)?, json!({})))
        }
    }
}

/// The input of a PoSt over so many sectors.
fn post(miner: &mut Miner, config: &filecoin_proofs::PoStConfig, sectors: usize) -> Result<Vec<u8>> {
    let sealed = (0..sectors).map(|_| miner.seal()).collect::<Result<Vec<_>, _>>()?;
    let vanilla_proofs: Vec<Vanilla> = miner.vanilla_proofs(config, &sealed)?;
    let input = PostInput { randomness: miner.randomness, prover_id: miner.prover_id, vanilla_proofs };
    Ok(serde_json::to_vec(&input)?)
}

/// The folder of the XDG base directories, or one in the current folder where there is no home.
pub(crate) fn default_cache() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    base.unwrap_or_default().join("forebay-filecoin")
}

/// CPU seconds of this process.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The most memory that this process has had resident.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// 32 bytes from hexadecimal digits.
pub(crate) fn hex32(text: &str) -> Result<[u8; 32], String> {
    let digits = text.as_bytes();
    let wrong = || "64 hexadecimal digits are needed".to_owned();
    if digits.len() != 64 {
        return Err(wrong());
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

/// Prints a result, one line per name or all of it as JSON.
pub(crate) fn print(result: &Value, as_json: bool) {
    match result.as_object() {
        _ if result.is_null() => {}
        Some(fields) if !as_json => fields.iter().for_each(|(name, value)| println!("{name}: {value}")),
        _ => println!("{result}"),
    }
}
