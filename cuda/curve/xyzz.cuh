// Points of y² = x³ + b with b ≠ 0 (so that (0, 0) is on none and stands for infinity), over Fp or Fp2.
//
// Affine (x, y), and XYZZ with x = X/ZZ, y = Y/ZZZ, ZZ³ = ZZZ²; infinity has ZZ = 0. Formulas add-2008-s, madd-2008-s,
// dbl-2008-s-1 and mdbl-2008-s-1 of https://hyperelliptic.org/EFD/g1p/auto-shortw-xyzz.html. Every sum is exact: equal
// points double, opposite ones give infinity.
#pragma once
#include "field/ptx.cuh"

template <class F> struct alignas(16) Affine {
    F x, y;

    FB_INLINE bool is_infinity() const { return x.is_zero() && y.is_zero(); }
};

template <class F> struct alignas(16) Xyzz {
    F x, y, zz, zzz;

    static FB_INLINE Xyzz infinity() { return {F::zero(), F::zero(), F::zero(), F::zero()}; }
    FB_INLINE bool is_infinity() const { return zz.is_zero(); }

    // this += p, or −p. 8M + 2S. Inlined: the accumulator stays in registers, so the rare doubling takes and returns values.
    FB_INLINE void add(const Affine<F>& p, bool negate) {
        if (p.is_infinity()) return;
        F py = negate ? p.y.neg() : p.y;
        if (is_infinity()) {
            *this = {p.x, py, F::one(), F::one()};
            return;
        }
        F d = p.x * zz - x, r = py * zzz - y;
        if (d.is_zero()) {
            *this = r.is_zero() ? twice(Affine<F>{p.x, py}) : infinity();
            return;
        }
        F dd = d.sqr();
        F ddd = d * dd;
        F q = x * dd;
        zz = zz * dd;
        zzz = zzz * ddd;
        x = r.sqr() - ddd - q.dbl();
        y = F::product_difference(r, q - x, y, ddd);
    }

    // 2p for a finite affine p. 4M + 3S.
    static __noinline__ __device__ Xyzz twice(Affine<F> p) {
        F u = p.y.dbl();
        F v = u.sqr();
        F w = u * v;
        F s = p.x * v;
        F xx = p.x.sqr();
        F m = xx.dbl() + xx;
        F x3 = m.sqr() - s.dbl();
        return {x3, F::product_difference(m, s - x3, w, p.y), v, w};
    }

    // this = 2·this. 6M + 4S. Infinity doubles to ZZ = 0 by itself.
    __noinline__ __device__ void twice() {
        F u = y.dbl();
        F v = u.sqr();
        F w = u * v;
        F s = x * v;
        F xx = x.sqr();
        F m = xx.dbl() + xx;
        x = m.sqr() - s.dbl();
        y = F::product_difference(m, s - x, w, y);
        zz = v * zz;
        zzz = w * zzz;
    }

    // this += q. 12M + 2S. A function of its own, on points in memory: it is for sums that are few beside those of the
    // mixed addition.
    __noinline__ __device__ void add(const Xyzz& q) {
        if (q.is_infinity()) return;
        if (is_infinity()) {
            *this = q;
            return;
        }
        F u = x * q.zz, s = y * q.zzz;
        F d = q.x * zz - u, r = q.y * zzz - s;
        if (d.is_zero()) {
            if (r.is_zero()) return twice();
            *this = infinity();
            return;
        }
        F dd = d.sqr();
        F ddd = d * dd;
        F t = u * dd;
        x = r.sqr() - ddd - t.dbl();
        y = F::product_difference(r, t - x, s, ddd);
        zz = zz * q.zz * dd;
        zzz = zzz * q.zzz * ddd;
    }

    // this += k·p
    __noinline__ __device__ void add_multiple(const Xyzz& p, uint32_t k) {
        Xyzz r = infinity();
        for (int bit = 31 - __clz(k | 1); bit >= 0; bit--) {
            r.twice();
            if (k >> bit & 1) r.add(p);
        }
        add(r);
    }

    // One inversion: ZZZ⁻¹, and ZZ⁻¹ = (ZZ·ZZZ⁻¹)². Infinity gives (0, 0).
    __noinline__ __device__ Affine<F> to_affine() const {
        F zzz_inverse = zzz.inverse();
        F z_inverse = zz * zzz_inverse;
        return {x * z_inverse.sqr(), y * zzz_inverse};
    }
};
