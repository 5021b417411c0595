//! NTT and quotient on AVX-512 with IFMA52: eight field elements at once, one in each 64-bit lane, in 52-bit limbs.
//!
//! Safe entry points take an [`Ifma`](crate::kernels::Ifma), which exists only where the CPU has the instructions;
//! everything below them is compiled for `avx512f,avx512dq,avx512vl,avx512bw,avx512ifma` and inlined.

pub(crate) mod field5;
pub(crate) mod field5_memory;
#[cfg(test)]
mod field5_tests;
pub(crate) mod ntt;
mod ntt_lanes;
mod ntt_passes;
mod ntt_rows;
mod ntt_scaling;
#[cfg(test)]
mod ntt_tests;
pub(crate) mod transpose;
