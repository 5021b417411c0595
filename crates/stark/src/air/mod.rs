//! Statements: tables with constraints, joined by buses.

mod builder;
mod expr;
mod interaction;
mod plan;
mod program;

pub use builder::AirBuilder;
pub use expr::Expr;
pub use interaction::{Column, Linear, Multiplicity};
pub(crate) use interaction::{ExtForm, Interaction};
pub(crate) use plan::{Plan, Workspace};
pub(crate) use program::{Node, Program, When};

use crate::field::F;

/// One table of a statement: an algebraic intermediate representation.
pub trait Air: Send + Sync {
    /// What errors call it.
    fn name(&self) -> &str;

    /// Columns that the prover fills.
    fn width(&self) -> usize;

    /// Columns that are part of the statement, all of one power-of-two length, which is then the table's height.
    fn preprocessed(&self) -> Vec<Vec<F>> {
        Vec::new()
    }

    /// Number of public inputs that the constraints can name.
    fn public_inputs(&self) -> usize {
        0
    }

    /// States the constraints and the interactions.
    fn define(&self, builder: &mut AirBuilder);
}
