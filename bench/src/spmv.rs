//! The evaluator against plain CSR (a `u32` column and a 32-byte coefficient per term) and ark-groth16's rows.

use crate::{
    circuits::Subject,
    measure::{Contender, Outcome, interleave},
    options::{Peer, Setting, SpmvArgs},
    peers::ark::ArkMatrices,
    report,
};
use ff::Field;
use forebay_formats::{Load, R1csFile};
use forebay_msm::{Bls12_381, Bn254, CurveId};
use forebay_pce::{EvalOptions, Outputs, plain::PlainCsr};
use forebay_prover::circuit::compile_source;
use forebay_reference::ark::ArkCurve;

/// Evaluations in one timed run: a single one is too short to time.
const REPEAT: usize = 20;

/// Prints a row per peer for everything that `args` asks for.
pub(crate) fn compare(setting: &Setting, args: &SpmvArgs) -> anyhow::Result<()> {
    if let (Some(r1cs), Some(witness)) = (&args.r1cs, &args.witness) {
        return match R1csFile::open(r1cs, Load::Auto)?.header().curve {
            CurveId::Bls12_381 => on::<Bls12_381>(setting, Subject::of_files(setting, r1cs, witness)),
            CurveId::Bn254 => on::<Bn254>(setting, Subject::of_files(setting, r1cs, witness)),
        };
    }
    for curve in args.curves() {
        match curve {
            CurveId::Bls12_381 => {
                let subjects = Subject::all(setting, &args.circuit, &args.log_n);
                subjects.into_iter().try_for_each(|subject| on::<Bls12_381>(setting, subject))?;
            }
            CurveId::Bn254 => {
                let subjects = Subject::all(setting, &args.circuit, &args.log_n);
                subjects.into_iter().try_for_each(|subject| on::<Bn254>(setting, subject))?;
            }
        }
    }
    Ok(())
}

fn on<C: ArkCurve>(setting: &Setting, subject: anyhow::Result<Subject<C>>) -> anyhow::Result<()> {
    let subject = subject?;
    let (circuit, plain, rows) = subject.with_source(|source| {
        let mut plain = PlainCsr::default();
        source.for_each(&mut |a, b, c| {
            plain.push_row(a, b, c);
            Ok(())
        })?;
        for i in 0..=source.counts().num_public as u32 {
            plain.push_row(&[(i, C::Fr::ONE)], &[], &[]);
        }
        Ok((compile_source(source)?, plain, source.counts().num_constraints))
    })?;
    let wants_ark = setting.wants(Peer::Ark);
    let ark = wants_ark.then(|| subject.with_source(|s| ArkMatrices::<C>::new(setting, s, &subject.z)));
    let ark = ark.transpose()?;

    let buffers = || [0; 3].map(|_| vec![C::Fr::ZERO; circuit.num_rows()]);
    let (mut ours, mut theirs, mut arks) = (buffers(), buffers(), Default::default());
    let mut contenders = vec![Contender::new("forebay", || {
        let [a, b, c] = &mut ours;
        for _ in 0..REPEAT {
            circuit.evaluate(&subject.z, Outputs { a, b, c }, EvalOptions::new(&setting.pool))?;
        }
        Ok(())
    })];
    if setting.wants(Peer::PlainCsr) {
        contenders.push(Contender::new("plain-csr", || {
            let [a, b, c] = &mut theirs;
            (0..REPEAT).for_each(|_| plain.evaluate(&setting.pool, &subject.z, a, b, c));
            Ok(())
        }));
    }
    if let Some(ark) = &ark {
        contenders.push(Contender::new("ark-groth16", || {
            (0..REPEAT).for_each(|_| arks = ark.products());
            Ok(())
        }));
    }
    let outcomes: Vec<Outcome<anyhow::Result<()>>> = interleave(contenders, setting.rounds);
    let results = outcomes.into_iter().map(|o| {
        let equal = o.result.map(|()| match o.name {
            "plain-csr" => ours == theirs,
            "ark-groth16" => arks[0].len() == rows && ArkMatrices::<C>::are(&arks, &ours),
            _ => true,
        });
        Outcome { name: o.name, median: o.median.over(REPEAT), result: equal }
    });
    if !setting.json {
        let (size, plain) = (circuit.size_bytes(), plain.size_bytes());
        let smaller = plain as f64 / size as f64;
        println!(
            "{}: {rows} rows, {size} bytes compressed, {plain} plain: {smaller:.2}x smaller",
            subject.name
        );
    }
    let bench = format!("spmv {}", subject.name);
    report::Subject::new(setting, &bench, C::ID, subject.log_n).print_all(setting, results.collect())
}
