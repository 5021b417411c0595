//! A partition of the 32 GiB PoRep's shape through the device stage: the quotient over 2^27 rows and the four multiplications in
//! G1 that follow it, from host memory, as the pipeline asks for them. Values and points are synthetic.

use crate::{
    Options,
    multiplications::{folded, points},
    staged, values,
};
use forebay_msm::{
    Backend, Bases, Bls12_381, CpuBackend, Curve,
    backend::{DomainSpec, QuotientBasis, RootGenerator},
};
use forebay_msm_cuda::device::Device;
use serde_json::{Value, json};
use std::{error::Error, sync::Arc, time::Instant};

type Fr = <Bls12_381 as Curve>::Fr;

pub(crate) fn run(
    options: &Options,
    device: Arc<dyn Device>,
    cpu: &CpuBackend,
) -> Result<(Value, bool), Box<dyn Error>> {
    let log_n = if options.small { 10 } else { 27 };
    let backend = staged(&device, cpu)?;
    let spec = DomainSpec { log_n, generator: RootGenerator::of_field::<Bls12_381>() };
    let n = spec.size();
    let (a, b) = (values::<Fr>(n, 1), values::<Fr>(n, 2));
    let c: Vec<Fr> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
    let quotient = |on: &dyn Backend<Bls12_381>| -> Result<(Vec<Fr>, f64), Box<dyn Error>> {
        let (mut a, mut b, mut c) = (a.clone(), b.clone(), c.clone());
        let start = Instant::now();
        on.quotient(spec, QuotientBasis::Coefficients, &mut a, &mut b, &mut c)?;
        Ok((a, start.elapsed().as_secs_f64()))
    };
    let (h, quotient_s) = quotient(&backend)?;
    let mut passed = h == quotient(cpu)?.0;
    let mut stages = vec![json!({ "stage": "quotient", "seconds": quotient_s, "ok": passed })];
    let points = points::<<Bls12_381 as Curve>::G1Affine>(n);
    // The witness is a where it stands for l, a and b₁: a third of it small, as in a circuit of hashes.
    let witness: Vec<Fr> = (0..n).map(|i| if i % 3 == 0 { Fr::from(i as u64 % 2) } else { a[i] }).collect();
    for (stage, scalars) in [("msm h", &h), ("msm l", &witness), ("msm a", &witness), ("msm b1", &witness)] {
        let start = Instant::now();
        let sum = Backend::<Bls12_381>::msm_g1(&backend, Bases::from_slice(&points), scalars)?;
        let seconds = start.elapsed().as_secs_f64();
        let short = folded(scalars);
        let right = Backend::<Bls12_381>::msm_g1(cpu, Bases::from_slice(&points[..short.len()]), &short)?;
        passed &= sum == right;
        stages.push(json!({ "stage": stage, "seconds": seconds, "ok": sum == right }));
    }
    let report = json!({ "partition": format!("2^{log_n} rows, bls12-381"), "from_host_memory": true,
        "device": device.properties().name, "emulated": device.properties().is_emulated,
        "passed": passed, "stages": stages });
    Ok((report, passed))
}
