// Carry chains: one wrapper for each PTX instruction that reads or writes the carry flag.
//
// On the device the flag is the hardware's and `Carry` is empty. On a host it is an explicit variable, so that the same
// arithmetic runs there, and a chain that starts without a carry is a compiler warning rather than a wrong product.
//
// The low and the high half of a product are ONE asm statement: only then does ptxas fuse them into IMAD.WIDE.U32(.X).
// Split statements cost nearly twice the instructions.
#pragma once
#include <stdint.h>

#if !defined(__CUDACC__) && !defined(__device__) // a plain host compiler, without the CPU launcher's header
#define __device__
#define __constant__
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline __attribute__((always_inline))
#endif
#define FB_INLINE __device__ __forceinline__
#ifdef __CUDACC__
#define FB_UNROLL _Pragma("unroll")
#define FB_PRODUCT FB_INLINE
#else
#define FB_UNROLL _Pragma("GCC unroll 16")
#define FB_PRODUCT __noinline__ __device__ // inlined products would take a host's compiler minutes
#endif

namespace ptx {

#if defined(__CUDA_ARCH__)

struct Carry {};

// One instruction on two operands. A carry that is only read may be a constant one.
#define FB_TWO_OPERANDS(NAME, CARRY, INSTRUCTION)                              \
    FB_INLINE uint32_t NAME(CARRY&, uint32_t a, uint32_t b) {                  \
        uint32_t r;                                                            \
        asm volatile(INSTRUCTION " %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));   \
        return r;                                                              \
    }
FB_TWO_OPERANDS(add_cc, Carry, "add.cc.u32")
FB_TWO_OPERANDS(addc_cc, Carry, "addc.cc.u32")
FB_TWO_OPERANDS(addc, const Carry, "addc.u32")
FB_TWO_OPERANDS(sub_cc, Carry, "sub.cc.u32")
FB_TWO_OPERANDS(subc_cc, Carry, "subc.cc.u32")
FB_TWO_OPERANDS(subc, const Carry, "subc.u32")
#undef FB_TWO_OPERANDS

// (lo, hi) = a·b
FB_INLINE void mul_wide(uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b) {
    asm volatile("mul.lo.u32 %0, %2, %3; mul.hi.u32 %1, %2, %3;" : "=&r"(lo), "=r"(hi) : "r"(a), "r"(b));
}
// (lo, hi) += a·b, carry out
FB_INLINE void mad_wide_cc(Carry&, uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b) {
    asm volatile("mad.lo.cc.u32 %0, %2, %3, %0; madc.hi.cc.u32 %1, %2, %3, %1;"
                 : "+&r"(lo), "+r"(hi) : "r"(a), "r"(b));
}
// (lo, hi) += a·b + carry, carry out
FB_INLINE void madc_wide_cc(Carry&, uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b) {
    asm volatile("madc.lo.cc.u32 %0, %2, %3, %0; madc.hi.cc.u32 %1, %2, %3, %1;"
                 : "+&r"(lo), "+r"(hi) : "r"(a), "r"(b));
}
// (lo, hi) = a·b + (clo, chi) + carry, carry out
FB_INLINE void madc_wide_cc(Carry&, uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b, uint32_t clo, uint32_t chi) {
    asm volatile("madc.lo.cc.u32 %0, %2, %3, %4; madc.hi.cc.u32 %1, %2, %3, %5;"
                 : "=&r"(lo), "=r"(hi) : "r"(a), "r"(b), "r"(clo), "r"(chi));
}
// (lo, hi) = a·b + carry: cannot carry out
FB_INLINE void madc_wide(const Carry&, uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b) {
    asm volatile("madc.lo.cc.u32 %0, %2, %3, 0; madc.hi.u32 %1, %2, %3, 0;"
                 : "=&r"(lo), "=r"(hi) : "r"(a), "r"(b));
}

#else

struct Carry {
    uint32_t flag;
};

FB_INLINE uint32_t plus(Carry& c, uint32_t a, uint32_t b, uint32_t in) {
    uint64_t sum = (uint64_t)a + b + in;
    c.flag = (uint32_t)(sum >> 32);
    return (uint32_t)sum;
}
FB_INLINE uint32_t minus(Carry& c, uint32_t a, uint32_t b, uint32_t in) {
    uint64_t difference = (uint64_t)a - b - in;
    c.flag = (uint32_t)(difference >> 63);
    return (uint32_t)difference;
}
FB_INLINE uint32_t low(uint32_t a, uint32_t b) { return (uint32_t)((uint64_t)a * b); }
FB_INLINE uint32_t high(uint32_t a, uint32_t b) { return (uint32_t)(((uint64_t)a * b) >> 32); }

FB_INLINE uint32_t add_cc(Carry& c, uint32_t a, uint32_t b) { return plus(c, a, b, 0); }
FB_INLINE uint32_t addc_cc(Carry& c, uint32_t a, uint32_t b) { return plus(c, a, b, c.flag); }
FB_INLINE uint32_t addc(const Carry& c, uint32_t a, uint32_t b) { return (uint32_t)((uint64_t)a + b + c.flag); }
FB_INLINE uint32_t sub_cc(Carry& c, uint32_t a, uint32_t b) { return minus(c, a, b, 0); }
FB_INLINE uint32_t subc_cc(Carry& c, uint32_t a, uint32_t b) { return minus(c, a, b, c.flag); }
FB_INLINE uint32_t subc(const Carry& c, uint32_t a, uint32_t b) { return (uint32_t)((uint64_t)a - b - c.flag); }
FB_INLINE void mul_wide(uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b) {
    uint64_t product = (uint64_t)a * b;
    lo = (uint32_t)product;
    hi = (uint32_t)(product >> 32);
}
FB_INLINE void madc_wide_cc(Carry& c, uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b, uint32_t clo, uint32_t chi) {
    uint32_t l = low(a, b), h = high(a, b);
    lo = addc_cc(c, l, clo);
    hi = addc_cc(c, h, chi);
}
FB_INLINE void madc_wide_cc(Carry& c, uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b) {
    madc_wide_cc(c, lo, hi, a, b, lo, hi);
}
FB_INLINE void mad_wide_cc(Carry& c, uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b) {
    c.flag = 0;
    madc_wide_cc(c, lo, hi, a, b, lo, hi);
}
FB_INLINE void madc_wide(const Carry& c, uint32_t& lo, uint32_t& hi, uint32_t a, uint32_t b) {
    Carry last = c;
    madc_wide_cc(last, lo, hi, a, b, 0, 0);
}

#endif

} // namespace ptx
