//! Where an [`Air`](super::Air) states itself.

use super::{
    expr::{Expr, Term},
    interaction::{Column, Interaction, Linear, Multiplicity},
    program::When,
};
use crate::field::F;
use p3_field::PrimeCharacteristicRing;

/// Collects the constraints and interactions of one table.
#[derive(Debug, Default)]
pub struct AirBuilder {
    pub(crate) constraints: Vec<(When, Expr)>,
    pub(crate) interactions: Vec<Interaction>,
}

impl AirBuilder {
    /// A column of the current row.
    pub fn local(&self, column: usize) -> Expr {
        Expr::new(Term::Cell { column: Column::Main(column), next: false })
    }

    /// A column of the next row; after the last row comes the first.
    pub fn next(&self, column: usize) -> Expr {
        Expr::new(Term::Cell { column: Column::Main(column), next: true })
    }

    /// A preprocessed column of the current row.
    pub fn preprocessed(&self, column: usize) -> Expr {
        Expr::new(Term::Cell { column: Column::Preprocessed(column), next: false })
    }

    /// A preprocessed column of the next row.
    pub fn preprocessed_next(&self, column: usize) -> Expr {
        Expr::new(Term::Cell { column: Column::Preprocessed(column), next: true })
    }

    /// A public input.
    pub fn public(&self, index: usize) -> Expr {
        Expr::new(Term::Public(index))
    }

    /// Zero in every row, the last included (its next row is the first).
    pub fn always(&mut self, expr: impl Into<Expr>) {
        self.constraints.push((When::Always, expr.into()));
    }

    /// Zero in every row but the last.
    pub fn transition(&mut self, expr: impl Into<Expr>) {
        self.constraints.push((When::Transition, expr.into()));
    }

    /// Zero in the first row.
    pub fn first(&mut self, expr: impl Into<Expr>) {
        self.constraints.push((When::First, expr.into()));
    }

    /// Zero in the last row.
    pub fn last(&mut self, expr: impl Into<Expr>) {
        self.constraints.push((When::Last, expr.into()));
    }

    /// Sends a tuple to a bus. The multiplicity is taken to be that of flags, at most one a column: constrain them.
    pub fn send<V: Into<Linear>>(
        &mut self,
        bus: u64,
        values: impl IntoIterator<Item = V>,
        multiplicity: Multiplicity,
    ) {
        let weight = multiplicity.weight();
        self.send_weighted(bus, values, multiplicity, weight);
    }

    /// Sends a tuple whose multiplicity is at most `weight` in any row, as an integer.
    pub fn send_weighted<V: Into<Linear>>(
        &mut self,
        bus: u64,
        values: impl IntoIterator<Item = V>,
        multiplicity: Multiplicity,
        weight: u64,
    ) {
        self.push(bus, values, multiplicity.form(), weight);
    }

    /// Receives a tuple from a bus, as often as the prover says: nothing is assumed of this multiplicity.
    pub fn receive<V: Into<Linear>>(
        &mut self,
        bus: u64,
        values: impl IntoIterator<Item = V>,
        multiplicity: Multiplicity,
    ) {
        let weight = if matches!(multiplicity, Multiplicity::One) { 1 } else { 0 };
        self.push(bus, values, multiplicity.form().scaled(-F::ONE), weight);
    }

    fn push<V: Into<Linear>>(
        &mut self,
        bus: u64,
        values: impl IntoIterator<Item = V>,
        multiplicity: Linear,
        weight: u64,
    ) {
        let values = values.into_iter().map(Into::into).collect();
        self.interactions.push(Interaction { bus, values, multiplicity, weight });
    }
}
