//! Times the parts of a witness computation: `cargo run --release -p forebay-witness --example witness -- C.wasm IN.json`.

use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use forebay_witness::{Inputs, RunOptions, WitnessGenerator};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(wasm), Some(input), None) = (args.next(), args.next(), args.next()) else {
        return Err("usage: witness CIRCUIT.wasm INPUT.json".into());
    };
    let wasm = std::fs::read(wasm)?;
    let started = Instant::now();
    let generator = WitnessGenerator::from_bytes(&wasm)?;
    println!("compile {:?} ({} bytes)", started.elapsed(), wasm.len());
    let inputs = Inputs::from_json(&std::fs::read(input)?)?;
    match generator.curve().ok_or("a field of no curve that Forebay has")? {
        CurveId::Bls12_381 => run::<Bls12_381>(&generator, &inputs),
        CurveId::Bn254 => run::<Bn254>(&generator, &inputs),
    }
}

fn run<C: Curve>(generator: &WitnessGenerator, inputs: &Inputs) -> Result<(), Box<dyn Error>> {
    for _ in 0..5 {
        let started = Instant::now();
        let witness = generator.calculate::<C::Fr>(inputs, RunOptions::default())?;
        println!("run {:?} ({} values, {})", started.elapsed(), witness.len(), C::ID);
    }
    Ok(())
}
