//! Rows with the statistics of two circom circuits (term counts, coefficients, locality, share of bits in the witness).

use crate::iden3::Instance;
use forebay_msm::ScalarField;
use forebay_pce::Shape;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Terms<F> = Vec<(u32, F)>;

/// sha256(512 bit): per 32 bits, exclusive ors (2a)·b = a + b − c on bits; now and then a sum of some 97 weighted bits.
pub(crate) fn sha256_like<F: ScalarField>(n: usize) -> Instance<F> {
    let mut rng = ChaCha8Rng::seed_from_u64(256);
    let mut wires = 514u32;
    let mut rows = Vec::with_capacity(n);
    while rows.len() < n {
        let back = |rng: &mut ChaCha8Rng| wires - rng.gen_range(1..500);
        let (x, y, z) = (back(&mut rng), back(&mut rng), back(&mut rng));
        for i in 0..32 {
            let (a, b, c) = (x + i % 7, y + i % 5, wires + i);
            let product = vec![(a, F::ONE), (b, F::ONE), (c, -F::ONE)];
            rows.push([vec![(a, F::from(2))], vec![(b, F::ONE)], product]);
        }
        wires += 32;
        if rows.len() % 160 == 0 {
            let bits = |start: u32| (0..32).map(move |i| (start + i, F::from(1 << i)));
            let sum: Terms<F> = bits(wires - 520).chain(bits(wires - 450)).chain(bits(wires - 400)).collect();
            rows.push([vec![], vec![], sum]);
        }
        rows.push([vec![(z, F::ONE)], vec![(z, F::ONE), (0, -F::ONE)], vec![]]);
    }
    let witness =
        (0..wires).map(|i| if i == 0 { F::ONE } else { F::from(u64::from(rng.r#gen::<bool>())) }).collect();
    Instance { shape: Shape { num_inputs: 257, num_aux: wires - 257 }, rows, witness }
}

/// A Poseidon Merkle path: squarings, and sums with the constants of the mixing layer; the witness is full-width.
pub(crate) fn poseidon_like<F: ScalarField>(n: usize) -> Instance<F> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let constants: Vec<F> = (0..322).map(|_| F::random(&mut rng)).collect();
    let mut wires = 60u32;
    let mut rows: Vec<[Terms<F>; 3]> = Vec::with_capacity(n);
    while rows.len() < n {
        for round in 0..64 {
            let wire = |back: u32| (wires - back, F::ONE);
            rows.push([vec![wire(1)], vec![wire(1)], vec![(wires, F::ONE)]]);
            rows.push([vec![(wires, F::ONE)], vec![(wires, F::ONE)], vec![(wires + 1, F::ONE)]]);
            rows.push([vec![(wires + 1, F::ONE)], vec![wire(1)], vec![(wires + 2, F::ONE)]]);
            for j in 0..3u32 {
                let mixed = (0..3u32).map(|i| {
                    let k = if i == 0 {
                        -F::ONE
                    } else {
                        constants[(round * 5 + 3 * j as usize + i as usize) % 322]
                    };
                    (wires + 3 - 2 * i + j, k)
                });
                rows.push([vec![], vec![], mixed.collect()]);
            }
            wires += 6;
        }
    }
    let witness = (0..wires).map(|i| if i == 0 { F::ONE } else { F::random(&mut rng) }).collect();
    Instance { shape: Shape { num_inputs: 2, num_aux: wires - 2 }, rows, witness }
}

/// Filecoin's PoRep of 32 GiB, scaled down: 2.37, 1 and 2.17 coefficients a row in A, B and C, 48 % of them 1, 21 % −1,
/// 11 % one other and the rest one of 2,464; a witness of which 98 % are bits. Most rows are exclusive ors of bits in runs
/// of 32; a stretch in nine is Poseidon's rows. One row in 200 reaches back to anywhere.
pub(crate) fn porep_like<F: ScalarField>(n: usize) -> Instance<F> {
    let mut rng = ChaCha8Rng::seed_from_u64(32);
    let constants: Vec<F> = (0..2464).map(|_| F::random(&mut rng)).collect();
    let mut wires = 2000u32;
    let mut full = vec![false; wires as usize];
    let mut rows: Vec<[Terms<F>; 3]> = Vec::with_capacity(n);
    while rows.len() < n {
        if rng.gen_range(0..1000) < 8 {
            poseidon_permutation(&constants, &mut wires, &mut rows);
            full.resize(wires as usize, true);
            continue;
        }
        let far = rng.gen_range(0..6) == 0;
        let back = |rng: &mut ChaCha8Rng| wires - rng.gen_range(1..1500);
        let (x, y) = (if far { rng.gen_range(1..wires - 40) } else { back(&mut rng) }, back(&mut rng));
        for i in 0..32 {
            let (a, b, c) = (x + i % 7, y + i % 5, wires + i);
            let product = vec![(a, F::ONE), (b, F::ONE), (c, -F::ONE)];
            rows.push([vec![(a, F::from(2))], vec![(b, F::ONE)], product]);
        }
        wires += 32;
        if rng.gen_range(0..3) == 0 {
            let bits = |start: u32| (0..32).map(move |i| (start + i, F::from(1 << i)));
            rows.push([bits(wires - 520).chain(bits(wires - 400)).collect(), vec![(0, F::ONE)], vec![]]);
        }
        full.resize(wires as usize, false);
    }
    let value = |i: usize, rng: &mut ChaCha8Rng| match (i, full[i]) {
        (0, _) => F::ONE,
        (_, true) => F::random(rng),
        (_, false) => F::from(u64::from(rng.r#gen::<bool>())),
    };
    let witness = (0..wires as usize).map(|i| value(i, &mut rng)).collect();
    Instance { shape: Shape { num_inputs: 329, num_aux: wires - 329 }, rows, witness }
}

/// Partial rounds of a wide Poseidon: three rows of a power and a row of nine constants each.
fn poseidon_permutation<F: ScalarField>(constants: &[F], wires: &mut u32, rows: &mut Vec<[Terms<F>; 3]>) {
    for round in 0..55 {
        let first = *wires;
        let wire = |i: u32| (first + i, F::ONE);
        let back = |i: u32| (first - 1 - i, constants[(round * 9 + i as usize) % constants.len()]);
        let sum: Terms<F> = (0..9).map(back).collect();
        rows.push([sum.clone(), sum.clone(), vec![wire(0)]]);
        rows.push([vec![wire(0)], vec![wire(0)], vec![wire(1)]]);
        rows.push([vec![wire(1)], sum, vec![wire(2)]]);
        *wires += 3;
    }
}
