// Transforms over the scalar field of BLS12-381.
#include "kernel.cuh"
#include "field/bls12_381.cuh"
#include "ntt/ntt.cuh"

NTT_KERNELS(bls12_381, bls12_381::Fr)
