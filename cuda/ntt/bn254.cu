// Transforms over the scalar field of BN254.
#include "kernel.cuh"
#include "field/bn254.cuh"
#include "ntt/ntt.cuh"

NTT_KERNELS(bn254, bn254::Fr)
