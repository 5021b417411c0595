// sppark (https://github.com/supranational/sppark) under the measurements of crates/msm-cuda/examples/on_gpu: G1 of
// BLS12-381 with the points on the device (sppark takes scalars from the host at each call), and transforms with the data
// on the device. One JSON object a line. Built by cuda/peer/build.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include <ff/bls12-381.hpp>

#include <ec/affine_t.hpp>
#include <ec/jacobian_t.hpp>
#include <ec/xyzz_t.hpp>

// Of blst, whose own header does not go with the one that sppark includes.
struct P1 {
    uint64_t limbs[18];
};
struct P1Affine {
    uint64_t limbs[12];
};
extern "C" {
const P1* blst_p1_generator();
void blst_p1_add_or_double(P1* sum, const P1* a, const P1* b);
void blst_p1_to_affine(P1Affine* out, const P1* in);
}

using namespace bls12_381;
typedef jacobian_t<fp_t> point_t;
typedef xyzz_t<fp_t> bucket_t;
typedef bucket_t::affine_t affine_t;
typedef fr_t scalar_t;

#define SPPARK_DONT_INSTANTIATE_TEMPLATES
#include <msm/pippenger.cuh>
#include <ntt/ntt.cuh>

#ifndef __CUDA_ARCH__
namespace {

constexpr int ROUNDS = 11;
constexpr size_t DISTINCT = size_t{1} << 14;

template <class F> double median_ms(F work) {
    work(); // not counted
    std::vector<double> times;
    for (int i = 0; i < ROUNDS; i++) {
        auto start = std::chrono::steady_clock::now();
        work();
        times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(times.begin(), times.end());
    return times[ROUNDS / 2];
}

void row(const char* what, unsigned log_n, double ms) {
    printf("{\"peer\":\"sppark\",\"what\":\"%s\",\"curve\":\"bls12-381\",\"log_n\":%u,\"rounds\":%d,\"median\":%.4f}\n", what,
           log_n, ROUNDS, ms);
    fflush(stdout);
}

// The first multiples of the generator, over and over.
std::vector<affine_t> points(size_t n) {
    std::vector<P1Affine> distinct(DISTINCT);
    P1 sum = *blst_p1_generator();
    for (auto& p : distinct) {
        blst_p1_to_affine(&p, &sum);
        blst_p1_add_or_double(&sum, &sum, blst_p1_generator());
    }
    static_assert(sizeof(affine_t) >= sizeof(P1Affine), "two coordinates");
    std::vector<affine_t> all(n);
    for (size_t i = 0; i < n; i++) memcpy(static_cast<void*>(&all[i]), &distinct[i % DISTINCT], sizeof(P1Affine));
    return all;
}

// Full-width, below r: the top limb is.
std::vector<scalar_t> scalars(size_t n) {
    std::vector<scalar_t> all(n);
    uint64_t state = 0x9e3779b97f4a7c15, limbs[4];
    for (auto& s : all) {
        for (auto& limb : limbs) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            limb = state;
        }
        limbs[3] &= 0x3fffffffffffffff;
        memcpy(static_cast<void*>(&s), limbs, sizeof limbs);
    }
    return all;
}

} // namespace
#endif

int main() {
#ifndef __CUDA_ARCH__
    try {
        const gpu_t& gpu = select_gpu();
        const size_t most = size_t{1} << 26;
        auto bases = points(most);
        auto values = scalars(most);
        for (unsigned log_n : {20u, 22u, 24u, 26u}) {
            size_t n = size_t{1} << log_n;
            msm_t<bucket_t, point_t, affine_t, scalar_t> msm{slice_t<affine_t>{bases.data(), n}};
            point_t sum;
            row("msm g1, scalars from the host", log_n,
                median_ms([&] {
                    // No points: those on the device.
                    const affine_t* none = nullptr;
                    const scalar_t* first = values.data();
                    if (msm.invoke(sum, none, n, first).code) throw std::runtime_error("a multiplication failed");
                }));
        }
        for (unsigned log_n = 16; log_n <= 26; log_n++) {
            size_t n = size_t{1} << log_n;
            gpu_ptr_t<fr_t> data{static_cast<fr_t*>(gpu.Dmalloc(n * sizeof(fr_t)))};
            gpu.HtoD(&data[0], values.data(), n);
            row("ntt", log_n, median_ms([&] {
                    NTT::Base_dev_ptr(gpu[0], &data[0], log_n, NTT::InputOutputOrder::NN, NTT::Direction::forward,
                                      NTT::Type::standard);
                    gpu[0].sync();
                }));
        }
    } catch (const std::exception& e) {
        std::string why = e.what();
        std::replace(why.begin(), why.end(), '"', '\'');
        printf("{\"error\":\"sppark: %s\"}\n", why.c_str());
        return 2;
    }
#endif
    return 0;
}
