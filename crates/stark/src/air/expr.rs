//! Polynomial expressions in the columns of a table.

use super::interaction::Column;
use crate::field::F;
use p3_field::PrimeCharacteristicRing;
use std::{
    ops::{Add, Mul, Neg, Sub},
    sync::Arc,
};

/// A polynomial in the current and the next row, the preprocessed columns and the public inputs.
#[derive(Clone, Debug)]
pub struct Expr(pub(crate) Arc<Term>);

#[derive(Debug)]
pub(crate) enum Term {
    Constant(F),
    /// A column; of the next row if `next`.
    Cell {
        column: Column,
        next: bool,
    },
    Public(usize),
    Add(Expr, Expr),
    Sub(Expr, Expr),
    Mul(Expr, Expr),
}

impl Expr {
    pub(crate) fn new(term: Term) -> Expr {
        Expr(Arc::new(term))
    }

    /// A constant.
    pub fn constant(value: u64) -> Expr {
        Expr::from(F::from_u64(value))
    }

    /// Zero exactly when this is 0 or 1.
    pub fn boolean(self) -> Expr {
        self.clone() * (self - Expr::constant(1))
    }
}

impl From<F> for Expr {
    fn from(value: F) -> Expr {
        Expr::new(Term::Constant(value))
    }
}

impl From<u64> for Expr {
    fn from(value: u64) -> Expr {
        Expr::constant(value)
    }
}

macro_rules! operator {
    ($($trait:ident $method:ident;)*) => {$(
        impl<T: Into<Expr>> $trait<T> for Expr {
            type Output = Expr;
            fn $method(self, other: T) -> Expr {
                Expr::new(Term::$trait(self, other.into()))
            }
        }
        impl<T: Into<Expr>> $trait<T> for &Expr {
            type Output = Expr;
            fn $method(self, other: T) -> Expr {
                Expr::new(Term::$trait(self.clone(), other.into()))
            }
        }
    )*};
}

operator! {
    Add add;
    Sub sub;
    Mul mul;
}

impl From<&Expr> for Expr {
    fn from(value: &Expr) -> Expr {
        value.clone()
    }
}

impl Neg for Expr {
    type Output = Expr;
    fn neg(self) -> Expr {
        Expr::constant(0) - self
    }
}

impl std::iter::Sum for Expr {
    fn sum<I: Iterator<Item = Expr>>(iter: I) -> Expr {
        iter.reduce(|a, b| a + b).unwrap_or_else(|| Expr::constant(0))
    }
}
