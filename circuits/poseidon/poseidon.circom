pragma circom 2.2.3;

// The Poseidon hash of one or two field elements: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New
// Hash Function for Zero-Knowledge Proof Systems", https://eprint.iacr.org/2019/458. S-box x^5, 8 full rounds, 56 or 57
// partial ones (width 2 or 3), 128-bit security.
//
// The constants are those of the field that the circuit is compiled for. They are not visible from here: pass circom
// the folder, `-p bn128 -l …/poseidon/bn254` or `-p bls12381 -l …/poseidon/bls12-381`. Constants of the wrong field
// compile, but to a hash that nobody has analysed.
//
// Compile with --O2: then only the S-boxes cost constraints, 240 for two elements and 213 for one.
include "poseidon_constants.circom";

// The permutation of a state of `t` elements, t = 2 or 3. A round adds its constants, raises the elements (in a partial
// round: the first one) to the fifth power, and multiplies the state by the matrix.
template PoseidonPermutation(t) {
    signal input in[t];
    signal output out[t];

    var full = 8;
    var partial = poseidon_partial_rounds(t);
    var constants[t * (full + partial)] = poseidon_round_constants(t);
    var matrix[t][t] = poseidon_matrix(t);

    // One of each per S-box.
    signal x[t * full + partial];
    signal x2[t * full + partial];
    signal x4[t * full + partial];
    signal x5[t * full + partial];

    // What lies between S-boxes is linear, so the state needs no signals.
    var state[t] = in;
    var box = 0;
    for (var round = 0; round < full + partial; round++) {
        var isFull = round < full / 2 || round >= full / 2 + partial;
        for (var i = 0; i < t; i++) {
            state[i] += constants[t * round + i];
        }
        for (var i = 0; i < (isFull ? t : 1); i++) {
            x[box] <== state[i];
            x2[box] <== x[box] * x[box];
            x4[box] <== x2[box] * x2[box];
            x5[box] <== x4[box] * x[box];
            state[i] = x5[box];
            box++;
        }
        var mixed[t];
        for (var i = 0; i < t; i++) {
            for (var j = 0; j < t; j++) {
                mixed[i] += matrix[i][j] * state[j];
            }
        }
        state = mixed;
    }
    out <== state;
}

// The hash of `n` elements, n = 1 or 2: the first element of the permuted (0, inputs[0], …). One element and two pass
// through different permutations. On BN254 this is the function of circomlib's template of the same name.
template Poseidon(n) {
    signal input inputs[n];
    signal output out;

    signal state[n + 1];
    state[0] <== 0;
    for (var i = 0; i < n; i++) {
        state[i + 1] <== inputs[i];
    }
    signal permuted[n + 1] <== PoseidonPermutation(n + 1)(state);
    out <== permuted[0];
}
