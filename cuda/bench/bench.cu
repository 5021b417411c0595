// Microbenchmarks: how many wide multiplications and field products a device does in a second.
#include "kernel.cuh"
#include "field/bls12_381.cuh"
#include "field/bn254.cuh"

// 8·rounds products of 32 by 32 bits to 64, in eight independent chains per thread.
extern "C" __global__ void __launch_bounds__(256) bench_wide(uint32_t rounds, unsigned long long* out) {
    uint32_t t = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned long long sums[8];
    for (int i = 0; i < 8; i++) sums[i] = t + i;
    for (uint32_t r = 0; r < rounds; r++) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            // The factor depends on the chain, so that the product cannot be taken out of the loop.
            sums[i] += static_cast<unsigned long long>(static_cast<uint32_t>(sums[i])) * (static_cast<uint32_t>(sums[i] >> 32) | 1);
        }
    }
    unsigned long long sum = 0;
    for (int i = 0; i < 8; i++) sum ^= sums[i];
    out[t] = sum;
}
KERNEL(bench_wide)

// `rounds` products that depend on each other, per thread; out holds an element per thread.
template <class F> __device__ __forceinline__ void products(uint32_t rounds, F* out) {
    uint32_t t = blockIdx.x * blockDim.x + threadIdx.x;
    F x = F::from(t + 2), y = F::from(t + 3);
#pragma unroll 1
    for (uint32_t r = 0; r < rounds; r++) x = x * y;
    out[t] = x;
}
#define BENCH_PRODUCTS(name, F)                                                                              \
    extern "C" __global__ void __launch_bounds__(256) name(uint32_t rounds, F* out) { products(rounds, out); } \
    KERNEL(name)
BENCH_PRODUCTS(bench_fp_bls12_381, bls12_381::Fp)
BENCH_PRODUCTS(bench_fr_bls12_381, bls12_381::Fr)
BENCH_PRODUCTS(bench_fp_bn254, bn254::Fp)
BENCH_PRODUCTS(bench_fr_bn254, bn254::Fr)
