//! Random circuits with a satisfying assignment: rows of all shapes.

use ff::Field;
use forebay_msm::ScalarField;
use forebay_prover::{
    ProveError,
    circuit::{ConstraintSource, Counts, Visit},
};
use rand_core::RngCore;

/// One linear combination.
type Combination<F> = Vec<(u32, F)>;

/// Rows as they come, and an assignment that satisfies them.
pub struct RandomCircuit<F> {
    /// The rows: A, B, C.
    pub rows: Vec<[Combination<F>; 3]>,
    /// The satisfying assignment: 1, public, private.
    pub z: Vec<F>,
    num_public: usize,
}

impl<F: ScalarField> RandomCircuit<F> {
    /// `rows` rows over `num_public` public and at least as many private variables: sparse and dense combinations, empty
    /// ones, coefficients ±1, small and full, bits and full values, repeated variables.
    pub fn new(rows: usize, num_public: usize, rng: &mut impl RngCore) -> Self {
        let num_variables = num_public + 1 + rows.max(2);
        let mut z = vec![F::ONE];
        z.extend((1..num_variables).map(|_| value::<F>(rng)));
        let rows = (0..rows).map(|i| row(i, &z, rng)).collect();
        RandomCircuit { rows, z, num_public }
    }
}

/// A row that z satisfies: C is one variable, scaled and corrected through the constant.
fn row<F: ScalarField>(i: usize, z: &[F], rng: &mut impl RngCore) -> [Combination<F>; 3] {
    let width = [0, 1, 2, 3, 40][(rng.next_u32() % 5) as usize];
    let (a, b) = (combination(width, z.len(), rng), combination(width.min(3), z.len(), rng));
    let product = dot(&a, z) * dot(&b, z);
    let target = (i % (z.len() - 1) + 1) as u32;
    let coefficient = value(rng);
    let rest = product - z[target as usize] * coefficient;
    [a, b, vec![(target, coefficient), (0, rest)]]
}

fn combination<F: ScalarField>(width: usize, num_variables: usize, rng: &mut impl RngCore) -> Combination<F> {
    (0..width).map(|_| ((rng.next_u32() as usize % num_variables) as u32, value(rng))).collect()
}

fn value<F: ScalarField>(rng: &mut impl RngCore) -> F {
    match rng.next_u32() % 6 {
        0 => F::ZERO,
        1 => F::ONE,
        2 => -F::ONE,
        3 => F::from(u64::from(rng.next_u32())),
        _ => F::random(rng),
    }
}

fn dot<F: Field>(terms: &[(u32, F)], z: &[F]) -> F {
    terms.iter().fold(F::ZERO, |sum, (i, v)| sum + z[*i as usize] * v)
}

impl<F: ScalarField> ConstraintSource<F> for RandomCircuit<F> {
    fn counts(&self) -> Counts {
        Counts { num_variables: self.z.len(), num_public: self.num_public, num_constraints: self.rows.len() }
    }

    fn for_each(&self, visit: &mut Visit<'_, F>) -> Result<(), ProveError> {
        self.rows.iter().try_for_each(|[a, b, c]| visit(a, b, c))
    }
}
