//! Evaluating circuits that are as large as memory.

use crate::Error;
use blstrs::Scalar as Fr;
use ff::Field;
use forebay_msm::{SecretVec, field::as_limbs};
use forebay_pce::{Circuit, EvalOptions, EvalStats};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use rayon::{ThreadPool, prelude::*};
use std::{
    fs::{File, Permissions},
    io::{BufWriter, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::{Duration, Instant},
};

/// Rows evaluated at a time: 2^19, 50 MB of a, b and c. Threads that wait for each other at a window's end lose less than the time
/// of one of its 256 chunks.
const WINDOW: usize = 1 << 19;
/// Variables that one random number generator fills.
const FILL: usize = 1 << 16;

/// A witness that satisfies nothing and has the share of zeros and ones of a PoRep: 984 in 1000. The first value is 1.
pub fn synthetic_witness(variables: usize, seed: u64, pool: &ThreadPool) -> SecretVec<Fr> {
    let mut witness = SecretVec::<Fr>::zeros(variables);
    pool.install(|| {
        witness.par_chunks_mut(FILL).enumerate().for_each(|(i, values)| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(i as u64);
            for value in values {
                let bits = rng.next_u32();
                *value = match bits % 1000 {
                    0..984 => Fr::from(u64::from(bits >> 31)),
                    _ => Fr::random(&mut rng),
                };
            }
        });
    });
    if let Some(first) = witness.first_mut() {
        *first = Fr::ONE;
    }
    witness
}

/// What an evaluation did.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// Counts and bytes.
    pub stats: EvalStats,
    /// Wall time of evaluation alone, without the digest and writing.
    pub time: Duration,
    /// Wall time of handing a, b and c to the file system.
    pub writing: Duration,
    /// BLAKE3 of a, b and c, window by window, as they would be written.
    pub digest: [u8; 32],
}

impl Evaluated {
    /// Bytes that the evaluator read and wrote per second.
    pub fn bytes_per_second(&self) -> f64 {
        (self.stats.bytes_read + self.stats.bytes_written) as f64 / self.time.as_secs_f64()
    }
}

/// Evaluates the whole circuit in windows. With a folder, a, b and c are written there as they come (`a.bin`, `b.bin`, `c.bin`:
/// Montgomery limbs, little-endian); they are secret, as the witness is.
///
/// # Errors
/// [`Error::Evaluate`], [`Error::Io`].
pub fn evaluate(
    circuit: &Circuit<Fr>,
    witness: &[Fr],
    folder: Option<&Path>,
    pool: &ThreadPool,
) -> Result<Evaluated, Error> {
    let mut files = folder.map(create).transpose()?;
    let mut hasher = blake3::Hasher::new();
    let (mut outside, mut writing) = (Duration::ZERO, Duration::ZERO);
    let start = Instant::now();
    let stats = circuit.evaluate_streamed::<Error>(witness, WINDOW, EvalOptions::new(pool), |window| {
        let start = Instant::now();
        for (i, part) in [window.a, window.b, window.c].into_iter().enumerate() {
            let bytes: &[u8] = bytemuck::cast_slice(as_limbs(part).as_flattened());
            pool.install(|| hasher.update_rayon(bytes));
            if let Some((file, path)) = files.as_mut().and_then(|files| files.get_mut(i)) {
                let start = Instant::now();
                file.write_all(bytes).map_err(Error::io(path))?;
                writing += start.elapsed();
            }
        }
        outside += start.elapsed();
        Ok(())
    })?;
    let time = start.elapsed() - outside;
    let start = Instant::now();
    for (file, path) in files.iter_mut().flatten() {
        file.flush().map_err(Error::io(path))?;
    }
    writing += start.elapsed();
    Ok(Evaluated { stats, time, writing, digest: *hasher.finalize().as_bytes() })
}

type Output = (BufWriter<File>, std::path::PathBuf);

fn create(folder: &Path) -> Result<Vec<Output>, Error> {
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let open = |name| {
        let path = folder.join(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&path).map_err(Error::io(&path))?;
        // A file that was there keeps its mode otherwise.
        file.set_permissions(Permissions::from_mode(0o600)).map_err(Error::io(&path))?;
        Ok((BufWriter::new(file), path))
    };
    ["a.bin", "b.bin", "c.bin"].into_iter().map(open).collect()
}
