// Scalars: classified, compacted, and cut into signed digits, all of it in parallel.
//
// A scalar k is taken as ±|k| with |k| ≤ (r − 1)/2. Zeros cost nothing more. Those of magnitude 1 (*units*) are one
// addition each; the others (*tail*) have digits |k| = Σ_w d_w·2^(c·w) with |d_w| ≤ 2^(c−1). A *term* is
// 2·index + (1 if negative).
#include "kernel.cuh"

#include "field/bls12_381.cuh"
#include "field/bn254.cuh"

namespace msm {

constexpr uint32_t THREADS = 256;
constexpr uint32_t TILE = 1024; // scalars per block

enum Kind : uint32_t { ZERO, UNIT, TAIL };

template <class F> struct Magnitude {
    F limbs;
    bool negative;

    FB_INLINE explicit Magnitude(const F& scalar) {
        F k = scalar.canonical(), opposite = k.neg();
        ptx::Carry c;
        ptx::sub_cc(c, opposite.v[0], k.v[0]);
        for (int i = 1; i < F::N; i++) ptx::subc_cc(c, opposite.v[i], k.v[i]);
        negative = ptx::subc(c, 0, 0) != 0; // r − k < k
        limbs = negative ? opposite : k;
    }
    FB_INLINE Kind kind() const {
        uint32_t high = 0;
        FB_UNROLL
        for (int i = 1; i < F::N; i++) high |= limbs.v[i];
        if (high) return TAIL;
        return limbs.v[0] == 0 ? ZERO : limbs.v[0] == 1 ? UNIT : TAIL;
    }
    FB_INLINE uint32_t bits() const {
        uint32_t bits = 0;
        FB_UNROLL
        for (int i = 0; i < F::N; i++) bits = limbs.v[i] ? 32 * i + 32 - __clz(limbs.v[i]) : bits;
        return bits;
    }
    // Bits [at, at + width), width ≤ 24.
    FB_INLINE uint32_t window(uint32_t at, uint32_t width) const {
        uint32_t low = 0, high = 0;
        FB_UNROLL // no indexing by a variable: it would put the limbs into memory
        for (int i = 0; i < F::N; i++) {
            if (i == (int)(at / 32)) low = limbs.v[i];
            if (i == (int)(at / 32) + 1) high = limbs.v[i];
        }
        return __funnelshift_r(low, high, at % 32) & ((1u << width) - 1);
    }
};

// Per tile, how many scalars are of the tail and how many are units: counts[0][tile], counts[1][tile]. `bits` is raised
// to the most bits of a magnitude.
template <class F>
__device__ __forceinline__ void classify(const F* scalars, uint32_t n, uint32_t* counts, uint32_t* bits) {
    uint32_t tails = 0, units = 0, most = 0;
    for (uint32_t k = 0; k < TILE; k += THREADS) {
        uint32_t i = blockIdx.x * TILE + k + threadIdx.x;
        Kind kind = ZERO;
        if (i < n) {
            Magnitude<F> m(scalars[i]);
            kind = m.kind();
            most = max(most, m.bits());
        }
        tails += __syncthreads_count(kind == TAIL);
        units += __syncthreads_count(kind == UNIT);
    }
    for (int by = 16; by; by >>= 1) most = max(most, __shfl_xor_sync(~0u, most, by));
    if ((threadIdx.x & 31) == 0 && most) atomicMax(bits, most);
    if (threadIdx.x == 0) {
        counts[blockIdx.x] = tails;
        counts[gridDim.x + blockIdx.x] = units;
    }
}

// Lists the terms in the scalars' order: the tail first, then the units. `offsets` are the scanned counts; the tail has
// *tail_length terms.
template <class F>
__device__ __forceinline__ void compact(const F* scalars, uint32_t n, const uint32_t* offsets,
                                        const uint32_t* tail_length, uint32_t* terms) {
    __shared__ uint32_t warp_counts[2][THREADS / 32];
    uint32_t warp = threadIdx.x / 32, below = (1u << (threadIdx.x & 31)) - 1;
    uint32_t next[2] = {offsets[blockIdx.x], *tail_length + offsets[gridDim.x + blockIdx.x]};
    for (uint32_t k = 0; k < TILE; k += THREADS) {
        uint32_t i = blockIdx.x * TILE + k + threadIdx.x, term = 2 * i;
        Kind kind = ZERO;
        if (i < n) {
            Magnitude<F> m(scalars[i]);
            kind = m.kind();
            term += m.negative;
        }
        uint32_t tails = __ballot_sync(~0u, kind == TAIL), units = __ballot_sync(~0u, kind == UNIT);
        if ((threadIdx.x & 31) == 0) {
            warp_counts[0][warp] = __popc(tails);
            warp_counts[1][warp] = __popc(units);
        }
        __syncthreads();
        uint32_t tail_at = next[0] + __popc(tails & below), unit_at = next[1] + __popc(units & below);
        for (uint32_t w = 0; w < THREADS / 32; w++) {
            if (w < warp) tail_at += warp_counts[0][w];
            if (w < warp) unit_at += warp_counts[1][w];
            next[0] += warp_counts[0][w];
            next[1] += warp_counts[1][w];
        }
        if (kind == TAIL) terms[tail_at] = term;
        if (kind == UNIT) terms[unit_at] = term;
        __syncthreads();
    }
}

// The values of units for `accumulate`: terms counted from the chunk's first point.
__device__ __forceinline__ void rebase(const uint32_t* terms, uint32_t count, uint32_t first, uint32_t* values) {
    uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) values[i] = terms[i] - 2 * first;
}

// Windows of `width` bits, counted from 0. Window w is of segment w % segments, whose points are the copy w / segments of
// a table; without a table there are as many segments as windows.
struct Windows {
    uint32_t width, count, segments, copies;
    uint32_t points; // in one copy
    uint32_t first;  // the term of the first point of the chunk is 2·first
};

// Per segment, copy and term, the bucket (the digit's magnitude) and the value for `accumulate`.
template <class F>
__device__ __forceinline__ void digits(const F* scalars, const uint32_t* terms, uint32_t count, Windows windows,
                                       uint32_t* keys, uint32_t* values) {
    uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    uint32_t term = terms[i], half = 1u << (windows.width - 1), carry = 0;
    Magnitude<F> m(scalars[term >> 1]);
    uint32_t point = (term >> 1) - windows.first, negative = term & 1;
    for (uint32_t w = 0; w < windows.segments * windows.copies; w++) {
        uint32_t digit = w < windows.count ? m.window(w * windows.width, windows.width) + carry : 0;
        carry = digit > half;
        uint32_t key = carry ? 2 * half - digit : digit;
        uint32_t copy = w / windows.segments, segment = w % windows.segments;
        size_t at = ((size_t)segment * windows.copies + copy) * count + i;
        keys[at] = key;
        values[at] = 2 * (copy * windows.points + point) + (negative ^ carry);
    }
}

} // namespace msm

#define FOREBAY_SCALAR_KERNELS(CURVE)                                                                                  \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
    msm_classify_##CURVE(const CURVE::Fr* scalars, uint32_t n, uint32_t* counts, uint32_t* bits) {                     \
        msm::classify(scalars, n, counts, bits);                                                                       \
    }                                                                                                                  \
    KERNEL(msm_classify_##CURVE)                                                                                       \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
    msm_compact_##CURVE(const CURVE::Fr* scalars, uint32_t n, const uint32_t* offsets, const uint32_t* tail_length,    \
                        uint32_t* terms) {                                                                             \
        msm::compact(scalars, n, offsets, tail_length, terms);                                                         \
    }                                                                                                                  \
    KERNEL(msm_compact_##CURVE)                                                                                        \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
    msm_digits_##CURVE(const CURVE::Fr* scalars, const uint32_t* terms, uint32_t count, msm::Windows windows,          \
                       uint32_t* keys, uint32_t* values) {                                                             \
        msm::digits(scalars, terms, count, windows, keys, values);                                                     \
    }                                                                                                                  \
    KERNEL(msm_digits_##CURVE)

FOREBAY_SCALAR_KERNELS(bls12_381)
FOREBAY_SCALAR_KERNELS(bn254)

extern "C" __global__ void __launch_bounds__(256)
msm_rebase(const uint32_t* terms, uint32_t count, uint32_t first, uint32_t* values) {
    msm::rebase(terms, count, first, values);
}
KERNEL(msm_rebase)
