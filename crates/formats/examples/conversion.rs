//! What converting bellperson's parameters costs, and what loading the result costs: `conversion [LOG2_VARIABLES]`.
//!
//! The parameters are made up of multiples of the generators, with a third of the variables absent from B.
#![allow(clippy::unwrap_used)] // a measurement may panic

use forebay_formats::{
    Densities, Density, Load, NativeKeyFile, Outcome, ParamsFile, ValidatedStore, Validation,
};
use forebay_msm::{AffinePoint, Bls12_381, Curve};
use std::{fs::File, io::BufWriter, io::Write, path::Path, time::Instant};

type G1 = <Bls12_381 as Curve>::G1;
type G2 = <Bls12_381 as Curve>::G2;

fn encoded<A: AffinePoint>(point: &A) -> Vec<u8> {
    let mut out = vec![0; A::BYTES];
    point.write_canonical(&mut out);
    out[..A::BYTES / 2].reverse();
    out[A::BYTES / 2..].reverse();
    out
}

/// G, 2G, 3G, …
fn multiples<G: group::Curve>(count: usize) -> Vec<Vec<u8>>
where
    G::AffineRepr: AffinePoint,
{
    let mut p = G::identity();
    (0..count)
        .map(|_| {
            p += G::generator();
            encoded(&p.to_affine())
        })
        .collect()
}

fn write_params(path: &Path, variables: usize, densities: &Densities) {
    let (g1, g2) = (multiples::<G1>(1000), multiples::<G2>(1000));
    let mut out = BufWriter::new(File::create(path).unwrap());
    // α = 1, β = 2, γ = 1, δ = 3.
    for point in [&g1[0], &g1[1], &g2[1], &g2[0], &g1[2], &g2[2]] {
        out.write_all(point).unwrap();
    }
    let mut list = |points: &[Vec<u8>], count: usize| {
        out.write_all(&(count as u32).to_be_bytes()).unwrap();
        points.iter().cycle().take(count).for_each(|p| out.write_all(p).unwrap());
    };
    list(&g1, 2);
    list(&g1, variables - 1);
    list(&g1, variables - 2);
    list(&g1, densities.a.count());
    list(&g1, densities.b.count());
    list(&g2, densities.b.count());
    out.flush().unwrap();
}

fn main() {
    let log2: u32 = std::env::args().nth(1).map_or(18, |a| a.parse().unwrap());
    let variables = 1usize << log2;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (source, native) = (folder.path().join("k.params"), folder.path().join("k.fbk"));
    let densities = Densities {
        a: Density::from_fn(variables, |_| true),
        b: Density::from_fn(variables, |i| i % 3 != 0),
    };
    write_params(&source, variables, &densities);
    let megabytes = |path: &Path| path.metadata().unwrap().len() as f64 / 1e6;
    for level in [Validation::Canonical, Validation::OnCurve, Validation::Subgroup] {
        let start = Instant::now();
        let file = ParamsFile::open(&source, Load::Auto).unwrap();
        file.write_native(&native, &densities, level, &pool).unwrap();
        println!("{:.0} MB converted, {level}: {:.2?}", megabytes(&source), start.elapsed());
    }
    let store = ValidatedStore::open(&folder.path().join("store")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    for _ in 0..3 {
        let start = Instant::now();
        let file = NativeKeyFile::<Bls12_381>::open(&native, Load::Auto).unwrap();
        let outcome = file.validate_once(Validation::OnCurve, &pool, &store).unwrap();
        let what = if outcome == Outcome::Checked { "checked on the curve" } else { "remembered" };
        println!("{:.0} MB loaded, {what}: {:.2?}", megabytes(&native), start.elapsed());
        let start = Instant::now();
        pool.install(|| file.validate(Validation::Structure, &pool)).unwrap();
        println!("  digests alone: {:.2?}", start.elapsed());
    }
}
