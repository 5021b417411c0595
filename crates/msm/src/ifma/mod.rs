//! Kernels on AVX-512 with IFMA52: eight field elements at once, one in each 64-bit lane, in 52-bit limbs.
//!
//! Safe entry points take an [`Ifma`](crate::kernels::Ifma), which exists only where the CPU has the instructions;
//! everything below them is compiled for `avx512f,avx512dq,avx512vl,avx512bw,avx512ifma` and inlined.

mod field2;
pub(crate) mod field5;
pub(crate) mod field5_memory;
#[cfg(test)]
mod field5_tests;
mod field8;
mod field8_modulus;
mod field8_points;
#[cfg(test)]
mod field8_tests;
pub(crate) mod msm;
mod msm_buckets;
mod msm_field;
mod msm_glv;
mod msm_rounds;
mod msm_runs;
mod msm_table;
pub(crate) mod ntt;
mod ntt_lanes;
mod ntt_passes;
mod ntt_rows;
mod ntt_scaling;
#[cfg(test)]
mod ntt_tests;
mod transpose;
