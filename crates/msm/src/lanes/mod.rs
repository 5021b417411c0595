//! MSM in eight lanes: one algorithm over [`Eight`](eight::Eight), compiled for AVX-512 IFMA and for AVX2.
//!
//! Elements are in limbs of 52 bits with either. What differs is how two limbs are multiplied (IFMA has an instruction for each half of
//! the product, AVX2 gets both from the rounding of fused multiply-adds on doubles) and that AVX2 has two registers for eight lanes.
//!
//! Safe entry points take a witness that the CPU has the instructions; everything below them is inlined into functions that
//! [`Eight::run`](eight::Eight::run) compiles for them.

mod eight;
mod eight_avx2;
mod eight_ifma;
mod field2;
mod field8;
mod field8_modulus;
mod field8_points;
#[cfg(test)]
mod field8_tests;
pub(crate) mod msm;
mod msm_buckets;
mod msm_field;
#[cfg(test)]
mod msm_field_tests;
mod msm_glv;
mod msm_rounds;
mod msm_runs;
mod msm_table;
mod products_avx2;
#[cfg(test)]
mod testing;
