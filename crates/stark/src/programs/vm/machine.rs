//! Running programs and making their traces.

use super::{
    Range, Rom,
    cpu_table::{CPU_WIDTH, Cpu, cpu},
    memory_table::{Access, Memory, trace},
};
use crate::{Public, Trace, air::Air, error::ProveError, field::F};
use p3_field::{Field, PrimeCharacteristicRing};

/// What an instruction does; the numbers are the opcodes of the rom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// r_d = r_a + r_b.
    Add = 1,
    /// r_d = r_a + immediate.
    Addi = 2,
    /// To the immediate unless r_a is zero.
    Bnz = 3,
    /// Stay, with the result in r_a.
    Halt = 4,
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What it does.
    pub op: Op,
    /// Destination.
    pub d: u8,
    /// First source.
    pub a: u8,
    /// Second source.
    pub b: u8,
    /// Immediate, or where to go.
    pub imm: F,
}

const REGISTERS: usize = 8;
/// Most iterations: five steps each, three accesses a step at most, in tables of 2^26 rows.
pub(super) const MAX_ITERATIONS: u64 = 6_000_000;

/// Computes the n-th Fibonacci number in a loop: r3 = r1 + r2; r1 = r2; r2 = r3, n times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fibonacci {
    /// n, at least one.
    pub iterations: u64,
    /// Bits of a limb of the range table; 16 unless tests want smaller tables.
    pub limb_bits: u32,
}

impl Fibonacci {
    /// With limbs of 16 bits.
    pub fn new(iterations: u64) -> Result<Fibonacci, ProveError> {
        if !(1..=MAX_ITERATIONS).contains(&iterations) {
            return Err(ProveError::Shape(format!("1 to {MAX_ITERATIONS} iterations, not {iterations}")));
        }
        Ok(Fibonacci { iterations, limb_bits: 16 })
    }

    /// The program. r0 is never written and so stays zero.
    pub fn program(&self) -> Vec<Instruction> {
        let i = |op, d, a, b, imm| Instruction { op, d, a, b, imm };
        vec![
            i(Op::Addi, 1, 0, 0, F::ZERO),
            i(Op::Addi, 2, 0, 0, F::ONE),
            i(Op::Addi, 4, 0, 0, F::from_u64(self.iterations)),
            i(Op::Add, 3, 1, 2, F::ZERO),
            i(Op::Addi, 1, 2, 0, F::ZERO),
            i(Op::Addi, 2, 3, 0, F::ZERO),
            i(Op::Addi, 4, 4, 0, -F::ONE),
            i(Op::Bnz, 0, 4, 0, F::from_u64(3)),
            i(Op::Halt, 0, 1, 0, F::ZERO),
        ]
    }

    /// The tables: cpu, rom, memory, range.
    pub fn airs(&self) -> [Box<dyn Air>; 4] {
        [
            Box::new(Cpu),
            Box::new(Rom(self.program())),
            Box::new(Memory(self.limb_bits)),
            Box::new(Range(self.limb_bits)),
        ]
    }

    /// What a verifier knows: the result, F_n modulo p.
    pub fn public(&self, result: F) -> Public {
        let mut public = Public::none(4);
        public.inputs[0] = vec![result];
        public
    }

    /// Runs the program: traces of all tables, and the result.
    pub fn run(&self) -> Result<(Vec<Trace>, F), ProveError> {
        let program = self.program();
        let rows = (5 * self.iterations as usize + 4).next_power_of_two().max(8);
        let mut cpu_columns = vec![vec![F::ZERO; rows]; CPU_WIDTH];
        let mut fetched = vec![F::ZERO; program.len().next_power_of_two().max(8)];
        let mut accesses = Vec::with_capacity(3 * rows);
        let mut registers = [F::ZERO; REGISTERS];
        let mut pc = 0usize;
        let mut result = F::ZERO;
        for clock in 0..rows {
            let instruction =
                program.get(pc).ok_or_else(|| ProveError::Shape(format!("no instruction {pc}")))?;
            fetched[pc] += F::ONE;
            let step = Step::new(instruction, &registers);
            step.record(clock, pc, instruction, &mut cpu_columns);
            step.access(clock as u64, instruction, &mut accesses);
            if step.writes {
                registers[instruction.d as usize] = step.result;
            }
            pc = step.next(pc, instruction);
            result = step.a;
        }
        let too_long = || ProveError::Shape("a step between accesses takes more than two limbs".to_owned());
        let (memory, counts) = trace(accesses, self.limb_bits).ok_or_else(too_long)?;
        let range = counts.into_iter().map(F::from_u64).collect();
        Ok((vec![cpu_columns, vec![fetched], memory, vec![range]], result))
    }
}

/// Values of one step.
struct Step {
    a: F,
    b: F,
    result: F,
    reads_b: bool,
    writes: bool,
}

impl Step {
    fn new(i: &Instruction, registers: &[F; REGISTERS]) -> Step {
        let a = registers[i.a as usize];
        let reads_b = i.op == Op::Add;
        let b = if reads_b { registers[i.b as usize] } else { F::ZERO };
        let result = match i.op {
            Op::Add => a + b,
            Op::Addi => a + i.imm,
            Op::Bnz | Op::Halt => F::ZERO,
        };
        Step { a, b, result, reads_b, writes: matches!(i.op, Op::Add | Op::Addi) }
    }

    fn next(&self, pc: usize, i: &Instruction) -> usize {
        use p3_field::PrimeField64;
        match i.op {
            Op::Bnz if self.a != F::ZERO => i.imm.as_canonical_u64() as usize,
            Op::Halt => pc,
            _ => pc + 1,
        }
    }

    fn record(&self, clock: usize, pc: usize, i: &Instruction, columns: &mut [Vec<F>]) {
        let number = |n: usize| F::from_u64(n as u64);
        let cells = [
            (cpu::CLOCK, number(clock)),
            (cpu::PC, number(pc)),
            (cpu::IS_ADD + i.op as usize - 1, F::ONE),
            (cpu::D, number(i.d.into())),
            (cpu::A, number(i.a.into())),
            (cpu::B, number(i.b.into())),
            (cpu::IMM, i.imm),
            (cpu::VALUE_A, self.a),
            (cpu::VALUE_B, self.b),
            (cpu::RESULT, self.result),
            (cpu::INVERSE, self.a.try_inverse().unwrap_or(F::ZERO)),
            (cpu::NONZERO, number((self.a != F::ZERO).into())),
        ];
        for (column, cell) in cells {
            columns[column][clock] = cell;
        }
    }

    fn access(&self, clock: u64, i: &Instruction, accesses: &mut Vec<Access>) {
        let mut push = |k: u64, register: u8, value: F, write: bool| {
            accesses.push(Access { register: register.into(), time: 3 * clock + k, value, write });
        };
        push(0, i.a, self.a, false);
        if self.reads_b {
            push(1, i.b, self.b, false);
        }
        if self.writes {
            push(2, i.d, self.result, true);
        }
    }
}
