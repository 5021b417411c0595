//! Cache files: round trips, and everything that must be a miss.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Rows, bls, bn, compile, evaluate, naive, pool, random_field};
use forebay_msm::ScalarField;
use forebay_pce::cache::{CacheOutcome, load, load_or_build, save};
use forebay_pce::{Circuit, FileError, Matrix, Shape};
use rand::Rng;
use rayon::ThreadPool;
use std::path::Path;

const DIGEST: [u8; 32] = [7; 32];
const SHAPE: Shape = Shape { num_inputs: 3, num_aux: 70 };
/// The header's checksum covers the bytes before it.
const SEAL: usize = 408;

/// Rows with every kind of coefficient, constants, copies and empty combinations.
fn rows<F: ScalarField>() -> Rows<F> {
    let mut rng = common::rng(5);
    let kinds = [F::ONE, -F::ONE, F::from(6), -F::from(9), random_field(&mut rng), -F::from(u64::MAX)];
    (0..40u32)
        .map(|i| {
            let a: Vec<(u32, F)> =
                (0..i % 5).map(|j| ((i * 3 + j * 5) % 73, kinds[(i + j) as usize % 6])).collect();
            let b = if i % 3 == 0 { a.clone() } else { vec![(i, F::ONE)] };
            [a, b, vec![(0, kinds[i as usize % 6]), (i + 20, kinds[rng.gen_range(0..6)])]]
        })
        .collect()
}

fn witness<F: ScalarField>() -> Vec<F> {
    let mut rng = common::rng(6);
    (0..73).map(|i| if i == 0 { F::ONE } else { random_field(&mut rng) }).collect()
}

fn saved(pool: &ThreadPool, path: &Path) -> Vec<u8> {
    save(&compile::<bn::Fr>(&rows(), SHAPE), path, &DIGEST, pool).unwrap();
    std::fs::read(path).unwrap()
}

fn round_trip<F: ScalarField>() {
    let (folder, pool) = (tempfile::tempdir().unwrap(), pool(2));
    let path = folder.path().join("circuit.pce");
    let build = || Ok::<_, ()>(compile::<F>(&rows(), SHAPE));
    let (built, outcome) = load_or_build(&path, &DIGEST, &pool, build).unwrap();
    let CacheOutcome::Miss { reason: FileError::Io(error), not_saved: None } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    let never = || -> Result<Circuit<F>, ()> { panic!("a hit must not build") };
    let (loaded, outcome) = load_or_build(&path, &DIGEST, &pool, never).unwrap();
    assert!(outcome.is_hit() && loaded.is_mapped() && !built.is_mapped());
    assert_eq!(loaded.density(), built.density());
    assert_eq!(loaded.size_bytes(), built.size_bytes());
    assert_eq!((loaded.num_inputs(), loaded.num_aux(), loaded.num_rows()), (3, 70, 40));
    for m in [Matrix::A, Matrix::B, Matrix::C] {
        assert_eq!(loaded.num_terms(m), built.num_terms(m));
    }
    let witness = witness();
    assert_eq!(evaluate(&loaded, &witness, &pool, 40), naive(&rows(), &witness));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn round_trips() {
    round_trip::<bls::Scalar>();
    round_trip::<bn::Fr>();
}

#[test]
fn an_empty_circuit_round_trips() {
    let (folder, pool) = (tempfile::tempdir().unwrap(), pool(1));
    let path = folder.path().join("empty.pce");
    save(&compile::<bn::Fr>(&vec![], SHAPE), &path, &DIGEST, &pool).unwrap();
    let circuit = load::<bn::Fr>(&path, &DIGEST, &pool).unwrap();
    assert_eq!(evaluate(&circuit, &witness(), &pool, 2), [(); 3].map(|()| vec![bn::Fr::from(0); 2]));
}

#[test]
fn other_circuits_fields_and_versions_are_misses() {
    let (folder, pool) = (tempfile::tempdir().unwrap(), pool(1));
    let path = folder.path().join("circuit.pce");
    let bytes = saved(&pool, &path);
    assert!(matches!(load::<bn::Fr>(&path, &[8; 32], &pool), Err(FileError::Digest)));
    assert!(matches!(load::<bls::Scalar>(&path, &DIGEST, &pool), Err(FileError::Field)));
    let mut old = bytes.clone();
    old[8] = 0;
    std::fs::write(&path, &old).unwrap();
    assert!(matches!(load::<bn::Fr>(&path, &DIGEST, &pool), Err(FileError::Version { found: 0, .. })));
    assert!(load::<bn::Fr>(folder.path(), &DIGEST, &pool).is_err(), "a directory");
    assert!(load::<bn::Fr>(&folder.path().join("none"), &DIGEST, &pool).is_err());
}

#[test]
fn every_truncation_and_extension_is_a_miss() {
    let (folder, pool) = (tempfile::tempdir().unwrap(), pool(1));
    let path = folder.path().join("circuit.pce");
    let bytes = saved(&pool, &path);
    for len in (0..bytes.len()).filter(|len| len % 4096 < 450 || len % 97 == 0 || len + 200 > bytes.len()) {
        std::fs::write(&path, &bytes[..len]).unwrap();
        assert!(load::<bn::Fr>(&path, &DIGEST, &pool).is_err(), "the first {len} bytes");
    }
    std::fs::write(&path, [bytes.as_slice(), &[0]].concat()).unwrap();
    assert!(matches!(load::<bn::Fr>(&path, &DIGEST, &pool), Err(FileError::Length { .. })));
}

/// The bytes that mean something: the sealed header and the sections.
fn meaningful(bytes: &[u8]) -> Vec<usize> {
    let le = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let sections = (0..6).flat_map(|i| le(120 + 48 * i)..le(120 + 48 * i) + le(128 + 48 * i));
    (0..SEAL + 32).chain(sections).collect()
}

#[test]
fn every_flipped_bit_is_a_miss_or_padding() {
    let (folder, pool) = (tempfile::tempdir().unwrap(), pool(1));
    let path = folder.path().join("circuit.pce");
    let mut bytes = saved(&pool, &path);
    let meaningful = meaningful(&bytes);
    for at in 0..bytes.len() {
        let (sealed, bit) = (meaningful.binary_search(&at).is_ok(), at % 8);
        for bit in if sealed {
            0..8
        } else if at % 64 == 0 {
            bit..bit + 1
        } else {
            0..0
        } {
            bytes[at] ^= 1 << bit;
            std::fs::write(&path, &bytes).unwrap();
            let loaded = load::<bn::Fr>(&path, &DIGEST, &pool);
            assert_eq!(loaded.is_err(), sealed, "byte {at}, bit {bit}");
            if let Ok(circuit) = loaded {
                assert_eq!(evaluate(&circuit, &witness(), &pool, 40), naive(&rows(), &witness()));
            }
            bytes[at] ^= 1 << bit;
        }
    }
}

/// Puts matching checksums into a changed file: what an attacker, or a bug in the compiler, would leave.
fn reseal(bytes: &mut [u8]) {
    for i in 0..6 {
        let at = 120 + 48 * i;
        let le = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        let (offset, len) = (le(at), le(at + 8));
        if let Some(section) = offset.checked_add(len).and_then(|end| bytes.get(offset..end)) {
            let hash = blake3::hash(section);
            bytes[at + 16..at + 48].copy_from_slice(hash.as_bytes());
        }
    }
    let hash = blake3::hash(&bytes[..SEAL]);
    bytes[SEAL..SEAL + 32].copy_from_slice(hash.as_bytes());
}

#[test]
fn with_forged_checksums_every_flipped_bit_is_a_miss_or_evaluates_safely() {
    let (folder, pool) = (tempfile::tempdir().unwrap(), pool(1));
    let path = folder.path().join("circuit.pce");
    let good = saved(&pool, &path);
    let (mut misses, mut safe) = (0, 0);
    for at in meaningful(&good) {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            reseal(&mut bytes);
            std::fs::write(&path, &bytes).unwrap();
            let Ok(circuit) = load::<bn::Fr>(&path, &DIGEST, &pool) else {
                misses += 1;
                continue;
            };
            // Counts may have changed: the witness and the buffers follow the circuit.
            if circuit.num_variables() < 1 << 20 {
                let witness = vec![bn::Fr::from(3); circuit.num_variables()];
                evaluate(&circuit, &witness, &pool, circuit.num_rows());
            }
            safe += 1;
        }
    }
    assert!(misses > 1000 && safe > 1000, "{misses} misses, {safe} safe evaluations");
}

/// Changes one field, forges the checksums, and gives the reason of the miss.
fn forged(good: &[u8], path: &Path, pool: &ThreadPool, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = good.to_vec();
    change(&mut bytes);
    reseal(&mut bytes);
    std::fs::write(path, &bytes).unwrap();
    load::<bn::Fr>(path, &DIGEST, pool).unwrap_err().to_string()
}

#[test]
fn crafted_files_are_misses_with_a_reason() {
    let (folder, pool) = (tempfile::tempdir().unwrap(), pool(1));
    let path = folder.path().join("circuit.pce");
    let good = saved(&pool, &path);
    let section =
        |i: usize| u64::from_le_bytes(good[120 + 48 * i..128 + 48 * i].try_into().unwrap()) as usize;
    let set = |at: usize, value: &'static [u8]| {
        forged(&good, &path, &pool, move |bytes| bytes[at..at + value.len()].copy_from_slice(value))
    };
    for huge in [&[0xff; 8], &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]] {
        for at in [128, 176] {
            let reason = set(at, huge);
            assert!(
                reason.contains("the length overflows")
                    || reason.contains("entries")
                    || reason.contains("bytes")
            );
        }
    }
    assert!(set(80, &[0; 4]).contains("impossible counts"), "no inputs");
    assert!(set(84, &[0xff; 4]).contains("impossible counts"), "too many variables");
    assert!(set(84, &[5, 0, 0, 0]).contains("a column is out of range"), "fewer variables than columns");
    assert!(set(88, &[0xff; 4]).contains("not at the end"), "rows");
    assert!(set(92, &[0xff; 4]).contains("impossible counts"), "input rows");
    assert!(set(12, &[0; 4]).contains("a row or matrix is out of range"), "C without being there");
    let chunks = section(1);
    assert!(set(chunks + 16 + 8, &[0; 4]).contains("not at the end"));
    assert!(set(chunks + 8, &[1]).contains("not at the start"));
    assert!(set(chunks + 12, &[0xff; 4]).contains("a column is out of range"), "base");
    assert!(set(section(2) + 6, &[0xff]).contains("not below 2^44"));
    assert!(set(section(3), &[0xff; 32]).contains("not below the modulus"));
    assert!(set(section(4) + 15, &[0xff]).contains("one bit per variable"));
    assert!(set(section(0), &[0xff]).contains("unknown flags"));
    assert!(set(section(0) + 1, &[0]).contains("a group without combinations"));
    assert!(set(section(0) + 1, &[0xff; 5]).contains("too long"));
}

#[test]
fn a_folder_that_cannot_be_written_still_gives_a_circuit() {
    let pool = pool(1);
    let build = || Ok::<_, ()>(compile::<bn::Fr>(&rows(), SHAPE));
    let path = Path::new("/proc/forebay/circuit.pce");
    let (circuit, outcome) = load_or_build(path, &DIGEST, &pool, build).unwrap();
    assert!(matches!(outcome, CacheOutcome::Miss { not_saved: Some(_), .. }));
    assert_eq!(evaluate(&circuit, &witness(), &pool, 40), naive(&rows(), &witness()));
    let failed = load_or_build::<bn::Fr, _>(path, &DIGEST, &pool, || Err("build failed"));
    assert_eq!(failed.err(), Some("build failed"));
}

#[test]
fn racing_writers_leave_a_good_file_and_old_maps_keep_serving() {
    let (folder, pool) = (tempfile::tempdir().unwrap(), pool(2));
    let path = folder.path().join("circuit.pce");
    saved(&pool, &path);
    let early = load::<bn::Fr>(&path, &DIGEST, &pool).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    save(&compile::<bn::Fr>(&rows(), SHAPE), &path, &DIGEST, &pool).unwrap();
                    load::<bn::Fr>(&path, &DIGEST, &pool).unwrap();
                }
            });
        }
    });
    assert_eq!(evaluate(&early, &witness(), &pool, 40), naive(&rows(), &witness()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
