// MSM kernels of G2 of BLS12-381.
#include "kernel.cuh"

#include "field/bls12_381.cuh"
#include "msm/points.cuh"

FOREBAY_MSM_KERNELS(bls12_381_g2, bls12_381::Fp2, 128)
