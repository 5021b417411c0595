//! A small register machine.
//!
//! | table | rows | what it holds |
//! |---|---|---|
//! | cpu | one a step, then `halt` to a power of two | clock, program counter, instruction, operands |
//! | rom | the program (preprocessed) | instructions, and how often each is fetched |
//! | memory | one an access, sorted by register and time | register, time, value, read or write |
//! | range | every number of a limb (preprocessed) | how often each is used |
//!
//! The cpu fetches (pc, instruction) from the rom and sends its accesses (register, time, value, write) to the memory,
//! which shows in sorted order that every read gives what was written last, zero at first; differences of times and
//! registers are two limbs from the range table. Registers hold field elements.

mod cpu_table;
mod machine;
mod memory_table;
mod receipt;

pub use cpu_table::{CPU_WIDTH, cpu};
pub use machine::{Fibonacci, Instruction, Op};
pub use memory_table::{MEMORY_WIDTH, memory};
pub use receipt::Receipt;

use crate::{
    air::{Air, AirBuilder, Column, Multiplicity},
    field::F,
};
use p3_field::PrimeCharacteristicRing;

const ROM_BUS: u64 = 1;
const MEMORY_BUS: u64 = 2;
const RANGE_BUS: u64 = 3;

/// The program: fetched rows are counted.
pub(crate) struct Rom(pub(crate) Vec<Instruction>);

impl Air for Rom {
    fn name(&self) -> &str {
        "rom"
    }

    fn width(&self) -> usize {
        1
    }

    /// pc, opcode, destination, two sources, immediate. Padding has opcode 0, which no cpu row can have.
    fn preprocessed(&self) -> Vec<Vec<F>> {
        let rows = self.0.len().next_power_of_two().max(8);
        let mut columns = vec![vec![F::ZERO; rows]; 6];
        for (pc, i) in self.0.iter().enumerate() {
            let cells = [pc as u64, i.op as u64, i.d.into(), i.a.into(), i.b.into()].map(F::from_u64);
            for (column, cell) in columns.iter_mut().zip(cells.into_iter().chain([i.imm])) {
                column[pc] = cell;
            }
        }
        columns
    }

    fn define(&self, b: &mut AirBuilder) {
        let row = [0, 1, 2, 3, 4, 5].map(Column::Preprocessed);
        b.receive(ROM_BUS, row, Multiplicity::Column(Column::Main(0)));
    }
}

/// All numbers of `bits` bits.
pub(crate) struct Range(pub(crate) u32);

impl Air for Range {
    fn name(&self) -> &str {
        "range"
    }

    fn width(&self) -> usize {
        1
    }

    fn preprocessed(&self) -> Vec<Vec<F>> {
        vec![(0..1u64 << self.0).map(F::from_u64).collect()]
    }

    fn define(&self, b: &mut AirBuilder) {
        b.receive(RANGE_BUS, [Column::Preprocessed(0)], Multiplicity::Column(Column::Main(0)));
    }
}
