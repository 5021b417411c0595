// The fields of BLS12-381.
#pragma once
#include "mont.cuh"
#include "quadratic.cuh"

namespace bls12_381 {

// p = 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab; then −p⁻¹ mod 2^32.
FB_TABLE FP_MODULUS[13] = {
    0xffffaaab, 0xb9feffff, 0xb153ffff, 0x1eabfffe, 0xf6b0f624, 0x6730d2a0, 0xf38512bf, 0x64774b84,
    0x434bacd7, 0x4b1ba7b6, 0x397fe69a, 0x1a0111ea,
    0xfffcfffd};
FB_TABLE FP_ONE[12] = {
    0x0002fffd, 0x76090000, 0xc40c0002, 0xebf4000b, 0x53c758ba, 0x5f489857, 0x70525745, 0x77ce5853,
    0xa256ec6d, 0x5c071a97, 0xfa80e493, 0x15f65ec3};
FB_TABLE FP_R2[12] = {
    0x1c341746, 0xf4df1f34, 0x09d104f1, 0x0a76e6a6, 0x4c95b6d5, 0x8de5476c, 0x939d83c0, 0x67eb88a9,
    0xb519952d, 0x9a793e85, 0x92cae3aa, 0x11988fe5};
FB_FIELD(Fp, FP, 12, true) // 3p < R

// r = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001; then −r⁻¹ mod 2^32.
FB_TABLE FR_MODULUS[9] = {
    0x00000001, 0xffffffff, 0xfffe5bfe, 0x53bda402, 0x09a1d805, 0x3339d808, 0x299d7d48, 0x73eda753,
    0xffffffff};
FB_TABLE FR_ONE[8] = {
    0xfffffffe, 0x00000001, 0x00034802, 0x5884b7fa, 0xecbc4ff5, 0x998c4fef, 0xacc5056f, 0x1824b159};
FB_TABLE FR_R2[8] = {
    0xf3f29c6d, 0xc999e990, 0x87925c23, 0x2b6cedcb, 0x7254398f, 0x05d31496, 0x9f59ff11, 0x0748d9d9};
FB_FIELD(Fr, FR, 8, false) // 3r > R

using Fp2 = Quadratic<Fp>;

} // namespace bls12_381
