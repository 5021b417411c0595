//! The STARK's commands, as a user runs them.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{fail, run, succeed};
use std::fs;

/// The n-th Fibonacci number modulo 2^64 − 2^32 + 1.
fn fibonacci(n: u32) -> u64 {
    const P: u128 = 0xFFFF_FFFF_0000_0001;
    let step = |(a, b): (u128, u128), _| (b, (a + b) % P);
    u64::try_from((0..n).fold((0, 1), step).0).unwrap()
}

#[test]
fn a_run_is_proved_and_every_change_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let proved = succeed(folder, &["stark", "prove", "fib", "--steps", "500", "-o", "p.stark"]);
    let verified = succeed(folder, &["stark", "verify", "p.stark"]);
    assert_eq!(verified["valid"], true);
    assert_eq!(verified["result"], proved["result"]);
    let result: u64 = verified["result"].as_str().unwrap().parse().unwrap();
    assert!([499, 500, 501].map(fibonacci).contains(&result), "{result}");

    let good = fs::read(folder.join("p.stark")).unwrap();
    for at in [0, 9, 40, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(folder.join("bad.stark"), bad).unwrap();
        let status = run(folder, &["stark", "verify", "bad.stark"]).status.code().unwrap();
        assert!([3, 5].contains(&status), "byte {at}: status {status}");
    }
    fs::write(folder.join("bad.stark"), &good[..good.len() - 1]).unwrap();
    fail(folder, 3, &["stark", "verify", "bad.stark"]);
    fail(folder, 6, &["stark", "verify", "missing.stark"]);
}
