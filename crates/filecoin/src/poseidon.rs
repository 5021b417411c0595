//! The values of the Poseidon circuit, without its linear combinations.
//!
//! Filecoin's circuits hash with neptune's first circuit (`neptune::circuit::poseidon_hash`), which carries the state as
//! linear combinations, also where only values are wanted; between full rounds these grow with every partial round. Here
//! the permutation is computed on values, and each value is pushed where that circuit allocates it: the input of an s-box
//! unless it is allocated already, its square, its fourth power, its fifth power with the round key, and the result.
//! A test compares both.
//!
//! L. Grassi, D. Khovratovich, C. Rechberger, A. Roy, M. Schofnegger, "Poseidon: A New Hash Function for Zero-Knowledge Proof
//! Systems", USENIX Security 2021 (eprint 2019/458), with the sparse matrices of its appendix B. With width t, F full and
//! P partial rounds: F·t·(t + 3) + P·(2t + 2) products.

use blstrs::Scalar as Fr;
use ff::Field;
use filecoin_hashers::PoseidonArity;
use neptune::poseidon::PoseidonConstants;

/// Widest state: arity 36 and the domain tag.
const MAX_WIDTH: usize = 37;

/// A permutation under way.
struct Permutation<'a, A: PoseidonArity> {
    constants: &'a PoseidonConstants<Fr, A>,
    state: [Fr; MAX_WIDTH],
    width: usize,
    /// How many of the round keys were used.
    keys: usize,
    /// Rounds done.
    round: usize,
}

/// Appends the values that the circuit allocates for hashing `preimage`, and gives the last of them, the hash.
pub(crate) fn push_values<A: PoseidonArity>(preimage: &[Fr], values: &mut Vec<Fr>) -> Fr {
    let constants = A::PARAMETERS();
    let width = preimage.len() + 1;
    let mut p = Permutation { constants, state: [Fr::ZERO; MAX_WIDTH], width, keys: 0, round: 0 };
    p.state[0] = constants.domain_tag;
    p.state[1..width].copy_from_slice(preimage);
    let half = constants.full_rounds / 2;
    p.first_round(values);
    (1..half).for_each(|_| p.full_round(true, values));
    (0..constants.partial_rounds).for_each(|_| p.partial_round(values));
    (1..half).for_each(|_| p.full_round(true, values));
    p.full_round(false, values);
    let hash = p.state[1];
    p.state.fill(Fr::ZERO);
    values.push(hash);
    hash
}

impl<A: PoseidonArity> Permutation<'_, A> {
    fn key(&mut self) -> Fr {
        self.keys += 1;
        self.constants.compressed_round_constants[self.keys - 1]
    }

    /// The first round adds keys before the s-boxes too. The tag's s-box is a constant; the others' inputs are allocated.
    fn first_round(&mut self, values: &mut Vec<Fr>) {
        let width = self.width;
        let before: [Fr; MAX_WIDTH] = core::array::from_fn(|i| {
            if i < width { self.constants.compressed_round_constants[i] } else { Fr::ZERO }
        });
        self.keys = width;
        for (i, before) in before.into_iter().enumerate().take(width) {
            let sum = self.state[i] + before;
            let square = sum.square();
            let fourth = square.square();
            self.state[i] = fourth * sum + self.key();
            if i > 0 {
                values.extend([square, fourth, self.state[i]]);
            }
        }
        self.multiply();
    }

    fn full_round(&mut self, with_keys: bool, values: &mut Vec<Fr>) {
        for i in 0..self.width {
            let key = if with_keys { self.key() } else { Fr::ZERO };
            self.s_box(i, key, values);
        }
        self.multiply();
    }

    fn partial_round(&mut self, values: &mut Vec<Fr>) {
        let key = self.key();
        self.s_box(0, key, values);
        self.multiply();
    }

    fn s_box(&mut self, i: usize, key: Fr, values: &mut Vec<Fr>) {
        let x = self.state[i];
        let square = x.square();
        let fourth = square.square();
        self.state[i] = fourth * x + key;
        values.extend([x, square, fourth, self.state[i]]);
    }

    /// The round's matrix: dense in full rounds, sparse in partial ones, with one dense matrix before the first of these.
    fn multiply(&mut self) {
        let constants = self.constants;
        let (last_dense, round) = (constants.half_full_rounds - 1, self.round);
        self.round += 1;
        if round > last_dense && round <= last_dense + constants.partial_rounds {
            return self.multiply_sparse(round - last_dense - 1);
        }
        let matrix =
            if round == last_dense { &constants.pre_sparse_matrix } else { &constants.mds_matrices.m };
        let mut product = [Fr::ZERO; MAX_WIDTH];
        for (row, x) in matrix.iter().zip(&self.state[..self.width]) {
            for (sum, m) in product.iter_mut().zip(row) {
                *sum += *m * x;
            }
        }
        self.state = product;
    }

    fn multiply_sparse(&mut self, index: usize) {
        let matrix = &self.constants.sparse_matrixes[index];
        let first = self.state[0];
        let state = &mut self.state[..self.width];
        let product = state.iter().zip(&matrix.w_hat).map(|(x, w)| *x * w).sum();
        for (x, v) in state[1..].iter_mut().zip(&matrix.v_rest) {
            *x += *v * first;
        }
        state[0] = product;
    }
}
