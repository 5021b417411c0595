// The fields of BN254.
#pragma once
#include "mont.cuh"
#include "quadratic.cuh"

namespace bn254 {

// p = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47; then −p⁻¹ mod 2^32.
FB_TABLE FP_MODULUS[9] = {
    0xd87cfd47, 0x3c208c16, 0x6871ca8d, 0x97816a91, 0x8181585d, 0xb85045b6, 0xe131a029, 0x30644e72,
    0xe4866389};
FB_TABLE FP_ONE[8] = {
    0xc58f0d9d, 0xd35d438d, 0xf5c70b3d, 0x0a78eb28, 0x7879462c, 0x666ea36f, 0x9a07df2f, 0x0e0a77c1};
FB_TABLE FP_R2[8] = {
    0x538afa89, 0xf32cfc5b, 0xd44501fb, 0xb5e71911, 0x0a417ff6, 0x47ab1eff, 0xcab8351f, 0x06d89f71};
FB_FIELD(Fp, FP, 8, true) // 3p < R

// r = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001; then −r⁻¹ mod 2^32.
FB_TABLE FR_MODULUS[9] = {
    0xf0000001, 0x43e1f593, 0x79b97091, 0x2833e848, 0x8181585d, 0xb85045b6, 0xe131a029, 0x30644e72,
    0xefffffff};
FB_TABLE FR_ONE[8] = {
    0x4ffffffb, 0xac96341c, 0x9f60cd29, 0x36fc7695, 0x7879462e, 0x666ea36f, 0x9a07df2f, 0x0e0a77c1};
FB_TABLE FR_R2[8] = {
    0xae216da7, 0x1bb8e645, 0xe35c59e3, 0x53fe3ab1, 0x53bb8085, 0x8c49833d, 0x7f4e44a5, 0x0216d0b1};
FB_FIELD(Fr, FR, 8, true) // 3r < R

using Fp2 = Quadratic<Fp>;

} // namespace bn254
