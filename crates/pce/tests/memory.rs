//! Compiling takes memory in proportion to the compressed output: a counting allocator watches ten million coefficients.
#![allow(clippy::unwrap_used)]

use ff::Field;
use forebay_pce::{CircuitBuilder, Shape};
use halo2curves::bn256::Fr;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grow(by: usize) {
    let live = LIVE.fetch_add(by, Relaxed) + by;
    PEAK.fetch_max(live, Relaxed);
}

// SAFETY: forwards to the system's allocator and only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    // A large block is moved by remapping its pages, not by copying: it counts once.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size.saturating_sub(layout.size()));
        LIVE.fetch_sub(layout.size().saturating_sub(size), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Shares of the 32 GiB PoRep circuit: 5.54 coefficients a row, 48 % of them 1, 21 % −1, few distinct others.
#[test]
fn ten_million_coefficients_in_proportion_to_the_output() {
    let rows = 1_900_000u32;
    let others: Vec<Fr> = (0..2464u64).map(|i| Fr::from(i + 2).square().square().square().square()).collect();
    let mut builder = CircuitBuilder::new(Shape { num_inputs: 300, num_aux: rows + 100 }).unwrap();
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let (mut coefficients, mut state) = (0u64, 1u64);
    let mut random = |n: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % n
    };
    for row in 0..rows {
        let mut terms = |n: u64| -> Vec<(u32, Fr)> {
            (0..n)
                .map(|_| {
                    let back = if random(20) == 0 {
                        random(u64::from(row) + 1)
                    } else {
                        random(u64::from(row).min(2000) + 1)
                    };
                    let value = match random(100) {
                        0..48 => Fr::ONE,
                        48..69 => -Fr::ONE,
                        _ => others[random(2464) as usize],
                    };
                    (300 + row - back as u32, value)
                })
                .collect()
        };
        let [a, b, c] = [terms(u64::from(row) % 5 + 1), terms(1), terms(u64::from(row) % 3 + 1)];
        coefficients += (a.len() + b.len() + c.len()) as u64;
        builder.push_row(&a, &b, &c).unwrap();
    }
    let circuit = builder.finish().unwrap();
    let (peak, size) = (PEAK.load(Relaxed) - before, circuit.size_bytes());
    let per_coefficient = size as f64 / coefficients as f64;
    println!("{coefficients} coefficients: output {size} B ({per_coefficient:.2} each), peak {peak} B");
    assert!(coefficients > 10_000_000);
    // An eighth of slack for growth, and some 8 MB for the dictionary and one chunk.
    assert!(peak < size + size / 7 + (8 << 20), "peak {peak} B for an output of {size} B");
    assert!((peak as f64 / coefficients as f64) < 6.2, "4.5 GB for 722 million coefficients");
}
