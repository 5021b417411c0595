//! What `forebay sweep` proves again and again: the built-in circuit, or a key and witnesses of the user's.

use crate::{
    args::SweepArgs,
    assets::Demo,
    exit::Failure,
    keys::Key,
    pipeline::{
        Engine,
        load::{Bound, Loaded, LoadedOn, WitnessSource},
    },
    session::Session,
    witness::Generator,
};
use forebay_formats::{Load, R1csFile, ZkeyFile};
use forebay_msm::{Curve, CurveId};
use forebay_prover::{
    circuit::{R1csSource, compile_source},
    key::ZkeyKey,
    setup::{Convention, development_key, write_zkey},
};
use forebay_scheduler::{config::Config, executor::Executor, policy::CircuitId, probe::MachineReport};
use rand_core::OsRng;
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// A workload and its name.
pub(crate) struct Workload<'a> {
    name: String,
    session: &'a Session,
    machine: &'a MachineReport,
    pub(crate) loaded: Loaded,
}

impl forebay_sweep::Workload for Workload<'_> {
    type Error = Failure;
    type Running<'b>
        = Running<'b>
    where
        Self: 'b;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn partitions(&self) -> usize {
        self.loaded.partitions()
    }

    fn start(&self, config: &Config) -> Result<Running<'_>, Failure> {
        let engine = Engine::start(config, self.machine, self.session.wanted)?;
        tracing::info!(backend = engine.backends.reason(), "picked");
        let bound = self.loaded.bind(&engine, CircuitId(0))?;
        Ok(Running { session: self.session, engine, bound })
    }
}

/// The workload on an engine.
pub(crate) struct Running<'a> {
    session: &'a Session,
    engine: Engine,
    bound: Bound,
}

impl forebay_sweep::Running for Running<'_> {
    type Error = Failure;

    fn executor(&self) -> &Executor {
        &self.engine.executor
    }

    fn prove(&self, count: u32) -> Result<(), Failure> {
        let jobs: Vec<_> = (0..count).map(|_| self.bound.submit(&self.engine, 0, None)).collect();
        for job in &jobs {
            let outcome = loop {
                if self.session.cancel.is_cancelled() {
                    jobs.iter().for_each(|job| job.cancel());
                }
                if let Some(outcome) = job.wait_for(Duration::from_millis(100)) {
                    break outcome;
                }
            };
            outcome?;
        }
        self.session.check_cancelled()
    }
}

/// Opens what the command line names, or makes a key for the built-in circuit.
pub(crate) fn open<'a>(
    session: &'a Session,
    machine: &'a MachineReport,
    args: &SweepArgs,
) -> Result<Workload<'a>, Failure> {
    let partitions = args.partitions;
    let Some(key) = &args.key else {
        let curve: CurveId = args.curve.into();
        let loaded = match curve {
            CurveId::Bls12_381 => Loaded::Bls12_381(built_in(session, partitions)?),
            CurveId::Bn254 => Loaded::Bn254(built_in(session, partitions)?),
        };
        let name = format!("membership circuit, {curve}, {partitions} partitions");
        return Ok(Workload { name, session, machine, loaded });
    };
    if args.witnesses.is_empty() {
        return Err(Failure::usage("give at least one witness for the key"));
    }
    let witnesses = args.witnesses.iter().cycle().take(partitions);
    let sources = witnesses.map(|path| WitnessSource::File(path.clone())).collect();
    let level = session.config.validation;
    let loaded = Loaded::open(session, key, args.r1cs.as_deref(), level.into(), sources)?;
    Ok(Workload { name: format!("{}, {partitions} partitions", key.display()), session, machine, loaded })
}

/// The demo's circuit with a key of its own. The key's file is gone when this returns, but stays mapped.
fn built_in<C: Curve>(session: &Session, partitions: usize) -> Result<LoadedOn<C>, Failure> {
    let progress = session.output.progress("making a development key");
    let demo = Demo::on(C::ID);
    let bytes = demo.r1cs()?;
    let file = R1csFile::from_slice("membership.r1cs", &bytes)?;
    let source = R1csSource::new::<C>(&file)?;
    let made = development_key::<C>(&source, Convention::SNARKJS, OsRng, &session.pool, &session.cancel)?;
    let folder = tempfile::tempdir().map_err(|e| Failure::io(&std::env::temp_dir(), &e))?;
    let path = folder.path().join("membership.INSECURE-DEV.zkey");
    write_zkey(&path, &made, &source)?;
    let key = ZkeyKey::new(ZkeyFile::<C>::open(&path, Load::Read)?)?;
    let circuit = compile_source(&source)?;
    drop(progress);

    let generator = Arc::new(Generator::compile(&demo.wasm()?, "membership.wasm")?);
    let inputs = demo.inputs.iter().cycle().take(partitions);
    let witness = |(_, input): &(_, &'static str)| {
        WitnessSource::Generated(Arc::clone(&generator), Zeroizing::new(input.as_bytes().to_vec()))
    };
    Ok(LoadedOn {
        key: Key::Zkey(Arc::new(key)),
        circuit: Arc::new(circuit),
        witnesses: Arc::new(inputs.map(witness).collect()),
    })
}
