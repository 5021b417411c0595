pragma circom 2.2.3;

// The smallest circuit there is: knowing two factors of a public product. One constraint, two private inputs.
template Multiplier() {
    signal input a;
    signal input b;
    signal output c;

    c <== a * b;
}

component main = Multiplier();
