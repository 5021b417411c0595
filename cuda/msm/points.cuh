// Sums of points by buckets: Σ k·P = Σ_b b·(Σ of the points whose digit is b), for each window of digits.
//
// Entries arrive sorted by bucket, a segment per window. They are cut into equal shares, one per thread, wherever buckets
// begin and end: every thread has the same number of additions, whatever the sizes of the buckets are, and a bucket that
// holds everything is summed by all of them. A share's first bucket may have begun before it; what the share adds to
// such a bucket is its *head*, and heads are folded in the same way, share by share, until none is left over.
//
// Bucket b of a segment is at index b − 1 of its row; bucket 0 holds what adds nothing. Rows persist over launches:
// entries of further chunks are added to what is there. An all-zero row is empty.
#pragma once
#include "curve/xyzz.cuh"

namespace msm {

// What stands before the entry at `begin`.
FB_INLINE uint32_t key_before(const uint32_t* keys, uint32_t begin) { return begin == 0 ? 0 : keys ? keys[begin - 1] : 1; }

// Grid (shares, segments). `keys` may be null: every entry is of bucket 1. A value is 2·index of the point + (1 for −P).
template <class F>
__device__ __forceinline__ void accumulate(const Affine<F>* points, const uint32_t* keys, const uint32_t* values,
                                           uint32_t length, uint32_t share, Xyzz<F>* buckets, uint32_t row,
                                           Xyzz<F>* heads, uint32_t* head_keys) {
    uint32_t shares = (length + share - 1) / share;
    uint32_t mine = blockIdx.x * blockDim.x + threadIdx.x;
    if (mine >= shares) return;
    if (keys) keys += (size_t)blockIdx.y * length;
    values += (size_t)blockIdx.y * length;
    buckets += (size_t)blockIdx.y * row;
    size_t head = (size_t)blockIdx.y * shares + mine;
    uint32_t begin = mine * share, end = length - begin < share ? length : begin + share;
    uint32_t before = key_before(keys, begin), current = 0, head_key = 0;
    Xyzz<F> sum = Xyzz<F>::infinity();
    for (uint32_t i = begin; i < end; i++) {
        uint32_t key = keys ? keys[i] : 1;
        if (key != current) {
            if (current && current != head_key) buckets[current - 1] = sum;
            if (current && current == head_key) heads[head] = sum;
            current = key;
            if (i == begin && key && key == before) head_key = key;
            sum = key && key != head_key ? buckets[key - 1] : Xyzz<F>::infinity();
        }
        if (key == 0) continue;
        uint32_t value = values[i];
        sum.add(points[value >> 1], value & 1);
    }
    if (current && current != head_key) buckets[current - 1] = sum;
    if (current && current == head_key) heads[head] = sum;
    head_keys[head] = head_key;
}

// Adds heads to their buckets, `share` of them per thread; what continues a bucket from an earlier share is a head again.
template <class F>
__device__ __forceinline__ void fold(const Xyzz<F>* in, const uint32_t* keys, uint32_t length, uint32_t share,
                                     Xyzz<F>* buckets, uint32_t row, Xyzz<F>* heads, uint32_t* head_keys) {
    uint32_t shares = (length + share - 1) / share;
    uint32_t mine = blockIdx.x * blockDim.x + threadIdx.x;
    if (mine >= shares) return;
    in += (size_t)blockIdx.y * length;
    keys += (size_t)blockIdx.y * length;
    buckets += (size_t)blockIdx.y * row;
    size_t head = (size_t)blockIdx.y * shares + mine;
    uint32_t begin = mine * share, end = length - begin < share ? length : begin + share;
    uint32_t before = key_before(keys, begin), current = 0, head_key = 0;
    Xyzz<F> sum = Xyzz<F>::infinity();
    for (uint32_t i = begin; i < end; i++) {
        uint32_t key = keys[i];
        if (key != current) {
            if (current && current != head_key) buckets[current - 1] = sum;
            if (current && current == head_key) heads[head] = sum;
            current = key;
            if (i == begin && key && key == before) head_key = key;
            sum = key && key != head_key ? buckets[key - 1] : Xyzz<F>::infinity();
        }
        if (key) sum.add(in[i]);
    }
    if (current && current != head_key) buckets[current - 1] = sum;
    if (current && current == head_key) heads[head] = sum;
    head_keys[head] = head_key;
}

// Σ (i + 1)·bucket[i] over a strip of `strip` buckets per thread, by running sums; one point per strip.
template <class F>
__device__ __forceinline__ void reduce(const Xyzz<F>* buckets, uint32_t row, uint32_t strip, Xyzz<F>* out) {
    uint32_t strips = (row + strip - 1) / strip;
    uint32_t mine = blockIdx.x * blockDim.x + threadIdx.x;
    if (mine >= strips) return;
    buckets += (size_t)blockIdx.y * row;
    uint32_t begin = mine * strip, end = row - begin < strip ? row : begin + strip;
    Xyzz<F> plain = Xyzz<F>::infinity(), weighted = Xyzz<F>::infinity();
    for (uint32_t i = end; i > begin; i--) {
        plain.add(buckets[i - 1]);
        weighted.add(plain);
    }
    weighted.add_multiple(plain, begin);
    out[(size_t)blockIdx.y * strips + mine] = weighted;
}

// Points that one thread adds before the block's tree.
constexpr uint32_t SUM_SERIAL = 4;

// Plain sums: each block adds SUM_SERIAL·blockDim.x points into one. blockDim.x is a power of two.
template <class F> __device__ __forceinline__ void sum(const Xyzz<F>* in, uint32_t length, Xyzz<F>* out, Xyzz<F>* shared) {
    in += (size_t)blockIdx.y * length;
    uint32_t begin = blockIdx.x * SUM_SERIAL * blockDim.x;
    Xyzz<F> mine = Xyzz<F>::infinity();
    for (uint32_t k = 0; k < SUM_SERIAL; k++) {
        uint32_t i = begin + k * blockDim.x + threadIdx.x;
        if (i < length) mine.add(in[i]);
    }
    for (uint32_t half = blockDim.x / 2; half; half /= 2) {
        if (threadIdx.x >= half && threadIdx.x < 2 * half) shared[threadIdx.x - half] = mine;
        SYNCTHREADS_UNLESS_PLANTED(BARRIER_OF_MSM_SUM);
        if (threadIdx.x < half) mine.add(shared[threadIdx.x]);
        __syncthreads();
    }
    if (threadIdx.x == 0) out[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = mine;
}

// 2^doublings·P for every point, affine.
template <class F>
__device__ __forceinline__ void multiples(const Affine<F>* in, uint32_t count, uint32_t doublings, Affine<F>* out) {
    uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    Affine<F> p = in[i];
    Xyzz<F> r = Xyzz<F>::infinity();
    if (!p.is_infinity()) r = {p.x, p.y, F::one(), F::one()};
    for (uint32_t k = 0; k < doublings; k++) r.twice();
    out[i] = r.to_affine();
}

} // namespace msm

// The kernels of one group. THREADS is what `accumulate` is launched with at most: it decides about registers.
#define FOREBAY_MSM_KERNELS(GROUP, F, THREADS)                                                                        \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                             \
    msm_accumulate_##GROUP(const Affine<F>* points, const uint32_t* keys, const uint32_t* values, uint32_t length,    \
                           uint32_t share, Xyzz<F>* buckets, uint32_t row, Xyzz<F>* heads, uint32_t* head_keys) {     \
        msm::accumulate<F>(points, keys, values, length, share, buckets, row, heads, head_keys);                      \
    }                                                                                                                 \
    KERNEL(msm_accumulate_##GROUP)                                                                                    \
    extern "C" __global__ void __launch_bounds__(128)                                                                 \
    msm_fold_##GROUP(const Xyzz<F>* in, const uint32_t* keys, uint32_t length, uint32_t share, Xyzz<F>* buckets,      \
                     uint32_t row, Xyzz<F>* heads, uint32_t* head_keys) {                                             \
        msm::fold<F>(in, keys, length, share, buckets, row, heads, head_keys);                                        \
    }                                                                                                                 \
    KERNEL(msm_fold_##GROUP)                                                                                          \
    extern "C" __global__ void __launch_bounds__(128)                                                                 \
    msm_reduce_##GROUP(const Xyzz<F>* buckets, uint32_t row, uint32_t strip, Xyzz<F>* out) {                          \
        msm::reduce<F>(buckets, row, strip, out);                                                                     \
    }                                                                                                                 \
    KERNEL(msm_reduce_##GROUP)                                                                                        \
    extern "C" __global__ void __launch_bounds__(64)                                                                  \
    msm_sum_##GROUP(const Xyzz<F>* in, uint32_t length, Xyzz<F>* out) {                                               \
        DYN_SHARED(Xyzz<F>, shared);                                                                                  \
        msm::sum<F>(in, length, out, shared);                                                                         \
    }                                                                                                                 \
    KERNEL(msm_sum_##GROUP)                                                                                           \
    extern "C" __global__ void __launch_bounds__(128)                                                                 \
    msm_multiples_##GROUP(const Affine<F>* in, uint32_t count, uint32_t doublings, Affine<F>* out) {                  \
        msm::multiples<F>(in, count, doublings, out);                                                                 \
    }                                                                                                                 \
    KERNEL(msm_multiples_##GROUP)
