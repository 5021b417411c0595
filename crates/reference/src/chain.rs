//! The multiplication chain: x_{i+1} = x_i·x_i + x_i with full-width values; one public output. As many constraints as
//! asked for, and no easy scalars: the workload of the peers' own benchmarks.

use forebay_msm::ScalarField;
use forebay_prover::{
    ProveError,
    circuit::{ConstraintSource, Counts, Visit},
};

/// `n` constraints x_i·(x_i + 1) = x_{i+1}; the last value is public. Variables: 1, x_n, x_0 … x_{n−1}.
pub struct Chain {
    /// How many constraints.
    pub n: usize,
}

impl Chain {
    /// The variable that holds x_i.
    fn variable(&self, i: usize) -> u32 {
        if i == self.n { 1 } else { i as u32 + 2 }
    }

    /// The assignment from x_0.
    pub fn assignment<F: ScalarField>(&self, x0: F) -> Vec<F> {
        let mut z = vec![F::ONE; self.n + 2];
        let mut x = x0;
        for i in 0..=self.n {
            z[self.variable(i) as usize] = x;
            x *= x + F::ONE;
        }
        z
    }
}

impl<F: ScalarField> ConstraintSource<F> for Chain {
    fn counts(&self) -> Counts {
        Counts { num_variables: self.n + 2, num_public: 1, num_constraints: self.n }
    }

    fn for_each(&self, visit: &mut Visit<'_, F>) -> Result<(), ProveError> {
        for i in 0..self.n {
            let x = self.variable(i);
            visit(&[(x, F::ONE)], &[(x, F::ONE), (0, F::ONE)], &[(self.variable(i + 1), F::ONE)])?;
        }
        Ok(())
    }
}
