//! A compiled circuit of anybody's: it is refused, or it evaluates without a panic. The checksums are made right, so that
//! what lies behind them is reached.
#![no_main]

use forebay_msm::{Bn254, Curve};
use forebay_pce::{EvalOptions, Outputs, cache};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

type Fr = <Bn254 as Curve>::Fr;

/// No circuit of a fuzzer's needs more; a claim of more is not evaluated.
const MOST: usize = 1 << 16;

static POOL: LazyLock<rayon::ThreadPool> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread"));

/// Section table: six entries of offset, length and checksum, then the seal (see `forebay_pce`'s README).
const TABLE: usize = 120;
const SEAL: usize = TABLE + 6 * 48;

fn seal(file: &mut [u8]) -> Option<()> {
    for entry in 0..6 {
        let at = TABLE + 48 * entry;
        let number = |at: usize| Some(u64::from_le_bytes(file.get(at..at + 8)?.try_into().ok()?) as usize);
        let (start, length) = (number(at)?, number(at + 8)?);
        let digest = blake3::hash(file.get(start..start.checked_add(length)?)?);
        file.get_mut(at + 16..at + 48)?.copy_from_slice(digest.as_bytes());
    }
    let digest = blake3::hash(file.get(..SEAL)?);
    file.get_mut(SEAL..SEAL + 32)?.copy_from_slice(digest.as_bytes());
    Some(())
}

fuzz_target!(|bytes: &[u8]| {
    let mut file = bytes.to_vec();
    let _ = seal(&mut file);
    let path = std::env::temp_dir().join(format!("forebay-fuzz-{}.pce", std::process::id()));
    std::fs::write(&path, &file).expect("a temporary file");
    let Ok(identity) = cache::identify(&path) else { return };
    let Ok(circuit) = cache::load::<Fr>(&path, &identity.digest, &POOL) else { return };
    if circuit.num_variables() > MOST || circuit.num_rows() > MOST {
        return;
    }
    let z = vec![Fr::one(); circuit.num_variables()];
    let (mut a, mut b, mut c) = ([0; 3]).map(|_| vec![Fr::zero(); circuit.num_rows()]).into();
    let _ = circuit.evaluate(&z, Outputs { a: &mut a, b: &mut b, c: &mut c }, EvalOptions::new(&POOL));
});
