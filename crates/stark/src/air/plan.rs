//! Running a program on blocks of rows.
//!
//! Each operation runs over a whole block before the next, so that its kernel runs on vectors and interpretation costs
//! one branch a few hundred rows. Values live in slots that are reused after their last use; with blocks of 256 rows
//! the slots of a table of common size stay in L1.

use super::{Column, Node, Program};
use crate::{
    field::F,
    simd::{self, word},
};

/// Where an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Slot(usize),
    Constant(usize),
    Cell { column: Column, next: bool },
}

#[derive(Clone, Copy, Debug)]
struct Step {
    node: Node,
    a: Source,
    b: Source,
    to: usize,
}

/// A program with its slots assigned and its public inputs put in.
#[derive(Debug)]
pub(crate) struct Plan {
    steps: Vec<Step>,
    slots: usize,
    constants: Vec<u64>,
    /// Where each constraint's value is, after all steps.
    pub(crate) results: Vec<Source>,
}

/// A block's buffers; one a thread.
#[derive(Default)]
pub(crate) struct Workspace {
    slots: Vec<Vec<u64>>,
    constants: Vec<Vec<u64>>,
}

impl Plan {
    pub(crate) fn new(program: &Program, publics: &[F]) -> Plan {
        let last_use = last_uses(program);
        let mut plan = Plan { steps: Vec::new(), slots: 0, constants: Vec::new(), results: Vec::new() };
        let mut sources: Vec<Source> = Vec::with_capacity(program.nodes.len());
        let mut free: Vec<usize> = Vec::new();
        for (i, &node) in program.nodes.iter().enumerate() {
            let source = match node {
                Node::Constant(c) => plan.constant(c),
                Node::Public(p) => plan.constant(word(publics[p])),
                Node::Cell { column, next } => Source::Cell { column, next },
                Node::Add(a, b) | Node::Sub(a, b) | Node::Mul(a, b) => {
                    // Operands are freed after the step's own slot is chosen: a step never writes what it reads.
                    let to = free.pop().unwrap_or_else(|| {
                        plan.slots += 1;
                        plan.slots - 1
                    });
                    plan.steps.push(Step { node, a: sources[a], b: sources[b], to });
                    let operands = if a == b { vec![a] } else { vec![a, b] };
                    for operand in operands {
                        if let (Source::Slot(slot), true) = (sources[operand], last_use[operand] == i) {
                            free.push(slot);
                        }
                    }
                    Source::Slot(to)
                }
            };
            sources.push(source);
        }
        plan.results = program.constraints.iter().map(|&(_, node)| sources[node]).collect();
        plan
    }

    fn constant(&mut self, value: u64) -> Source {
        let at = self.constants.iter().position(|&c| c == value).unwrap_or_else(|| {
            self.constants.push(value);
            self.constants.len() - 1
        });
        Source::Constant(at)
    }

    /// Runs all steps on a block of `rows`; `cell` gives the rows of a column.
    pub(crate) fn run<'a>(
        &self,
        workspace: &mut Workspace,
        rows: usize,
        cell: impl Fn(Column, bool) -> &'a [u64],
    ) {
        workspace.prepare(self, rows);
        for step in &self.steps {
            let mut to = std::mem::take(&mut workspace.slots[step.to]);
            let (a, b) = (workspace.read(step.a, &cell), workspace.read(step.b, &cell));
            match step.node {
                Node::Add(..) => simd::add(&mut to, a, b),
                Node::Sub(..) => simd::sub(&mut to, a, b),
                _ => simd::mul(&mut to, a, b),
            }
            workspace.slots[step.to] = to;
        }
    }
}

impl Workspace {
    fn prepare(&mut self, plan: &Plan, rows: usize) {
        if self.slots.first().is_some_and(|s| s.len() != rows) {
            self.slots.clear();
        }
        if self.constants.first().is_some_and(|s| s.len() != rows) {
            self.constants.clear();
        }
        self.slots.resize_with(plan.slots.max(self.slots.len()), || vec![0; rows]);
        // Constants of one plan: a workspace serves one table.
        if self.constants.len() != plan.constants.len() {
            self.constants = plan.constants.iter().map(|&c| vec![c; rows]).collect();
        }
    }

    /// The rows of an operand.
    pub(crate) fn read<'a, 'c: 'a>(
        &'a self,
        source: Source,
        cell: impl Fn(Column, bool) -> &'c [u64],
    ) -> &'a [u64] {
        match source {
            Source::Slot(slot) => &self.slots[slot],
            Source::Constant(c) => &self.constants[c],
            Source::Cell { column, next } => cell(column, next),
        }
    }
}

/// The last step that reads each node; constraints are read after all.
fn last_uses(program: &Program) -> Vec<usize> {
    let mut last = vec![0; program.nodes.len()];
    for (i, node) in program.nodes.iter().enumerate() {
        if let Node::Add(a, b) | Node::Sub(a, b) | Node::Mul(a, b) = *node {
            last[a] = i;
            last[b] = i;
        }
    }
    for &(_, node) in &program.constraints {
        last[node] = usize::MAX;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        air::{AirBuilder, Expr},
        field::E,
    };

    #[test]
    fn blocks_agree_with_single_rows() {
        let mut b = AirBuilder::default();
        let (x, y, z) = (b.local(0), b.next(1), b.preprocessed(0));
        let sum: Expr = &x + &y;
        b.always(&sum * &sum - &z * 3);
        b.transition((&x - &y) * (&z + b.public(0)) * &x);
        b.first(sum.clone() - 7);
        b.last(x.clone());
        b.always(Expr::constant(4));
        let program = Program::new(&b);
        assert_eq!(
            program.constraints.iter().map(|c| program.degrees()[c.1]).collect::<Vec<_>>(),
            [2, 3, 1, 1, 0]
        );
        let publics = [F::new(99)];
        let columns: Vec<Vec<u64>> =
            (0..3u64).map(|c| (0..16).map(|r| r * 77 + c * 1000 + 3).collect()).collect();
        let cell = |column, next| match (column, next) {
            (Column::Main(0), false) => 0,
            (Column::Main(1), true) => 1,
            (Column::Preprocessed(0), false) => 2,
            _ => unreachable!(),
        };
        let plan = Plan::new(&program, &publics);
        let mut workspace = Workspace::default();
        plan.run(&mut workspace, 16, |c, n| &columns[cell(c, n)]);
        for row in 0..16 {
            let values = program.evaluate(|c, n| E::from(F::new(columns[cell(c, n)][row])), &publics);
            for (&result, &(_, node)) in plan.results.iter().zip(&program.constraints) {
                let block = workspace.read(result, |c, n| &columns[cell(c, n)]);
                assert_eq!(E::from(F::new(block[row])), values[node]);
            }
        }
    }
}
