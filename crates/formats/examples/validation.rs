//! Measures what the constants and claims of this crate rest on; prints a table.
//!
//! ```text
//! cargo run --release -p forebay-formats --example validation            # points, then mapping
//! cargo run --release -p forebay-formats --example validation mapping    # mapping alone
//! cargo run --release -p forebay-formats --example validation synthetic  # a key of 2^16 wires on BLS12-381
//! cargo run --release -p forebay-formats --example validation key.zkey   # also a key: levels, first and second load
//! ```
//! Compared alternatives run in turn, and each figure is the median of the runs.

use forebay_formats::{
    AnyZkey, Coefficient, FormatError, G1Section, Load, Matrix, ValidatedStore, Validation, ZkeyFile,
    ZkeyHeader, ZkeyWriter,
    data::Data,
    validate::{Method, find_outside_subgroup},
};
use forebay_msm::{AffinePoint, Bases, Bls12_381, Bn254, Curve};
use group::Group;
use rayon::ThreadPool;
use std::{path::Path, time::Instant};

fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// n successive multiples of the generator.
fn points<A: AffinePoint>(n: usize) -> Vec<A> {
    let generator = A::Curve::generator();
    let mut sum = generator;
    let mut projective = Vec::with_capacity(n);
    for _ in 0..n {
        projective.push(sum);
        sum += generator;
    }
    let mut affine = vec![A::identity(); n];
    <A::Curve as group::Curve>::batch_normalize(&projective, &mut affine);
    affine
}

/// Single checks against subset sums.
fn subgroup<A: AffinePoint>(name: &str, pool: &ThreadPool)
where
    A::Curve: group::Curve<AffineRepr = A>,
{
    for n in [128, 256, 512, 1024, 4096, 65_536] {
        let points = points::<A>(n);
        let run =
            |method| seconds(|| pool.install(|| find_outside_subgroup(Bases::from_slice(&points), method)));
        let (mut exact, mut batch) = (Vec::new(), Vec::new());
        for _ in 0..if n > 10_000 { 3 } else { 9 } {
            exact.push(run(Method::Exact));
            batch.push(run(Method::Batch));
        }
        let (exact, batch) = (median(exact) * 1e6 / n as f64, median(batch) * 1e6 / n as f64);
        println!(
            "{name} {n:6} points: single {exact:6.2} µs, batch {batch:6.2} µs per point, ratio {:.2}",
            exact / batch
        );
    }
}

/// Mapping against reading, each with one pass over the bytes.
fn mapping() -> std::io::Result<()> {
    let directory = std::env::temp_dir();
    for log in [20, 22, 24] {
        let path = directory.join(format!("forebay-map-{}-{log}", std::process::id()));
        std::fs::write(&path, vec![1; 1 << log])?;
        let run =
            |load| seconds(|| Data::open(&path, load).map(|d| d.iter().map(|b| u64::from(*b)).sum::<u64>()));
        let (mut mapped, mut read) = (Vec::new(), Vec::new());
        for _ in 0..31 {
            mapped.push(run(Load::Auto));
            read.push(run(Load::Read));
        }
        println!("2^{log} bytes: map {:8.1} µs, read {:8.1} µs", median(mapped) * 1e6, median(read) * 1e6);
        std::fs::remove_file(&path)?;
    }
    Ok(())
}

fn key<C: Curve>(key: &ZkeyFile<'_, C>, pool: &ThreadPool) -> Result<(), FormatError> {
    println!(
        "{}: {} bytes, {} wires, domain 2^{}",
        key.name(),
        key.as_bytes().len(),
        key.header().n_vars,
        key.header().domain_log2()
    );
    for level in Validation::ALL {
        let times = (0..3).map(|_| seconds(|| key.validate(level, pool))).collect();
        println!("  validate to \"{level}\": {:.3} s", median(times));
    }
    let directory = std::env::temp_dir().join(format!("forebay-store-{}", std::process::id()));
    let store = ValidatedStore::open(&directory)?;
    println!("  first load:  {:.4} s", seconds(|| key.validate_once(Validation::Subgroup, pool, &store)));
    let second = (0..5).map(|_| seconds(|| key.validate_once(Validation::Subgroup, pool, &store))).collect();
    println!("  second load: {:.4} s", median(second));
    // What was made above; that it cannot be removed is no matter.
    let _ = std::fs::remove_dir_all(directory);
    Ok(())
}

/// A key of the shape and size of a circuit with 2^16 wires; its points are multiples of the generator.
fn synthetic<C: Curve>(path: &Path) -> Result<(), FormatError> {
    let n = 1u32 << 16;
    let (g1, g2) = (points::<C::G1Affine>(n as usize), points::<C::G2Affine>(n as usize));
    // 2G for β, G for γ, 3G for α and δ.
    let header = ZkeyHeader::<C> {
        n_vars: n,
        n_public: 1,
        domain_size: n,
        alpha1: g1[2],
        beta1: g1[1],
        beta2: g2[1],
        gamma2: g2[0],
        delta1: g1[2],
        delta2: g2[2],
    };
    let mut writer = ZkeyWriter::create(path, &header)?;
    let coefficient =
        |i| Coefficient { matrix: Matrix::A, row: i % n, wire: i % n, value: C::Fr::from(u64::from(i)) };
    writer.coefficients((0..3 * n).map(coefficient))?;
    writer.g1(G1Section::Ic, [&g1[..2]])?;
    writer.g1(G1Section::A, [&g1])?;
    writer.g1(G1Section::B1, [&g1])?;
    writer.g1(G1Section::C, [&g1[2..]])?;
    writer.g1(G1Section::H, [&g1])?;
    writer.b2([&g2])?;
    writer.finish(&[0; 64])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    println!("{} threads", pool.current_num_threads());
    if let Some(path) = std::env::args_os().nth(1) {
        if path == "synthetic" {
            let path = std::env::temp_dir().join(format!("forebay-{}.zkey", std::process::id()));
            synthetic::<Bls12_381>(&path)?;
            let done = key(&ZkeyFile::<Bls12_381>::open(&path, Load::Auto)?, &pool);
            std::fs::remove_file(&path)?;
            return Ok(done?);
        }
        if path == "mapping" {
            return Ok(mapping()?);
        }
        match AnyZkey::open(Path::new(&path), Load::Auto)? {
            AnyZkey::Bls12_381(k) => key(&k, &pool)?,
            AnyZkey::Bn254(k) => key(&k, &pool)?,
        }
        return Ok(());
    }
    subgroup::<<Bls12_381 as Curve>::G1Affine>("bls12-381 G1", &pool);
    subgroup::<<Bls12_381 as Curve>::G2Affine>("bls12-381 G2", &pool);
    subgroup::<<Bn254 as Curve>::G2Affine>("bn254     G2", &pool);
    mapping()?;
    Ok(())
}
