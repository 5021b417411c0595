//! Times of multiplications with points and scalars on the device, and whether their sums are right.

use crate::{Options, ROUNDS, median, values};
use forebay_msm::{AffinePoint, Backend, Bases, Bls12_381, Bn254, CpuBackend, Curve, ScalarField};
use forebay_msm_cuda::{CudaBackend, msm::DevicePoint};
use group::Curve as _;
use serde_json::{Value, json};

/// Distinct points, each of which occurs again and again: a sum of 2^26 terms is then checked by one of as many as these.
const DISTINCT: usize = 1 << 14;

/// The share of free device memory for a table of multiples.
const TABLE_SHARE: usize = 2;

/// `n` points: the first `DISTINCT` multiples of a generator's multiple, over and over.
pub(crate) fn points<A: AffinePoint>(n: usize) -> Vec<A> {
    let step = A::generator() * A::Scalar::from(0x9e37_79b9_7f4a_7c15);
    let count = DISTINCT.min(n);
    let sums: Vec<A::Curve> =
        core::iter::successors(Some(step), |sum| Some(*sum + step)).take(count).collect();
    let mut distinct = vec![A::identity(); count];
    A::Curve::batch_normalize(&sums, &mut distinct);
    (0..n).map(|i| distinct[i % count]).collect()
}

/// The scalars of equal points added up.
pub(crate) fn folded<F: ScalarField>(scalars: &[F]) -> Vec<F> {
    let mut sums = vec![F::ZERO; DISTINCT.min(scalars.len())];
    let count = sums.len();
    for (i, scalar) in scalars.iter().enumerate() {
        sums[i % count] += scalar;
    }
    sums
}

/// Checks and rows of the table, each of them one JSON object.
pub(crate) fn tables(backend: &CudaBackend, cpu: &CpuBackend, options: &Options) -> (Vec<Value>, Vec<Value>) {
    let (mut checks, mut rows) = (Vec::new(), Vec::new());
    let (g1, g2): (&[u32], &[u32]) =
        if options.small { (&[9], &[8]) } else { (&[20, 22, 24, 26], &[20, 22]) };
    let sum = |sums: Vec<Outcome>| {
        for outcome in sums {
            checks.push(outcome.check);
            rows.extend(outcome.row);
        }
    };
    let all = [
        group(backend, "g1", Bls12_381::ID.name(), g1, |p, s| Backend::<Bls12_381>::msm_g1(cpu, p, s)),
        group(backend, "g1", Bn254::ID.name(), g1, |p, s| Backend::<Bn254>::msm_g1(cpu, p, s)),
        group(backend, "g2", Bls12_381::ID.name(), g2, |p, s| Backend::<Bls12_381>::msm_g2(cpu, p, s)),
        group(backend, "g2", Bn254::ID.name(), g2, |p, s| Backend::<Bn254>::msm_g2(cpu, p, s)),
    ];
    all.into_iter().for_each(sum);
    (checks, rows)
}

struct Outcome {
    check: Value,
    row: Option<Value>,
}

fn group<A: DevicePoint>(
    backend: &CudaBackend,
    name: &str,
    curve: &str,
    sizes: &[u32],
    on_cpu: impl Fn(Bases<'_, A>, &[A::Scalar]) -> Result<A::Curve, forebay_msm::BackendError>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let largest = sizes.iter().max().map_or(0, |log_n| 1usize << log_n);
    let (points, scalars) = (points::<A>(largest), values::<A::Scalar>(largest, 11));
    for log_n in sizes {
        let n = 1usize << log_n;
        let (bases, scalars) = (Bases::from_slice(&points[..n]), &scalars[..n]);
        let folded = folded(scalars);
        let expected = on_cpu(Bases::from_slice(&points[..folded.len()]), &folded);
        // The points alone, then with as many multiples as there is room for.
        let room = backend.budget() / TABLE_SHARE;
        for (tables, bytes) in [(false, n * A::BYTES), (true, room.max(n * A::BYTES))] {
            let what = format!("msm {name}{}", if tables { ", tables" } else { "" });
            let timed = backend.prepare(bases, bytes).and_then(|prepared| {
                let copies = prepared.copies();
                backend.time_msm_prepared(&prepared, scalars, ROUNDS).map(|timed| (copies, timed))
            });
            let ok = matches!((&timed, &expected), (Ok((_, (sum, _))), Ok(right)) if sum == right);
            let error = timed.as_ref().err().map(ToString::to_string);
            let check = json!({ "check": format!("{what}, {curve}, 2^{log_n}"), "ok": ok, "why": error });
            let row = timed.ok().map(|(copies, (_, times))| {
                json!({ "what": what, "curve": curve, "log_n": log_n, "copies": copies, "rounds": ROUNDS,
                    "median": median(times) })
            });
            outcomes.push(Outcome { check, row });
        }
    }
    outcomes
}
