//! What tables send to and receive from buses.
//!
//! A message is a tuple of linear forms in the columns of one row; its multiplicity is a linear form too. A row
//! contributes multiplicity/(z − (bus + Σ αⁱ·vᵢ)), with a minus when it receives; a statement holds when all
//! contributions sum to zero (LogUp: Haböck, ePrint 2022/1530).

use crate::field::{E, F};
use p3_field::PrimeCharacteristicRing;
use std::collections::BTreeMap;

/// A column of the table at hand, in the current row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// One that the prover fills.
    Main(usize),
    /// One of the statement.
    Preprocessed(usize),
}

/// A linear form: a constant and coefficients of columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linear {
    pub(crate) constant: F,
    pub(crate) terms: Vec<(Column, F)>,
}

impl Linear {
    /// A constant.
    pub fn constant(value: u64) -> Linear {
        Linear { constant: F::from_u64(value), terms: Vec::new() }
    }

    /// Adds `coefficient` times a column.
    #[must_use]
    pub fn plus(mut self, coefficient: F, column: Column) -> Linear {
        self.terms.push((column, coefficient));
        self
    }

    pub(crate) fn scaled(&self, factor: F) -> Linear {
        let terms = self.terms.iter().map(|&(column, c)| (column, c * factor)).collect();
        Linear { constant: self.constant * factor, terms }
    }
}

impl From<Column> for Linear {
    fn from(column: Column) -> Linear {
        Linear { constant: F::ZERO, terms: vec![(column, F::ONE)] }
    }
}

/// How often a row's message counts.
#[derive(Clone, Debug)]
pub enum Multiplicity {
    /// In every row.
    One,
    /// As often as a column says.
    Column(Column),
    /// The sum of two columns.
    Sum(Column, Column),
    /// Where a flag is not set: one minus a column.
    Negated(Column),
    /// One column minus another.
    Difference(Column, Column),
    /// Any linear form.
    Linear(Linear),
}

impl Multiplicity {
    pub(crate) fn form(&self) -> Linear {
        let minus = -F::ONE;
        match *self {
            Multiplicity::One => Linear::constant(1),
            Multiplicity::Column(c) => c.into(),
            Multiplicity::Sum(a, b) => Linear::from(a).plus(F::ONE, b),
            Multiplicity::Negated(c) => Linear::constant(1).plus(minus, c),
            Multiplicity::Difference(a, b) => Linear::from(a).plus(minus, b),
            Multiplicity::Linear(ref form) => form.clone(),
        }
    }

    /// The most that a row of flags can count.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Multiplicity::Sum(..) => 2,
            _ => 1,
        }
    }
}

/// One message of every row of a table.
#[derive(Clone, Debug)]
pub(crate) struct Interaction {
    pub(crate) bus: u64,
    pub(crate) values: Vec<Linear>,
    /// With its sign: receivers count negatively.
    pub(crate) multiplicity: Linear,
    /// The most that a row can count: the sum over a statement must stay below p, or counts could wrap around.
    pub(crate) weight: u64,
}

/// An affine form with coefficients in the extension: a fingerprint in terms of a row's columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExtForm {
    pub(crate) constant: E,
    pub(crate) terms: BTreeMap<Column, E>,
}

impl ExtForm {
    pub(crate) fn add_scaled(&mut self, other: &ExtForm, factor: E) {
        self.constant += other.constant * factor;
        for (&column, &c) in &other.terms {
            *self.terms.entry(column).or_default() += c * factor;
        }
    }

    pub(crate) fn scaled(&self, factor: E) -> ExtForm {
        let mut form = ExtForm::default();
        form.add_scaled(self, factor);
        form
    }
}

impl Interaction {
    /// z − (bus + Σ αⁱ·vᵢ) as a form in the columns, `alphas` = α, α², ….
    pub(crate) fn fingerprint(&self, z: E, alphas: &[E]) -> ExtForm {
        let mut form = ExtForm { constant: z - F::from_u64(self.bus), terms: BTreeMap::new() };
        for (value, &alpha) in self.values.iter().zip(alphas) {
            form.constant -= alpha * value.constant;
            for &(column, c) in &value.terms {
                *form.terms.entry(column).or_default() -= alpha * c;
            }
        }
        form
    }
}
