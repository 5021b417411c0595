// MSM kernels of G1 of BN254.
#include "kernel.cuh"

#include "field/bn254.cuh"
#include "msm/points.cuh"

FOREBAY_MSM_KERNELS(bn254_g1, bn254::Fp, 128)
