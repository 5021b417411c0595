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
    let proved = succeed(
        folder,
        &["stark", "prove", "fib", "--steps", "500", "-o", "p.stark", "--tables", "2", "--timeline", "t.svg"],
    );
    let timeline = fs::read_to_string(folder.join("t.svg")).unwrap();
    assert!(timeline.starts_with("<svg") && timeline.contains("quotient"), "{timeline}");
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
    assert!(
        fail(folder, 3, &["stark", "verify", "bad.stark"]).contains("bad.stark: malformed proof at byte ")
    );
    fs::write(folder.join("bad.stark"), [&good[..], &[0]].concat()).unwrap();
    let longer = format!("bad.stark: malformed proof at byte {}: bytes are left over", good.len());
    assert!(fail(folder, 3, &["stark", "verify", "bad.stark"]).contains(&longer));
    fs::write(folder.join("bad.stark"), "{}").unwrap();
    let text = fail(folder, 3, &["stark", "verify", "bad.stark"]);
    assert!(text.contains("bad.stark: malformed proof at byte 0: this is no receipt"), "{text}");
    assert!(fail(folder, 6, &["stark", "verify", "missing.stark"]).contains("missing.stark"));
}

#[test]
fn what_cannot_be_proved_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fail(folder, 2, &["stark", "prove", "fib", "--steps", "0"]);
    fail(folder, 2, &["stark", "prove", "fib", "--steps", "18446744073709551615"]);
    fail(folder, 2, &["stark", "prove", "fib", "--steps", "9", "--timeline", "t.txt"]);
    let tables = run(folder, &["stark", "prove", "fib", "--steps", "9", "--tables", "0"]);
    assert_eq!(tables.status.code(), Some(2));
    fs::write(folder.join("forebay.toml"), "[scheduler]\nhost-budget = \"1MiB\"\n").unwrap();
    let text = fail(folder, 2, &["stark", "prove", "fib", "--steps", "100"]);
    assert!(text.contains("host memory are needed, and the budget is 1048576"), "{text}");
    assert!(!folder.join("fib.stark").exists());
}
