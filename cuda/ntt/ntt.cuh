// Number-theoretic transforms of up to 2^30 elements in passes over device memory, ten levels a pass at most.
//
// Two networks share one table of twiddle factors T, omega^j at the bit-reversed position of j (Seiler, "Faster AVX2
// optimized NTT multiplication for Ring-LWE lattice cryptography", 2018):
// - analysis: natural order in, bit-reversed order out. Block k of a level splits into lower + T[k]·upper and
//   lower − T[k]·upper, so that a block has one factor, and every level reads a prefix of T.
// - synthesis: its transpose, bit-reversed order in, natural order out.
// Both compute the sum of x_j·omega^(ij). The inverse needs no table of its own: 1/T[k] = −T[k'], where k' is k with the bits
// below its highest one flipped, and the sign only exchanges where the two results of a butterfly go.
//
// A pass takes a tile of 2^levels rows by 2^columns columns through shared memory: rows are what its levels combine, columns
// are neighbours in memory, or, in the pass over the last levels, neighbours in the bit-reversed order, so that this pass
// can write the natural order with runs of 2^columns elements. Nothing is ever permuted by a pass of its own. Two levels are
// done in registers between two visits to shared memory: per element 2 reads and 2 writes of 32 bytes for four products by
// twiddle factors per four elements.
#pragma once
#include "kernel.cuh"

namespace ntt {

constexpr unsigned THREADS = 256;

// Flags of a pass.
constexpr uint32_t INVERSE = 1;   // analysis by 1/omega
constexpr uint32_t SCALE_IN = 2;  // multiply by the power of the position before the first level
constexpr uint32_t SCALE_OUT = 4; // multiply by the power of the natural position after the last
constexpr uint32_t REVERSE = 8;   // write to the natural position: target is not source, unless one tile is all
constexpr uint32_t SYNTHESIS = 16; // of the joining pass: levels before a·b − c
constexpr uint32_t ANALYSIS = 32;  // of the joining pass: levels after it, by 1/omega

// The layout is that of `Pass` in crates/msm-cuda/src/ntt/passes.rs.
struct Pass {
    const void* source;
    void* target;
    const void* b; // of the joining pass alone
    const void* c;
    const void* twiddles; // T, n/2 elements, at least one
    const void* low;      // s^j for j < 2^log_low
    const void* high;     // c·s^(j·2^log_low)
    uint32_t log_n, first, levels, columns; // columns: a logarithm
    uint32_t log_low, flags;
};

__device__ __forceinline__ uint32_t reverse_bits(uint32_t v, uint32_t bits) { return bits ? __brev(v) >> (32 - bits) : 0; }

// Index of the factor whose negative is 1/T[k], for k > 0.
__device__ __forceinline__ uint32_t opposite(uint32_t k) { return k ^ ((1u << (31 - __clz(static_cast<int>(k)))) - 1); }

template <class F> struct Tile {
    static_assert(sizeof(F) == 32, "two 128-bit words an element");
    const Pass& pass;
    uint4* shared; // lower halves of all elements, then upper halves
    const F* twiddles;
    uint32_t size, rest; // 2^(levels + columns); bits of the position below the rows

    __device__ Tile(const Pass& pass, uint4* shared)
        : pass(pass), shared(shared), twiddles(static_cast<const F*>(pass.twiddles)), size(1u << (pass.levels + pass.columns)),
          rest(pass.log_n - pass.first - pass.levels) {}

    // Row and column of an element when a tile is read or written in memory order.
    __device__ void in_memory_order(uint32_t e, uint32_t& row, uint32_t& column) const {
        if (rest) {
            row = e >> pass.columns;
            column = e & ((1u << pass.columns) - 1);
        } else {
            row = e & ((1u << pass.levels) - 1);
            column = e >> pass.levels;
        }
    }
    // Which block of the first level the column belongs to.
    __device__ uint32_t block(uint32_t column) const {
        if (rest) return blockIdx.x >> (rest - pass.columns);
        return blockIdx.x | column << (pass.first - pass.columns);
    }
    __device__ uint32_t position(uint32_t row, uint32_t column) const {
        uint32_t low = 0;
        if (rest) low = (blockIdx.x & ((1u << (rest - pass.columns)) - 1)) << pass.columns | column;
        return block(column) << (rest + pass.levels) | row << rest | low;
    }

    // Neighbouring elements, and elements at distances of 2, 4 and 8, lie in different banks.
    __device__ uint32_t slot(uint32_t row, uint32_t column) const {
        uint32_t e = row << pass.columns | column;
        return e ^ (e >> 3 & 7);
    }
    __device__ F get(uint32_t row, uint32_t column) const {
        uint32_t at = slot(row, column);
        return join(shared[at], shared[at + size]);
    }
    __device__ void put(uint32_t row, uint32_t column, const F& v) const {
        uint32_t at = slot(row, column);
        split(v, shared[at], shared[at + size]);
    }
    static __device__ F join(const uint4& lower, const uint4& upper) {
        F v;
        v.v[0] = lower.x, v.v[1] = lower.y, v.v[2] = lower.z, v.v[3] = lower.w;
        v.v[4] = upper.x, v.v[5] = upper.y, v.v[6] = upper.z, v.v[7] = upper.w;
        return v;
    }
    static __device__ void split(const F& v, uint4& lower, uint4& upper) {
        lower = make_uint4(v.v[0], v.v[1], v.v[2], v.v[3]);
        upper = make_uint4(v.v[4], v.v[5], v.v[6], v.v[7]);
    }
    static __device__ F read(const void* from, size_t at) {
        const uint4* p = static_cast<const uint4*>(from) + 2 * at;
        return join(p[0], p[1]);
    }
    static __device__ void write(void* to, size_t at, const F& v) {
        uint4* p = static_cast<uint4*>(to) + 2 * at;
        split(v, p[0], p[1]);
    }

    // v times the power of exponent j.
    __device__ F scaled(const F& v, uint32_t j) const {
        F power = read(pass.low, j & ((1u << pass.log_low) - 1)) * read(pass.high, j >> pass.log_low);
        return v * power;
    }
    // v·T[k], or v·(−1/T[k]).
    __device__ F twisted(const F& v, uint32_t k, bool inverse) const {
        if (k == 0) return v;
        return v * read(twiddles, inverse ? opposite(k) : k);
    }

    __device__ void load() const {
        for (uint32_t e = threadIdx.x; e < size; e += blockDim.x) {
            uint32_t row, column;
            in_memory_order(e, row, column);
            uint32_t at = position(row, column);
            F v = read(pass.source, at);
            if (pass.flags & SCALE_IN) v = scaled(v, at);
            put(row, column, v);
        }
        __syncthreads();
    }
    __device__ void store() const {
        for (uint32_t e = threadIdx.x; e < size; e += blockDim.x) {
            uint32_t row = e >> pass.columns, column = e & ((1u << pass.columns) - 1);
            if (!(pass.flags & REVERSE)) in_memory_order(e, row, column);
            F v = get(row, column);
            uint32_t at = position(row, column), natural = reverse_bits(at, pass.log_n);
            if (pass.flags & SCALE_OUT) v = scaled(v, natural);
            write(pass.target, pass.flags & REVERSE ? natural : at, v);
        }
    }

    // Natural to bit-reversed: levels from the first one on, the odd one out first.
    __device__ void analyse(bool inverse) const {
        uint32_t level = pass.levels & 1;
        if (level) analyse_one(inverse);
        for (; level < pass.levels; level += 2) analyse_two(level, inverse);
    }
    // Level 0 of the tile.
    __device__ void analyse_one(bool inverse) const {
        uint32_t half = 1u << (pass.levels - 1);
        for (uint32_t u = threadIdx.x; u < size / 2; u += blockDim.x) {
            uint32_t column = u & ((1u << pass.columns) - 1), row = u >> pass.columns, k = block(column);
            bool flip = inverse && k;
            F a = get(row, column), b = twisted(get(row + half, column), k, inverse);
            put(flip ? row + half : row, column, a + b);
            put(flip ? row : row + half, column, a - b);
        }
        __syncthreads();
    }
    __device__ void analyse_two(uint32_t level, bool inverse) const {
        uint32_t log_quarter = pass.levels - level - 2, quarter = 1u << log_quarter;
        for (uint32_t u = threadIdx.x; u < size / 4; u += blockDim.x) {
            uint32_t column = u & ((1u << pass.columns) - 1), v = u >> pass.columns, local = v >> log_quarter;
            uint32_t row = local << (log_quarter + 2) | (v & (quarter - 1));
            uint32_t k = block(column) << level | local;
            F x0 = get(row, column), x1 = get(row + quarter, column);
            F x2 = twisted(get(row + 2 * quarter, column), k, inverse);
            F x3 = twisted(get(row + 3 * quarter, column), k, inverse);
            F sum = x0 + x2, difference = x0 - x2;
            // Which half of the block the sums and the differences are.
            uint32_t flip = inverse && k;
            analyse_half(row, quarter, column, k, flip, sum, x1 + x3, inverse);
            analyse_half(row, quarter, column, k, 1 - flip, difference, x1 - x3, inverse);
        }
        SYNCTHREADS_UNLESS_PLANTED(BARRIER_OF_NTT);
    }
    __device__ __forceinline__ void analyse_half(uint32_t row, uint32_t quarter, uint32_t column, uint32_t k, uint32_t half,
                                                 const F& a, const F& upper, bool inverse) const {
        uint32_t child = 2 * k + half, first = row + 2 * half * quarter;
        bool flip = inverse && child;
        F b = twisted(upper, child, inverse);
        put(flip ? first + quarter : first, column, a + b);
        put(flip ? first : first + quarter, column, a - b);
    }

    // Bit-reversed to natural: levels from the last one down, the odd one out at the end.
    __device__ void synthesise() const {
        for (uint32_t level = pass.levels; level >= 2; level -= 2) synthesise_two(level - 2);
        if (pass.levels & 1) synthesise_one();
    }
    __device__ void synthesise_one() const {
        uint32_t half = 1u << (pass.levels - 1);
        for (uint32_t u = threadIdx.x; u < size / 2; u += blockDim.x) {
            uint32_t column = u & ((1u << pass.columns) - 1), row = u >> pass.columns;
            F a = get(row, column), b = get(row + half, column);
            put(row, column, a + b);
            put(row + half, column, twisted(a - b, block(column), false));
        }
        __syncthreads();
    }
    __device__ void synthesise_two(uint32_t level) const {
        uint32_t log_quarter = pass.levels - level - 2, quarter = 1u << log_quarter;
        for (uint32_t u = threadIdx.x; u < size / 4; u += blockDim.x) {
            uint32_t column = u & ((1u << pass.columns) - 1), v = u >> pass.columns, local = v >> log_quarter;
            uint32_t row = local << (log_quarter + 2) | (v & (quarter - 1));
            uint32_t k = block(column) << level | local;
            F x0 = get(row, column), x1 = get(row + quarter, column);
            F low = x0 + x1, low_difference = twisted(x0 - x1, 2 * k, false);
            F x2 = get(row + 2 * quarter, column), x3 = get(row + 3 * quarter, column);
            F high = x2 + x3, high_difference = twisted(x2 - x3, 2 * k + 1, false);
            put(row, column, low + high);
            put(row + 2 * quarter, column, twisted(low - high, k, false));
            put(row + quarter, column, low_difference + high_difference);
            put(row + 3 * quarter, column, twisted(low_difference - high_difference, k, false));
        }
        __syncthreads();
    }

    // Multiplies by the powers of the natural position, between analysis and synthesis.
    __device__ void scale_reversed() const {
        for (uint32_t e = threadIdx.x; e < size; e += blockDim.x) {
            uint32_t row = e >> pass.columns, column = e & ((1u << pass.columns) - 1);
            put(row, column, scaled(get(row, column), reverse_bits(position(row, column), pass.log_n)));
        }
        __syncthreads();
    }
    // a·b − c, b and c from memory.
    __device__ void combine() const {
        for (uint32_t e = threadIdx.x; e < size; e += blockDim.x) {
            uint32_t row, column;
            in_memory_order(e, row, column);
            uint32_t at = position(row, column);
            put(row, column, get(row, column) * read(pass.b, at) - read(pass.c, at));
        }
        __syncthreads();
    }
};

template <class F> __device__ __forceinline__ void analysis_pass(const Pass& pass, uint4* shared) {
    Tile<F> tile(pass, shared);
    tile.load();
    tile.analyse(pass.flags & INVERSE);
    tile.store();
}

template <class F> __device__ __forceinline__ void synthesis_pass(const Pass& pass, uint4* shared) {
    Tile<F> tile(pass, shared);
    tile.load();
    tile.synthesise();
    tile.store();
}

// The last pass of the inverse, the change to a coset, and the first pass back: the same tiles.
template <class F> __device__ __forceinline__ void turning_pass(const Pass& pass, uint4* shared) {
    Tile<F> tile(pass, shared);
    tile.load();
    tile.analyse(true);
    tile.scale_reversed();
    tile.synthesise();
    tile.store();
}

// The last pass of a's synthesis, a·b − c, and the first pass of the inverse: the same tiles. Either may be left out.
template <class F> __device__ __forceinline__ void joining_pass(const Pass& pass, uint4* shared) {
    Tile<F> tile(pass, shared);
    tile.load();
    if (pass.flags & SYNTHESIS) tile.synthesise();
    tile.combine();
    if (pass.flags & ANALYSIS) tile.analyse(true);
    tile.store();
}

// T[i] = low[i mod 2^log_low]·high[i >> log_low] for i < count.
template <class F>
__device__ __forceinline__ void twiddle_table(const void* low, const void* high, void* table, uint32_t log_low, uint32_t count) {
    for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
        F v = Tile<F>::read(low, i & ((1u << log_low) - 1)) * Tile<F>::read(high, i >> log_low);
        Tile<F>::write(table, i, v);
    }
}

} // namespace ntt

// The kernels of one field.
#define NTT_PASS(name, pass_function, F)                                                          \
    extern "C" __global__ void __launch_bounds__(ntt::THREADS, 2) name(const ntt::Pass pass) {    \
        DYN_SHARED(uint4, shared);                                                                \
        ntt::pass_function<F>(pass, shared);                                                      \
    }                                                                                             \
    KERNEL(name)
#define NTT_KERNELS(curve, F)                                                                     \
    NTT_PASS(ntt_analysis_##curve, analysis_pass, F)                                              \
    NTT_PASS(ntt_synthesis_##curve, synthesis_pass, F)                                            \
    NTT_PASS(ntt_turning_##curve, turning_pass, F)                                                \
    NTT_PASS(ntt_joining_##curve, joining_pass, F)                                                \
    extern "C" __global__ void __launch_bounds__(ntt::THREADS)                                    \
        ntt_twiddles_##curve(const void* low, const void* high, void* table, uint32_t log_low, uint32_t count) { \
        ntt::twiddle_table<F>(low, high, table, log_low, count);                                  \
    }                                                                                             \
    KERNEL(ntt_twiddles_##curve)
