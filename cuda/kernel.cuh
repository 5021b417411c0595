// Included first by every .cu file: what nvcc lacks and the CPU launcher adds, and the other way round.
//
// - KERNEL(name) after a kernel's definition lets the CPU launcher find it by name; nvcc finds extern "C" names itself.
// - DYN_SHARED(T, name) declares the dynamic shared memory of a launch as T* name, aligned to 16 bytes.
// - SYNCTHREADS_UNLESS_PLANTED(which) is __syncthreads(), and nothing in the build that tests whether that missing barrier is
//   caught (docs/gpu.md).
#pragma once
#if defined(__CUDACC__)
#include <stdint.h>
#define KERNEL(name)
#define DYN_SHARED(T, name)                                  \
    extern __shared__ __align__(16) unsigned char name##_bytes[]; \
    T* const name = reinterpret_cast<T*>(name##_bytes)
#else
#include "emu/emu.h"
#define KERNEL(name) EMU_KERNEL(name)
#define DYN_SHARED(T, name) T* const name = reinterpret_cast<T*>(emu::block->dynamic)
#endif

#define BARRIER_OF_NTT 1      // between two levels of an analysis
#define BARRIER_OF_MSM_SORT 2 // between a histogram's zeros and its counts
#define BARRIER_OF_MSM_SUM 3  // between half a block's sums and who adds them
#if !defined(FOREBAY_PLANT_MISSING_BARRIER)
#define FOREBAY_PLANT_MISSING_BARRIER 0
#endif
#define SYNCTHREADS_UNLESS_PLANTED(which)                                      \
    do {                                                                       \
        if constexpr ((which) != FOREBAY_PLANT_MISSING_BARRIER) __syncthreads(); \
    } while (0)
