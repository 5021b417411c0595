//! Evaluating with a, b and c written as they come.

use forebay_filecoin::{
    circuit::{CircuitId, ProofKind, SectorSize},
    evaluate, keys, synthetic_witness,
};
use forebay_msm::field::as_limbs;
use forebay_pce::{EvalOptions, Outputs};
use std::os::unix::fs::PermissionsExt;

const ID: CircuitId = CircuitId { kind: ProofKind::WindowPost, sector_size: SectorSize::KiB2 };

#[test]
fn evaluations_are_written_as_they_come() {
    let (folder, written) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let caches = keys::Caches::below(folder.path()).unwrap();
    let (circuit, _) = keys::circuit(ID, &caches, &pool).unwrap();
    let z = synthetic_witness(circuit.num_variables(), 1, &pool);
    // A file that is there is replaced, and nobody else may read it then.
    std::fs::write(written.path().join("a.bin"), vec![1; 10 << 20]).unwrap();
    let done = evaluate(&circuit, &z, Some(written.path()), &pool).unwrap();

    let zeros = || vec![blstrs::Scalar::from(0); circuit.num_rows()];
    let (mut a, mut b, mut c) = (zeros(), zeros(), zeros());
    circuit.evaluate(&z, Outputs { a: &mut a, b: &mut b, c: &mut c }, EvalOptions::new(&pool)).unwrap();
    let mut hasher = blake3::Hasher::new();
    for (name, expected) in [("a.bin", a), ("b.bin", b), ("c.bin", c)] {
        let path = written.path().join(name);
        let found = std::fs::read(&path).unwrap();
        assert!(found == bytemuck::cast_slice::<_, u8>(as_limbs(&expected).as_flattened()), "{name}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        hasher.update(&found);
    }
    // All rows fit one window.
    assert_eq!(done.digest, *hasher.finalize().as_bytes());
    assert_eq!(done.digest, evaluate(&circuit, &z, None, &pool).unwrap().digest);
    assert!(matches!(
        evaluate(&circuit, &z, Some(&written.path().join("a.bin")), &pool),
        Err(forebay_filecoin::Error::Io { .. })
    ));
}
