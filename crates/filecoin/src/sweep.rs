//! `forebay-filecoin sweep`: a proof's partitions as a workload with more and more proofs in flight (`docs/scheduling.md`).

use crate::{
    BLOCKS,
    commands::{self, Session},
};
use anyhow::{Context, Result, ensure};
use forebay_filecoin::{
    Engine, FilecoinJob,
    circuit::{CircuitId, ProofKind, SectorSize, porep_config, window_post_config, winning_post_config},
    inputs,
    keys::Caches,
};
use forebay_formats::{
    Validation,
    atomic::{self, Access},
};
use forebay_scheduler::{config::Config, executor::Executor, probe::MachineReport};
use forebay_sweep::{Listener, Options, Sample, Workload as _, settings};
use std::{path::Path, sync::Arc};

/// What everything is drawn from when no input is given.
const SEED: u64 = 1;

/// One proof, requested again and again.
struct Workload {
    id: CircuitId,
    job: Arc<FilecoinJob>,
    caches: Caches,
}

/// The proof on an engine.
struct Running<'a> {
    workload: &'a Workload,
    engine: Engine,
}

impl forebay_sweep::Workload for Workload {
    type Error = anyhow::Error;
    type Running<'a> = Running<'a>;

    fn name(&self) -> String {
        format!("{}, {} partitions", self.id, self.job.partitions())
    }

    fn partitions(&self) -> usize {
        self.job.partitions()
    }

    fn start(&self, config: &Config) -> Result<Running<'_>> {
        let engine = commands::engine(config, self.caches.clone())?;
        engine.load(self.id)?;
        Ok(Running { workload: self, engine })
    }
}

impl forebay_sweep::Running for Running<'_> {
    type Error = anyhow::Error;

    fn executor(&self) -> &Executor {
        self.engine.executor()
    }

    fn prove(&self, jobs: u32) -> Result<()> {
        let submit = |_| self.engine.submit(Arc::clone(&self.workload.job));
        let pending = (0..jobs).map(submit).collect::<Result<Vec<_>, _>>()?;
        Ok(pending.into_iter().try_for_each(|job| job.wait().map(drop))?)
    }
}

/// Says on standard error what is being measured, and prints a line for machines per run.
struct Told {
    json: bool,
}

impl Listener for Told {
    fn doing(&self, what: &str) {
        eprintln!("{what}");
    }

    fn sample(&self, sample: &Sample) {
        if self.json {
            println!("{}", serde_json::to_value(sample).unwrap_or_default());
        }
    }
}

impl Session {
    /// Measures, and prints the table.
    pub(crate) fn sweep(
        &self,
        id: CircuitId,
        input: Option<&Path>,
        partitions: usize,
        options: &Options,
        json: bool,
    ) -> Result<()> {
        let threads = MachineReport::read().topology.cpus.len();
        let settings = settings::of(&self.config(), options, threads)?;
        let workload = self.workload(id, input, partitions)?;
        if !json {
            println!("{}; {} runs of each", workload.name(), options.rounds());
        }
        let sweep = forebay_sweep::run(&workload, &settings, options, &BLOCKS, &Told { json })?;
        if !json {
            println!("{}", sweep.table(options.format));
        }
        if let Some(path) = &options.html {
            atomic::write(path, Access::Public, sweep.page().as_bytes())?;
        }
        Ok(())
    }

    /// The proof of an input, or of sectors sealed for it. A PoSt is proved once, and filecoin-proofs asked.
    fn workload(&self, id: CircuitId, input: Option<&Path>, partitions: usize) -> Result<Workload> {
        let size = id.sector_size;
        let json = match input {
            Some(path) => std::fs::read(path).with_context(|| path.display().to_string())?,
            None => {
                ensure!(size == SectorSize::KiB2, "sectors of {size} are not sealed here: give an --input");
                commands::sample_input(id.kind, partitions, SEED)?.0
            }
        };
        let caches = self.caches()?;
        let job = match id.kind {
            ProofKind::Porep => inputs::porep(size, &porep_config(size), &json)?,
            ProofKind::WinningPost | ProofKind::WindowPost => {
                let config = match id.kind {
                    ProofKind::WinningPost => winning_post_config(size),
                    _ => window_post_config(size)?,
                };
                let (job, statement) = inputs::post(size, &config, &json)?;
                let engine = Engine::start(&self.config(), caches.clone(), Validation::OnCurve)?;
                let job = Arc::new(job);
                let proof = engine.submit(Arc::clone(&job))?.wait()?;
                ensure!(statement.verify(size, &config, &proof)?, "filecoin-proofs rejects the proof");
                return Ok(Workload { id, job, caches });
            }
        };
        Ok(Workload { id, job: Arc::new(job), caches })
    }
}
