//! The workload that is compared with a peer: a Fibonacci table that looks up limbs and products.
//!
//! | table | rows | columns | constraints and messages |
//! |---|---|---|---|
//! | cpu | 2ⁿ | 14: a Fibonacci pair, eight limbs, a product x·y = z and its flag | eight lookups of one limb, one of a product |
//! | mul | 2ⁿ⁻¹ | 4: x, y, z and how often | x·y = z |
//! | range | 2¹⁶ | 1: how often; and the number itself, preprocessed | |

use crate::{
    Public, Trace,
    air::{Air, AirBuilder, Column, Multiplicity},
    field::F,
};
use p3_field::PrimeCharacteristicRing;

const RANGE_BUS: u64 = 1;
const PRODUCT_BUS: u64 = 2;
/// Limbs of a row of the cpu table.
pub const LIMBS: usize = 8;
/// Columns of the cpu table.
pub const CPU_WIDTH: usize = 14;

/// The three tables for a number of rows.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// log₂ of the rows of the cpu table; at least 4.
    pub log_n: u32,
    /// Bits of a limb; 16 in comparisons.
    pub limb_bits: u32,
}

struct Cpu;
struct Mul;
struct Range {
    bits: u32,
}

impl Air for Cpu {
    fn name(&self) -> &str {
        "cpu"
    }

    fn width(&self) -> usize {
        CPU_WIDTH
    }

    /// The pair of the first row and the second number of the last.
    fn public_inputs(&self) -> usize {
        3
    }

    fn define(&self, b: &mut AirBuilder) {
        let (x, y) = (b.local(0), b.local(1));
        b.first(&x - b.public(0));
        b.first(&y - b.public(1));
        b.transition(b.next(0) - &y);
        b.transition(b.next(1) - (&x + &y));
        b.last(&y - b.public(2));
        b.always(b.local(13).boolean());
        for limb in 0..LIMBS {
            b.send(RANGE_BUS, [Column::Main(2 + limb)], Multiplicity::One);
        }
        b.send(PRODUCT_BUS, [10, 11, 12].map(Column::Main), Multiplicity::Column(Column::Main(13)));
    }
}

impl Air for Mul {
    fn name(&self) -> &str {
        "mul"
    }

    fn width(&self) -> usize {
        4
    }

    fn define(&self, b: &mut AirBuilder) {
        b.always(b.local(0) * b.local(1) - b.local(2));
        b.receive(PRODUCT_BUS, [0, 1, 2].map(Column::Main), Multiplicity::Column(Column::Main(3)));
    }
}

impl Air for Range {
    fn name(&self) -> &str {
        "range"
    }

    fn width(&self) -> usize {
        1
    }

    fn preprocessed(&self) -> Vec<Vec<F>> {
        vec![(0..1u64 << self.bits).map(F::from_u64).collect()]
    }

    fn define(&self, b: &mut AirBuilder) {
        b.receive(RANGE_BUS, [Column::Preprocessed(0)], Multiplicity::Column(Column::Main(0)));
    }
}

impl Workload {
    /// The tables, to be given to [`setup`](crate::setup).
    pub fn airs(&self) -> [Box<dyn Air>; 3] {
        [Box::new(Cpu), Box::new(Mul), Box::new(Range { bits: self.limb_bits })]
    }

    /// Traces and the public part; the same for the same sizes.
    pub fn traces(&self) -> (Vec<Trace>, Public) {
        let n = 1usize << self.log_n;
        let mut counts = vec![0u64; 1 << self.limb_bits];
        let mut cpu = vec![vec![F::ZERO; n]; CPU_WIDTH];
        let mut mul = vec![vec![F::ZERO; n / 2]; 4];
        let (mut a, mut b) = (F::ZERO, F::ONE);
        let mut state = 0x0123_4567_89ab_cdefu64;
        let mut random = || {
            // splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        for row in 0..n {
            (cpu[0][row], cpu[1][row]) = (a, b);
            (a, b) = (b, a + b);
            for limb in 0..LIMBS {
                let value = random() >> (64 - self.limb_bits);
                counts[value as usize] += 1;
                cpu[2 + limb][row] = F::from_u64(value);
            }
            if row % 2 == 0 {
                let (x, y) = (F::from_u64(random() >> 32), F::from_u64(random() >> 32));
                for (i, value) in [x, y, x * y, F::ONE].into_iter().enumerate() {
                    cpu[10 + i][row] = value;
                    mul[i][row / 2] = value;
                }
            }
        }
        let inputs = vec![vec![F::ZERO, F::ONE, cpu[1][n - 1]], Vec::new(), Vec::new()];
        let range = vec![counts.into_iter().map(F::from_u64).collect()];
        (vec![cpu, mul, range], Public { inputs, messages: Vec::new() })
    }
}
