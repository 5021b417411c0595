//! Accesses in the order of registers and times.

use super::{MEMORY_BUS, RANGE_BUS};
use crate::{
    air::{Air, AirBuilder, Column, Expr, Multiplicity},
    field::F,
};
use p3_field::PrimeCharacteristicRing;

/// Columns of the memory table, by name.
pub mod memory {
    /// Register.
    pub const REGISTER: usize = 0;
    /// Moment of the access.
    pub const TIME: usize = 1;
    /// Value read or written.
    pub const VALUE: usize = 2;
    /// Whether it is written.
    pub const WRITE: usize = 3;
    /// Whether the row is an access; the others are padding.
    pub const REAL: usize = 4;
    /// Whether the next row is of the same register.
    pub const SAME: usize = 5;
    /// Low limb of the step to the next row, less one.
    pub const LOW: usize = 6;
    /// High limb.
    pub const HIGH: usize = 7;
}

/// Number of columns.
pub const MEMORY_WIDTH: usize = 8;

/// The table, with limbs of this many bits.
pub(crate) struct Memory(pub(crate) u32);

impl Air for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    fn width(&self) -> usize {
        MEMORY_WIDTH
    }

    fn define(&self, b: &mut AirBuilder) {
        let c = |column: usize| b.local(column);
        let [register, time, value] = [memory::REGISTER, memory::TIME, memory::VALUE].map(c);
        let [write, real, same] = [memory::WRITE, memory::REAL, memory::SAME].map(c);
        let [next_register, next_time, next_value, next_write] =
            [memory::REGISTER, memory::TIME, memory::VALUE, memory::WRITE].map(|c| b.next(c));
        let step = c(memory::LOW) + c(memory::HIGH) * (1u64 << self.0);
        let one = || Expr::constant(1);

        for flag in [&write, &real, &same] {
            b.always(flag.clone().boolean());
        }
        // Padding writes nothing.
        b.always((one() - &real) * &write);
        // Registers and, within one, times go up.
        b.transition(&same * (&next_register - &register));
        let ahead = &same * (next_time - &time) + (one() - &same) * (next_register - &register);
        b.transition(ahead - 1 - step);
        // A read gives the value before it, zero at first.
        b.transition(&same * (one() - &next_write) * (&next_value - &value));
        b.transition((one() - &same) * (one() - &next_write) * &next_value);
        b.first((one() - &write) * &value);

        let access = [memory::REGISTER, memory::TIME, memory::VALUE, memory::WRITE].map(Column::Main);
        b.receive(MEMORY_BUS, access, Multiplicity::Column(Column::Main(memory::REAL)));
        b.send(RANGE_BUS, [Column::Main(memory::LOW)], Multiplicity::One);
        b.send(RANGE_BUS, [Column::Main(memory::HIGH)], Multiplicity::One);
    }
}

/// One access.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) register: u64,
    pub(crate) time: u64,
    pub(crate) value: F,
    pub(crate) write: bool,
}

/// The trace of these accesses, and how often each limb is used. None when a step takes more than two limbs.
pub(crate) fn trace(mut accesses: Vec<Access>, limb_bits: u32) -> Option<(Vec<Vec<F>>, Vec<u64>)> {
    accesses.sort_by_key(|a| (a.register, a.time));
    let real = accesses.len();
    let rows = real.next_power_of_two().max(8);
    while let Some(&last) = accesses.last().filter(|_| accesses.len() < rows) {
        accesses.push(Access { time: last.time + 1, write: false, ..last });
    }
    let mut counts = vec![0u64; 1 << limb_bits];
    let mut columns = vec![vec![F::ZERO; rows]; MEMORY_WIDTH];
    for (i, a) in accesses.iter().enumerate() {
        let next = accesses.get(i + 1);
        let same = next.is_some_and(|n| n.register == a.register);
        let step = next.map_or(0, |n| if same { n.time - a.time - 1 } else { n.register - a.register - 1 });
        let (low, high) = (step & ((1 << limb_bits) - 1), step >> limb_bits);
        counts[low as usize] += 1;
        *counts.get_mut(high as usize)? += 1;
        let flags = [a.write, i < real, same].map(|f| F::from_u64(f.into()));
        let cells = [F::from_u64(a.register), F::from_u64(a.time), a.value]
            .into_iter()
            .chain(flags)
            .chain([low, high].map(F::from_u64));
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column[i] = cell);
    }
    Some((columns, counts))
}
