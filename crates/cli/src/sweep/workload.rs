//! What is proved again and again: the built-in circuit, or a key and witnesses of the user's.

use crate::{
    args::SweepArgs,
    assets::Demo,
    exit::Failure,
    pipeline::load::{Loaded, LoadedOn, WitnessSource},
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
use rand_core::OsRng;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A workload and its name.
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) loaded: Loaded,
}

/// Opens what the command line names, or makes a key for the built-in circuit.
pub(crate) fn open(session: &Session, args: &SweepArgs) -> Result<Workload, Failure> {
    let partitions = args.partitions;
    let Some(key) = &args.key else {
        let curve: CurveId = args.curve.into();
        let loaded = match curve {
            CurveId::Bls12_381 => Loaded::Bls12_381(built_in(session, partitions)?),
            CurveId::Bn254 => Loaded::Bn254(built_in(session, partitions)?),
        };
        return Ok(Workload {
            name: format!("membership circuit, {curve}, {partitions} partitions"),
            loaded,
        });
    };
    if args.witnesses.is_empty() {
        return Err(Failure::usage("give at least one witness for the key"));
    }
    let witnesses = args.witnesses.iter().cycle().take(partitions);
    let sources = witnesses.map(|path| WitnessSource::File(path.clone())).collect();
    let level = session.config.validation;
    let loaded = Loaded::open(session, key, args.r1cs.as_deref(), level.into(), sources)?;
    Ok(Workload { name: format!("{}, {partitions} partitions", key.display()), loaded })
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
        key: Arc::new(key),
        circuit: Arc::new(circuit),
        witnesses: Arc::new(inputs.map(witness).collect()),
    })
}
