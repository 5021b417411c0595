//! One step of the machine a row.

use super::{MEMORY_BUS, ROM_BUS};
use crate::{
    air::{Air, AirBuilder, Column, Expr, Linear, Multiplicity},
    field::F,
};
use p3_field::PrimeCharacteristicRing;

/// Columns of the cpu table, by name.
pub mod cpu {
    /// Steps since the start.
    pub const CLOCK: usize = 0;
    /// Program counter.
    pub const PC: usize = 1;
    /// r_d = r_a + r_b.
    pub const IS_ADD: usize = 2;
    /// r_d = r_a + immediate.
    pub const IS_ADDI: usize = 3;
    /// To the immediate unless r_a is zero.
    pub const IS_BNZ: usize = 4;
    /// Stay; the last row's r_a is the result.
    pub const IS_HALT: usize = 5;
    /// Destination register.
    pub const D: usize = 6;
    /// First source register.
    pub const A: usize = 7;
    /// Second source register.
    pub const B: usize = 8;
    /// Immediate.
    pub const IMM: usize = 9;
    /// Value of the first source.
    pub const VALUE_A: usize = 10;
    /// Value of the second source; zero where it is not read.
    pub const VALUE_B: usize = 11;
    /// What is written; zero where nothing is.
    pub const RESULT: usize = 12;
    /// Inverse of the first source's value, anything if that is zero.
    pub const INVERSE: usize = 13;
    /// Whether the first source is not zero.
    pub const NONZERO: usize = 14;
}

/// Number of columns.
pub const CPU_WIDTH: usize = 15;

pub(crate) struct Cpu;

impl Air for Cpu {
    fn name(&self) -> &str {
        "cpu"
    }

    fn width(&self) -> usize {
        CPU_WIDTH
    }

    /// The result.
    fn public_inputs(&self) -> usize {
        1
    }

    fn define(&self, b: &mut AirBuilder) {
        let c = |column: usize| b.local(column);
        let [add, addi, bnz, halt] = [cpu::IS_ADD, cpu::IS_ADDI, cpu::IS_BNZ, cpu::IS_HALT].map(c);
        let [pc, imm, va, vb, result] = [cpu::PC, cpu::IMM, cpu::VALUE_A, cpu::VALUE_B, cpu::RESULT].map(c);
        let (inverse, nonzero, clock) = (c(cpu::INVERSE), c(cpu::NONZERO), c(cpu::CLOCK));
        let one = || Expr::constant(1);

        // Exactly one kind of instruction.
        for flag in [&add, &addi, &bnz, &halt] {
            b.always(flag.clone().boolean());
        }
        b.always(&add + &addi + &bnz + &halt - 1);
        // What is computed.
        b.always(&add * (&result - &va - &vb));
        b.always(&addi * (&result - &va - &imm));
        b.always((&bnz + &halt) * &result);
        b.always((one() - &add) * &vb);
        // nonzero = va·inverse, and va = va·nonzero.
        b.always(&nonzero - &va * &inverse);
        b.always(&va * (one() - &nonzero));
        // Where the program goes on.
        b.first(clock.clone());
        b.first(pc.clone());
        b.transition(b.next(cpu::CLOCK) - &clock - 1);
        let jump = &bnz * &nonzero * (&imm - &pc - 1);
        b.transition(b.next(cpu::PC) - &pc - 1 + &halt - jump);
        // How it ends.
        b.last(&halt - 1);
        b.last(&va - b.public(0));

        fetch(b);
        accesses(b);
    }
}

fn fetch(b: &mut AirBuilder) {
    let main = Column::Main;
    let opcode = [cpu::IS_ADD, cpu::IS_ADDI, cpu::IS_BNZ, cpu::IS_HALT]
        .iter()
        .zip(1u64..)
        .fold(Linear::default(), |form, (&flag, code)| form.plus(F::from_u64(code), main(flag)));
    let rest = [cpu::D, cpu::A, cpu::B, cpu::IMM].map(|c| Linear::from(main(c)));
    let instruction = [Linear::from(main(cpu::PC)), opcode].into_iter().chain(rest);
    b.send(ROM_BUS, instruction, Multiplicity::One);
}

/// Three moments a step: both reads, then the write.
fn accesses(b: &mut AirBuilder) {
    let main = Column::Main;
    let moment = |k: u64| Linear::constant(k).plus(F::from_u64(3), main(cpu::CLOCK));
    let mut access = |k: u64, register: usize, value: usize, write: u64, multiplicity: Multiplicity| {
        let message = [main(register).into(), moment(k), main(value).into(), Linear::constant(write)];
        b.send(MEMORY_BUS, message, multiplicity);
    };
    access(0, cpu::A, cpu::VALUE_A, 0, Multiplicity::One);
    access(1, cpu::B, cpu::VALUE_B, 0, Multiplicity::Column(main(cpu::IS_ADD)));
    let writes = Multiplicity::Sum(main(cpu::IS_ADD), main(cpu::IS_ADDI));
    access(2, cpu::D, cpu::RESULT, 1, writes);
}
