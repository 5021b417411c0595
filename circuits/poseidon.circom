pragma circom 2.2.3;

include "poseidon/poseidon.circom";

// One Poseidon hash of two field elements: a real circuit small enough for a complete key ceremony inside a test.
component main = Poseidon(2);
