// Kernels that test the launcher and the device layer: shared memory, barriers, votes, shuffles, atomics, arguments.
#include "kernel.cuh"

// A histogram of the low bytes of `values`, and their sum; 256 threads, 1024 bytes of dynamic shared memory.
extern "C" __global__ void __launch_bounds__(256)
selftest_histogram(const uint32_t* values, uint32_t n, uint32_t* histogram, unsigned long long* sum) {
    DYN_SHARED(uint32_t, counts);
    __shared__ uint32_t warp_sums[8];
    counts[threadIdx.x] = 0;
    __syncthreads();
    uint32_t mine = 0;
    for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        atomicAdd(&counts[values[i] & 255], 1u);
        mine += values[i] & 255;
    }
    for (int by = 16; by; by >>= 1) mine += __shfl_down_sync(~0u, mine, by);
    if ((threadIdx.x & 31) == 0) warp_sums[threadIdx.x >> 5] = mine;
    __syncthreads();
    if (threadIdx.x < 32) {
        uint32_t all = threadIdx.x < 8 ? warp_sums[threadIdx.x] : 0;
        for (int by = 16; by; by >>= 1) all += __shfl_xor_sync(~0u, all, by);
        if (threadIdx.x == 0) atomicAdd(sum, static_cast<unsigned long long>(all));
    }
    __syncthreads();
    atomicAdd(&histogram[threadIdx.x], counts[threadIdx.x]);
}
KERNEL(selftest_histogram)

// Warp functions: one result per thread of one block.
extern "C" __global__ void selftest_warp(uint32_t* out) {
    uint32_t t = threadIdx.x, lane = t & 31;
    uint32_t value = t * 2654435761u;
    uint32_t votes = __ballot_sync(~0u, value & 1);
    uint32_t same = __match_any_sync(~0u, lane % 5);
    uint32_t neighbour = __shfl_up_sync(~0u, value, 1);
    uint32_t broadcast = __shfl_sync(~0u, value, 7);
    bool any = __any_sync(~0u, lane == 31), all = __all_sync(~0u, lane < 31);
    out[4 * t] = votes;
    out[4 * t + 1] = same;
    out[4 * t + 2] = neighbour ^ broadcast;
    out[4 * t + 3] = static_cast<uint32_t>(any) + 2 * static_cast<uint32_t>(all) + (__brev(lane) ^ __clz(t)) * 4;
}
KERNEL(selftest_warp)

#if defined(FOREBAY_EMU)
// What a GPU does with these is undefined; the launcher must refuse them.
extern "C" __global__ void selftest_divergent_barrier(uint32_t* out) {
    if (threadIdx.x & 1) {
        __syncthreads();
    } else {
        out[threadIdx.x] = 1;
        __syncthreads();
    }
}
KERNEL(selftest_divergent_barrier)

extern "C" __global__ void selftest_missing_lane(uint32_t* out) {
    uint32_t votes = threadIdx.x & 1 ? __ballot_sync(~0u, true) : 0;
    __syncthreads();
    out[threadIdx.x] = votes;
}
KERNEL(selftest_missing_lane)

extern "C" __global__ void selftest_out_of_bounds(uint32_t* out) { out[threadIdx.x] = threadIdx.x; }
KERNEL(selftest_out_of_bounds)
#endif
