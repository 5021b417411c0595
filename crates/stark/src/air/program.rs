//! Constraints as a straight-line program: every common subexpression once.

use super::{
    builder::AirBuilder,
    expr::{Expr, Term},
    interaction::Column,
};
use crate::field::{E, F};
use p3_field::PrimeField64;
use std::{collections::HashMap, sync::Arc};

/// The rows in which a constraint holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    Transition,
    First,
    Last,
}

/// One value; operands are earlier nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// A canonical word.
    Constant(u64),
    Cell {
        column: Column,
        next: bool,
    },
    Public(usize),
    Add(usize, usize),
    Sub(usize, usize),
    Mul(usize, usize),
}

/// A table's constraints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) nodes: Vec<Node>,
    /// The node that is zero, and where.
    pub(crate) constraints: Vec<(When, usize)>,
}

impl Program {
    pub(crate) fn new(builder: &AirBuilder) -> Program {
        let mut compiler = Compiler::default();
        let constraints = builder.constraints.iter().map(|(when, e)| (*when, compiler.place(e))).collect();
        Program { nodes: compiler.nodes, constraints }
    }

    /// The degree of each node in the columns.
    pub(crate) fn degrees(&self) -> Vec<usize> {
        let mut degrees: Vec<usize> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            degrees.push(match *node {
                Node::Constant(_) | Node::Public(_) => 0,
                Node::Cell { .. } => 1,
                Node::Add(a, b) | Node::Sub(a, b) => degrees[a].max(degrees[b]),
                Node::Mul(a, b) => degrees[a].saturating_add(degrees[b]),
            });
        }
        degrees
    }

    /// Every node's value, given the cells and the public inputs.
    pub(crate) fn evaluate(&self, cell: impl Fn(Column, bool) -> E, publics: &[F]) -> Vec<E> {
        let mut values: Vec<E> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            values.push(match *node {
                Node::Constant(c) => F::new(c).into(),
                Node::Public(i) => publics[i].into(),
                Node::Cell { column, next } => cell(column, next),
                Node::Add(a, b) => values[a] + values[b],
                Node::Sub(a, b) => values[a] - values[b],
                Node::Mul(a, b) => values[a] * values[b],
            });
        }
        values
    }
}

#[derive(Default)]
struct Compiler {
    nodes: Vec<Node>,
    seen: HashMap<Node, usize>,
    placed: HashMap<*const Term, usize>,
}

impl Compiler {
    /// The node of an expression; iterative, so that a deep expression cannot exhaust the stack.
    fn place(&mut self, expr: &Expr) -> usize {
        let mut stack = vec![expr];
        while let Some(&top) = stack.last() {
            let key = Arc::as_ptr(&top.0);
            if self.placed.contains_key(&key) {
                stack.pop();
                continue;
            }
            let node = match &*top.0 {
                Term::Constant(c) => Node::Constant(c.as_canonical_u64()),
                Term::Cell { column, next } => Node::Cell { column: *column, next: *next },
                Term::Public(i) => Node::Public(*i),
                Term::Add(a, b) | Term::Sub(a, b) | Term::Mul(a, b) => {
                    let find = |e: &Expr| self.placed.get(&Arc::as_ptr(&e.0)).copied();
                    match (find(a), find(b)) {
                        (Some(a), Some(b)) => operation(&top.0, a, b),
                        _ => {
                            stack.extend([a, b]);
                            continue;
                        }
                    }
                }
            };
            let index = self.intern(node);
            self.placed.insert(key, index);
            stack.pop();
        }
        self.placed[&Arc::as_ptr(&expr.0)]
    }

    fn intern(&mut self, node: Node) -> usize {
        *self.seen.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        })
    }
}

fn operation(term: &Term, a: usize, b: usize) -> Node {
    match term {
        Term::Add(..) => Node::Add(a, b),
        Term::Sub(..) => Node::Sub(a, b),
        _ => Node::Mul(a, b),
    }
}
