//! Memory: a bounded multiple of the file, whatever its counts say. (A test binary of its own: it counts every allocation.)
#![allow(clippy::unwrap_used)]

mod support;

use forebay_formats::{
    AnyZkey, ArkKeyFile, Proof, PublicSignals, R1csFile, Validation, VerifyingKey, WtnsFile,
};
use forebay_msm::{Bls12_381, Bn254, Curve};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use support::{ArkParts, bytes, pool, section};

struct Counting;

/// The largest single allocation since it was last set to zero.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to `System`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Parser<'a> = &'a dyn Fn(&[u8]);

#[test]
fn no_count_makes_a_reader_allocate() {
    let pool = pool();
    let parse: [(&str, Parser<'_>); 3] = [
        ("multiplier.r1cs", &|b| {
            if let Ok(file) = R1csFile::from_slice("f", b) {
                let mut out = Vec::new();
                for row in file.rows().flatten() {
                    let _ = row.a.summed_terms::<<Bn254 as Curve>::Fr>(&mut out);
                }
            }
        }),
        ("multiplier.wtns", &|b| {
            let _ = WtnsFile::from_slice("f", b).map(|f| f.witness::<Bls12_381>(&pool));
        }),
        ("multiplier.zkey", &|b| drop(AnyZkey::from_slice("f", b))),
    ];
    for dir in ["bls12-381", "bn254"] {
        for (name, parse) in &parse {
            let file = bytes(dir, name);
            let mut ends: Vec<usize> = (1..3).map(|id| section(&file, id).end).collect();
            ends.push(4 + section(&file, 2).start);
            let last = ends.into_iter().max().unwrap();
            for at in 4..last {
                for new in [&[0xff; 4][..], &[0xff; 8], &[0, 0, 0, 0x40]] {
                    let mut bad = file.clone();
                    let end = file.len().min(at + new.len());
                    bad[at..end].copy_from_slice(&new[..end - at]);
                    LARGEST.store(0, Relaxed);
                    parse(&bad);
                    let largest = LARGEST.load(Relaxed);
                    assert!(largest <= 4 * file.len() + 4096, "{name}: {largest} bytes for {at}: {new:x?}");
                }
            }
        }
    }
    ark_counts_make_no_allocation::<Bls12_381>("bls12-381", &pool);
    ark_counts_make_no_allocation::<Bn254>("bn254", &pool);
    // Deep and long JSON.
    for text in ["[".repeat(1 << 16), format!("[{}", "\"1\",".repeat(1 << 14)), "{\"IC\":[".repeat(1 << 10)] {
        LARGEST.store(0, Relaxed);
        let _ = PublicSignals::<Bn254>::from_json("f", text.as_bytes());
        let _ = (
            Proof::<Bn254>::from_json("f", text.as_bytes()),
            VerifyingKey::<Bn254>::from_json("f", text.as_bytes()),
        );
        // A `String` for each string of four bytes: 24 bytes, doubled by the growth of the vector.
        assert!(LARGEST.load(Relaxed) <= 16 * text.len() + 4096);
    }
}

/// arkworks' keys have counts of 64 bits.
fn ark_counts_make_no_allocation<C: Curve>(dir: &str, pool: &rayon::ThreadPool) {
    let parts = ArkParts::fixture::<C>(dir);
    let file = parts.bytes();
    for at in parts.counts_at() {
        for (shift, new) in (0..8).flat_map(|i| [(i, 0xff), (i, 0x01), (i, 0x40)]) {
            let mut bad = file.clone();
            bad[at + shift..at + 8].fill(0);
            bad[at + shift] = new;
            LARGEST.store(0, Relaxed);
            if let Ok(key) = ArkKeyFile::<C>::from_slice("f", &bad) {
                let _ = key.validate(Validation::Canonical, pool);
            }
            let largest = LARGEST.load(Relaxed);
            assert!(largest <= 4 * file.len() + 4096, "{largest} bytes for {at} + {shift}: {new:x}");
        }
    }
}
