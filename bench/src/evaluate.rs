//! The evaluator against plain CSR (a `u32` column and a 32-byte coefficient per term), on a circuit and its witness.

use crate::{
    Setting,
    measure::{Contender, interleave},
    report::Row,
};
use ff::Field;
use forebay_formats::{Load, R1csFile, WtnsFile};
use forebay_msm::{Bls12_381, Bn254, Curve, CurveId};
use forebay_pce::{EvalOptions, Outputs, plain::PlainCsr};
use forebay_prover::circuit::{ConstraintSource, R1csSource, compile_source};
use serde_json::json;
use std::path::Path;

/// Evaluations in one timed run: a single one is too short to time.
const REPEAT: usize = 20;

/// Prints sizes and a row.
pub(crate) fn compare(setting: &Setting, r1cs: &Path, witness: &Path) -> anyhow::Result<()> {
    let file = R1csFile::open(r1cs, Load::Auto)?;
    let name = r1cs.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    match file.header().curve {
        CurveId::Bls12_381 => on_curve::<Bls12_381>(setting, &name, &file, witness),
        CurveId::Bn254 => on_curve::<Bn254>(setting, &name, &file, witness),
    }
}

fn on_curve<C: Curve>(
    setting: &Setting,
    name: &str,
    file: &R1csFile<'_>,
    witness: &Path,
) -> anyhow::Result<()> {
    let source = R1csSource::new::<C>(file)?;
    let circuit = compile_source(&source)?;
    let mut plain = PlainCsr::default();
    source.for_each(&mut |a, b, c| {
        plain.push_row(a, b, c);
        Ok(())
    })?;
    for i in 0..=source.counts().num_public as u32 {
        plain.push_row(&[(i, C::Fr::ONE)], &[], &[]);
    }
    let z = WtnsFile::open(witness)?.witness::<C>(&setting.pool)?;

    let rows = circuit.num_rows();
    let buffers = || [0; 3].map(|_| vec![C::Fr::ZERO; rows]);
    let (mut ours, mut theirs) = (buffers(), buffers());
    let contenders = vec![
        Contender {
            name: "forebay",
            run: Box::new(|| {
                let [a, b, c] = &mut ours;
                for _ in 0..REPEAT {
                    let _ = circuit.evaluate(&z, Outputs { a, b, c }, EvalOptions::new(&setting.pool));
                }
            }),
        },
        Contender {
            name: "plain-csr",
            run: Box::new(|| {
                let [a, b, c] = &mut theirs;
                for _ in 0..REPEAT {
                    plain.evaluate(&setting.pool, &z, a, b, c);
                }
            }),
        },
    ];
    let outcomes = interleave(contenders, setting.rounds.max(9));
    let [mine, peer] = &outcomes[..] else { anyhow::bail!("two contenders") };
    let medians = (mine.median, peer.median);
    drop(outcomes);

    let (size, plain_size) = (circuit.size_bytes(), plain.size_bytes());
    let ratio = plain_size as f64 / size as f64;
    if setting.json {
        println!(
            "{}",
            json!({ "bench": "circuit size", "circuit": name, "ours_bytes": size, "peer": "plain-csr", "peer_bytes": plain_size, "ratio": ratio })
        );
    } else {
        println!(
            "{name}: {rows} rows; {size} bytes compressed, {plain_size} bytes plain: {ratio:.2}x smaller"
        );
    }
    let log_n = rows.next_power_of_two().trailing_zeros();
    let row = Row {
        bench: format!("evaluate {name}"),
        curve: C::ID,
        log_n,
        threads: setting.threads,
        peer: "plain-csr",
        ours: medians.0.over(REPEAT),
        theirs: medians.1.over(REPEAT),
        equal: ours == theirs,
    };
    row.print(setting.json);
    anyhow::ensure!(row.equal, "the results differ");
    Ok(())
}
