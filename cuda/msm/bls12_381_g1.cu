// MSM kernels of G1 of BLS12-381.
#include "kernel.cuh"

#include "field/bls12_381.cuh"
#include "msm/points.cuh"

FOREBAY_MSM_KERNELS(bls12_381_g1, bls12_381::Fp, 128)
