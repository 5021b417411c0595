pragma circom 2.2.3;

include "poseidon/poseidon.circom";

// Anonymous membership: "I know the secret behind one leaf of this tree, and this is the nullifier that my secret
// gives in this context." Whoever checks the proof learns neither the leaf nor its place; a second proof from the same
// member in the same context shows the same nullifier, so it can be refused.
//
// leaf = Poseidon(secret); root is rebuilt from the leaf and its siblings; nullifier = Poseidon(secret,
// externalNullifier). Each field has Poseidon constants of its own: pass the folder of the right ones to circom, e.g.
//
//     circom membership.circom -p bls12381 -l poseidon/bls12-381 --O2 --r1cs --wasm

// The `n` low bits of a field element that has no others, lowest first. Each is 0 or 1 and they add up to it; with
// 2^n below the modulus, there is one such choice.
template Bits(n) {
    signal input in;
    signal output out[n];

    assert(n < 254);
    var sum = 0;
    for (var i = 0; i < n; i++) {
        out[i] <-- (in >> i) & 1;
        out[i] * (out[i] - 1) === 0;
        sum += out[i] * 2 ** i;
    }
    sum === in;
}

// The parent of two nodes: `right` says whether `node` is the right child. `right` has to be 0 or 1.
template Parent() {
    signal input node;
    signal input sibling;
    signal input right;
    signal output parent;

    signal exchanged <== right * (sibling - node);
    parent <== Poseidon(2)([node + exchanged, sibling - exchanged]);
}

// secret: the member's, any field element. leafIndex: the leaf's place, below 2^depth (a larger one has no proof).
// siblings: the nodes beside the path, from the leaf up. externalNullifier: the context, for example one ballot.
template Membership(depth) {
    signal input secret;
    signal input leafIndex;
    signal input siblings[depth];
    signal input externalNullifier;

    signal output root;
    signal output nullifier;

    signal right[depth] <== Bits(depth)(leafIndex);
    signal path[depth + 1];
    path[0] <== Poseidon(1)([secret]);
    for (var i = 0; i < depth; i++) {
        path[i + 1] <== Parent()(path[i], siblings[i], right[i]);
    }
    root <== path[depth];
    nullifier <== Poseidon(2)([secret, externalNullifier]);
}

component main {public [externalNullifier]} = Membership(20);
