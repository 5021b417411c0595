//! Factors c·s^j for all elements of a transform, as products of one entry each of two tables of about √n.

use super::field5::{Field5, LANES, LIMBS, Multiplier, V, mul, mul_fixed, normalize, split};
use core::arch::x86_64::__m512i;

/// Powers of one element, where a pass needs them.
pub(crate) struct Scaling {
    /// One factor for each of 2^`log_low` consecutive elements, 2^4 times the limbs: below 16p.
    low: Vec<V>,
    /// One factor for each run of 2^`log_low` elements.
    high: Vec<Multiplier>,
    log_low: u32,
}

/// c, c·s, c·s², …
fn run<F: Field5>(s: F, c: F, log: u32) -> Vec<F> {
    core::iter::successors(Some(c), |v| Some(*v * s)).take(1 << log).collect()
}

fn square_times<F: Field5>(s: F, times: u32) -> F {
    (0..times).fold(s, |v, _| v.square())
}

/// Vectors with element `at(v, lane)` of `values` in each lane of vector v.
fn vectors<F: Field5>(values: &[F], at: impl Fn(usize, usize) -> usize) -> Vec<V> {
    let vector = |v: usize| -> V {
        let limbs: [[u64; LIMBS]; 8] =
            core::array::from_fn(|lane| split(values[at(v, LANES[lane])].limbs(), 4));
        core::array::from_fn(|i| {
            let words: [u64; 8] = core::array::from_fn(|lane| limbs[lane][i]);
            // SAFETY: a vector is eight words, and any bits are a vector.
            unsafe { core::mem::transmute::<[u64; 8], __m512i>(words) }
        })
    };
    (0..values.len() / 8).map(vector).collect()
}

impl Scaling {
    /// At least the 64 elements that are transposed together.
    fn log_low(log_n: u32) -> u32 {
        (log_n / 2).max(6)
    }

    /// c·s^j for the element at position j, for rows as they are loaded; `log_n` ≥ 6.
    pub(crate) fn natural<F: Field5>(s: F, c: F, log_n: u32) -> Self {
        let log_low = Self::log_low(log_n);
        let high = run(square_times(s, log_low), c, log_n - log_low);
        Scaling {
            low: vectors(&run(s, F::ONE, log_low), |v, lane| 8 * v + lane),
            high: high.iter().map(Multiplier::new).collect(),
            log_low,
        }
    }

    /// c·s^j for the element at the bit-reversed position of j, for eight rows transposed; `log_n` ≥ 6.
    pub(crate) fn bit_reversed<F: Field5>(s: F, c: F, log_n: u32) -> Self {
        // j = reverse(high part of the position) + 2^log_high · reverse(low part).
        let log_low = Self::log_low(log_n);
        let log_high = log_n - log_low;
        let mut low = run(square_times(s, log_high), F::ONE, log_low);
        let mut high = run(s, c, log_high);
        crate::ntt::bit_reverse(&mut low);
        crate::ntt::bit_reverse(&mut high);
        Scaling {
            low: vectors(&low, |v, lane| (v & !7) * 8 + lane * 8 + (v & 7)),
            high: high.iter().map(Multiplier::new).collect(),
            log_low,
        }
    }

    /// The values of vector number `v` of the transform times their factors, lazy and below 2p; values below 4p.
    /// Vectors are rows in natural order, or element v mod 8 of eight rows.
    #[inline(always)]
    pub(crate) unsafe fn apply<F: Field5>(&self, v: usize, values: &V) -> V {
        let log = self.log_low - 3;
        // SAFETY: the caller's features.
        unsafe {
            let by_high = mul_fixed::<F>(&normalize(values), &self.high[v >> log]);
            mul::<F>(&normalize(&by_high), &self.low[v & ((1 << log) - 1)])
        }
    }
}
