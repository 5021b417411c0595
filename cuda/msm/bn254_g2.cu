// MSM kernels of G2 of BN254.
#include "kernel.cuh"

#include "field/bn254.cuh"
#include "msm/points.cuh"

FOREBAY_MSM_KERNELS(bn254_g2, bn254::Fp2, 128)
