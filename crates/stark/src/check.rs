//! Which constraints a trace breaks, row by row: for those who write tables.

use crate::{
    air::{Column, When},
    field::{E, F},
    layout::Public,
    machine::ProvingKey,
    prover::Trace,
};

/// A constraint that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Place of the table in the statement.
    pub table: usize,
    /// Place of the constraint in the table.
    pub constraint: usize,
    /// The first row in which it does not hold.
    pub row: usize,
}

/// Every constraint that the traces break, with the first row; none when traces do not have the statement's shape.
/// Buses are not looked at. One evaluation of the constraints a row: slow.
pub fn check_traces(key: &ProvingKey, traces: &[Trace], public: &Public) -> Option<Vec<Violation>> {
    public.check(&key.verifying).ok()?;
    let mut violations = Vec::new();
    if traces.len() != key.verifying.tables.len() {
        return None;
    }
    for (t, (table, trace)) in key.verifying.tables.iter().zip(traces).enumerate() {
        let rows = trace.first()?.len();
        let preprocessed = &key.preprocessed[t];
        if trace.len() != table.width || trace.iter().chain(preprocessed).any(|c| c.len() != rows) {
            return None;
        }
        let mut broken = vec![None; table.program.constraints.len()];
        for row in 0..rows {
            let cell = |column: Column, next: bool| {
                let at = if next { (row + 1) % rows } else { row };
                let value: F = match column {
                    Column::Main(c) => trace[c][at],
                    Column::Preprocessed(c) => preprocessed[c][at],
                };
                E::from(value)
            };
            let values = table.program.evaluate(cell, &public.inputs[t]);
            for (i, &(when, node)) in table.program.constraints.iter().enumerate() {
                let holds_here = match when {
                    When::Always => true,
                    When::Transition => row + 1 < rows,
                    When::First => row == 0,
                    When::Last => row + 1 == rows,
                };
                if holds_here && values[node] != E::default() && broken[i].is_none() {
                    broken[i] = Some(Violation { table: t, constraint: i, row });
                }
            }
        }
        violations.extend(broken.into_iter().flatten());
    }
    Some(violations)
}
