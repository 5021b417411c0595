pragma circom 2.2.3;

include "circomlib/circuits/sha256/sha256.circom";

// SHA-256 of a 64-byte message: 512 input bits, 256 output bits, each byte's most significant bit first. The message
// fills one block, so with the padding two compressions run. No constant depends on the field: the circuit means the
// same on every curve.
component main = Sha256(512);
