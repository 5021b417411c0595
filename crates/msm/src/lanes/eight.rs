//! Eight 64-bit words, one in each lane, and the products of 52-bit limbs in them: all that the kernels ask of an
//! instruction set.

use super::field8_modulus::Modulus;
use core::arch::x86_64::{__m128i, _mm_cvtsi64_si128};

/// Eight elements: limb i of all of them in word i.
pub(super) type V<E, const N: usize> = [E; N];
/// A product before reduction: columns below 2^58 in magnitude, signed.
pub(super) type Wide<E> = [E; 16];

/// A number of bits, as shifts by a register take it.
///
/// # Safety
/// None beyond SSE2, which every x86-64 CPU has; unsafe to be inlined like the rest.
#[inline(always)]
pub(super) unsafe fn count(bits: u32) -> __m128i {
    // SAFETY: a move.
    unsafe { _mm_cvtsi64_si128(i64::from(bits)) }
}

/// What is done in a function that is compiled for an instruction set.
pub(crate) trait Task {
    /// What comes of it.
    type Output;
    /// Does it. To be inlined always, with plain loops: a closure would be compiled without the instructions.
    ///
    /// # Safety
    /// The caller has the features of the [`Eight`] that the task computes with.
    unsafe fn run(self) -> Self::Output;
}

/// A word in each of eight lanes. A mask has a bit for each lane.
///
/// The safety condition of every method is that the CPU has the features, and that the caller is compiled with them (a
/// [`Task`] under [`run`](Self::run)), beside those of the pointers.
///
/// # Safety
/// An implementor promises that it is eight words in the order of lanes, aligned to 64 bytes, valid for every bit pattern.
pub(crate) unsafe trait Eight: Copy + Send + Sync + 'static {
    /// Exists only where the CPU has the features.
    type Witness: Copy + Send + Sync;

    /// Does a task in a function of its own that is compiled with the features.
    unsafe fn run<T: Task>(task: T) -> T::Output;

    /// The same word in all lanes.
    unsafe fn each(word: u64) -> Self;
    /// The word of lane 0.
    unsafe fn first(self) -> u64;
    /// a + b.
    unsafe fn add(self, b: Self) -> Self;
    /// a − b.
    unsafe fn sub(self, b: Self) -> Self;
    /// a and b.
    unsafe fn and(self, b: Self) -> Self;
    /// a or b.
    unsafe fn or(self, b: Self) -> Self;
    /// a xor b.
    unsafe fn xor(self, b: Self) -> Self;
    /// a·2^bits.
    unsafe fn sll(self, bits: u32) -> Self;
    /// ⌊a/2^bits⌋, unsigned.
    unsafe fn srl(self, bits: u32) -> Self;
    /// The lanes in which the word is zero.
    unsafe fn zeros(self) -> u8;
    /// b in the lanes of the mask, else a.
    unsafe fn select(self, mask: u8, b: Self) -> Self;
    /// Exchanges lanes whose numbers differ in bit `step`.
    unsafe fn exchange(self, step: usize) -> Self;

    /// The first COUNT words (8 or 12) at each pointer, which is valid for reading them; none needs to be aligned.
    unsafe fn read<const COUNT: usize>(from: &[*const u8; 8]) -> [Self; 12];
    /// Writes eight words for each of the first `lanes` lanes; those pointers are valid for that.
    unsafe fn write(words: &[Self; 8], to: &[*mut u64; 8], lanes: usize);

    /// Carries signed limbs below 2^62 in magnitude on; the top one keeps its sign.
    unsafe fn carry<const N: usize>(v: V<Self, N>) -> V<Self, N>;
    /// a·b before reduction, of normal limbs.
    unsafe fn wide_mul<const N: usize>(a: &V<Self, N>, b: &V<Self, N>) -> Wide<Self>;
    /// t/R mod p for columns of magnitude below 2^60, signed: in [t/R, t/R + 3p/2], carried; a multiple of p above 0 is p
    /// where t/R < p/2.
    unsafe fn reduce<const N: usize, M: Modulus<N>>(t: Wide<Self>) -> V<Self, N>;
    /// [`reduce`](Self::reduce) of two products.
    unsafe fn reduce_both<const N: usize, M: Modulus<N>>(t: [&Wide<Self>; 2]) -> [V<Self, N>; 2];
    /// Reduced a·b.
    unsafe fn mul<const N: usize, M: Modulus<N>>(a: &V<Self, N>, b: &V<Self, N>) -> V<Self, N>;
    /// Reduced a².
    unsafe fn square<const N: usize, M: Modulus<N>>(a: &V<Self, N>) -> V<Self, N>;
    /// ⌊top·factor/2^52⌋ for top below 2^50 and factor below 2^7, or one less where the fraction is below 2^-25.
    unsafe fn quotient(top: Self, factor: u64) -> Self;
    /// v − q·p for q below 2^4, not carried: limbs are less by at most 2^56.
    unsafe fn sub_multiple<const N: usize, M: Modulus<N>>(v: V<Self, N>, q: Self) -> V<Self, N>;
}
