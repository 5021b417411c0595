// A stable radix sort of (key, value) pairs, many segments of equal length side by side; and the scan that it needs.
//
// Least significant digit first, up to 9 bits a pass: count digits per tile, scan, scatter. Equal digits within a warp are
// found by match_any, so that the cost does not depend on the keys: one giant bucket sorts as fast as any other input.
// D. Merrill, A. Grimshaw, "Revisiting Sorting for GPGPU Stream Architectures", 2010.
#include "kernel.cuh"

namespace {

constexpr uint32_t THREADS = 256;
constexpr uint32_t WARPS = THREADS / 32;
constexpr uint32_t ROUNDS = 16;
constexpr uint32_t TILE = THREADS * ROUNDS; // pairs per block
constexpr uint32_t SCAN_ITEMS = 8; // per thread and step of a scan

} // namespace

// Counts of digits, [segment][digit][tile]. Grid (tiles, segments); 4 bytes of dynamic shared memory per digit.
extern "C" __global__ void __launch_bounds__(THREADS)
msm_sort_count(const uint32_t* keys, uint32_t length, uint32_t shift, uint32_t bits, uint32_t* counts) {
    DYN_SHARED(uint32_t, histogram);
    uint32_t digits = 1u << bits;
    for (uint32_t d = threadIdx.x; d < digits; d += THREADS) histogram[d] = 0;
    SYNCTHREADS_UNLESS_PLANTED(BARRIER_OF_MSM_SORT);
    keys += (size_t)blockIdx.y * length;
    for (uint32_t k = 0; k < ROUNDS; k++) {
        uint32_t i = blockIdx.x * TILE + k * THREADS + threadIdx.x;
        if (i < length) atomicAdd(&histogram[keys[i] >> shift & (digits - 1)], 1u);
    }
    __syncthreads();
    for (uint32_t d = threadIdx.x; d < digits; d += THREADS)
        counts[((size_t)blockIdx.y * digits + d) * gridDim.x + blockIdx.x] = histogram[d];
}
KERNEL(msm_sort_count)

// Each row becomes its exclusive prefix sums; its total goes to totals[row] unless that is null. A block of whole warps per
// row.
extern "C" __global__ void __launch_bounds__(THREADS) msm_scan_rows(uint32_t* data, uint32_t length, uint32_t* totals) {
    __shared__ uint32_t warp_sums[WARPS];
    uint32_t lane = threadIdx.x & 31, warp = threadIdx.x / 32, carry = 0;
    data += (size_t)blockIdx.x * length;
    for (uint32_t start = 0; start < length; start += blockDim.x * SCAN_ITEMS) {
        uint32_t begin = start + threadIdx.x * SCAN_ITEMS, items[SCAN_ITEMS], mine = 0;
        for (uint32_t k = 0; k < SCAN_ITEMS; k++) {
            items[k] = begin + k < length ? data[begin + k] : 0;
            mine += items[k];
        }
        uint32_t inclusive = mine;
        for (uint32_t by = 1; by < 32; by *= 2) {
            uint32_t other = __shfl_up_sync(~0u, inclusive, by);
            if (lane >= by) inclusive += other;
        }
        if (lane == 31) warp_sums[warp] = inclusive;
        __syncthreads();
        uint32_t before = carry + inclusive - mine;
        for (uint32_t w = 0; w < blockDim.x / 32; w++) {
            if (w < warp) before += warp_sums[w];
            carry += warp_sums[w];
        }
        for (uint32_t k = 0; k < SCAN_ITEMS; k++) {
            if (begin + k < length) data[begin + k] = before;
            before += items[k];
        }
        __syncthreads();
    }
    if (totals && threadIdx.x == 0) totals[blockIdx.x] = carry;
}
KERNEL(msm_scan_rows)

// Moves pairs to where their digit belongs. `offsets` are the counts scanned along tiles, `totals` those of whole digits
// scanned along digits. Grid as for the counts; 4 bytes of dynamic shared memory per warp and digit.
extern "C" __global__ void __launch_bounds__(THREADS)
msm_sort_scatter(const uint32_t* keys, const uint32_t* values, uint32_t length, uint32_t shift, uint32_t bits,
                 const uint32_t* offsets, const uint32_t* totals, uint32_t* keys_out, uint32_t* values_out) {
    DYN_SHARED(uint32_t, all_next);
    uint32_t digits = 1u << bits, lane = threadIdx.x & 31, warp = threadIdx.x / 32;
    uint32_t* next = all_next + warp * digits; // where the warp's next pair of each digit goes
    for (uint32_t d = lane; d < digits; d += 32) next[d] = 0;
    __syncwarp();
    size_t segment = (size_t)blockIdx.y * length;
    uint32_t first = blockIdx.x * TILE + warp * (32 * ROUNDS), begin = first + lane;
    uint32_t rounds = first >= length ? 0 : (length - first + 31) / 32;
    if (rounds > ROUNDS) rounds = ROUNDS;
    // How many of each digit the warp has.
    for (uint32_t k = 0; k < rounds; k++) {
        uint32_t i = begin + 32 * k;
        uint32_t digit = i < length ? keys[segment + i] >> shift & (digits - 1) : ~0u;
        uint32_t peers = __match_any_sync(~0u, digit);
        if (i < length && (peers & ((1u << lane) - 1)) == 0) next[digit] += __popc(peers);
        __syncwarp();
    }
    __syncthreads();
    for (uint32_t d = threadIdx.x; d < digits; d += THREADS) {
        size_t row = (size_t)blockIdx.y * digits + d;
        uint32_t at = totals[row] + offsets[row * gridDim.x + blockIdx.x];
        for (uint32_t w = 0; w < WARPS; w++) {
            uint32_t count = all_next[w * digits + d];
            all_next[w * digits + d] = at;
            at += count;
        }
    }
    __syncthreads();
    for (uint32_t k = 0; k < rounds; k++) {
        uint32_t i = begin + 32 * k;
        uint32_t key = i < length ? keys[segment + i] : 0, digit = i < length ? key >> shift & (digits - 1) : ~0u;
        uint32_t peers = __match_any_sync(~0u, digit), rank = __popc(peers & ((1u << lane) - 1));
        uint32_t at = i < length ? next[digit] + rank : 0;
        __syncwarp();
        if (i < length && rank == 0) next[digit] += __popc(peers);
        __syncwarp();
        if (i < length) {
            keys_out[segment + at] = key;
            values_out[segment + at] = values[segment + i];
        }
    }
}
KERNEL(msm_sort_scatter)
