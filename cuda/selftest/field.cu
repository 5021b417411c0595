// Field and curve arithmetic, one operation per launch: for comparisons with big integers and with the curves' crates.
#include "kernel.cuh"

#include "curve/xyzz.cuh"
#include "field/bls12_381.cuh"
#include "field/bn254.cuh"

namespace {

// a² − b²: with one reduction where 3p < R.
template <class P> __device__ __forceinline__ Mont<P> squares_difference(const Mont<P>& a, const Mont<P>& b) {
    if constexpr (P::DOT) return Mont<P>::product_difference(a, a, b, b);
    else return a * a - b * b;
}
template <class F>
__device__ __forceinline__ Quadratic<F> squares_difference(const Quadratic<F>& a, const Quadratic<F>& b) {
    return Quadratic<F>::product_difference(a, a, b, b);
}

template <class F> __device__ __forceinline__ F apply(uint32_t operation, const F& a, const F& b) {
    switch (operation) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return a.sqr();
    case 4: return -a;
    case 5: return a.inverse();
    case 6: return a.dbl();
    case 7: return squares_difference(a, b);
    default: return a == b ? F::one() : F::zero();
    }
}

template <class F> __noinline__ __device__ void add_mixed(Xyzz<F>& sum, const Affine<F>& p, bool negate) {
    sum.add(p, negate);
}

// p0 + p1 ± p2 by mixed additions (0, 1), or (p0 + p1) + (p2 + p3) by a full one (2), doubled (3), times 11 (4).
template <class F> __device__ __forceinline__ Affine<F> sums(uint32_t operation, const Affine<F>* p) {
    Xyzz<F> sum[2] = {Xyzz<F>::infinity(), Xyzz<F>::infinity()};
    for (uint32_t k = 0; k < (operation < 2 ? 3 : 4); k++)
        add_mixed(sum[operation < 2 ? 0 : k / 2], p[k], operation == 1 && k == 2);
    sum[0].add(sum[1]);
    if (operation == 3) sum[0].twice();
    if (operation == 4) sum[0].add_multiple(Xyzz<F>(sum[0]), 10);
    return sum[0].to_affine();
}

} // namespace

#define FIELD_TEST(NAME, F)                                                                                     \
    extern "C" __global__ void __launch_bounds__(64)                                                            \
    selftest_##NAME(uint32_t operation, const F* a, const F* b, F* out, uint32_t n) {                           \
        uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;                                                     \
        if (i < n) out[i] = apply<F>(operation, a[i], b[i]);                                                    \
    }                                                                                                           \
    KERNEL(selftest_##NAME)
// Four points in, one out.
#define CURVE_TEST(GROUP, F)                                                                                    \
    extern "C" __global__ void __launch_bounds__(64)                                                            \
    selftest_##GROUP(uint32_t operation, const Affine<F>* in, Affine<F>* out, uint32_t n) {                     \
        uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;                                                     \
        if (i < n) out[i] = sums<F>(operation, in + 4 * i);                                                     \
    }                                                                                                           \
    KERNEL(selftest_##GROUP)

FIELD_TEST(bls12_381_fp, bls12_381::Fp)
FIELD_TEST(bls12_381_fp2, bls12_381::Fp2)
FIELD_TEST(bn254_fp, bn254::Fp)
FIELD_TEST(bn254_fp2, bn254::Fp2)
#if defined(FOREBAY_EMU) // nvcc would take a minute per target for them; the MSM kernels use the same functions
CURVE_TEST(bls12_381_g1, bls12_381::Fp)
CURVE_TEST(bls12_381_g2, bls12_381::Fp2)
CURVE_TEST(bn254_g1, bn254::Fp)
CURVE_TEST(bn254_g2, bn254::Fp2)
#endif
FIELD_TEST(bls12_381_fr, bls12_381::Fr)
FIELD_TEST(bn254_fr, bn254::Fr)
