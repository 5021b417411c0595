// The CPU launcher: CUDA C++ kernels run on the host, one fiber per CUDA thread.
//
// A block runs on one OS thread and never leaves it; blocks are spread over OS threads. A fiber runs until a barrier, a
// warp-level rendezvous or its end. In every round the runnable fibers of a block are taken in an order drawn from the
// seed (seed 0: by index), so that a missing barrier or __syncwarp gives a wrong result. What must not diverge fails the
// launch: threads of a block that wait at different barriers, or lanes of a mask that never arrive.
//
// Not modelled: weak memory, lockstep, cooperative groups, textures, dynamic parallelism, device printf. Kernels are found
// by name and take cuLaunchKernel's void** arguments. This header is the device's side; emu.cpp runs it.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <type_traits>
#include <utility>

#define FOREBAY_EMU 1
#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static thread_local // a block never leaves its OS thread

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) ulonglong2 {
    unsigned long long x, y;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace emu {

enum class State : uint8_t { Runnable, AtBarrier, AtWarp, Done };

struct Fiber {
    void* stack_pointer;
    State state;
    unsigned id; // within the block; lane = id % 32
    dim3 thread;
    uint32_t warp_mask;
    const char* file; // where it waits
    int line;
    uint64_t exchange; // what a shuffle or a vote carries
    int vote;          // what __syncthreads_or and its kin carry
};

struct Block {
    Fiber* fibers;
    unsigned threads;
    dim3 index, shape, grid;
    char* dynamic;
    int vote_or, vote_count; // of the last barrier
};

// Initial-exec: a shared object would call __tls_get_addr for each threadIdx otherwise.
extern thread_local Block* block __attribute__((tls_model("initial-exec")));
extern thread_local Fiber* fiber __attribute__((tls_model("initial-exec")));

// Switches to the scheduler; returns when this fiber is runnable again.
void wait(State state, const char* file, int line);
// Fails the launch. Never returns.
[[noreturn]] void fail(const char* message, const char* file, int line);

using Kernel = void (*)(void* function, void** arguments);
struct Registration {
    const char* name;
    Kernel call;
    void* function;
    Registration* next;
    Registration(const char* name, Kernel call, void* function);
};

template <class... A, size_t... I> void call_with(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_const_t<A>*>(arguments[I])...);
}
template <class... A> Kernel caller(void (*)(A...)) {
    return [](void* function, void** arguments) {
        call_with(reinterpret_cast<void (*)(A...)>(function), arguments, std::index_sequence_for<A...>{});
    };
}

inline unsigned warp_start() { return fiber->id & ~31u; }

// Every lane of `mask` leaves `value` and sees the others'. Two rendezvous: nobody overwrites before all have read.
inline void rendezvous(uint32_t mask, const char* file, int line) {
    if (!(mask >> (fiber->id & 31) & 1)) fail("a lane calls a *_sync function without being in its mask", file, line);
    fiber->warp_mask = mask;
    wait(State::AtWarp, file, line);
}
inline uint64_t exchange(uint32_t mask, uint64_t value, int source, const char* file, int line) {
    fiber->exchange = value;
    rendezvous(mask, file, line);
    uint64_t result = value;
    unsigned id = warp_start() + source;
    if (id < block->threads) {
        if (!(mask >> (source & 31) & 1)) fail("a shuffle reads a lane outside of its mask", file, line);
        result = block->fibers[id].exchange;
    }
    rendezvous(mask, file, line);
    return result;
}
template <class T> T shuffle(uint32_t mask, T value, int source, const char* file, int line) {
    static_assert(sizeof(T) <= 8, "a shuffle moves 4 or 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = exchange(mask, bits, source, file, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}
inline uint32_t ballot(uint32_t mask, bool vote, const char* file, int line) {
    fiber->exchange = vote;
    rendezvous(mask, file, line);
    uint32_t result = 0;
    for (unsigned k = 0; k < 32 && warp_start() + k < block->threads; k++)
        if (mask >> k & 1) result |= static_cast<uint32_t>(block->fibers[warp_start() + k].exchange) << k;
    rendezvous(mask, file, line);
    return result;
}
template <class T> uint32_t match_any(uint32_t mask, T value, const char* file, int line) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    fiber->exchange = bits;
    rendezvous(mask, file, line);
    uint32_t result = 0;
    for (unsigned k = 0; k < 32 && warp_start() + k < block->threads; k++)
        if (mask >> k & 1) result |= static_cast<uint32_t>(block->fibers[warp_start() + k].exchange == bits) << k;
    rendezvous(mask, file, line);
    return result;
}
inline int barrier(int vote, const char* file, int line) {
    fiber->vote = vote;
    wait(State::AtBarrier, file, line);
    return vote;
}
inline int lane() { return fiber->id & 31; }
// Lanes of the segment of `width` around this lane; a source outside of it is the lane itself.
inline int within(int source, int width) { return (source & ~(width - 1)) == (lane() & ~(width - 1)) ? source : lane(); }
template <class T, class F> T atomic_update(T* p, F f) {
    T old = __atomic_load_n(p, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(p, &old, f(old), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
    return old;
}

} // namespace emu

#define EMU_KERNEL(k) static emu::Registration emu_kernel_##k(#k, emu::caller(k), reinterpret_cast<void*>(k));

#define threadIdx (emu::fiber->thread)
#define blockIdx (emu::block->index)
#define blockDim (emu::block->shape)
#define gridDim (emu::block->grid)

#define __syncthreads() ((void)emu::barrier(0, __FILE__, __LINE__))
#define __syncthreads_or(p) (emu::barrier((p) != 0, __FILE__, __LINE__), emu::block->vote_or)
#define __syncthreads_count(p) (emu::barrier((p) != 0, __FILE__, __LINE__), emu::block->vote_count)
#define __syncwarp(...) emu::rendezvous(emu_full_mask(__VA_ARGS__), __FILE__, __LINE__)
inline uint32_t emu_full_mask(uint32_t mask = ~0u) { return mask; }
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

template <class T> T __shfl_sync(uint32_t m, T v, int source, int w = 32) {
    return emu::shuffle(m, v, (emu::lane() & ~(w - 1)) | (source & (w - 1)), "__shfl_sync", 0);
}
template <class T> T __shfl_xor_sync(uint32_t m, T v, int x, int w = 32) {
    return emu::shuffle(m, v, emu::within(emu::lane() ^ x, w), "__shfl_xor_sync", 0);
}
template <class T> T __shfl_down_sync(uint32_t m, T v, unsigned d, int w = 32) {
    return emu::shuffle(m, v, emu::within(emu::lane() + static_cast<int>(d), w), "__shfl_down_sync", 0);
}
template <class T> T __shfl_up_sync(uint32_t m, T v, unsigned d, int w = 32) {
    return emu::shuffle(m, v, emu::within(emu::lane() - static_cast<int>(d), w), "__shfl_up_sync", 0);
}
inline uint32_t __ballot_sync(uint32_t m, bool p) { return emu::ballot(m, p, "__ballot_sync", 0); }
inline bool __any_sync(uint32_t m, bool p) { return __ballot_sync(m, p) != 0; }
inline bool __all_sync(uint32_t m, bool p) { return __ballot_sync(m, !p) == 0; }
template <class T> uint32_t __match_any_sync(uint32_t m, T v) { return emu::match_any(m, v, "__match_any_sync", 0); }

template <class T, class U> T atomicAdd(T* p, U v) { return __atomic_fetch_add(p, static_cast<T>(v), __ATOMIC_RELAXED); }
template <class T, class U> T atomicSub(T* p, U v) { return __atomic_fetch_sub(p, static_cast<T>(v), __ATOMIC_RELAXED); }
template <class T, class U> T atomicOr(T* p, U v) { return __atomic_fetch_or(p, static_cast<T>(v), __ATOMIC_RELAXED); }
template <class T, class U> T atomicAnd(T* p, U v) { return __atomic_fetch_and(p, static_cast<T>(v), __ATOMIC_RELAXED); }
template <class T, class U> T atomicXor(T* p, U v) { return __atomic_fetch_xor(p, static_cast<T>(v), __ATOMIC_RELAXED); }
template <class T, class U> T atomicExch(T* p, U v) { return __atomic_exchange_n(p, static_cast<T>(v), __ATOMIC_RELAXED); }
template <class T, class U> T atomicMax(T* p, U v) {
    return emu::atomic_update(p, [v](T old) { return old < static_cast<T>(v) ? static_cast<T>(v) : old; });
}
template <class T, class U> T atomicMin(T* p, U v) {
    return emu::atomic_update(p, [v](T old) { return static_cast<T>(v) < old ? static_cast<T>(v) : old; });
}
template <class T, class U, class V> T atomicCAS(T* p, U expected, V v) {
    T old = static_cast<T>(expected);
    __atomic_compare_exchange_n(p, &old, static_cast<T>(v), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return old;
}

inline int __popc(uint32_t x) { return __builtin_popcount(x); }
inline int __popcll(uint64_t x) { return __builtin_popcountll(x); }
inline int __clz(uint32_t x) { return x ? __builtin_clz(x) : 32; }
inline int __ffs(uint32_t x) { return __builtin_ffs(static_cast<int>(x)); }
inline uint32_t __umulhi(uint32_t a, uint32_t b) { return static_cast<uint32_t>((uint64_t{a} * b) >> 32); }
inline uint64_t __umul64hi(uint64_t a, uint64_t b) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
}
inline uint32_t __brev(uint32_t x) {
    uint32_t r = 0;
    for (int i = 0; i < 32; i++) r |= (x >> i & 1) << (31 - i);
    return r;
}
inline uint32_t __funnelshift_r(uint32_t low, uint32_t high, uint32_t by) {
    return static_cast<uint32_t>(((uint64_t{high} << 32) | low) >> (by & 31));
}
inline uint32_t __funnelshift_l(uint32_t low, uint32_t high, uint32_t by) {
    return static_cast<uint32_t>((((uint64_t{high} << 32) | low) << (by & 31)) >> 32);
}
template <class T> T __ldg(const T* p) { return *p; }
template <class T> T __ldcs(const T* p) { return *p; }
template <class T> void __stcs(T* p, T v) { *p = v; }
template <class T> T min(T a, T b) { return b < a ? b : a; }
template <class T> T max(T a, T b) { return a < b ? b : a; }
