//! Forebay and bellperson on Filecoin's own proofs of 2 KiB sectors: the same parameters, the same vanilla proofs, one
//! process, rounds in turn. From vanilla proofs to the bytes of the proof, in CPU-seconds of the process; filecoin-proofs
//! accepts every proof or the run fails.
//!
//! bellperson runs as filecoin-proofs runs it (`generate_window_post_with_vanilla`, `generate_winning_post_with_vanilla`,
//! `seal_commit_phase2_circuit_proofs`), with its parameters mapped before. Forebay has the circuit compiled and the key
//! converted before; what that took, and a load of the key, is told beside.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use filecoin_proofs::{
    PoStType, generate_window_post_with_vanilla, generate_winning_post_with_vanilla,
    seal_commit_phase2_circuit_proofs, verify_window_post, verify_winning_post,
};
use forebay_filecoin::{
    Engine, FilecoinJob,
    circuit::{CircuitId, ProofKind, SectorSize, window_post_config, winning_post_config},
    keys::{self, Caches},
    sample::{Miner, Sealed, Tree},
    setup,
};
use forebay_formats::Validation;
use forebay_scheduler::config::Config;
use serde_json::{Value, json};
use std::{path::PathBuf, time::Instant};

/// Compare Forebay with bellperson on Filecoin's proofs.
#[derive(Parser)]
struct Options {
    /// Which proofs: window-post, winning-post, porep. Their parameters are generated if they are missing.
    #[arg(long, value_delimiter = ',', default_value = "window-post,winning-post,porep")]
    proofs: Vec<String>,
    /// Rounds; medians are told.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Threads of Forebay; 0 takes every core. bellperson takes every core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Where compiled circuits and converted keys are kept.
    #[arg(long, default_value = "target/filecoin/forebay")]
    cache: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is measured: from vanilla proofs, which were made before, to the proof.
type Run<'a> = Box<dyn FnOnce() -> Result<Vec<u8>> + 'a>;

/// A proof to be made by both.
trait Subject {
    fn id(&self) -> CircuitId;
    fn bellperson(&self) -> Result<Run<'_>>;
    fn forebay<'a>(&'a self, engine: &'a Engine) -> Result<Run<'a>>;
    fn accepted(&self, proof: &[u8]) -> Result<bool>;
}

/// A PoSt over some sectors.
struct Post {
    config: filecoin_proofs::PoStConfig,
    miner: Miner,
    sectors: Vec<Sealed>,
}

impl Post {
    fn new(config: filecoin_proofs::PoStConfig, sectors: usize) -> Result<Self> {
        let mut miner = Miner::new(7);
        let sectors = (0..sectors).map(|_| miner.seal()).collect::<Result<_, _>>()?;
        Ok(Post { config, miner, sectors })
    }

    fn vanilla(&self) -> Result<Vec<forebay_filecoin::sample::Vanilla>> {
        Ok(self.miner.vanilla_proofs(&self.config, &self.sectors)?)
    }
}

impl Subject for Post {
    fn id(&self) -> CircuitId {
        let kind = match self.config.typ {
            PoStType::Window => ProofKind::WindowPost,
            PoStType::Winning => ProofKind::WinningPost,
        };
        CircuitId { kind, sector_size: SectorSize::KiB2 }
    }

    fn bellperson(&self) -> Result<Run<'_>> {
        let (config, randomness, prover) = (&self.config, &self.miner.randomness, self.miner.prover_id);
        let vanilla = self.vanilla()?;
        Ok(Box::new(move || match config.typ {
            PoStType::Window => {
                generate_window_post_with_vanilla::<Tree>(config, randomness, prover, vanilla)
            }
            PoStType::Winning => {
                generate_winning_post_with_vanilla::<Tree>(config, randomness, prover, vanilla)
            }
        }))
    }

    fn forebay<'a>(&'a self, engine: &'a Engine) -> Result<Run<'a>> {
        let (config, randomness, prover) = (&self.config, &self.miner.randomness, self.miner.prover_id);
        let vanilla = self.vanilla()?;
        Ok(Box::new(move || {
            let job = FilecoinJob::post::<Tree>(config, randomness, prover, &vanilla)?;
            Ok(engine.prove(job)?)
        }))
    }

    fn accepted(&self, proof: &[u8]) -> Result<bool> {
        let (config, randomness, prover) = (&self.config, &self.miner.randomness, self.miner.prover_id);
        let replicas = self.miner.replicas(&self.sectors)?;
        match config.typ {
            PoStType::Window => verify_window_post::<Tree>(config, randomness, &replicas, prover, proof),
            PoStType::Winning => {
                let replicas: Vec<_> = replicas.into_iter().collect();
                verify_winning_post::<Tree>(config, randomness, &replicas, prover, proof)
            }
        }
    }
}

/// A PoRep of one sector.
struct Porep {
    miner: Miner,
    sector: Sealed,
}

impl Subject for Porep {
    fn id(&self) -> CircuitId {
        CircuitId { kind: ProofKind::Porep, sector_size: SectorSize::KiB2 }
    }

    fn bellperson(&self) -> Result<Run<'_>> {
        let (config, id) = (&self.miner.config, self.sector.id);
        let phase1 = self.miner.commit_phase1(&self.sector)?;
        Ok(Box::new(move || Ok(seal_commit_phase2_circuit_proofs::<Tree>(config, phase1, id)?.proof)))
    }

    fn forebay<'a>(&'a self, engine: &'a Engine) -> Result<Run<'a>> {
        let phase1 = self.miner.commit_phase1(&self.sector)?;
        Ok(Box::new(move || Ok(engine.prove(FilecoinJob::porep::<Tree>(&self.miner.config, &phase1)?)?)))
    }

    fn accepted(&self, proof: &[u8]) -> Result<bool> {
        Ok(self.miner.verify_seal(&self.sector, proof)?)
    }
}

/// CPU and wall seconds of `work`.
fn measured<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, [f64; 2])> {
    let (cpu, start) = (cpu_seconds(), Instant::now());
    let result = work()?;
    Ok((result, [cpu_seconds() - cpu, start.elapsed().as_secs_f64()]))
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn median(samples: &[[f64; 2]], which: usize) -> f64 {
    let mut values: Vec<f64> = samples.iter().filter_map(|s| s.get(which).copied()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn compare(options: &Options, engine: &Engine, caches: &Caches, subject: &dyn Subject) -> Result<Value> {
    let id = subject.id();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    setup::insecure_parameters(id, setup::TEST_SEED, &pool)?;
    let loaded = engine.load(id)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut partitions = 0;
    for _ in 0..options.rounds.max(1) {
        let (proof, time) = measured(subject.bellperson()?)?;
        ensure!(subject.accepted(&proof)?, "filecoin-proofs rejects bellperson's proof of {id}");
        theirs.push(time);
        let (proof, time) = measured(subject.forebay(engine)?)?;
        ensure!(subject.accepted(&proof)?, "filecoin-proofs rejects our proof of {id}");
        ours.push(time);
        partitions = proof.len() / 192;
    }
    // Loaded again from the files, as another process would.
    let (_, again) = keys::key(id, loaded.prover.circuit(), caches, Validation::OnCurve, &pool)?;
    Ok(json!({
        "circuit": id.to_string(), "partitions": partitions,
        "constraints": loaded.prover.circuit().num_constraints(), "rounds": ours.len(),
        "bellperson_cpu_s": median(&theirs, 0), "bellperson_wall_s": median(&theirs, 1),
        "forebay_cpu_s": median(&ours, 0), "forebay_wall_s": median(&ours, 1),
        "ratio_cpu": median(&theirs, 0) / median(&ours, 0),
        "conversion_s": loaded.key.conversion.map(|t| t.as_secs_f64()),
        "key_load_ms": again.load.time.as_secs_f64() * 1e3, "key_remembered": again.load.hit,
        "accepted": true,
    }))
}

fn main() -> Result<()> {
    let options = Options::parse();
    let caches = Caches::below(&options.cache)?;
    let config = Config { synthesis: options.threads, msm: options.threads, ..Config::default() };
    let engine = Engine::start(&config, caches.clone(), Validation::OnCurve)?;
    let mut results = Vec::new();
    if !options.json {
        println!("circuit              partitions  bellperson CPU-s  forebay CPU-s  ratio  key load ms");
    }
    for name in &options.proofs {
        let subject: Box<dyn Subject> = match name.as_str() {
            "window-post" => {
                let config = window_post_config(SectorSize::KiB2)?;
                let sectors = 2 * config.sector_count;
                Box::new(Post::new(config, sectors)?)
            }
            "winning-post" => Box::new(Post::new(winning_post_config(SectorSize::KiB2), 1)?),
            "porep" => {
                let mut miner = Miner::new(7);
                let sector = miner.seal()?;
                Box::new(Porep { miner, sector })
            }
            other => anyhow::bail!("`{other}` is none of window-post, winning-post, porep"),
        };
        let result = compare(&options, &engine, &caches, &*subject).with_context(|| name.clone())?;
        if !options.json {
            println!(
                "{:20} {:>10}  {:>16.2}  {:>13.2}  {:>4.1}x  {:>11.2}",
                result["circuit"].as_str().unwrap_or_default(),
                result["partitions"],
                result["bellperson_cpu_s"].as_f64().unwrap_or_default(),
                result["forebay_cpu_s"].as_f64().unwrap_or_default(),
                result["ratio_cpu"].as_f64().unwrap_or_default(),
                result["key_load_ms"].as_f64().unwrap_or_default(),
            );
        }
        results.push(result);
    }
    if options.json {
        println!("{}", json!({ "results": results }));
    }
    Ok(())
}
