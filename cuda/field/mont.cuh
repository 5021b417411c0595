// Prime fields in Montgomery form: N little-endian 32-bit limbs, always reduced, R = 2^(32·N). The bytes are those of the
// same element in blst and halo2curves.
//
// The product is operand scanning with the reduction interleaved (Koç, Acar, Kaliski, "Analyzing and Comparing Montgomery
// Multiplication Algorithms", IEEE Micro 1996, CIOS). Partial products at even and at odd limbs go to accumulators of
// their own, so that every step is one unbroken carry chain of 64-bit multiply-adds: 2N² + N of them per product.
#pragma once
#include "ptx.cuh"

// The parameters of a field are a struct with: N; modulus(i); m0() = −p⁻¹ mod 2^32; one(i) = R mod p; r2(i) = R² mod p.
// 3p < R is needed for `dot` alone.
//
// FB_FIELD(NAME, TABLE, LIMBS, FITS_THRICE) makes them, and the field NAME, of three tables in constant memory: TABLE_MODULUS with
// −p⁻¹ mod 2^32 behind it, TABLE_ONE, TABLE_R2. They are not `const`: as immediates they cost a register move each, and a
// modulus whose −p⁻¹ is 2^32 − 1 makes ptxas unfuse the products.
#define FB_FIELD(NAME, TABLE, LIMBS, FITS_THRICE)                                  \
    struct NAME##Parameters {                                                      \
        static constexpr int N = LIMBS;                                            \
        static constexpr bool DOT = FITS_THRICE;                                   \
        static FB_INLINE uint32_t modulus(int i) { return TABLE##_MODULUS[i]; }    \
        static FB_INLINE uint32_t m0() { return TABLE##_MODULUS[N]; }              \
        static FB_INLINE uint32_t one(int i) { return TABLE##_ONE[i]; }            \
        static FB_INLINE uint32_t r2(int i) { return TABLE##_R2[i]; }              \
    };                                                                             \
    using NAME = Mont<NAME##Parameters>;
#define FB_TABLE static __device__ __constant__ uint32_t

template <class P> struct alignas(16) Mont {
    static constexpr int N = P::N;
    static_assert(N % 4 == 0, "limbs come in 128-bit words");
    using Carry = ptx::Carry;

    uint32_t v[N];

    static FB_INLINE Mont zero() {
        Mont r;
        FB_UNROLL
        for (int i = 0; i < N; i++) r.v[i] = 0;
        return r;
    }
    static FB_INLINE Mont one() {
        Mont r;
        FB_UNROLL
        for (int i = 0; i < N; i++) r.v[i] = P::one(i);
        return r;
    }
    // From a small integer, by one product.
    static FB_INLINE Mont from(uint32_t k) {
        Mont r2, small = zero();
        FB_UNROLL
        for (int i = 0; i < N; i++) r2.v[i] = P::r2(i);
        small.v[0] = k;
        return small * r2;
    }
    // The integer that this stands for, as limbs.
    FB_INLINE Mont canonical() const {
        Mont unit = zero();
        unit.v[0] = 1;
        return *this * unit;
    }

    FB_INLINE bool is_zero() const {
        uint32_t any = v[0];
        FB_UNROLL
        for (int i = 1; i < N; i++) any |= v[i];
        return any == 0;
    }
    friend FB_INLINE bool operator==(const Mont& a, const Mont& b) {
        uint32_t any = a.v[0] ^ b.v[0];
        FB_UNROLL
        for (int i = 1; i < N; i++) any |= a.v[i] ^ b.v[i];
        return any == 0;
    }
    friend FB_INLINE bool operator!=(const Mont& a, const Mont& b) { return !(a == b); }

    friend FB_INLINE Mont operator+(const Mont& a, const Mont& b) {
        Mont r;
        Carry c;
        r.v[0] = ptx::add_cc(c, a.v[0], b.v[0]);
        FB_UNROLL
        for (int i = 1; i < N - 1; i++) r.v[i] = ptx::addc_cc(c, a.v[i], b.v[i]);
        r.v[N - 1] = ptx::addc(c, a.v[N - 1], b.v[N - 1]); // 2p < R
        r.subtract_modulus_once();
        return r;
    }
    friend FB_INLINE Mont operator-(const Mont& a, const Mont& b) {
        Mont r;
        Carry c;
        r.v[0] = ptx::sub_cc(c, a.v[0], b.v[0]);
        FB_UNROLL
        for (int i = 1; i < N; i++) r.v[i] = ptx::subc_cc(c, a.v[i], b.v[i]);
        uint32_t mask = ptx::subc(c, 0, 0);
        Carry d;
        r.v[0] = ptx::add_cc(d, r.v[0], P::modulus(0) & mask);
        FB_UNROLL
        for (int i = 1; i < N - 1; i++) r.v[i] = ptx::addc_cc(d, r.v[i], P::modulus(i) & mask);
        r.v[N - 1] = ptx::addc(d, r.v[N - 1], P::modulus(N - 1) & mask);
        return r;
    }
    friend FB_INLINE Mont operator-(const Mont& a) { return a.neg(); }
    FB_INLINE Mont neg() const {
        uint32_t mask = is_zero() ? 0 : 0xffffffffu;
        Mont r;
        Carry c;
        r.v[0] = ptx::sub_cc(c, P::modulus(0) & mask, v[0]);
        FB_UNROLL
        for (int i = 1; i < N - 1; i++) r.v[i] = ptx::subc_cc(c, P::modulus(i) & mask, v[i]);
        r.v[N - 1] = ptx::subc(c, P::modulus(N - 1) & mask, v[N - 1]);
        return r;
    }
    FB_INLINE Mont dbl() const { return *this + *this; }

    friend FB_PRODUCT Mont operator*(const Mont& a, const Mont& b) {
        Mont r;
        uint32_t odd[N];
        uint32_t* even = r.v;
        FB_UNROLL
        for (int i = 0; i < N; i += 2) {
            i == 0 ? first_row(even, odd, a.v, b.v[0]) : next_row(even, odd, a.v, b.v[i]);
            reduce_row(even, odd);
            next_row(odd, even, a.v, b.v[i + 1]);
            reduce_row(odd, even);
        }
        r.merge(odd);
        return r;
    }
    // (a·b + c·d)/R with one reduction. Needs 3p < R: a row adds 2·(2^32 − 1)·p + (2^32 − 1)·p to what was below 2p.
    static FB_PRODUCT Mont dot(const Mont& a, const Mont& b, const Mont& c, const Mont& d) {
        static_assert(P::DOT, "3p is not below R");
        Mont r;
        uint32_t odd[N];
        uint32_t* even = r.v;
        FB_UNROLL
        for (int i = 0; i < N; i += 2) {
            i == 0 ? first_row(even, odd, a.v, b.v[0]) : next_row(even, odd, a.v, b.v[i]);
            add_row(even, odd, c.v, d.v[i]);
            reduce_row(even, odd);
            next_row(odd, even, a.v, b.v[i + 1]);
            add_row(odd, even, c.v, d.v[i + 1]);
            reduce_row(odd, even);
        }
        r.merge(odd);
        return r;
    }
    // a·b − c·d, with one reduction.
    static FB_INLINE Mont product_difference(const Mont& a, const Mont& b, const Mont& c, const Mont& d) {
        return dot(a, b, c.neg(), d);
    }
    FB_INLINE Mont sqr() const { return *this * *this; }

    // a^(p−2), Fermat: 0 for 0. About 1.5 products per bit of p.
    __noinline__ __device__ Mont inverse() const {
        Mont r = one();
        bool started = false;
        for (int i = N - 1; i >= 0; i--) {
            // p − 2 differs from p in limb 0 alone, or in limb 1 too where p ends in 1.
            uint32_t word = P::modulus(i);
            if (i == 0) word -= 2;
            if (i == 1 && P::modulus(0) < 2) word -= 1;
            for (int bit = 31; bit >= 0; bit--) {
                if (started) r = r.sqr();
                if (word >> bit & 1) {
                    r = r * *this;
                    started = true;
                }
            }
        }
        return r;
    }

  private:
    // even + 2^32·odd = a·b
    static FB_INLINE void first_row(uint32_t* even, uint32_t* odd, const uint32_t* a, uint32_t b) {
        FB_UNROLL
        for (int j = 0; j < N; j += 2) {
            ptx::mul_wide(odd[j], odd[j + 1], a[j + 1], b);
            ptx::mul_wide(even[j], even[j + 1], a[j], b);
        }
    }
    // Shifts by one limb and adds a·b. `odd` held the even limbs before: its limb 0 is 0, its limb 1 is now of weight 1.
    static FB_INLINE void next_row(uint32_t* even, uint32_t* odd, const uint32_t* a, uint32_t b) {
        Carry c;
        even[0] = ptx::add_cc(c, even[0], odd[1]);
        FB_UNROLL
        for (int j = 0; j < N - 2; j += 2) {
            ptx::madc_wide_cc(c, odd[j], odd[j + 1], a[j + 1], b, odd[j + 2], odd[j + 3]);
        }
        ptx::madc_wide(c, odd[N - 2], odd[N - 1], a[N - 1], b);
        add_even(even, odd, a, b);
    }
    static FB_INLINE void add_row(uint32_t* even, uint32_t* odd, const uint32_t* a, uint32_t b) {
        Carry c;
        ptx::mad_wide_cc(c, odd[0], odd[1], a[1], b);
        FB_UNROLL
        for (int j = 2; j < N; j += 2) ptx::madc_wide_cc(c, odd[j], odd[j + 1], a[j + 1], b);
        add_even(even, odd, a, b);
    }
    static FB_INLINE void add_even(uint32_t* even, uint32_t* odd, const uint32_t* a, uint32_t b) {
        Carry c;
        ptx::mad_wide_cc(c, even[0], even[1], a[0], b);
        FB_UNROLL
        for (int j = 2; j < N; j += 2) ptx::madc_wide_cc(c, even[j], even[j + 1], a[j], b);
        odd[N - 1] = ptx::addc(c, odd[N - 1], 0);
    }
    // Adds the multiple of p that clears limb 0.
    static FB_INLINE void reduce_row(uint32_t* even, uint32_t* odd) {
        uint32_t m = even[0] * P::m0();
        Carry c;
        ptx::mad_wide_cc(c, odd[0], odd[1], P::modulus(1), m);
        FB_UNROLL
        for (int j = 2; j < N; j += 2) ptx::madc_wide_cc(c, odd[j], odd[j + 1], P::modulus(j + 1), m);
        Carry d;
        ptx::mad_wide_cc(d, even[0], even[1], P::modulus(0), m);
        FB_UNROLL
        for (int j = 2; j < N; j += 2) ptx::madc_wide_cc(d, even[j], even[j + 1], P::modulus(j), m);
        odd[N - 1] = ptx::addc(d, odd[N - 1], 0);
    }
    // After an even number of rows `odd` is again of weight 2^32, less the limb that the last reduction cleared.
    FB_INLINE void merge(const uint32_t* odd) {
        Carry c;
        v[0] = ptx::add_cc(c, v[0], odd[1]);
        FB_UNROLL
        for (int i = 1; i < N - 1; i++) v[i] = ptx::addc_cc(c, v[i], odd[i + 1]);
        v[N - 1] = ptx::addc(c, v[N - 1], 0);
        subtract_modulus_once();
    }
    FB_INLINE void subtract_modulus_once() {
        uint32_t t[N];
        Carry c;
        t[0] = ptx::sub_cc(c, v[0], P::modulus(0));
        FB_UNROLL
        for (int i = 1; i < N; i++) t[i] = ptx::subc_cc(c, v[i], P::modulus(i));
        uint32_t borrow = ptx::subc(c, 0, 0);
        FB_UNROLL
        for (int i = 0; i < N; i++) v[i] = borrow ? v[i] : t[i];
    }
};
