// F[u]/(u² + 1): the field of G2's coordinates on both curves. c0 then c1, as in blst and halo2curves.
#pragma once
#include "ptx.cuh"

template <class F> struct Quadratic {
    F c0, c1;

    static FB_INLINE Quadratic zero() { return {F::zero(), F::zero()}; }
    static FB_INLINE Quadratic one() { return {F::one(), F::zero()}; }
    FB_INLINE bool is_zero() const { return c0.is_zero() && c1.is_zero(); }
    friend FB_INLINE bool operator==(const Quadratic& a, const Quadratic& b) { return a.c0 == b.c0 && a.c1 == b.c1; }
    friend FB_INLINE bool operator!=(const Quadratic& a, const Quadratic& b) { return !(a == b); }
    friend FB_INLINE Quadratic operator+(const Quadratic& a, const Quadratic& b) {
        return {a.c0 + b.c0, a.c1 + b.c1};
    }
    friend FB_INLINE Quadratic operator-(const Quadratic& a, const Quadratic& b) {
        return {a.c0 - b.c0, a.c1 - b.c1};
    }
    friend FB_INLINE Quadratic operator-(const Quadratic& a) { return a.neg(); }
    FB_INLINE Quadratic neg() const { return {c0.neg(), c1.neg()}; }
    FB_INLINE Quadratic dbl() const { return {c0.dbl(), c1.dbl()}; }

    // Two sums of two products with one reduction each: as many multiply-adds as Karatsuba's three products, fewer
    // additions and no double-width intermediate. A function of its own: inlined, an addition of points in G2 would be
    // 28 times this.
    friend __noinline__ __device__ Quadratic operator*(const Quadratic& a, const Quadratic& b) {
        return {F::dot(a.c0, b.c0, a.c1, b.c1.neg()), F::dot(a.c0, b.c1, a.c1, b.c0)};
    }
    // a·b − c·d
    static FB_INLINE Quadratic product_difference(const Quadratic& a, const Quadratic& b, const Quadratic& c,
                                                  const Quadratic& d) {
        return a * b - c * d;
    }
    // (c0 + c1)(c0 − c1), 2·c0·c1
    FB_INLINE Quadratic sqr() const { return square(*this); }
    static __noinline__ __device__ Quadratic square(const Quadratic& a) {
        return {(a.c0 + a.c1) * (a.c0 - a.c1), (a.c0 * a.c1).dbl()};
    }
    // Conjugate over norm: 0 for 0.
    __noinline__ __device__ Quadratic inverse() const {
        F norm = F::dot(c0, c0, c1, c1).inverse();
        return {c0 * norm, (c1 * norm).neg()};
    }
};
